"""Each parameter of the constructor reaches the object that it names."""

import contextlib
import inspect

import numpy as np
import pytest
import torch
from sklearn.datasets import load_iris
from sklearn.preprocessing import MinMaxScaler, QuantileTransformer
from skorch.callbacks import Callback, EarlyStopping
from torch import nn

from sklearn_aae import AAETransformer, priors
from sklearn_aae import nn as layers
from sklearn_aae.decoders import LaplaceDecoder
from sklearn_aae.encoders import UniversalEncoder
from sklearn_aae.training import FoolCritic, MatchMMD, Reconstruct, TrainCritic

X, Y = load_iris(return_X_y=True)
MINE = nn.Linear(4, 2)
BACK = nn.Linear(2, 4)
SILENT = Callback()


def networks(model):
    return model.net_.module_.networks


def phase(model, kind):
    (found,) = [p for p in model.net_.module_.phases if isinstance(p, kind)]
    return found


def widths(module):
    return [block.linear.out_features for block in module.body.blocks]


def rate(model, name):
    return getattr(model.net_, f"{name}_").param_groups[0]["lr"]


FLOW = [
    ("n_components", 3, lambda m: networks(m)["encoder"].head.linear.out_features == 3),
    ("hidden_layer_sizes", (9, 5), lambda m: widths(networks(m)["encoder"]) == [9, 5]),
    ("hidden_layer_sizes", (9, 5), lambda m: widths(networks(m)["decoder"]) == [5, 9]),
    ("hidden_layer_sizes", (9, 5), lambda m: widths(networks(m)["critic"]) == [9, 5]),
    (
        "critic_hidden_layer_sizes",
        (7,),
        lambda m: widths(networks(m)["critic"]) == [7],
    ),
    (
        "activation",
        "tanh",
        lambda m: all(
            isinstance(net.body.blocks[0].activation, nn.Tanh)
            for net in networks(m).values()
        ),
    ),
    (
        "normalization",
        "layer",
        lambda m: isinstance(
            networks(m)["encoder"].body.blocks[0].norm, layers.LayerNorm
        ),
    ),
    (
        "dropout",
        0.25,
        lambda m: networks(m)["encoder"].body.blocks[0].dropout.p == 0.25,
    ),
    (
        "dropout",
        0.25,
        lambda m: networks(m)["decoder"].body.blocks[0].dropout.p == 0.25,
    ),
    ("posterior", "universal", lambda m: isinstance(m.encoder_, UniversalEncoder)),
    ("prior", "laplace", lambda m: isinstance(m.prior_, priors.Laplace)),
    ("regularizer", "mmd", lambda m: phase(m, MatchMMD).weight == 1.0),
    ("regularizer", None, lambda m: set(networks(m)) == {"encoder", "decoder"}),
    ("adversarial_loss", "hinge", lambda m: phase(m, TrainCritic).objective == "hinge"),
    ("adversarial_loss", "hinge", lambda m: phase(m, FoolCritic).objective == "hinge"),
    ("gradient_penalty", 0.5, lambda m: phase(m, TrainCritic).penalty_weight == 0.5),
    ("gradient_penalty_type", "r2", lambda m: phase(m, TrainCritic).penalty == "r2"),
    ("regularization_strength", 4.0, lambda m: phase(m, FoolCritic).weight == 4.0),
    ("reconstruction", "laplace", lambda m: isinstance(m.decoder_, LaplaceDecoder)),
    ("input_noise", 0.125, lambda m: networks(m)["encoder"].input_noise == 0.125),
    (
        "noise_type",
        "salt_and_pepper",
        lambda m: networks(m)["encoder"].noise_type == "salt_and_pepper",
    ),
    ("linear_skip", False, lambda m: networks(m)["encoder"].head.skip is None),
    ("input_dropout", 0.125, lambda m: networks(m)["encoder"].blank.p == 0.125),
    (
        "scale",
        "quantile",
        lambda m: isinstance(m.preprocessor_.scaler_, QuantileTransformer),
    ),
    ("scale", "minmax", lambda m: isinstance(m.preprocessor_.scaler_, MinMaxScaler)),
    ("categorical_features", [3], lambda m: m.columns_.n_categories == (0, 0, 0, 22)),
    ("clip", False, lambda m: np.ptp(m.inverse_transform([[1e4, 0.0]])) > 10),
    ("learning_rate", 5e-4, lambda m: rate(m, "optimizer") == 5e-4),
    ("learning_rate", 5e-4, lambda m: rate(m, "critic_optimizer") == 5e-4),
    ("critic_learning_rate", 2e-4, lambda m: rate(m, "critic_optimizer") == 2e-4),
    ("critic_learning_rate", 2e-4, lambda m: rate(m, "optimizer") == m.learning_rate),
    ("learning_rate_schedule", "cosine", lambda m: rate(m, "optimizer") < 2e-3),
    ("update", "alternating", lambda m: len(m.net_.module_.optimizer_groups) == 3),
    ("max_iter", 4, lambda m: m.n_iter_ == 4),
    (
        "early_stopping",
        True,
        lambda m: any(isinstance(c, EarlyStopping) for _, c in m.net_.callbacks_),
    ),
    ("compile", False, lambda m: m.net_.record_steps is False),
    ("callbacks", [SILENT], lambda m: SILENT in [c for _, c in m.net_.callbacks_]),
    ("encoder", MINE, lambda m: isinstance(m.encoder_.module, nn.Linear)),
    ("decoder", BACK, lambda m: isinstance(m.decoder_.module, nn.Linear)),
    ("device", torch.device("cpu"), lambda m: m.net_.device.type == "cpu"),
]


