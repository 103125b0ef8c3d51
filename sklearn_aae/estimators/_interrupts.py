"""What surrounds a fit: torch as it is by default, the way back, and Ctrl-C.

Ctrl-C ends a training. Whoever called `fit` gets the model as it is then, with a
warning. But where another library called it, one that fits and scores in turn, the half
trained model would be taken for a whole one: there the interrupt goes through.
"""

import contextlib
import math
import sys
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePath
from types import FrameType

from sklearn.exceptions import ConvergenceWarning
from torch import Tensor

from sklearn_aae.training import AAENet, Batch, NonFiniteLossError
from sklearn_aae.utils._compat import CALLBACK_STATE
from sklearn_aae.utils._modes import plain_torch

# Who fits the models of others, wherever they stand between the program and the fit.
FITTERS = {
    "sklearn",
    "joblib",
    "skorch",
    "imblearn",
    "optuna",
    "skopt",
    "hyperopt",
    "bayes_opt",
    "nevergrad",
    "smac",
    "ax",
    "scipy",
    "wandb",
    "dask",
    "distributed",
    "ray",
}
# What a call of the estimator itself goes through: `fit_transform`, `set_output`.
OWN_WAY = {"sklearn.base", "sklearn.utils._set_output"}
# Where others' packages are installed.
INSTALLED = {"site-packages", "dist-packages"}
# What a fit that goes on sets of a net, besides what training changes.
SETTINGS = (
    "lr",
    "learning_rates",
    "record_steps",
    "total_variance",
    "callbacks",
    "callbacks_",
    "stored_memory",
)


@dataclass(frozen=True)
class _Remembered:
    """What a net was before it trained on."""

    net: AAENet
    snapshot: tuple
    settings: dict
    buffers: dict[str, Tensor]

    @classmethod
    def of(cls, net: AAENet) -> "_Remembered":
        settings = {name: getattr(net, name) for name in SETTINGS}
        buffers = net.module_.named_buffers()
        copies = {name: buffer.clone() for name, buffer in buffers}
        return cls(net, net.snapshot(), settings, copies)

    def put_back(self) -> None:
        self.net.restore(self.snapshot)
        vars(self.net).update(self.settings)
        # Those that are not stored with the weights, too: of columns that vary late.
        for name, buffer in self.net.module_.named_buffers():
            buffer.copy_(self.buffers[name])


class FitScope:
    """What a fit changes besides the estimator, and whether Ctrl-C has ended it.

    Attributes
    ----------
    interrupted : bool
        Whether a training was cut short, and its model is to be kept.

    progress : Progress
        Who tells how far it is.
    """

    def __init__(self, progress):
        self.interrupted, self.progress = False, progress
        self._remembered: list[_Remembered] = []

    def remember(self, nets: Iterable[AAENet]) -> None:
        """Note what nets are that train on, to be put back if the fit fails."""
        self._remembered += [_Remembered.of(net) for net in nets]

    def loss_before(self, net: AAENet, batch: Batch) -> float:
        """Return the criterion of a net as it was remembered; -inf if it was not."""
        starts = [one.snapshot for one in self._remembered if one.net is net]
        if not starts:
            return -math.inf
        end = net.snapshot()
        net.restore(starts[0])
        try:
            return net.evaluate(batch)
        except NonFiniteLossError:
            return -math.inf
        finally:
            net.restore(end)

    def put_back(self) -> None:
        """Let the nets be what they were."""
        for one in reversed(self._remembered):
            one.put_back()

    def interrupt(self) -> None:
        """Note that Ctrl-C has cut a training short.

        Raises
        ------
        KeyboardInterrupt
            If another library called `fit`.
        """
        callers = list(_callers())
        packages = {_module(frame).partition(".")[0] for frame in callers}
        files = [PurePath(frame.f_code.co_filename) for frame in callers[:1]]
        installed = any(INSTALLED & {*file.parts} for file in files)
        if installed or FITTERS & packages:
            raise KeyboardInterrupt("Training was interrupted.")
        self.interrupted = True


@contextlib.contextmanager
def fitting(estimator, progress) -> Iterator[FitScope]:
    """Surround a fit: a failure leaves the estimator and its nets as they were."""
    before, scope = dict(vars(estimator)), FitScope(progress)
    with plain_torch():
        try:
            yield scope
            progress.end()
        except BaseException:
            scope.put_back()
            now = vars(estimator)
            before |= {name: now[name] for name in CALLBACK_STATE if name in now}
            now.clear()
            now.update(before)
            raise
        finally:
            progress.leave()
    if scope.interrupted:
        _warn_of_interrupt(estimator)


def _warn_of_interrupt(estimator) -> None:
    n_epochs = estimator.n_iter_
    warnings.warn(
        f"The training of {type(estimator).__name__} was interrupted: it was cut short "
        f"after n_iter_={n_epochs} whole epoch{'' if n_epochs == 1 else 's'}, and the "
        "model is kept as it was then. Fit it again, or train on with warm_start=True.",
        ConvergenceWarning,
        stacklevel=depth_of_caller(),
    )


def _callers() -> Iterator[FrameType]:
    """Yield the frames from who called `fit` to the start of the program."""
    frame: FrameType | None = sys._getframe()
    while frame is not None and _is_own(frame):
        frame = frame.f_back
    while frame is not None:
        yield frame
        frame = frame.f_back


def depth_of_caller() -> int:
    """Return the `stacklevel`, for the caller of this, of who called `fit`."""
    depth, frame = 1, sys._getframe(1)
    while frame.f_back is not None and _is_own(frame):
        depth, frame = depth + 1, frame.f_back
    return depth


def _is_own(frame: FrameType) -> bool:
    """Whether a frame is a part of the call of `fit`, and not who called it."""
    module = _module(frame)
    package = module.partition(".")[0]
    passed = package == "sklearn_aae" or package in sys.stdlib_module_names
    return passed or module in OWN_WAY


def _module(frame: FrameType) -> str:
    return frame.f_globals.get("__name__", "")
