"""Which of skorch's callbacks a training can serve, and what to use for the others.

skorch's nets have one loss, outputs to score and held-out rows by default. A game has
none of these, so what asks for one is refused before the first step.
"""

from collections.abc import Callable, Sequence
from fnmatch import fnmatch

from skorch.callbacks import (
    BatchScoring,
    Callback,
    Checkpoint,
    EarlyStopping,
    EpochScoring,
    InputShapeSetter,
    LRScheduler,
    ParamMapper,
    PassthroughScoring,
    TrainEndCheckpoint,
    WandbLogger,
)
from torch.optim.lr_scheduler import ReduceLROnPlateau

from sklearn_aae.training._net import AAENet
from sklearn_aae.training.losses._criterion import measured_names
from sklearn_aae.training.losses._phases import Phase

# Whose scorers and metrics ask an estimator to predict.
SCORERS = {"sklearn", "sklearn_aae"}
HOLD_OUT = "pass X_val to fit or set early_stopping=True"


def check_callbacks(net: AAENet, phases: Sequence[Phase], *, validated: bool) -> None:
    """Raise ValueError if a training cannot serve a callback of its net.

    Parameters
    ----------
    net : AAENet
        With the schedule that it is to train by.

    phases : sequence of Phase
        Whose losses the history has in each epoch.

    validated : bool
        Whether each epoch is evaluated on held-out rows.
    """
    callbacks = [callback for _, callback in net.callbacks_]
    names = [phase.name for phase in phases]
    recorded = {"epoch", "dur", *names, *measured_names(phases)}
    if validated:
        recorded |= {"valid_loss", "valid_loss_best"}
    for callback in callbacks:
        recorded |= _records(callback)
    # Of others' callbacks there is no telling what they record.
    complete = all(type(c).__module__.startswith("skorch.") for c in callbacks)
    for name, callback in net.callbacks_:
        for kind, complain in COMPLAINTS.items():
            if isinstance(callback, kind):
                _refuse(name, complain(callback, net, validated))
        wanted = _reads(callback)
        if complete and wanted is not None and wanted not in recorded:
            _refuse(name, _of_history(wanted, sorted(recorded)))


def _refuse(name: str, complaint: str | None) -> None:
    if complaint is not None:
        raise ValueError(f"callbacks: {name} {complaint}")


def _of_history(wanted: str, recorded: Sequence[str]) -> str:
    known = ", ".join(recorded)
    advice = f" For {wanted!r}, {HOLD_OUT}." if wanted.startswith("valid_loss") else ""
    return f"reads {wanted!r}, which is not in the history: there is {known}.{advice}"


def _records(callback: Callback) -> set[str]:
    """Return what a callback of skorch adds to the history."""
    if isinstance(callback, EpochScoring):
        return {callback.name_, f"{callback.name_}_best"}
    if isinstance(callback, PassthroughScoring):
        return {f"{callback.name}_best"}
    if isinstance(callback, LRScheduler | Checkpoint) and callback.event_name:
        return {callback.event_name}
    return set()


def _reads(callback: Callback) -> str | None:
    """Return what a callback of skorch must find in the history."""
    if isinstance(callback, LRScheduler) and callback.policy_ is not ReduceLROnPlateau:
        return None
    if isinstance(callback, PassthroughScoring):
        return callback.name
    if isinstance(callback, WandbLogger):
        return "valid_loss_best" if callback.save_model else None
    wanted = getattr(callback, "monitor", None)
    kinds = EarlyStopping | Checkpoint | LRScheduler
    return wanted if isinstance(callback, kinds) and isinstance(wanted, str) else None


def _of_batches(callback, net: AAENet, validated: bool) -> str:
    return (
        "scores the outputs of batches, and an autoencoder in training has none to "
        "score. Record a number of your own in on_batch_end of a Callback, "
        "net.history.record_batch(name, value), and average it by "
        "PassthroughScoring(name, on_train=True)."
    )


def _of_outputs(callback, net: AAENet, validated: bool) -> str | None:
    scoring = callback.scoring
    function = getattr(scoring, "func", scoring)  # of a functools.partial
    package = str(getattr(function, "__module__", None)).partition(".")[0]
    if not callable(scoring) or package in SCORERS:
        return (
            f"has scoring={scoring!r}, which asks the net to predict. Use a function "
            "of your own, scoring(net, X, y=None), that reads net.history or asks "
            "net.module_.networks; X is a batch of scaled rows, X.x."
        )
    if not (callback.on_train or validated):
        return f"scores held-out rows: {HOLD_OUT}, or set on_train=True."
    return None


def _of_validation(callback, net: AAENet, validated: bool) -> str | None:
    if callback.on_train:
        return None
    return (
        "averages batches of held-out rows, and these are evaluated at once. Set "
        "on_train=True; the history has 'valid_loss' and 'valid_loss_best' without it."
    )


def _of_schedules(callback, net: AAENet, validated: bool) -> str | None:
    if net.schedule == "constant":
        return None
    return (
        f"sets the learning rates, and so does learning_rate_schedule="
        f"{net.schedule!r}. Use learning_rate_schedule='constant' with it."
    )


def _of_pickles(callback, net: AAENet, validated: bool) -> str | None:
    if not callback.f_pickle:
        return None
    return (
        "pickles the net in training (f_pickle), which holds the rows. Leave f_pickle "
        "out, and pickle the fitted estimator."
    )


def _of_widths(callback, net: AAENet, validated: bool) -> str:
    return (
        "sets the width of a network, and these have that of X already. Leave it out."
    )


def _of_patterns(callback, net: AAENet, validated: bool) -> str | None:
    names = [name for name, _ in net.get_all_learnable_params()]
    for pattern in callback.patterns:
        if isinstance(pattern, str) and not any(fnmatch(n, pattern) for n in names):
            return (
                f"has the pattern {pattern!r}, which fits no parameter. They are "
                f"called {names[0]!r} to {names[-1]!r}."
            )
    return None


COMPLAINTS: dict[type[Callback], Callable[[Callback, AAENet, bool], str | None]] = {
    BatchScoring: _of_batches,
    EpochScoring: _of_outputs,
    PassthroughScoring: _of_validation,
    LRScheduler: _of_schedules,
    Checkpoint: _of_pickles,
    TrainEndCheckpoint: _of_pickles,
    InputShapeSetter: _of_widths,
    ParamMapper: _of_patterns,
}
