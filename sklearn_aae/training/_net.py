"""The skorch net that trains a recipe: its loop, callbacks and history, our step."""

import copy
import time
from collections.abc import Sequence

from skorch import NeuralNet
from skorch.callbacks import Callback, EarlyStopping, PrintLog
from torch import Tensor, nn

from sklearn_aae.training._batch import Batch
from sklearn_aae.training._batches import Batches
from sklearn_aae.training._engine import Engine, check_finite
from sklearn_aae.training._optim import SCHEDULES, make_optimizer, set_learning_rate
from sklearn_aae.training._phases import Phase
from sklearn_aae.training._recipe import Player, Recipe
from sklearn_aae.utils._random import Streams

# What a training and its judges leave on a net.
JUDGED = ("loss_", "clusters_", "information_", "cut_")


class AAENet(NeuralNet):
    """Trains a `Recipe` on `Batches`; ``fit`` and ``partial_fit`` take a `Batches`.

    Overrides skorch where a game needs it: several optimisers, each stepped with its
    own gradients, and an epoch that never waits for the device. Callbacks see the
    ordinary hooks; ``history`` holds the mean loss of each phase, ``critic_accuracy``,
    ``prior_match`` and, with validation rows, ``valid_loss`` (see `_criterion`).

    Parameters
    ----------
    module : Recipe
        Networks and phases.

    seed : int, default=0
        Of the noise on the device; each epoch derives its own.

    learning_rates : dict of str to float, default=None
        Learning rate by name of a phase; a player takes that of its first phase, or
        else `lr`.

    schedule : str, default="constant"
        Key of `SCHEDULES`.

    total_variance : float, default=1.0
        Variance of the training rows, for the criterion.

    criterion : class, default=nn.Identity
        skorch wants one; the phases hold the losses.

    train_split : callable, default=None
        ``train_split(batches, y=None) -> (batches, Batch)`` adds rows to judge by.

    record_steps : bool, default=True
        Whether long trainings record their steps and replay them (`_recording`).

    **kwargs : dict
        Parameters of `skorch.NeuralNet`.

    Attributes
    ----------
    recorded_ : bool
        Whether the latest training recorded its steps and replayed them.
    """

    def __init__(
        self,
        module: Recipe,
        *,
        seed: int = 0,
        learning_rates: dict[str, float] | None = None,
        schedule: str = "constant",
        total_variance: float = 1.0,
        criterion=nn.Identity,
        train_split=None,
        record_steps: bool = True,
        **kwargs,
    ):
        super().__init__(module, criterion, train_split=train_split, **kwargs)
        self.record_steps = record_steps
        self.seed = seed
        self.learning_rates = learning_rates
        self.schedule = schedule
        self.total_variance = total_variance

    @property
    def recorded_(self) -> bool:
        """Whether the latest training recorded its steps and replayed them."""
        return self.engine_.recorded

    def cancel(self) -> None:
        """Do nothing; a `Job` lends what is asked before each step, and may raise."""

    @property
    def _default_callbacks(self):
        return [("print_log", PrintLog())] if self.verbose else []

    def initialize_criterion(self):
        """Do nothing: the phases hold the losses."""
        return self

    def initialize_optimizer(self, triggered_directly=None):
        """Create one optimiser for each player.

        ``optimizer_`` is that of the player who moves the decoder; the others are named
        after their player: ``critic_optimizer_``.
        """
        optimizers = []
        for player in self.module_.players_:
            rate = self.learning_rate(player)
            optimizers.append(make_optimizer(self.module_.moved(player), rate))
            setattr(self, _optimizer_name(player), optimizers[-1])
        self.streams_ = Streams(self.seed, next(self.module_.parameters()).device)
        self.engine_ = Engine(self.module_, optimizers, self.streams_)
        return self

    def replace_phases(self, phases: Sequence[Phase]) -> None:
        """Take over other phases; where losses come or go, optimisers begin anew."""
        before = [phase.name for phase in self.module_.phases]
        self.module_.replace_phases(phases)
        if [phase.name for phase in self.module_.phases] != before:
            self.initialize_optimizer()
            for _, callback in self.callbacks_:
                if isinstance(callback, PrintLog):  # other losses are other columns
                    callback.initialize()

    def learning_rate(self, player: Player) -> float:
        """Return the rate of a player, before the schedule."""
        rates = self.learning_rates or {}
        return rates.get(player.phases[0].name, self.lr or 0.0)

    def set_callbacks(self, callbacks: list) -> None:
        """Replace the callbacks before training on."""
        self.callbacks = callbacks
        self._initialize_callbacks()

    def snapshot(self) -> tuple:
        """Copy what training changes."""
        states = [optimizer.state_dict() for optimizer in self.engine_.optimizers]
        history = [dict(row) for row in self.history]
        learnt = copy.deepcopy((self.module_.state_dict(), states))
        judged = {name: vars(self)[name] for name in JUDGED if name in vars(self)}
        return learnt, self.module_.phases, history, judged

    def restore(self, snapshot: tuple) -> None:
        """Put a snapshot back."""
        (weights, states), phases, history, judged = snapshot
        self.replace_phases(phases)
        self.module_.load_state_dict(weights)
        for optimizer, state in zip(self.engine_.optimizers, states, strict=True):
            optimizer.load_state_dict(state)
        self.restore_history(history)
        for name, value in judged.items():
            setattr(self, name, value)

    def restore_history(self, lines: list[dict]) -> None:
        """Replace the history."""
        self._initialize_history()
        self.history.extend(dict(line, batches=[]) for line in lines)

    def finished_history(self) -> list[dict]:
        """Return the epochs that ran to their end, as plain dicts."""
        lines = [dict(line) for line in self.history if "dur" in line]
        for line in lines:
            line.pop("batches", None)
        return lines

    def judge(self, batch: Batch) -> float:
        """Return the criterion on a batch: lower is better."""
        number = len(self.history)
        loss = float(self.engine_.judge(batch, number, self.total_variance))
        check_finite({"judging": loss}, number)
        return loss

    def calibrate(self, batches: Batches) -> None:
        """Set batch normalisation to the average statistics of the present weights."""
        self.engine_.calibrate(batches, len(self.history))

    def get_iterator(self, dataset, training=False):
        """Return the batches themselves."""
        return dataset

    def partial_fit(self, X, y=None, classes=None, **fit_params):
        """Train on within the net's own random streams."""
        if not self.initialized_:
            self.initialize()
        self.first_epoch_ = len(self.history)
        players, optimizers = self.module_.players_, self.engine_.optimizers
        for player, optimizer in zip(players, optimizers, strict=True):
            set_learning_rate(optimizer, self.learning_rate(player))
        self.engine_.plan(self.max_epochs * X.n_steps, self._recordable())
        self.interrupted_ = False
        self.batches_ = X
        try:
            with self.streams_.active():
                return super().partial_fit(X, y, classes, **fit_params)
        finally:
            del self.batches_  # the net keeps no rows
            self._set_training(False)

    def fit_loop(self, X, y=None, epochs=None, **fit_params):
        """Run epochs; note whether somebody ended them before their time."""
        try:
            return super().fit_loop(X, y, epochs=epochs, **fit_params)
        except KeyboardInterrupt:
            self.interrupted_ = not self.has_stopped()
            raise

    def run_single_epoch(self, iterator, training, prefix, step_fn, **fit_params):
        """Train on all batches of an epoch, or judge the validation batch."""
        if iterator is None:
            return
        if training:
            self._train_epoch(iterator)
            return
        # What is judged, and kept if it is the best, has exact batch statistics.
        self.calibrate(self.batches_)
        self.history.record(f"{prefix}_loss", self.judge(iterator))

    def _train_epoch(self, batches: Batches) -> None:
        """Take the steps of one epoch; wait for the device once, at its end."""
        start, number = time.perf_counter(), len(self.history) - 1
        in_batches = self._listens("on_batch_begin") or self._listens("on_batch_end")

        def step(i: int, batch: Batch) -> dict[str, Tensor]:
            self.cancel()
            self.set_learning_rates(number - self.first_epoch_ + i / batches.n_steps)
            if not in_batches:
                return self.train_step(batch)
            self.history.new_batch()
            self.notify("on_batch_begin", batch=batch, training=True)
            losses = self.train_step(batch)
            self.notify("on_batch_end", batch=batch, training=True)
            return losses

        losses, batch = self.engine_.train_epoch(batches, number, step)
        line = {name: float(loss) for name, loss in losses.items()}
        check_finite(line, number + 1)
        measures = self.engine_.measure(batch)
        line |= {name: float(value) for name, value in measures.items()}
        self.record(line, time.perf_counter() - start)

    def record(self, line: dict[str, float], duration: float) -> None:
        """Write an epoch's line of the history."""
        for name, value in line.items():
            self.history.record(name, value)
        self.history.record("dur", duration)

    def train_step(self, batch: Batch, **fit_params):
        """Let every player take one step."""
        listens = self._listens("on_grad_computed")
        return self.engine_.step(batch, self._on_gradient if listens else None)

    def factor(self, epochs_done: float) -> float:
        """Return the schedule's factor of the learning rates."""
        return SCHEDULES[self.schedule](min(1.0, epochs_done / self.max_epochs))

    def set_learning_rates(self, epochs_done: float) -> None:
        """Follow the schedule; constant rates are the callbacks' to change."""
        if self.schedule == "constant":
            return
        factor = self.factor(epochs_done)
        for player, optimizer in zip(
            self.module_.players_, self.engine_.optimizers, strict=True
        ):
            set_learning_rate(optimizer, factor * self.learning_rate(player))

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

    def _listens(self, hook: str) -> bool:
        """Whether a callback overrides a hook of skorch."""
        default = getattr(Callback, hook)
        return any(getattr(type(c), hook) is not default for _, c in self.callbacks_)

    def _on_gradient(self) -> None:
        named = list(self.module_.named_parameters())
        self.notify("on_grad_computed", named_parameters=named, training=True)


def _optimizer_name(player: Player) -> str:
    main = "decoder" in player.moves
    return "optimizer_" if main else f"{player.name}_optimizer_"
