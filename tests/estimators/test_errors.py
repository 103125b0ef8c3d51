"""Bad parameters and inputs, each with the error that the user sees."""

import re

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from sklearn.exceptions import NotFittedError
from torch import nn
from torch.distributions import Categorical, Exponential, Normal, Uniform

from sklearn_aae import AAETransformer, GANSampler, priors

RNG = np.random.RandomState(0)
X = RNG.normal(size=(40, 4))
Y = np.repeat([0, 1, 2, 3], 10)


def with_cell(value):
    bad = X.copy()
    bad[3, 2] = value
    return bad


BAD_PARAMETERS = [
    ({"n_components": 0}, "'n_components' parameter .* int in the range"),
    ({"n_components": 2.5}, r"'n_components' parameter .* Got 2.5 instead"),
    ({"hidden_layer_sizes": 2.5}, "'hidden_layer_sizes' parameter .* array-like"),
    ({"hidden_layer_sizes": (64, 0)}, r"integer, or a sequence of them.*\(64, 0\)"),
    ({"hidden_layer_sizes": (64, "a")}, "'hidden_layer_sizes' .* positive integer"),
    ({"critic_hidden_layer_sizes": (-1,)}, "'critic_hidden_layer_sizes' parameter"),
    ({"activation": "sigmoidal"}, "'activation' parameter .* Got 'sigmoidal'"),
    ({"normalization": "group"}, "'normalization' parameter .* Got 'group'"),
    ({"dropout": 1.0}, r"'dropout' parameter .* range \[0.0, 1.0\)|range \[0, 1\)"),
    ({"posterior": "normal"}, "'posterior' parameter .* Got 'normal'"),
    ({"prior": "gauss"}, "'prior' parameter .* Got 'gauss'"),
    ({"prior": "swiss_roll", "n_components": 3}, "'swiss_roll' has two dimensions"),
    ({"prior": priors.Gaussian(5)}, "prior has 5 dimensions but n_components=2"),
    ({"prior": Normal(torch.zeros(3), 1.0)}, "prior distribution .* n_components=2"),
    ({"prior": lambda n, rng: np.zeros((n, 7))}, "callable prior .* shape .*7"),
    ({"prior": lambda n, rng: np.full((n, 2), np.nan)}, "callable prior returned NaN"),
    ({"prior": priors.Gaussian}, r"not a class. Pass Gaussian\(...\)"),
    (
        {"prior": Categorical(torch.ones(3))},
        "prior distribution Categorical .*discrete",
    ),
    ({"prior": "categorical", "n_components": 1}, "'categorical' needs n_components"),
    ({"regularizer": "wgan"}, "'regularizer' parameter .* Got 'wgan'"),
    ({"regularizer": "kl", "posterior": "universal"}, "posterior='gaussian'"),
    ({"regularizer": "kl", "prior": "swiss_roll"}, "needs a prior whose density"),
    ({"regularizer": "kl", "prior": "uniform"}, "density is positive everywhere"),
    ({"regularizer": "kl", "prior": "gamma"}, "density is positive everywhere"),
    ({"regularizer": "kl", "prior": "categorical"}, "would leave it"),
    ({"prior": "categorical", "posterior": "gaussian"}, "would leave it"),
    ({"batch_size": 1}, r"'batch_size' parameter .* Got 1 instead"),
    ({"adversarial_loss": "wgan"}, "'adversarial_loss' parameter"),
    ({"gradient_penalty": -1.0}, "'gradient_penalty' parameter"),
    ({"gradient_penalty_type": "r3"}, "'gradient_penalty_type' parameter"),
    ({"regularization_strength": -0.1}, "'regularization_strength' parameter"),
    ({"reconstruction": "poisson"}, "'reconstruction' parameter"),
    ({"reconstruction": "bernoulli"}, r"columns within \[0, 1\].*scale='minmax'"),
    ({"input_noise": -1}, "'input_noise' parameter"),
    ({"input_dropout": 1}, "'input_dropout' parameter"),
    ({"scale": "robust"}, "'scale' parameter .* Got 'robust'"),
    ({"learning_rate": 0}, "'learning_rate' parameter"),
    ({"critic_learning_rate": -1e-3}, "'critic_learning_rate' parameter"),
    ({"learning_rate_schedule": "step"}, "'learning_rate_schedule' parameter"),
    ({"update": "both"}, "'update' parameter"),
    ({"batch_size": 0}, "'batch_size' parameter"),
    ({"max_iter": 0}, "'max_iter' parameter"),
    ({"early_stopping": "yes"}, "'early_stopping' parameter"),
    ({"early_stopping": True, "validation_fraction": 0.97}, "rows to hold out"),
    ({"validation_fraction": 0.0}, "'validation_fraction' parameter"),
    ({"n_iter_no_change": 0}, "'n_iter_no_change' parameter"),
    ({"tol": -1.0}, "'tol' parameter"),
    ({"n_init": 0}, "'n_init' parameter"),
    ({"warm_start": "no"}, "'warm_start' parameter"),
    ({"encoder": "mlp"}, "'encoder' parameter"),
    ({"encoder": nn.Linear(3, 2)}, "'encoder' module must take rows of 4 columns"),
    ({"encoder": nn.GRU(4, 2)}, "'encoder' module must return a tensor.* tuple"),
    ({"encoder": nn.LazyLinear(2)}, "'encoder' module has uninitialized"),
    ({"encoder": nn.Linear(4, 3)}, "'encoder' module must map rows of 4 columns to 2"),
    ({"encoder": nn.Linear(4, 2), "posterior": "gaussian"}, "4 columns to 4"),
    ({"decoder": nn.Linear(2, 3)}, "'decoder' module must map rows of 2 columns to 4"),
    ({"callbacks": "print"}, "'callbacks' parameter"),
    ({"callbacks": [1]}, "'callbacks' parameter .* skorch callbacks.* Got 1 in it"),
    ({"callbacks": [("log", print)]}, "'callbacks' parameter .* Got .'log', <built-in"),
    ({"device": "gpu"}, "'device' parameter .* 'cuda:1'"),
    ({"device": 3.5}, "'device' parameter"),
    ({"device": "cuda:77"}, "'cuda:77' is not available .* device='auto'"),
    ({"random_state": "seed"}, "'random_state' parameter"),
    ({"learning_rate": 1e200}, "loss became (nan|inf) in epoch .* Lower learning_rate"),
]

