"""From prepared rows to a trained net, and to the networks that answer."""

import copy
import math

import torch
from skorch.callbacks import EarlyStopping
from skorch.utils import noop

from sklearn_aae.estimators._interrupts import interrupt
from sklearn_aae.estimators._parameters import as_callbacks
from sklearn_aae.estimators._recipes import learning_rates
from sklearn_aae.estimators._rows import Rows
from sklearn_aae.estimators._warnings import warn_if_diverged
from sklearn_aae.nn import Block, EmbedColumns, HoldConstants, frozen_copy
from sklearn_aae.training import (
    AAENet,
    Batches,
    Job,
    NonFiniteLossError,
    Phase,
    Recipe,
    check_callbacks,
    train,
)
from sklearn_aae.utils._device import resolve_device
from sklearn_aae.utils._random import seeded_scope

# max_iter="auto": as many epochs as make this number of steps, within bounds.
AUTO_STEPS, MIN_EPOCHS, MAX_EPOCHS = 1000, 20, 400


class FittingMixin:
    """Builds nets, has them trained, and sets what a fit leaves behind."""

    # A model that knows nothing misses all variance, and its codes lie apart.
    _usual_loss = 2.0

    def _place(self, n_samples: int, *, keep: bool) -> tuple[torch.device, torch.dtype]:
        """Return where to train and how precisely."""
        if keep:
            weight = next(self.net_.module_.parameters())
            return weight.device, weight.dtype
        device = resolve_device(self.device)
        full_batch = n_samples <= self.batch_size
        return device.torch_device, device.training_dtype(full_batch=full_batch)

    def _make_net(self, seed: int, dtype: torch.dtype) -> AAENet:
        """Build an untrained net on its device."""
        device = resolve_device(self.device).torch_device
        schema = self.preprocessor_.schema_
        with seeded_scope(seed):
            networks, phases = self._make_networks(schema), self._make_phases(schema)
            recipe = Recipe(networks, phases, self.update).to(device, dtype)
        net = AAENet(
            recipe,
            seed=seed,
            lr=self.learning_rate,
            learning_rates=learning_rates(self, phases),
            schedule=self.learning_rate_schedule,
            total_variance=schema.total_variance,
            callbacks=self._callbacks(),
            record_steps=self.compile,
            device=device,
            verbose=int(self.verbose),
        )
        return net.initialize()

    def _callbacks(self) -> list:
        """Return the user's callbacks, and the one that stops early."""
        callbacks = as_callbacks(self)
        if self.early_stopping:
            stop = EarlyStopping(
                patience=self.n_iter_no_change,
                threshold=self.tol,
                threshold_mode="abs",
                load_best=True,
                sink=noop,
            )
            callbacks.append(("early_stopping", stop))
        return callbacks

    def _train_best(
        self, rows: Rows, judges: Rows | None, seeds: list[int], **course
    ) -> AAENet:
        """Train a net for each seed, as one stack; return that which is chosen.

        `course` are `epochs` and `schedule`, where they are not the parameters'.
        """
        nets = [self._make_net(seed, rows.X.dtype) for seed in seeds]
        jobs = self._train_parts(nets, rows, judges, **course)
        done = [job.net for job in jobs if job.done]
        if not done:
            raise next((job.error for job in jobs if job.error), _stopped())
        for job in jobs:  # another start may do better; a real mistake may not pass
            if job.error is not None and not isinstance(job.error, NonFiniteLossError):
                raise job.error
        return self._warned(self._choose(done, rows), judges or rows)

    @property
    def _nets(self) -> list[AAENet]:
        """The fitted nets that train on."""
        return [self.net_]

    def _choose(self, nets: list[AAENet], rows: Rows) -> AAENet:
        """Return the net of the lowest criterion."""
        return min(nets, key=lambda net: self._rank(net, rows))

    def _rank(self, net: AAENet, rows: Rows) -> float:
        """Return what tells the best of several trainings on rows: the lowest."""
        return net.loss_

    def _train_parts(
        self,
        nets: list[AAENet],
        rows: Rows,
        judges: Rows | None,
        epochs: int | None = None,
        schedule: str | None = None,
    ) -> list[Job]:
        """Train nets on scaled rows, part by part; return the last job of each."""
        last: dict[AAENet, Job] = {}
        parts = self._training_parts(epochs or self._n_epochs(len(rows)))
        self._check_callbacks(nets, parts, schedule, validated=judges is not None)
        for part, n_epochs in parts:
            phases = self._phases_of(part)
            for net in nets:
                net.replace_phases(phases)
            jobs = [
                self._job(net, rows, judges, part, n_epochs, schedule) for net in nets
            ]
            train(jobs)
            last |= {job.net: job for job in jobs}
            stopped = any(getattr(net, "interrupted_", False) for net in nets)
            if stopped:
                interrupt(self)
            nets = [job.net for job in jobs if job.done]
            if stopped or not nets:
                break
        return list(last.values())

    def _check_callbacks(
        self,
        nets: list[AAENet],
        parts: list[tuple[str | None, int]],
        schedule: str | None,
        *,
        validated: bool,
    ) -> None:
        """Raise ValueError if the parts of a training cannot serve its callbacks."""
        if not self.callbacks:
            return
        first, *others = [self._phases_of(part) for part, _ in parts]
        kept = [{phase.name for phase in phases} for phases in others]
        always = [p for p in first if all(p.name in names for names in kept)]
        for net in nets:
            net.schedule = schedule or self.learning_rate_schedule
            check_callbacks(net, always, validated=validated)

    def _training_parts(self, epochs: int) -> list[tuple[str | None, int]]:
        """Return the parts of a training, each with a number of epochs: one, unnamed.

        Each part has phases and batches of its own, and a whole learning rate schedule.
        """
        return [(None, epochs)]

    def _phases_of(self, part: str | None) -> list[Phase]:
        """Return the phases of a part of the training."""
        return self._make_phases(self.preprocessor_.schema_)

    def _batches_of(self, part: str | None, rows: Rows, seed: int) -> Batches:
        """Return the batches of a part of the training."""
        return self._make_batches(rows, seed)

    def _n_epochs(self, n_samples: int) -> int:
        """Return the number of epochs of a fit."""
        if self.max_iter != "auto":
            return self.max_iter
        n_steps = math.ceil(n_samples / self.batch_size)
        return min(max(math.ceil(AUTO_STEPS / n_steps), MIN_EPOCHS), MAX_EPOCHS)

    def _train_on(
        self, rows: Rows, judges: Rows | None, epochs: int, schedule=None
    ) -> AAENet:
        """Train the fitted nets on; `unchanged_on_error` puts their weights back."""
        nets, phases = self._nets, self._make_phases(self.preprocessor_.schema_)
        rates = learning_rates(self, phases)
        self._undo += [(net, net.snapshot()) for net in nets]
        for net in nets:
            net.set_callbacks(self._callbacks())
            net.lr, net.learning_rates = self.learning_rate, rates
            net.record_steps = self.compile
            self._release_constants(net)
        for job in self._train_parts(nets, rows, judges, epochs, schedule):
            if job.error is not None:
                raise job.error
            # One that Ctrl-C left undone is a net as it was, and answers, too.
        return self._warned(self._choose(nets, rows), judges or rows)

    def _warned(self, net: AAENet, judges: Rows) -> AAENet:
        """Return a trained net; warn if it is worse than before the training."""

        def start() -> float:
            untrained = self._make_net(net.seed, judges.X.dtype)
            return untrained.evaluate(self._make_judges(judges, net.seed))

        if not getattr(net, "interrupted_", False):
            warn_if_diverged(net.loss_, start, self._usual_loss)
        return net

    def _release_constants(self, net: AAENet) -> None:
        """Let the networks see the columns that vary by now."""
        schema = self.preprocessor_.schema_
        for module in net.module_.modules():
            if isinstance(module, HoldConstants):
                module.release(schema.constants)
            elif isinstance(module, EmbedColumns):
                module.recentre(schema.means)

    def _job(
        self,
        net: AAENet,
        rows: Rows,
        judges: Rows | None,
        part: str | None,
        epochs: int,
        schedule: str | None,
    ) -> Job:
        """Return the training of a net for the epochs of a part."""
        net.max_epochs = epochs
        streamed = schedule is not None
        net.schedule = schedule or self.learning_rate_schedule
        return Job(
            net,
            self._batches_of(part, rows, net.seed),
            self._make_judges(judges or rows, net.seed),
            validate=judges is not None,
            # A chunk of a longer stream is not all the data: its averages stand.
            calibrate=judges is None and not (streamed and len(net.history)),
        )

    def _set_fitted(self, net: AAENet) -> None:
        """Set the attributes that answer."""
        self.net_ = net
        self.history_ = net.finished_history()
        self.n_iter_ = len(self.history_)
        self.loss_ = net.loss_
        for name, attribute in self._answers.items():
            setattr(self, attribute, self._answering(net, name))

    def _answering(self, net: AAENet, name: str) -> torch.nn.Module:
        """Return a copy of a trained network that answers, in the answers' dtype."""
        dtype = resolve_device(self.device).inference_dtype
        trained = net.module_.networks[name]
        if net.module_.own_layers:
            network = frozen_copy(trained, dtype)
        else:
            network = copy.deepcopy(trained).to(dtype)
        network.eval()
        for block in network.modules():
            if isinstance(block, Block):
                block.fold()
        return network.requires_grad_(False)


def _stopped() -> KeyboardInterrupt:
    return KeyboardInterrupt("Stopped before any model had been trained.")
