"""Small jobs of every option, and what it means that two of them ended alike."""

from dataclasses import dataclass

import pytest
import torch
from skorch.callbacks import Callback, EarlyStopping

from sklearn_aae.critics import Critic, LabelCritic
from sklearn_aae.decoders import DECODERS
from sklearn_aae.encoders import ENCODERS
from sklearn_aae.priors import PRIORS
from sklearn_aae.training import (
    DIVERGENCES,
    AAENet,
    Batch,
    Batches,
    FoolCritic,
    Job,
    Recipe,
    Reconstruct,
    TrainCritic,
)
from sklearn_aae.training._jobs import group
from sklearn_aae.training._trainer import train_one
from sklearn_aae.utils._random import seeded_scope

N_CLASSES = 3


@dataclass
class Setting:
    """One small job in words; 5 steps an epoch."""

    seed: int = 0
    n_rows: int = 40
    d: int = 5
    k: int = 2
    hidden: tuple = (6,)
    batch_size: int = 8
    epochs: int = 4
    posterior: str = "deterministic"
    likelihood: str = "gaussian"
    prior: str = "gaussian"
    prior_options: dict | None = None
    regularizer: str | None = "adversarial"
    objective: str = "bce"
    penalty: str = "r1"
    penalty_weight: float = 0.0
    strength: float = 1.0
    update: str = "joint"
    normalization: str | None = "batch"
    activation: str = "gelu"
    dropout: float = 0.0
    input_noise: float = 0.0
    input_dropout: float = 0.0
    rate: float = 1e-2
    rates: dict | None = None
    schedule: str = "cosine"
    weighted: bool = False
    labelled: bool = False
    calibrate: bool = True
    total_variance: float = 5.0
    rows_seed: int = 0
    patience: int | None = None  # with one, each epoch is evaluated on 20 rows
    n_validation: int = 20
    load_best: bool = True
    callbacks: tuple = ()
    verbose: int = 0
    dtype: torch.dtype = torch.float64
    device: torch.device | str = "cpu"

    def make_prior(self):
        options = dict(self.prior_options or {})
        if PRIORS[self.prior].conditional:
            options.setdefault("n_classes", N_CLASSES)
        return PRIORS[self.prior](self.k, **options)

    def make_networks(self, prior):
        shared = {"hidden_layer_sizes": self.hidden, "activation": self.activation}
        shared["dropout"] = self.dropout
        encoder = ENCODERS[self.posterior](
            self.d,
            self.k,
            normalization=self.normalization,
            normalize_head=self.normalization == "batch",
            support=prior.support,
            input_noise=self.input_noise,
            input_dropout=self.input_dropout,
            **shared,
        )
        networks = {
            "encoder": encoder,
            "decoder": DECODERS[self.likelihood](self.k, self.d, **shared),
        }
        n_classes = N_CLASSES if self.labelled else 0
        if self.regularizer == "adversarial":
            networks["critic"] = Critic(
                self.k, self.hidden, activation=self.activation, n_classes=n_classes
            )
        if self.regularizer == "kl":
            networks["prior"] = prior
        return networks

    def make_phases(self):
        phases = [Reconstruct(weight=8.0, n_columns=self.d)]
        if self.regularizer == "adversarial":
            critic = TrainCritic(
                objective=self.objective,
                penalty=self.penalty,
                penalty_weight=self.penalty_weight,
            )
            fool = FoolCritic(weight=self.strength, objective=self.objective)
            return [*phases, critic, fool]
        if self.regularizer is not None:
            phases.append(DIVERGENCES[self.regularizer](weight=self.strength))
        return phases

    def make_net(self, prior):
        with seeded_scope(self.seed):
            networks = self.make_networks(prior)
        recipe = Recipe(networks, self.make_phases(), self.update)
        callbacks = list(self.callbacks)
        if self.patience is not None:
            callbacks.append(
                EarlyStopping(
                    patience=self.patience,
                    threshold=1e-3,
                    threshold_mode="abs",
                    load_best=self.load_best,
                    sink=lambda text: None,
                )
            )
        net = AAENet(
            recipe.to(self.device, self.dtype),
            seed=self.seed,
            lr=self.rate,
            learning_rates=self.rates,
            schedule=self.schedule,
            total_variance=self.total_variance,
            max_epochs=self.epochs,
            callbacks=callbacks,
            device=self.device,
            verbose=self.verbose,
        )
        return net.initialize()

    def make_rows(self, n, seed):
        generator = torch.Generator().manual_seed(seed)
        # Columns that hang together, so that there is something to learn.
        mixing = torch.randn(2, self.d, generator=torch.Generator().manual_seed(0))
        x = torch.randn(n, 2, generator=generator) @ mixing
        x = x + 0.3 * torch.randn(n, self.d, generator=generator)
        x = x.sigmoid() if self.likelihood == "bernoulli" else x
        return x.to(self.device, self.dtype)

    def make_batches(self, prior):
        options = {}
        if self.weighted:
            weight = 1.0 + torch.arange(self.n_rows) % 4
            options["weight"] = weight.to(self.device, self.dtype)
        if self.labelled:
            options["y"] = (torch.arange(self.n_rows) % 4 - 1).to(self.device)
        rows = self.make_rows(self.n_rows, self.rows_seed)
        return Batches(
            rows, prior, batch_size=self.batch_size, seed=self.seed, **options
        )

    def make_job(self):
        prior = self.make_prior()
        net, batches = self.make_net(prior), self.make_batches(prior)
        validate = self.patience is not None
        rows = batches.x
        if validate:
            rows = self.make_rows(self.n_validation, 1000 + self.rows_seed)
        with seeded_scope(self.seed):
            validation = Batch(rows, prior.draw(len(rows)).to(rows))
        calibrate = self.calibrate and not validate
        return Job(net, batches, validation, validate=validate, calibrate=calibrate)