BAD_TABLES = [
    (X[:1], "1 sample"),
    (X[0], "Expected 2D array, got 1D array"),
    (X[:0], "0 sample"),
    (X[:, :0], r"0 feature\(s\)"),
    (with_cell(np.inf), "column 2 has 1 infinite"),
    (np.ones((10, 3)), "All 3 columns of X are constant"),
    (X.astype(complex), "Complex data not supported"),
    (pd.DataFrame({"a": X[:, 0], "i": np.ones(40) * 1j}), "'i' .*Complex data"),
    (X.astype("datetime64[D]"), "dtype datetime64.*Dates and times are no numbers"),
    (X.astype("timedelta64[s]"), "dtype timedelta64.*Dates and times"),
    (
        pd.DataFrame({"a": X[:, 0], "when": pd.period_range("2020", periods=40)}),
        "'when' has dtype period.*Dates and times",
    ),
    (pl.LazyFrame({"a": X[:, 0]}), r"lazy frame .*Pass X.collect\(\)"),
    (pd.Series(X[:, 0]), r"Reshape your data: pass X.to_frame\(\)"),
    (np.array([["a", "b"]] * 5), "could not convert|dtype"),
    (pd.DataFrame({"a": [1, 2], "t": pd.to_datetime(["2020", "2021"])}), "'t' .* date"),
    (torch.full((5, 2), torch.nan), "None of the 2 columns of X has a known cell"),
    ([[1.0, 2.0], [3.0]], "inhomogeneous|sequence"),
]


