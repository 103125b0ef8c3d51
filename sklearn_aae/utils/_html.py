"""Estimators in notebooks: what their parameters are, and links to their pages."""

import functools
import re
from importlib import metadata
from typing import Any

from sklearn.base import BaseEstimator

# In the place of a page's address: without any, scikit-learn describes no parameter.
NO_PAGE = "#"
LINK_TO_NO_PAGE = re.compile(
    rf'\s+rel="noreferrer" target="_blank" href="{NO_PAGE}[^"]*"'
)


@functools.cache
def documentation_address() -> str:
    """Return "Documentation" of the project's URLs, where the pages are; else ""."""
    try:
        lines = metadata.metadata("sklearn-aae").get_all("Project-URL") or []
    except metadata.PackageNotFoundError:
        return ""
    addresses = dict(line.split(", ", 1) for line in lines)
    return addresses.get("Documentation", "").rstrip("/")


class DocumentationLinkMixin:
    """Lets an estimator's HTML link to its page, if the project has an address."""

    def _get_doc_link(self) -> str:
        """Return the address of the class's page; "" if there is none."""
        package, _, _ = type(self).__module__.partition(".")
        address = documentation_address()
        if package != "sklearn_aae" or not address:
            return ""
        return f"{address}/api/generated/{package}.{type(self).__name__}.html"


if hasattr(BaseEstimator, "_get_fitted_attr_html"):  # scikit-learn 1.9

    class DescriptionMixin(DocumentationLinkMixin):
        """Lets the HTML describe parameters and attributes, by what docstrings say."""

        def _get_params_html(self, deep: bool = True, doc_link: str = "") -> Any:
            table = super()._get_params_html(deep, doc_link or NO_PAGE)  # type: ignore[misc]
            return table if doc_link else without_links(table)

        def _get_fitted_attr_html(self, doc_link: str = "") -> Any:
            table = super()._get_fitted_attr_html(doc_link or NO_PAGE)  # type: ignore[misc]
            return table if doc_link else without_links(table)

else:

    class DescriptionMixin(DocumentationLinkMixin):  # type: ignore[no-redef]
        """Nothing more: scikit-learn before 1.9 describes no attributes."""


def without_links(table: Any) -> Any:
    """Let a table's HTML have its descriptions, and no links."""
    write = table._html_repr
    table._html_repr = lambda: LINK_TO_NO_PAGE.sub("", write())
    return table
