#!/usr/bin/env bash
# dask's scheduler and Python's copy: once `distributed` is imported, copy.copy of an
# error has the very attributes of the error: a note on the copy comes up on both.
#
# Version:  distributed 2026.8.0, tblib 3.2.2, Python 3.11.
# Expected: a copy of its own, as before the import.
# Seen:     before, 1 note on the error; after `import distributed`, 2, the second being
#           the one that was added to the copy.
# Why:      the import registers tblib's way of pickling for all kinds of errors, and
#           copy.copy goes by what is registered for pickling; what it hands over is the
#           attribute dict itself, which only pickling would copy.
# Source:   https://github.com/ionelmc/python-tblib, src/tblib/pickling_support.py
#           (pickle_exception), installed by distributed/utils.py.
# Matters:  whoever copies an error to raise it in several threads. Ours are copied whole.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q distributed==2026.8.0 dask==2026.8.0 tblib==3.2.2
"$folder/venv/bin/python" - <<'PYTHON'
import copy


def notes_after_a_note_on_the_copy():
    error = ValueError("of all")
    error.add_note("of all")
    own = copy.copy(error)
    own.__notes__ = [*error.__notes__, "of one"]
    return error.__notes__


before = notes_after_a_note_on_the_copy()
import distributed

after = notes_after_a_note_on_the_copy()
print("before", before, "after import distributed", distributed.__version__, after)
assert before == ["of all"]
assert after == ["of all", "of one"], "changed: copies have attributes of their own"
PYTHON