PARAMETER_IDS = [f"{'-'.join(p)}-{i}" for i, (p, _) in enumerate(BAD_PARAMETERS)]


@pytest.mark.parametrize(("parameters", "message"), BAD_PARAMETERS, ids=PARAMETER_IDS)
def test_bad_parameter(parameters, message):
    model = AAETransformer(max_iter=2).set_params(**parameters)
    with pytest.raises(ValueError, match="(?s)" + message):
        model.fit(X)
    assert not [name for name in vars(model) if name.endswith("_")]


@pytest.mark.parametrize(
    ("table", "message"), BAD_TABLES, ids=[message for _, message in BAD_TABLES]
)
def test_bad_table(table, message):
    with pytest.raises((ValueError, TypeError), match="(?s)" + message):
        AAETransformer(max_iter=2).fit(table)


@pytest.fixture(scope="module")
def fitted():
    return AAETransformer(max_iter=1, random_state=0).fit(X)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.transform(X[:, :3]), "X has 3 features, but AAETransformer"),
        (lambda m: m.inverse_transform(X), "Z has 4 columns, but .* n_components=2"),
        (lambda m: m.reconstruct(X[0]), "Expected 2D array"),
        (lambda m: m.sample(0), "'n_samples' parameter of sample must .* Got 0"),
        (lambda m: m.sample(2.5), "'n_samples' parameter of sample must .* Got 2.5"),
        (lambda m: m.sample_codes(0), "'n_samples' parameter of sample_codes must"),
        (lambda m: m.sample(2, y=[0, 1]), "fit with labels and prior="),
        (lambda m: m.score(X, sample_weight=[1.0]), "sample_weight"),
        (lambda m: m.score_samples(with_cell(np.inf)), "infinity"),
    ],
)
def test_bad_call(fitted, call, message):
    with pytest.raises(ValueError, match="(?s)" + message):
        call(fitted)


@pytest.mark.parametrize(
    "method",
    ["transform", "inverse_transform", "reconstruct", "score_samples", "score"],
)
def test_not_fitted(method):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        getattr(AAETransformer(), method)(X)


def test_sample_not_fitted():
    with pytest.raises(NotFittedError, match="not fitted yet"):
        AAETransformer().sample(2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sample_weight": np.ones(3)}, "sample_weight"),
        ({"sample_weight": np.zeros(len(X))}, "zero"),
        ({"sample_weight": -np.ones(len(X))}, "[Nn]egative"),
        ({"sample_weight": np.eye(len(X))[0]}, "Only 1 sample has a positive weight"),
        ({"X_val": X[:, :2]}, "X has 2 features"),
        ({"X_val": X[:1]}, "1 sample"),
        ({"y": Y[:7]}, "X has 40, y has 7"),
        (
            {"y": Y, "X_val": X, "y_val": Y + 9},
            r"labels that the first fit did not see",
        ),
    ],
)
def test_bad_fit_arguments(arguments, message):
    model = AAETransformer(max_iter=1, prior="gaussian_mixture")
    with pytest.raises(ValueError, match="(?s)" + message):
        model.fit(X, **arguments)


def test_own_module_without_parameters():
    with pytest.raises(ValueError, match="'encoder' module has no parameters"):
        AAETransformer(4, encoder=nn.Identity()).fit(X)


def test_own_module_that_insists_on_float32():
    class Insists(nn.Linear):
        def forward(self, x):
            return super().forward(x.float())

    with pytest.raises(ValueError, match="failed on a float64 input"):
        AAETransformer(encoder=Insists(4, 2)).fit(X)


