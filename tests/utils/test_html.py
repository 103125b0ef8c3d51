"""Estimators in notebooks: each parameter is described, and links lead to pages."""

import html
import inspect
import re
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sklearn_aae
from sklearn_aae import AAETransformer
from sklearn_aae.utils import _html

ESTIMATORS = [value for _, value in inspect.getmembers(sklearn_aae, inspect.isclass)]
SITE = "https://docs.example"

described = pytest.mark.skipif(
    not hasattr(AAETransformer, "_get_fitted_attr_html"),
    reason="scikit-learn describes attributes from 1.9 on",
)


@pytest.fixture
def site(monkeypatch):
    monkeypatch.setattr(_html, "documentation_address", lambda: SITE)


def tips(text: str) -> dict[str, str]:
    """Return the descriptions that appear under the pointer, by name."""
    pattern = (
        r'<a class="param-doc-link"\s+style="anchor-name: --doc-link-(\w+);"[^>]*>'
        r'.*?<span class="param-doc-description"[^>]*>(.*?)</span>'
    )
    found = re.findall(pattern, text, flags=re.DOTALL)
    return {name: html.unescape(tip).strip() for name, tip in found}


def rows() -> tuple[np.ndarray, np.ndarray]:
    X = np.random.RandomState(0).normal(size=(40, 3))
    return X, (X[:, 0] > 0).astype(int)


def test_all_estimators_are_here():
    assert {c.__name__ for c in ESTIMATORS} >= {"AAETransformer", "GANSampler"}
    assert len(ESTIMATORS) == 6


@described
@pytest.mark.parametrize("cls", ESTIMATORS)
def test_each_parameter_and_attribute_is_described_without_a_link(cls):
    model = cls(max_iter=1, random_state=0).fit(*rows())
    text = model._repr_html_()
    known = {*model.get_params(), *model._get_fitted_attr_html()}
    assert {"prior", "max_iter", "loss_", "columns_"} <= known == {*tips(text)}
    for name, tip in tips(text).items():
        assert re.match(rf"{name}: \S.*<br><br>\S", tip, flags=re.DOTALL)
    assert "href=" not in text


@described
def test_a_step_of_a_pipeline_is_described():
    text = make_pipeline(StandardScaler(), AAETransformer())._repr_html_()
    ours = {link for link in re.findall('href="([^"]*)"', text) if "scikit" not in link}
    assert not ours
    assert "Number of columns of the code." in tips(text)["n_components"]


@described
@pytest.mark.parametrize("cls", ESTIMATORS)
def test_links_lead_to_the_page_of_the_class(cls, site):
    text = cls()._repr_html_()
    page = f"{SITE}/api/generated/sklearn_aae.{cls.__name__}.html"
    links = set(re.findall('href="([^"]*)"', text))
    assert page in links
    assert f"{page}#:~:text=max_iter,-int%20or%20%22auto%22" in str(links)
    assert all(link.startswith(page) for link in links)
    assert {*tips(text)} == {*cls().get_params()}


def test_the_class_of_a_user_has_no_page_here(site):
    class Mine(AAETransformer):
        __module__ = "mine"

    assert Mine()._get_doc_link() == ""
    assert AAETransformer()._get_doc_link().startswith(SITE)


def test_the_address_is_that_of_the_project(monkeypatch):
    lines = ["Source, https://source.example", "Documentation, https://docs.example/"]

    class Metadata:
        def __init__(self, name):
            assert name == "sklearn-aae"

        def get_all(self, field):
            return lines if field == "Project-URL" else None

    monkeypatch.setattr(metadata, "metadata", Metadata)
    read = _html.documentation_address.__wrapped__
    assert read() == SITE
    del lines[1]
    assert read() == ""


def test_a_checkout_that_is_not_installed_has_no_address(monkeypatch):
    def metadata_of(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "metadata", metadata_of)
    assert _html.documentation_address.__wrapped__() == ""


def test_the_api_page_makes_these_pages():
    page = (Path(__file__).parents[2] / "docs" / "api.rst").read_text()
    assert ".. currentmodule:: sklearn_aae\n" in page
    assert "   :toctree: api/generated\n\n   AAETransformer\n" in page
