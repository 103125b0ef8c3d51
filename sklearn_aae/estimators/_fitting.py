"""From a model's specification and prepared rows to trained nets."""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

from sklearn_aae.decoders import ColumnsDecoder
from sklearn_aae.estimators._data import TrainingData
from sklearn_aae.estimators._games import learning_rates
from sklearn_aae.estimators._halving import Part, best_of, cut, plan_rungs
from sklearn_aae.estimators._health import measure_health
from sklearn_aae.estimators._interrupts import FitScope
from sklearn_aae.estimators._model import FittedModel
from sklearn_aae.estimators._nets import build_net, callbacks_of, fitted_model
from sklearn_aae.estimators._parameters import checkpoint_place
from sklearn_aae.estimators._rows import Rows
from sklearn_aae.estimators._rules import count_steps
from sklearn_aae.estimators._spec import ModelSpec
from sklearn_aae.estimators._warnings import (
    warn_if_diverged,
    warn_of_step_back,
    warn_of_time_limit,
)
from sklearn_aae.nn import EmbedColumns, HoldConstants
from sklearn_aae.training import (
    AAENet,
    Job,
    NonFiniteLossError,
    check_callbacks,
    train,
)
from sklearn_aae.training._step_back import FEW


class Trainer:
    """Has the nets of one fit trained.

    Parameters
    ----------
    estimator : BaseModel
        Whose parameters count.

    spec : ModelSpec
        What the model is made of.

    data : TrainingData
        With its rows.

    scope : FitScope
        Hears of Ctrl-C, and of what a failure must put back.

    n_epochs : int
        Of the whole training.

    schedule : str, default=None
        Of the learning rates, if it is not the estimator's: that of a chunk.

    part : int, default=0
        Place among the estimators whose parameters nets are built by.
    """

    def __init__(
        self,
        estimator,
        spec: ModelSpec,
        data: TrainingData,
        scope: FitScope,
        n_epochs: int,
        schedule: str | None = None,
        *,
        part: int = 0,
    ):
        self.part = part
        self.estimator, self.spec, self.data = estimator, spec, data
        self.scope, self.n_epochs = scope, n_epochs
        self.stages = spec.split(n_epochs)
        self.streams = schedule is not None
        self.schedule = schedule or estimator.learning_rate_schedule
        self.place = None if self.streams else checkpoint_place(estimator)
        limit = estimator.time_limit
        parts = scope.progress.n_trainings
        self.time_left = math.inf if limit is None else limit / parts

    def train_new(
        self, seeds: list[int], criterion: Callable[[AAENet], float]
    ) -> list[AAENet]:
        """Train a net for each seed, as one stack; return those that got there.

        By the criterion restarts are halved on the way, if the estimator wants that.
        """
        dtype = self.data.rows.X.dtype
        nets = [
            build_net(self.estimator, self.spec, self.data, seed, dtype)
            for seed in seeds
        ]
        rungs = plan_rungs(self.n_epochs, len(nets)) if self._halves(nets) else {}
        jobs = self.run(nets, rungs, criterion)
        done = [job.net for job in jobs if job.done]
        if not done:
            stopped = KeyboardInterrupt("Stopped before any model had been trained.")
            raise next((job.error for job in jobs if job.error), stopped)
        for job in jobs:  # another start may do better; a real mistake may not pass
            if job.error is not None and not isinstance(job.error, NonFiniteLossError):
                raise job.error
        return done

    def train_on(self, nets: list[AAENet]) -> list[AAENet]:
        """Train fitted nets on; if the fit fails, the scope puts their weights back."""
        estimator = self.estimator
        rates = learning_rates(estimator, self.spec.phases, self.spec.unit)
        self.scope.remember(nets)
        for net in nets:
            net.set_callbacks(callbacks_of(estimator))
            net.lr, net.learning_rates = estimator.learning_rate, rates
            net.record_steps = estimator.compile
            self._release_constants(net)
        for job in self.run(nets):
            if job.error is not None:
                raise job.error
            # One that Ctrl-C left undone is a net as it was, and answers, too.
        return nets

    def fitted(self, net: AAENet) -> FittedModel:
        """Return what a trained net answers by."""
        return fitted_model(self.estimator, self.spec, net, self.data, self.part)

    def measure_health(self, net: AAENet) -> dict:
        """Return how the training of a net went."""
        return measure_health(
            net,
            self.spec,
            self._validation,
            held_out=self.data.validation is not None,
            n_steps=count_steps(self.estimator, self.data),
        )

    def warn_of_course(self, net: AAENet) -> None:
        """Warn of a training that was cut short, diverged, or went back not to."""
        rows, streams = self._validation, self.streams

        def start() -> float:
            untrained = build_net(
                self.estimator, self.spec, self.data, net.seed, rows.X.dtype
            )
            batch = self.spec.make_validation(rows, net.seed)
            loss = untrained.evaluate(batch)
            # Rows unlike those of earlier chunks are no divergence.
            return max(loss, self.scope.loss_before(net, batch)) if streams else loss

        if net.out_of_time:
            warn_of_time_limit(self.estimator, len(net.finished_history()))
        cut_short = net.out_of_time or getattr(net, "interrupted_", False)
        whole = len(rows) >= FEW and not cut_short
        told = whole and warn_if_diverged(net.loss_, start, self.spec.usual_loss)
        if net.step_back and not told:
            warn_of_step_back(self.estimator, **net.step_back)

    @property
    def _validation(self) -> Rows:
        """The rows that nets are evaluated by."""
        return self.data.validation or self.data.rows

    @property
    def _tells_callbacks(self) -> bool:
        """Whether callbacks, of skorch or scikit-learn, may remember what they saw."""
        return bool(self.estimator.callbacks) or self.scope.progress.calls_back

    def _halves(self, nets: list[AAENet]) -> bool:
        """Whether restarts are halved: where that changes none of those that stay.

        Callbacks, and layers of the user, may remember what happens between two parts.
        """
        remembers = self.estimator.callbacks or self.estimator.early_stopping
        ours = all(net.module_.own_layers for net in nets)
        return self.estimator.halving and ours and not remembers

    def run(
        self,
        nets: list[AAENet],
        rungs: Mapping[int, int] = MappingProxyType({}),
        criterion: Callable[[AAENet], float] = lambda net: 0.0,
    ) -> list[Job]:
        """Train nets part by part; return the last job of each that has not left.

        Parameters
        ----------
        nets : list of AAENet
            New ones, or trained ones.

        rungs : mapping of int to int, default=none
            After how many epochs how many nets are left.

        criterion : callable, default=0 for all
            Those of the lowest are left.
        """
        last: dict[AAENet, Job] = {}
        for net in nets:
            net.slowdown = AAENet.slowdown
        self._check_callbacks(nets)
        watches = self.scope.progress.watch(nets, self)
        n_left = self.n_epochs
        for part in cut(self.stages, rungs):
            for net in nets if part.begin == 0 else ():
                net.replace_phases(part.stage.phases)
            jobs = [self._job(net, part, watches[net]) for net in nets]
            with self._timed(nets, (part.end - part.begin) / n_left):
                train(jobs)
            n_left -= part.end - part.begin
            for job in jobs:
                # One that Ctrl-C left undone is what it was after an earlier part.
                if job.done or job.error or job.net not in last:
                    last[job.net] = job
            stopped = any(getattr(net, "interrupted_", False) for net in nets)
            if stopped:
                self.scope.interrupt()
            # One that a callback has ended is as good as it gets, and trains no more.
            nets = [job.net for job in jobs if job.done and not job.stopped]
            if stopped or not nets:
                break
            kept = best_of(nets, part.n_kept, criterion)
            for net in set(nets) - set(kept):
                del last[net]
                watches[net].close()
            nets = kept
        for watch in watches.values():
            watch.close()
        return list(last.values())

    @contextmanager
    def _timed(self, nets: list[AAENet], share: float) -> Iterator[None]:
        """Give nets, in equal parts, a share of the time that is left to train."""
        given = self.time_left * share
        for net in nets:
            net.out_of_time, net.time_left = False, given / len(nets)
        yield
        if not math.isinf(given):
            self.time_left -= given - sum(net.time_left for net in nets)

    def _check_callbacks(self, nets: list[AAENet]) -> None:
        """Raise ValueError if the stages of a training cannot serve its callbacks."""
        if not self.estimator.callbacks:
            return
        first, *others = [stage.phases for stage, _ in self.stages]
        kept = [{phase.name for phase in phases} for phases in others]
        always = [p for p in first if all(p.name in names for names in kept)]
        for net in nets:
            net.schedule = self.schedule
            validated = self.data.validation is not None
            check_callbacks(net, always, validated=validated)

    def _job(self, net: AAENet, part: Part, watch) -> Job:
        """Return the training of a net for a part of a stage."""
        net.max_epochs, net.schedule = part.n_epochs, self.schedule
        exact = all(phase.replays_exactly for phase in part.stage.phases)
        if self.place is not None and not exact:
            net.record_steps = False  # which steps were replayed would change bits
        validated = self.data.validation is not None
        watch.job = job = Job(
            net,
            part.stage.make_batches(self.data.rows, net.seed),
            self.spec.make_validation(self._validation, net.seed),
            validate=validated,
            # A chunk of a longer stream is not all the data: its averages stand.
            calibrate=not validated and not (self.streams and len(net.history)),
            place=self.place,
            steps_back=self.estimator.step_back and not self._tells_callbacks,
            usual_loss=self.spec.usual_loss,
            epochs=part.end,
            resumes=part.begin > 0,
            watcher=watch,
        )
        return job

    def _release_constants(self, net: AAENet) -> None:
        """Let the networks see, and learn, the columns that vary by now."""
        schema = self.data.schema
        net.total_variance = schema.total_variance
        for module in net.module_.modules():
            if isinstance(module, HoldConstants):
                module.release(schema.constants)
            elif isinstance(module, EmbedColumns):
                module.recentre(schema.means)
            elif isinstance(module, ColumnsDecoder):
                module.reweigh(schema.weights)
