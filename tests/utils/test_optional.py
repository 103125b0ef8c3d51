"""Optional packages: the install line in the error."""

import math
import re
import signal
import sys

import pytest

from sklearn_aae.utils._optional import import_optional, import_whole


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


INTERRUPTED = """
import signal, time
signal.raise_signal(signal.SIGINT)
for _ in range(20):
    time.sleep(0.01)
whole = True
"""


def test_ctrl_c_amid_an_import_leaves_the_module_whole(tmp_path, monkeypatch):
    (tmp_path / "imported_late.py").write_text(INTERRUPTED)
    monkeypatch.syspath_prepend(tmp_path)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            import_whole("imported_late")
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert sys.modules.pop("imported_late").whole
