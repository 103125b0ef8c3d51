"""The line of ``verbose=1``: what all fits of this process say that are under way."""

import threading
from collections.abc import Sequence
from typing import Any

from sklearn_aae.utils._status_line import StatusLine


class Board:
    """What the status line of this process says, of one fit or of many at a time.

    A fit is a `_progress.Progress`. Those that train as one stack come and go together.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._fits: list[Any] = []
        self._n_fits = 0
        self._line: StatusLine | None = None

    def join(self, fit: Any) -> None:
        """Tell of a fit, too."""
        with self._lock:
            if not self._fits:
                self._line, self._n_fits = StatusLine(), 0
            self._fits.append(fit)
            self._n_fits += 1

    def tell(self, fit: Any, *, each: bool) -> None:
        """Bring the line up to date, if it is time; or write one for `each` epoch."""
        with self._lock:
            if each:
                print(_of_one(fit))
            elif self._line is not None and self._line.is_due():
                self._line.show(self._text())

    def leave(self, fit: Any) -> None:
        """Tell of a fit no more; the last one leaves the line as it is."""
        with self._lock:
            if fit not in self._fits:
                return
            last = len(self._fits) == 1
            if last and self._line is not None and int(fit.estimator.verbose) == 1:
                self._line.show(self._text(ended=True), last=True)
            self._fits.remove(fit)

    def _text(self, *, ended: bool = False) -> str:
        """Return what the line says."""
        if self._n_fits == 1:
            return _of_one(self._fits[0], ended=ended)
        n_gone = self._n_fits - len(self._fits)
        done = (n_gone + sum(fit.done for fit in self._fits)) / self._n_fits
        where = f"{self._n_fits} fits, {1.0 if ended else done:.0%}"
        seconds = max(fit.seconds for fit in self._fits)
        losses = mean_of([fit.losses() for fit in self._fits])
        return _line(self._fits[0], where, done, seconds, losses, ended)


BOARD = Board()


def mean_of(lines: Sequence[dict[str, float]]) -> dict[str, float]:
    """Return the mean of each number over the lines that have it."""
    names = dict.fromkeys(name for line in lines for name in line)
    found = {name: [line[name] for line in lines if name in line] for name in names}
    return {name: sum(values) / len(values) for name, values in found.items()}


def _of_one(fit: Any, *, ended: bool = False) -> str:
    return _line(fit, fit.where(), fit.done, fit.seconds, fit.losses(), ended)


def _line(
    fit: Any,
    where: str,
    done: float,
    seconds: float,
    losses: dict[str, float],
    ended: bool,
) -> str:
    """Return "AAETransformer: epoch 3/10, 2.1 s left; reconstruction 1.3, ..."."""
    if ended:
        time = f"took {_clock(seconds)}"
    elif done:
        time = f"{_clock(seconds * (1 - done) / done)} left"
    else:
        time = "begins"
    name = type(fit.estimator).__name__
    told = ", ".join(f"{k.replace('_', ' ')} {v:.3g}" for k, v in losses.items())
    return f"{name}: {where}, {time}" + (f"; {told}" if told else "")


def _clock(seconds: float) -> str:
    """Return a duration as "3.2 s", "1:20" or "1:02:03"."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