@pytest.mark.parametrize("prior", [Exponential(1.0), Uniform(-10.0, 10.0)])
def test_kl_refuses_a_bounded_distribution(prior):
    with pytest.raises(ValueError, match="density is positive everywhere"):
        AAETransformer(regularizer="kl", prior=prior).fit(X)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ({"a": pd.array([1, None, 3], dtype="Int64"), "b": [1, 2, 4]}, "'a' has 1 mis"),
        ({"a": ["u", "v", "u"], "b": [1, 2, 4]}, "'a' holds categories"),
    ],
)
def test_a_gan_takes_complete_numbers(frame, message):
    with pytest.raises(ValueError, match=message):
        GANSampler(max_iter=1).fit(pd.DataFrame(frame))


def test_unknown_label_in_sample():
    model = AAETransformer(max_iter=1, prior="gaussian_mixture").fit(X, Y)
    with pytest.raises(ValueError, match="one for each of n_samples=4 rows"):
        model.sample(4, y=[0, 1])
    with pytest.raises(ValueError, match=re.escape("unknown label 9")):
        model.sample(2, y=[0, 9])


def test_mixture_of_wrong_size():
    prior = priors.GaussianMixture(n_classes=7)
    with pytest.raises(ValueError, match="7 components but y has 4 classes"):
        AAETransformer(prior=prior, max_iter=1).fit(X, Y)


def test_partial_fit_refuses_early_stopping():
    with pytest.raises(ValueError, match="does not support early_stopping=True"):
        AAETransformer(early_stopping=True).partial_fit(X)


def test_partial_fit_refuses_other_columns():
    model = AAETransformer(batch_size=16).partial_fit(X)
    with pytest.raises(ValueError, match="X has 3 features, but AAETransformer"):
        model.partial_fit(X[:, :3])


def test_warm_start_refuses_other_networks():
    model = AAETransformer(max_iter=1, warm_start=True).fit(X)
    model.set_params(n_components=3)
    with pytest.raises(ValueError, match="fitted networks have n_components=2"):
        model.fit(X)


def test_wasserstein_without_penalty_warns():
    with pytest.warns(UserWarning, match="gradient_penalty=10"):
        AAETransformer(adversarial_loss="wasserstein", max_iter=1).fit(X)


@pytest.mark.parametrize(
    "break_it",
    [
        lambda m: m.set_params(learning_rate=1e200).fit(X),
        lambda m: m.fit(with_cell(np.inf)),
        lambda m: m.fit(np.ones((10, 3))),
        lambda m: m.set_params(activation="none").fit(X[:, :2]),
        lambda m: m.set_params(learning_rate=1e200).partial_fit(X),
        lambda m: m.set_params(learning_rate=1e200, warm_start=True).fit(X),
    ],
)
def test_failure_keeps_the_earlier_fit(break_it):
    model = AAETransformer(max_iter=2, random_state=0).fit(X)
    codes, history, loss = model.transform(X), list(model.history_), model.loss_
    messages = r"infinit|constant|'activation'|Lower learning_rate"
    with pytest.raises(ValueError, match=messages):
        break_it(model)
    assert np.array_equal(model.transform(X), codes)
    assert model.history_ == history
    assert model.loss_ == loss
    assert model.n_features_in_ == X.shape[1]


def test_failed_training_on_leaves_the_net_trainable():
    model = AAETransformer(max_iter=2, warm_start=True, random_state=0).fit(X)
    again = AAETransformer(max_iter=2, warm_start=True, random_state=0).fit(X)
    with pytest.raises(ValueError, match="Lower learning_rate"):
        model.set_params(learning_rate=1e200).fit(X)
    model.set_params(learning_rate=again.learning_rate).fit(X)
    again.fit(X)
    assert np.array_equal(model.transform(X), again.transform(X))


@pytest.mark.parametrize("dtype", ["datetime64[D]", "timedelta64[s]"])
def test_dates_are_refused_after_fit_as_well(dtype):
    model = AAETransformer(max_iter=1).fit(X)
    with pytest.raises(ValueError, match=r"X has dtype .* Dates and times"):
        model.transform(X.astype(dtype))