@pytest.fixture
def make_job(device):
    """Return a function that builds job i; an option may be a function of i."""

    def make(i=0, **options):
        told = {k: v(i) if callable(v) else v for k, v in options.items()}
        return Setting(**{"seed": i, "device": device} | told).make_job()

    return make


@pytest.fixture
def make_networks(
    make_encoder, make_decoder, make_critic, make_cell_critic, device, dtype
):
    """Return a function that builds a network of each name that a phase may need.

    `n_classes` labels the critic; with `n_labels`, the encoder infers labels and the
    decoder has a head for each.
    """

    def make(seed=0, n_classes=0, n_labels=0, posterior="gaussian"):
        labels = {"n_classes": n_labels}
        heads = {**labels, "class_heads": True} if n_labels else {}
        shares = [1.0 + label for label in range(max(n_labels, 2))]
        with seeded_scope(seed):
            label_critic = LabelCritic(shares, hidden_layer_sizes=(4,))
        return {
            "encoder": make_encoder(posterior, seed, normalization="batch", **labels),
            "decoder": make_decoder("gaussian", seed, **heads),
            "critic": make_critic(seed, n_classes),
            "label_critic": label_critic.to(device, dtype),
            "prior": PRIORS["gaussian"](2).to(device, dtype),
            "cell_critic": make_cell_critic(seed),
        }

    return make


class Watch(Callback):
    """Wants to see each gradient: such a net trains alone, by the plain step."""

    def on_grad_computed(self, net, named_parameters, **kwargs):
        pass


@pytest.fixture
def train_alone(make_job):
    """Return a function that trains jobs one by one, by the plain step."""

    def train(n, callbacks=None, **options):
        def watched(i):
            return (Watch(), *(callbacks(i) if callbacks else ()))

        jobs = [make_job(i, callbacks=watched, **options) for i in range(n)]
        assert len(group(jobs)) == n
        for job in jobs:
            train_one(job)
        return jobs

    return train


def memory_of(net):
    """Weights, statistics and what the optimisers remember, by name."""
    module = net.module_
    named = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    tensors = {name: value.detach().clone() for name, value in named.items()}
    names = {p: name for name, p in module.named_parameters()}
    pairs = zip(module.optimizer_groups, net.engine_.optimizers, strict=True)
    for moved, optimizer in pairs:
        for parameter, state in optimizer.state.items():
            for key, value in state.items():
                tensors[f"{moved.name}: {key} of {names[parameter]}"] = value.clone()
    return tensors


def lines_of(net):
    return [
        {name: value for name, value in line.items() if name != "dur"}
        for line in net.finished_history()
    ]


def assert_alike(job, other, tolerance=1e-9):
    """Assert that two jobs have ended in the same state."""
    assert (job.error, job.done) == (other.error, other.done) == (None, True)
    mine, theirs = job.net, other.net
    lines, expected = lines_of(mine), lines_of(theirs)
    assert [set(line) for line in lines] == [set(line) for line in expected]
    for line, wanted in zip(lines, expected, strict=True):
        assert line == pytest.approx(wanted, rel=tolerance, abs=tolerance)
    assert mine.loss_ == pytest.approx(theirs.loss_, rel=tolerance, abs=tolerance)
    assert mine.interrupted_ == theirs.interrupted_
    memory, expected = memory_of(mine), memory_of(theirs)
    assert set(memory) == set(expected)
    for name, value in memory.items():
        torch.testing.assert_close(
            value,
            expected[name],
            rtol=tolerance,
            atol=tolerance,
            msg=lambda text, name=name: f"{name}: {text}",
        )
    assert not any(module.training for module in mine.module_.modules())


@pytest.fixture
def alike():
    """Return `assert_alike`."""
    return assert_alike


@pytest.fixture
def memory():
    """Return `memory_of`."""
    return memory_of
