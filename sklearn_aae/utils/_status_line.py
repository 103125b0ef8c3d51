"""One line of text about work that goes on, written again and again."""

import multiprocessing
import shutil
import sys
import time
from typing import Any

# Seconds between two versions of the line, where it replaces itself and where not.
REFRESH, REPEAT = 0.1, 30.0


class StatusLine:
    """A line that replaces itself, on a terminal and in a notebook.

    Elsewhere, in a log or in a worker process, what is written stays: there it is
    written at the end, and before that once every half minute.
    """

    def __init__(self) -> None:
        self._stream, self._notebook = sys.stdout, _notebook()
        worker = multiprocessing.current_process().name != "MainProcess"
        self._in_place = not worker and bool(getattr(self._stream, "isatty", bool)())
        replaces = self._in_place or self._notebook is not None
        self._pause = REFRESH if replaces else REPEAT
        # The first words come at once where they can be taken back.
        self._next = time.monotonic() + (0.0 if replaces else REPEAT)
        self._handle: Any = None
        self._length = 0

    def is_due(self) -> bool:
        """Whether the latest version is old."""
        return time.monotonic() >= self._next

    def show(self, text: str, *, last: bool = False) -> None:
        """Write a version of the line; after the last one follows another line."""
        self._next = time.monotonic() + self._pause
        if self._notebook is not None:
            self._show_in_notebook(text)
        elif self._in_place:
            width = shutil.get_terminal_size().columns - 1
            text = text[:width]
            self._write("\r" + text.ljust(self._length) + ("\n" if last else ""))
            self._length = len(text)
        else:
            self._write(text + "\n")

    def _show_in_notebook(self, text: str) -> None:
        content = {"text/plain": text}
        if self._handle is None:
            self._handle = self._notebook.display(content, raw=True, display_id=True)
        else:
            self._handle.update(content, raw=True)

    def _write(self, text: str) -> None:
        # Not by the stream's own `write`: a process without a console has None.
        print(text, end="", file=self._stream, flush=True)


def _notebook() -> Any:
    """Return IPython's module of displays in a notebook, None elsewhere."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if not hasattr(shell, "kernel"):
        return None
    from IPython import display

    return display