FLOW_IDS = [f"{name}-{i}" for i, (name, _, _) in enumerate(FLOW)]


@pytest.mark.parametrize(("name", "value", "arrived"), FLOW, ids=FLOW_IDS)
def test_parameter_arrives(name, value, arrived):
    base = {"max_iter": 2, "learning_rate_schedule": "constant", "random_state": 0}
    model = AAETransformer(**{**base, name: value}).fit(X)
    other = AAETransformer(**base).fit(X)
    assert arrived(model)
    if name not in ("device", "learning_rate", "critic_learning_rate"):
        # Without the parameter the object may not be there at all.
        with contextlib.suppress(AttributeError, ValueError):
            assert not arrived(other)


EARLY = {"early_stopping": True, "max_iter": 3, "random_state": 0}


@pytest.mark.parametrize(
    ("name", "value", "attribute"),
    [("n_iter_no_change", 4, "patience"), ("tol", 0.25, "threshold")],
)
def test_early_stopping_parameter_arrives(name, value, attribute):
    model = AAETransformer(**EARLY, **{name: value}).fit(X)
    (stop,) = [c for _, c in model.net_.callbacks_ if isinstance(c, EarlyStopping)]
    assert getattr(stop, attribute) == value


def batches_of(monkeypatch, **parameters):
    """Fit, and return the batches that the net was given."""
    from sklearn_aae.estimators import _fitting

    seen, train = [], _fitting.train

    def spy(jobs):
        seen.extend(job.batches for job in jobs)
        return train(jobs)

    monkeypatch.setattr(_fitting, "train", spy)
    AAETransformer(**{**EARLY, "early_stopping": False, **parameters}).fit(X)
    return seen


def test_data_parameters_arrive(monkeypatch):
    assert batches_of(monkeypatch, batch_size=37)[0].batch_size == 37
    held = {"early_stopping": True, "validation_fraction": 0.4}
    assert len(batches_of(monkeypatch, **held)[0]) == 90
    assert len(batches_of(monkeypatch, n_init=3, halving=False)) == 3
    # 3 restarts in the first epoch, 1 in the two that follow.
    assert len(batches_of(monkeypatch, n_init=3, max_iter=3)) == 3 + 2 + 1
    one, two = (batches_of(monkeypatch, random_state=seed)[0].seed for seed in (0, 1))
    assert one != two


def test_count_features_arrive():
    model = AAETransformer(max_iter=1, count_features=[1]).fit(X.round())
    assert model.decoder_.heads.n_counts == 1


def test_n_examples_arrive():
    model = AAETransformer(max_iter=1, n_examples=30).fit(X)
    assert len(model._data.examples["rows"]) == 30


def test_checkpoint_arrives(monkeypatch, tmp_path):
    from sklearn_aae.estimators import _fitting

    seen = []
    monkeypatch.setattr(_fitting, "train", lambda jobs: seen.extend(jobs))
    kept = {"checkpoint": tmp_path, "checkpoint_interval": 7.0, "random_state": 0}
    with pytest.raises(KeyboardInterrupt):  # nothing was trained
        AAETransformer(max_iter=1, **kept).fit(X)
    assert (seen[0].place.folder, seen[0].place.interval) == (tmp_path, 7.0)


def test_image_shape_and_hidden_channels_arrive():
    pictures = np.random.RandomState(0).uniform(size=(20, 9, 8, 2))
    options = {"image_shape": (9, 8, 2), "hidden_channels": (5, 6)}
    model = AAETransformer(max_iter=1, **options).fit(pictures)
    encoder, decoder = (networks(model)[name] for name in ("encoder", "decoder"))
    assert encoder.body.shape == (9, 8, 2)
    assert [b.conv.n_out for b in encoder.body.blocks] == [5, 6]
    assert [b.conv.n_out for b in decoder.body.blocks] == [5, 2]


def test_step_back_and_time_limit_arrive(monkeypatch):
    from sklearn_aae.estimators import _fitting

    for step_back in (False, True):
        seen = []
        monkeypatch.setattr(_fitting, "train", seen.extend)
        with pytest.raises(KeyboardInterrupt):  # nothing was trained
            AAETransformer(max_iter=1, step_back=step_back, time_limit=7.0).fit(X)
        assert seen[0].steps_back is step_back
        assert seen[0].net.time_left == 7.0


def test_warm_start_arrives():
    model = AAETransformer(max_iter=1, warm_start=True).fit(X)
    net = model.net_
    assert model.fit(X).net_ is net


def test_verbose_arrives(capsys):
    AAETransformer(max_iter=2, verbose=1).fit(X)
    assert "epoch 2/2" in capsys.readouterr().out


def test_every_parameter_is_followed():
    followed = {name for name, _, _ in FLOW}
    followed |= {"n_iter_no_change", "tol", "batch_size", "validation_fraction"}
    followed |= {"n_init", "halving", "random_state", "warm_start", "count_features"}
    followed |= {"n_examples", "checkpoint", "checkpoint_interval", "verbose"}
    followed |= {"image_shape", "hidden_channels"}
    followed |= {"step_back", "time_limit"}
    assert set(inspect.signature(AAETransformer).parameters) == followed


def test_schema_arrives():
    table = np.column_stack([X, np.zeros(len(X))])
    model = AAETransformer(max_iter=1).fit(table)
    assert phase(model, Reconstruct).n_columns == 4
    assert model.preprocessor_.schema_.n_features == 5
