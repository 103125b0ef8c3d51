"""Optional packages: the install line in the error."""

import math
import re

import pytest

from sklearn_aae.utils._optional import import_optional


def test_a_package_that_is_there_is_returned():
    assert import_optional("math", feature="Sums", extra="plot") is math
    path = import_optional("os.path", feature="Paths", extra="plot")
    assert path.join("a", "b")


@pytest.mark.parametrize("module", ["no_such_package", "no_such_package.inner"])
def test_the_error_names_feature_package_and_install_line(module):
    line = (
        "Maps requires no_such_package. Install it with "
        '`pip install "sklearn-aae[plot]"`.'
    )
    with pytest.raises(ImportError, match=re.escape(line)) as error:
        import_optional(module, feature="Maps", extra="plot")
    assert isinstance(error.value.__cause__, ImportError)
