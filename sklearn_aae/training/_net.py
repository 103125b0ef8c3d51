"""The skorch net that trains a recipe: its loop, callbacks and history, our step."""

import copy
import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, Self

from skorch import NeuralNet
from skorch.callbacks import (
    Callback,
    EarlyStopping,
    EpochScoring,
    LRScheduler,
    PassthroughScoring,
    PrintLog,
)
from torch import Tensor, nn

from sklearn_aae.training._alone import Alone
from sklearn_aae.training._engine import Engine
from sklearn_aae.training._loop import Member, Watcher, check_finite, run_epochs
from sklearn_aae.training._optim import (
    SCHEDULES,
    OptimizerBundle,
    load_state,
    make_optimizer,
    set_learning_rate,
    warn_of_other_rates,
)
from sklearn_aae.training._recipe import Recipe
from sklearn_aae.training.data._batch import Batch
from sklearn_aae.training.data._batches import Batches
from sklearn_aae.training.losses._criterion import measured_names
from sklearn_aae.training.losses._phases import OptimizerGroup, Phase
from sklearn_aae.training.replay._recording import Replay
from sklearn_aae.utils._random import Streams


class AAENet(NeuralNet):
    """Trains a `Recipe` on `Batches`; ``fit`` and ``partial_fit`` take a `Batches`.

    Overrides skorch where a game needs it: several optimisers, each stepped with its
    own gradients, and an epoch that never waits for the device. Callbacks see the
    ordinary hooks; ``history`` holds the mean loss of each phase, ``critic_accuracy``,
    ``prior_match`` with its noise and, with validation rows, ``valid_loss`` (see
    `criterion`) and ``valid_loss_best``. Where a callback looks into the steps, the
    epoch's ``batches`` hold the loss of each phase.

    Parameters
    ----------
    module : Recipe
        Networks and phases.

    seed : int, default=0
        Of the noise on the device; each epoch derives its own.

    learning_rates : dict of str to float, default=None
        Learning rate by name of a phase; an optimizer group takes that of its
        first phase, or
        else `lr`.

    schedule : str, default="constant"
        Key of `SCHEDULES`.

    total_variance : float, default=1.0
        Variance of the training rows, for the criterion.

    criterion : class, default=nn.Identity
        skorch wants one; the phases hold the losses.

    train_split : callable, default=None
        ``train_split(batches, y=None) -> (batches, Batch)`` adds validation rows.

    record_steps : bool, default=True
        Whether long trainings record their steps and replay them (`replay`).

    **kwargs : dict
        Parameters of `skorch.NeuralNet`.

    Attributes
    ----------
    outcome : dict
        What else the caller keeps of a training; snapshots hold it, too.

    recorded_ : bool
        Whether the latest training recorded its steps and replayed them.

    Examples
    --------
    >>> import torch
    >>> from sklearn_aae.decoders import GaussianDecoder
    >>> from sklearn_aae.encoders import DeterministicEncoder
    >>> from sklearn_aae.priors import Gaussian
    >>> from sklearn_aae.training import AAENet, Batches, MatchMMD, Recipe, Reconstruct
    >>> encoder, decoder = DeterministicEncoder(3, 2), GaussianDecoder(2, 3)
    >>> networks = {"encoder": encoder, "decoder": decoder}
    >>> recipe = Recipe(networks, [Reconstruct(n_columns=3), MatchMMD()])
    >>> batches = Batches(torch.randn(40, 3), Gaussian(2), batch_size=10, seed=0)
    >>> net = AAENet(recipe, lr=1e-2, max_epochs=2, verbose=0).fit(batches)
    >>> len(net.history), "mmd" in net.history[-1]
    (2, True)
    """

    def __init__(
        self,
        module: Recipe,
        *,
        seed: int = 0,
        learning_rates: dict[str, float] | None = None,
        schedule: str = "constant",
        total_variance: float = 1.0,
        criterion: Any = nn.Identity,
        train_split: Callable[..., Any] | None = None,
        record_steps: bool = True,
        **kwargs: Any,
    ):
        # A net has no outputs to keep for its scores; validation rows are one batch.
        fixed = {"use_caching": False, "iterator_valid__batch_size": math.inf}
        split = {"train_split": train_split}
        super().__init__(module, criterion, **split, **fixed, **kwargs)
        self.record_steps = record_steps
        self.outcome: dict = {}
        self.stored_memory: tuple[list[list[str]], list[dict]] | None = None
        self.seed = seed
        self.learning_rates = learning_rates
        self.schedule = schedule
        self.total_variance = total_variance

    @property
    def recorded_(self) -> bool:
        """Whether the latest training recorded its steps and replayed them."""
        return self.engine_.recorded

    optimizer_: OptimizerBundle
    # What keeps checkpoints of the training; lent as `cancel` is.
    keeper: Any = None
    # From which epoch of the history on rates are lower, by which factor: a step back.
    slowdown: tuple[tuple[int, float], ...] = ()
    # Seconds that it may still train, and whether they have cut its training short.
    time_left: float = math.inf
    out_of_time: bool = False

    def cancel(self) -> None:
        """Do nothing; a `Job` lends what is asked before each step, and may raise."""

    @property
    def _default_callbacks(self):
        return [("print_log", PrintLog())] if self.verbose else []

    def initialize_optimizer(self, triggered_directly: Any = None) -> Self:
        """Create one optimiser for each optimizer group.

        ``optimizer_`` is all of them, for what reads or sets rates and states. Those of
        groups that do not move the decoder are named after them: ``critic_optimizer_``.
        """
        optimizers, main = [], []
        for group in self.module_.optimizer_groups:
            rate = self.learning_rate(group)
            optimizers.append(make_optimizer(self.module_.moved(group), rate))
            if "decoder" in group.moves:
                main.append(optimizers[-1])
            else:
                setattr(self, f"{group.name}_optimizer_", optimizers[-1])
        others = [optimizer for optimizer in optimizers if optimizer not in main]
        if hasattr(self, "optimizer_"):  # a callback's schedule keeps hold of it
            self.optimizer_.optimizers = [*main, *others]
        else:
            self.optimizer_ = OptimizerBundle([*main, *others])
        self.streams_ = Streams(self.seed, next(self.module_.parameters()).device)
        self.engine_ = Engine(self.module_, optimizers, self.streams_)
        return self

    def replace_phases(self, phases: Sequence[Phase]) -> None:
        """Take over other phases; where others move networks, optimisers begin anew."""
        before, stored = self.movers, self.stored_memory
        self.stored_memory = None
        self.module_.replace_phases(phases)
        if self.movers != before:
            self._renew_optimizers()
            if stored is not None:
                self.remember(*stored)
                self.stored_memory = None
            for _, callback in self.callbacks_:
                if isinstance(callback, PrintLog):  # other losses are other columns
                    callback.initialize()

    @property
    def movers(self) -> list[list[str]]:
        """The losses, each with the networks that it moves: what optimisers are for.

        Losses of one name may move others: that of a reconstruction, the decoder alone.
        """
        return [[phase.name, *phase.moves] for phase in self.module_.phases]

    def remember(self, movers: list[list[str]], parts: list[dict]) -> None:
        """Let the optimisers remember: now, or once their losses come again.

        A net is rebuilt with the losses of its first fit; those of its last one, whose
        memory is stored, may be others, which the next fit begins with.

        Parameters
        ----------
        movers : list of list of str
            See `movers`.

        parts : list of dict
            "known" and "moments" of each optimiser, see `load_state`.
        """
        if movers != self.movers:
            self.stored_memory = movers, parts
            return
        for optimizer, part in zip(self.engine_.optimizers, parts, strict=True):
            load_state(optimizer, part["moments"], part["known"])

    def _renew_optimizers(self) -> None:
        """Begin optimisers anew; a callback's schedule goes on where it was."""
        first = self.optimizer_.param_groups[0]
        factor = first["lr"] / first.get("initial_lr", first["lr"] or 1.0)
        self.initialize_optimizer()
        if self._is_scheduled():
            for group in self.optimizer_.param_groups:
                group["initial_lr"], group["lr"] = group["lr"], factor * group["lr"]

    def learning_rate(self, group: OptimizerGroup) -> float:
        """Return the rate of a group, before the schedule."""
        rates = self.learning_rates or {}
        return rates.get(group.phases[0].name, self.lr or 0.0)

    def set_callbacks(self, callbacks: list) -> None:
        """Replace the callbacks before training on."""
        schedulers = [c for _, c in self.callbacks_ if isinstance(c, LRScheduler)]
        begun = [(c, c.lr_scheduler_) for c in schedulers]
        self.callbacks = callbacks
        self._initialize_callbacks()
        for callback, scheduler in begun:
            callback.lr_scheduler_ = scheduler

    def snapshot(self) -> tuple:
        """Copy what training changes."""
        states = [optimizer.state_dict() for optimizer in self.engine_.optimizers]
        history = [dict(row) for row in self.history]
        learnt = _cloned((self.module_.state_dict(), states))
        found = getattr(self, "loss_", None), dict(self.outcome), self.slowdown
        return learnt, self.module_.phases, history, found

    def restore(self, snapshot: tuple) -> None:
        """Put a snapshot back."""
        (weights, states), phases, history, found = snapshot
        self.replace_phases(phases)
        self.module_.load_state_dict(weights)
        for optimizer, state in zip(self.engine_.optimizers, states, strict=True):
            # It would go on with these very tensors, and change the snapshot.
            optimizer.load_state_dict(_cloned(state))
        self.restore_history(history)
        self.loss_, self.outcome, self.slowdown = found[0], dict(found[1]), found[2]

    def restore_history(self, lines: list[dict]) -> None:
        """Replace the history."""
        self._initialize_history()
        self.history.extend(dict(line, batches=[{}]) for line in lines)

    def finished_history(self) -> list[dict]:
        """Return the epochs that ran to their end, as plain dicts."""
        lines = [dict(line) for line in self.history if "dur" in line]
        for line in lines:
            line.pop("batches", None)
        return lines

    def evaluate(self, batch: Batch) -> float:
        """Return the criterion on a batch: lower is better."""
        number = len(self.history)
        loss = float(self.engine_.evaluate(batch, number, self.total_variance))
        check_finite({"validation": loss}, number)
        return loss

    def ask(self, answer: Callable[..., Any], batch: Batch) -> Any:
        """Return ``answer(networks, batch)`` of networks in evaluation mode."""
        return self.engine_.ask(answer, batch, len(self.history))

    def calibrate(self, batches: Batches) -> None:
        """Set batch normalisation to the average statistics of the present weights."""
        self.engine_.calibrate(batches, len(self.history))

    def get_iterator(self, dataset: Any, training: bool = False) -> Any:
        """Return the batches themselves."""
        return dataset

    def partial_fit(
        self, X: Batches, y: Any = None, classes: Any = None, **fit_params: Any
    ) -> Self:
        """Train on within the net's own random streams."""
        if not self.initialized_:
            self.initialize()
        self._start_rates()
        self.batch_size = X.batch_size
        n_steps = self.max_epochs * X.n_steps
        self.engine_.plan(n_steps, Replay if self._recordable() else None)
        self.interrupted_ = False
        try:
            with self.streams_.active():
                return super().partial_fit(X, y, classes, **fit_params)
        finally:
            self.stop_training()

    def stop_training(self) -> None:
        """Bring the modules into evaluation mode."""
        self._set_training(False)

    def notify(self, method_name: str, **arguments: Any) -> None:
        """Call the callbacks; what schedules the rates goes on where it was."""
        getattr(self, method_name)(self, **arguments)
        for _, callback in self.callbacks_:
            goes_on = method_name == "on_train_begin" and self._goes_on(callback)
            if not goes_on:
                getattr(callback, method_name)(self, **arguments)

    def _goes_on(self, callback: Callback) -> bool:
        """Whether a callback has begun to schedule these rates of this net."""
        if not isinstance(callback, LRScheduler):
            return False
        before = getattr(self, "first_rates_", None)
        self.first_rates_ = [g.get("initial_lr") for g in self.optimizer_.param_groups]
        known = callback.lr_scheduler_ is not None and before == self.first_rates_
        return known and callback.lr_scheduler_.optimizer is self.optimizer_

    def on_train_begin(
        self, net: Any, X: Any = None, y: Any = None, **kwargs: Any
    ) -> None:
        """Let the scores of a new training begin anew, of a callback used before."""
        for _, callback in self.callbacks_:
            scores = isinstance(callback, EpochScoring | PassthroughScoring)
            if scores and not len(self.history):
                callback.initialize()

    def fit_loop(
        self,
        X: Batches,
        y: Any = None,
        epochs: int | None = None,
        resumes: bool = False,
        watcher: Watcher | None = None,
        **fit_params: Any,
    ) -> Self:
        """Run epochs, by the loop that trains stacks, too; see `Member`."""
        data, validation = self.get_split_datasets(X, y)
        evaluated = validation is not None
        member = Member(
            self,
            data,
            validation,
            evaluated,
            epochs=epochs,
            resumes=resumes,
            watcher=watcher,
        )
        run_epochs([member], lambda _: Alone(self, data, validation), self.cancel)
        if member.error is not None:
            raise member.error
        return self

    def record(self, line: dict[str, float], duration: float) -> None:
        """Write an epoch's line of the history; what was not measured stays."""
        before = self.history[-2] if len(self.history) > 1 else {}
        measured = measured_names(self.module_.phases)
        stays = {name: before[name] for name in measured if name in before}
        for name, value in (stays | line).items():
            self.history.record(name, value)
        self.history.record("dur", duration)
        if not self.history[-1]["batches"]:
            self.history.new_batch()  # skorch's checkpoints want a last one

    def record_validation(self, loss: float) -> None:
        """Write the criterion on validation rows into the epoch's line."""
        before = [line["valid_loss"] for line in self.history if "valid_loss" in line]
        self.history.record("valid_loss", loss)
        self.history.record("valid_loss_best", loss < min(before, default=math.inf))

    def train_step(self, batch: Batch, **fit_params: Any) -> dict[str, Tensor]:
        """Let every optimizer group take one step."""
        listens = self._listens("on_grad_computed")
        losses = self.engine_.step(batch, self._on_gradient if listens else None)
        if self._is_scheduled():
            self.optimizer_.step()  # no step: torch's schedulers ask whether there was
        return losses

    @property
    def schedule_key(self) -> tuple:
        """What the learning rates follow: nets of equal keys share them."""
        rates = [self.learning_rate(group) for group in self.module_.optimizer_groups]
        return (*rates, self.max_epochs, self.schedule, self.slowdown)

    def factor(self, epochs_done: float) -> float:
        """Return the factor of the learning rates, of the schedule and a step back."""
        factor = SCHEDULES[self.schedule](min(1.0, epochs_done / self.max_epochs))
        now = self.first_epoch_ + epochs_done
        return factor * math.prod(slower for at, slower in self.slowdown if now >= at)

    @property
    def step_back(self) -> dict[str, Any] | None:
        """The "epoch" that it went back to last, and the "factor" of rates since."""
        if not self.slowdown:
            return None
        factor = math.prod(slower for _, slower in self.slowdown)
        return {"epoch": self.slowdown[-1][0], "factor": factor}

    def _is_scheduled(self) -> bool:
        """Whether a callback sets the learning rates."""
        return any(isinstance(c, LRScheduler) for _, c in self.callbacks_)

    def _start_rates(self) -> None:
        """Set the rates before the schedule; a callback's schedule goes on."""
        scheduled = self._is_scheduled()
        self.set_rates_: list[float] | None = None
        for group, optimizer in zip(
            self.module_.optimizer_groups, self.engine_.optimizers, strict=True
        ):
            rate = self.learning_rate(group)
            for parameters in optimizer.param_groups:
                if not scheduled or parameters.get("initial_lr") != rate:
                    parameters["lr"] = rate
                parameters["initial_lr"] = rate

    def set_learning_rates(self, epochs_done: float) -> None:
        """Follow the schedule; constant rates are the callbacks' to change."""
        if self.schedule == "constant" and not self.slowdown:
            return
        if self.callbacks_:
            self._notice_other_rates()
        factor = self.factor(epochs_done)
        for group, optimizer in zip(
            self.module_.optimizer_groups, self.engine_.optimizers, strict=True
        ):
            set_learning_rate(optimizer, factor * self.learning_rate(group))
        self.set_rates_ = [group["lr"] for group in self.optimizer_.param_groups]

    def _notice_other_rates(self) -> None:
        """Warn, once, if a callback has changed what the schedule had set."""
        found = [group["lr"] for group in self.optimizer_.param_groups]
        if self.set_rates_ not in (None, found) and not hasattr(self, "overruled_"):
            self.overruled_ = True
            warn_of_other_rates(self.schedule)

    def _recordable(self) -> bool:
        """Whether steps may be replayed: nobody looks in, all layers are ours."""
        watched = self.is_watched() or not self.module_.own_layers
        return self.record_steps and not watched

    def is_watched(self) -> bool:
        """Whether a callback may want more than the history of the finished epochs."""
        within = ("on_batch_begin", "on_batch_end", "on_grad_computed")
        others = any(not isinstance(c, EarlyStopping) for _, c in self.callbacks_)
        return others or any(map(self._listens, within))

    def has_stopped(self) -> bool:
        """Whether a callback has ended the training early."""
        stops = [c for _, c in self.callbacks_ if isinstance(c, EarlyStopping)]
        return any(c.misses_ >= c.patience for c in stops)

    def looks_into_batches(self) -> bool:
        """Whether a callback wants to know of each batch."""
        reads = any(isinstance(c, PassthroughScoring) for _, c in self.callbacks_)
        return reads or self._listens("on_batch_begin") or self._listens("on_batch_end")

    def _listens(self, hook: str) -> bool:
        """Whether a callback overrides a hook of skorch."""
        default = getattr(Callback, hook)
        return any(getattr(type(c), hook) is not default for _, c in self.callbacks_)

    def _on_gradient(self) -> None:
        named = list(self.module_.named_parameters())
        self.notify("on_grad_computed", named_parameters=named, training=True)


def _cloned(state: Any) -> Any:
    """Return a copy of a state of modules or optimizers.

    `copy.deepcopy` takes several times as long: a search copies hundreds.
    """
    kind = type(state)  # just so: classes derived from these may be anything
    if kind is Tensor:
        return state.clone()
    if kind in (tuple, list):
        return kind(_cloned(part) for part in state)
    if kind in (dict, OrderedDict):
        twin = copy.copy(state)  # with the versions that torch hangs on to it
        twin.update((name, _cloned(part)) for name, part in state.items())
        return twin
    return copy.deepcopy(state)
