"""AAETransformer: what users expect of it, on scikit-learn's bundled data."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris, load_wine
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback
from torch import nn
from torch.distributions import Independent, Normal, StudentT

from sklearn_aae import AAETransformer, priors
from sklearn_aae.decoders import DECODERS
from sklearn_aae.encoders import ENCODERS
from sklearn_aae.nn import ACTIVATIONS, NORMALIZATIONS
from sklearn_aae.objectives import OBJECTIVES, PENALTIES
from sklearn_aae.priors import PRIORS
from sklearn_aae.tabular import SCALERS
from sklearn_aae.training import DIVERGENCES, SCHEDULES, UPDATES

X, Y = load_iris(return_X_y=True)
DIGITS, CLASSES = load_digits(return_X_y=True)


def make(**parameters):
    options = {"max_iter": 3, "hidden_layer_sizes": (16,), "random_state": 0}
    return AAETransformer(**{**options, **parameters})


EVERY_OPTION = [
    *({"activation": name} for name in ACTIVATIONS),
    *({"normalization": name} for name in [*NORMALIZATIONS, None]),
    *({"posterior": name} for name in ENCODERS),
    *({"prior": name} for name in PRIORS),
    *({"regularizer": name} for name in ["adversarial", *DIVERGENCES, None]),
    *({"regularizer": name, "posterior": "gaussian"} for name in DIVERGENCES),
    *({"adversarial_loss": n, "gradient_penalty": 1.0} for n in OBJECTIVES),
    *({"gradient_penalty": 0.5, "gradient_penalty_type": n} for n in PENALTIES),
    *({"reconstruction": name, "scale": "minmax"} for name in DECODERS),
    *({"scale": name} for name in SCALERS),
    *({"learning_rate_schedule": name} for name in SCHEDULES),
    *({"update": name} for name in UPDATES),
    {"prior": priors.GaussianMixture(n_classes=3, radius=3.0)},
    {"prior": Normal(0.0, 2.0)},
    {"prior": Independent(StudentT(torch.full((2,), 5.0)), 1)},
    {"prior": lambda n, rng: rng.laplace(size=(n, 2))},
    {"dropout": 0.3, "input_noise": 0.2, "input_dropout": 0.1},
    {"hidden_layer_sizes": ()},
    {"critic_hidden_layer_sizes": (8,)},
    {"n_components": 1},
    {"n_components": 7},
]


OPTION_IDS = [f"{'-'.join(option)}-{i}" for i, option in enumerate(EVERY_OPTION)]


@pytest.mark.parametrize("options", EVERY_OPTION, ids=OPTION_IDS)
@pytest.mark.parametrize("batch_size", [64, 512])
def test_every_option_trains_and_answers(options, batch_size):
    model = make(batch_size=batch_size, **options).fit(X, Y)
    Z = model.transform(X)
    assert Z.shape == (len(X), model.n_components)
    for rows in (model.inverse_transform(Z), model.reconstruct(X), model.sample(7)):
        assert np.isfinite(rows).all()
        assert rows.shape[1] == 4
    assert len(model.score_samples(X)) == len(X)
    assert np.isfinite(model.loss_)
    assert [line["epoch"] for line in model.history_] == [1, 2, 3]


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_dtype_follows_the_input(dtype):
    model = make().fit(X)
    expected = np.float32 if dtype == np.float32 else np.float64
    rows = X.astype(dtype)
    assert model.transform(rows).dtype == expected
    assert model.reconstruct(rows).dtype == expected
    assert model.inverse_transform(model.transform(rows)).dtype == expected
    assert model.score_samples(rows).dtype == np.float64


@pytest.mark.parametrize(
    "table",
    [
        X.tolist(),
        np.asfortranarray(X),
        pd.DataFrame(X, columns=list("abcd")),
        pd.DataFrame(X, columns=list("abcd")).convert_dtypes(),
        pl.DataFrame(X, schema=list("abcd")),
        torch.tensor(X),
        torch.tensor(X, dtype=torch.bfloat16),
    ],
    ids=lambda t: f"{type(t).__module__}.{type(t).__name__}",
)
def test_tables_of_every_kind(table):
    expected = make().fit(X).transform(X)
    model = make().fit(table)
    atol = 0.3 if getattr(table, "dtype", None) == torch.bfloat16 else 1e-5
    np.testing.assert_allclose(model.transform(table), expected, atol=atol)
    assert hasattr(model, "feature_names_in_") == hasattr(table, "columns")


@pytest.mark.parametrize("library", [pd, pl])
def test_set_output(library):
    name = library.__name__
    frame = make().set_output(transform=name).fit_transform(X)
    assert isinstance(frame, library.DataFrame)
    assert list(frame.columns) == ["aaetransformer0", "aaetransformer1"]


def test_rows_stream_in_chunks(monkeypatch):
    model = make().fit(X)
    expected = model.transform(X), model.score_samples(X), model.reconstruct(X)
    monkeypatch.setattr("sklearn_aae.estimators._stream.CHUNK_ROWS", 7)
    found = model.transform(X), model.score_samples(X), model.reconstruct(X)
    for a, b in zip(expected, found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10)


def test_linear_autoencoder_finds_the_space_of_pca():
    wine = StandardScaler().fit_transform(load_wine().data)
    model = AAETransformer(
        3,
        hidden_layer_sizes=(),
        regularizer=None,
        normalization=None,
        learning_rate=0.02,
        max_iter=1500,
        scale=None,
        clip=False,
        batch_size=512,
        random_state=0,
    ).fit(wine)
    error = np.square(wine - model.reconstruct(wine)).sum()
    pca = PCA(3).fit(wine)
    best = np.square(wine - pca.inverse_transform(pca.transform(wine))).sum()
    assert best * (1 - 1e-9) <= error <= 1.001 * best


def test_score_samples_is_the_gaussian_log_likelihood():
    model = make(scale=None, clip=False).fit(X)
    error = np.square(X - model.reconstruct(X)).sum(axis=1)
    variance = error.mean() / X.shape[1]  # the most likely one
    expected = -0.5 * (error / variance + X.shape[1] * np.log(2 * np.pi * variance))
    np.testing.assert_allclose(model.score_samples(X), expected, rtol=1e-5)
    weight = np.arange(len(X))
    assert model.score(X) == pytest.approx(expected.mean())
    assert model.score(X, sample_weight=weight) == pytest.approx(
        np.average(expected, weights=weight)
    )


def test_training_improves_both_terms():
    first = AAETransformer(8, max_iter=1, random_state=0).fit(DIGITS)
    model = AAETransformer(8, max_iter=30, random_state=0).fit(DIGITS)
    assert model.loss_ < 0.6 * first.loss_
    assert model.history_[-1]["reconstruction"] < model.history_[0]["reconstruction"]
    assert 0.0 <= model.history_[-1]["prior_match"] < 0.1
    assert 0.3 < model.history_[-1]["critic_accuracy"] < 1.0


@pytest.mark.parametrize(
    "regularizer", ["adversarial", "kl", "mmd", "sliced_wasserstein"]
)
def test_codes_follow_the_prior(regularizer):
    # A prior that no autoencoder would fall into by itself.
    prior = Normal(3.0, 0.5)
    options = {"prior": prior, "regularizer": regularizer, "batch_size": 32}
    model = AAETransformer(regularization_strength=10, random_state=0, **options)
    Z = model.fit_transform(X)
    np.testing.assert_allclose(Z.mean(axis=0), 3.0, atol=0.25)
    # A row's code spreads, too, where the posterior is no point.
    weight = next(model.encoder_.parameters())
    q = model.encoder_(weight.new_tensor(model.preprocessor_.transform(X)))
    spread = np.sqrt(Z.var(axis=0) + q.variance.detach().numpy().mean(axis=0))
    np.testing.assert_allclose(spread, 0.5, atol=0.15)


def test_labels_choose_the_component():
    y = CLASSES.copy()
    y[::2] = -1
    options = {"regularization_strength": 10, "max_iter": 60, "random_state": 0}
    model = AAETransformer(prior="gaussian_mixture", **options)
    Z = model.fit_transform(DIGITS, y)
    means = model.prior_.means.numpy()
    nearest = np.linalg.norm(Z[:, None] - means, axis=2).argmin(axis=1)
    assert (nearest == CLASSES)[1::2].mean() > 0.9
    assert (nearest == CLASSES)[::2].mean() > 0.8
    assert list(model.classes_) == list(range(10))


def test_sample_of_a_class():
    options = {"regularization_strength": 10, "max_iter": 40, "random_state": 0}
    model = AAETransformer(prior="gaussian_mixture", **options)
    names = np.array([f"digit {c}" for c in CLASSES])
    model.fit(DIGITS, names)
    judge = LogisticRegression(max_iter=500).fit(DIGITS / 16, names)
    wanted = np.repeat(["digit 0", "digit 4", "digit 6"], 20)
    rows = model.sample(60, y=wanted, random_state=0)
    assert (judge.predict(rows / 16) == wanted).mean() > 0.9
    assert model.sample(3, y="digit 1").shape == (3, 64)


@pytest.mark.parametrize("unlabelled", [None, np.nan])
def test_text_labels_may_be_missing(unlabelled):
    y = np.array(["a", "b", "c"], dtype=object)[Y]
    y[::3] = unlabelled
    model = make(prior="gaussian_mixture").fit(X, y)
    assert list(model.classes_) == ["a", "b", "c"]
    assert model.prior_.weights == pytest.approx([1 / 3, 1 / 3, 1 / 3], abs=0.02)


def test_minus_one_is_a_class_where_the_caller_says_so():
    y = np.where(Y == 0, -1, 4)
    with pytest.warns(UserWarning, match="Rows of -1 are unlabelled"):
        model = make(prior="gaussian_mixture").fit(X, y)
    assert list(model.classes_) == [4]
    model = make(prior="gaussian_mixture").fit(X, y, classes=[-1, 4])
    assert list(model.classes_) == [-1, 4]


def test_labels_are_ignored_without_components_or_classes():
    expected = make().fit(X).transform(X)
    assert np.array_equal(make().fit(X, Y).transform(X), expected)
    mixture = make(prior="gaussian_mixture")
    alone = clone(mixture).fit(X)
    numbers = clone(mixture).fit(X, X[:, 0] + 0.123)
    assert np.array_equal(alone.transform(X), numbers.transform(X))
    assert not hasattr(numbers, "classes_")
    assert make_pipeline(mixture, Ridge()).fit(X, X[:, 0]).score(X, X[:, 0]) < 1


def test_all_rows_unlabelled():
    model = make(prior="gaussian_mixture").fit(X, np.full(len(X), -1))
    assert not hasattr(model, "classes_")


def test_early_stopping_returns_the_best_epoch():
    options = {"early_stopping": True, "n_iter_no_change": 3, "max_iter": 200}
    model = make(tol=0.02, learning_rate=0.01, linear_skip=False, **options).fit(X)
    losses = [line["valid_loss"] for line in model.history_]
    best, last_best = np.inf, None
    for epoch, loss in enumerate(losses):
        if loss < best - (0.02 if epoch else 0):
            best, last_best = loss, epoch
    assert model.n_iter_ == last_best + 1 + 3 < 200
    # The criterion of the returned weights, but for the exact batch statistics.
    assert model.loss_ < losses[0]


def test_validation_rows_are_watched():
    model = make().fit(X[::2], X_val=X[1::2])
    assert all("valid_loss" in line for line in model.history_)
    assert not any("valid_loss" in line for line in make().fit(X).history_)
    conditional = make(prior="gaussian_mixture")
    conditional.fit(X[::2], Y[::2], X_val=X[1::2], y_val=Y[1::2])
    conditional.fit(X[::2], Y[::2], X_val=X[1::2])


def test_n_init_keeps_the_best():
    options = {"linear_skip": False, "halving": False, "random_state": 0}
    models = [make(n_init=n, **options).fit(X) for n in (1, 2, 4)]
    losses = [model.loss_ for model in models]
    assert losses[0] >= losses[1] >= losses[2]
    assert losses[0] > losses[2]


def test_warm_start_trains_on():
    model = make(warm_start=True).fit(X)
    before = model.transform(X)
    model.fit(X)
    assert model.n_iter_ == 6
    assert not np.array_equal(model.transform(X), before)
    cold = make().fit(X).fit(X)
    assert cold.n_iter_ == 3
    assert np.array_equal(cold.transform(X), before)


def test_partial_fit_learns_from_chunks():
    model = AAETransformer(4, random_state=0)
    for _ in range(15):
        for chunk in np.array_split(DIGITS, 4):
            model.partial_fit(chunk)
    assert model.n_iter_ == 60
    error = np.square(DIGITS - model.reconstruct(DIGITS)).sum()
    assert error < 0.6 * np.square(DIGITS - DIGITS.mean(axis=0)).sum()


def test_weights_count_like_repetitions():
    weight = np.random.RandomState(0).randint(0, 4, size=60)
    rows = X[::3][:50]
    weight = weight[: len(rows)]
    options = {"max_iter": 60, "batch_size": 256, "learning_rate": 1e-3}
    weighted = make(**options).fit(rows, sample_weight=weight)
    repeated = make(**options).fit(rows.repeat(weight, axis=0))
    np.testing.assert_allclose(
        weighted.transform(X), repeated.transform(X), rtol=1e-7, atol=1e-9
    )


def test_weights_matter_in_mini_batches():
    weight = np.where(Y == 0, 1.0, 1e-6)
    model = AAETransformer(1, max_iter=60, batch_size=32, random_state=0)
    model.fit(X, sample_weight=weight)
    error = np.square(X - model.reconstruct(X)).mean(axis=1)
    plain = AAETransformer(1, max_iter=60, batch_size=32, random_state=0).fit(X)
    assert error[Y == 0].mean() < 0.05
    assert error[Y == 2].mean() > 5 * np.square(X - plain.reconstruct(X)).mean()


def test_own_modules_are_copied():
    encoder = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    decoder = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 4))
    before = [p.clone() for p in encoder.parameters()]
    model = make(encoder=encoder, decoder=decoder).fit(X)
    assert all(
        torch.equal(a, b) for a, b in zip(before, encoder.parameters(), strict=True)
    )
    moved = model.net_.module_.networks["encoder"].module
    assert not torch.equal(moved[0].weight.double(), before[0].double())
    assert isinstance(model.encoder_.module, nn.Sequential)


class Recorder(Callback):
    def __init__(self, stop_at=None):
        self.stop_at = stop_at
        self.epochs = 0

    def on_epoch_end(self, net, **kwargs):
        self.epochs += 1
        if self.epochs == self.stop_at:
            raise KeyboardInterrupt


def test_callbacks_and_interrupts():
    recorder = Recorder()
    make(callbacks=[recorder]).fit(X)
    assert recorder.epochs == 3
    model = make(callbacks=[("stop", Recorder(2))], max_iter=50).fit(X)
    assert model.n_iter_ == 2
    assert model.transform(X).shape == (150, 2)


def test_verbose_tells_how_far_it_is(capsys):
    make(verbose=1).fit(X)
    printed = capsys.readouterr().out
    assert "reconstruction" in printed
    assert "critic accuracy" in printed
    make().fit(X)
    assert not capsys.readouterr().out


def test_grid_search_over_pipeline():
    pipeline = make_pipeline(make(), LogisticRegression(max_iter=500))
    grid = {
        "aaetransformer__n_components": [1, 3],
        "aaetransformer__regularizer": ["adversarial", "kl", None],
    }
    search = GridSearchCV(pipeline, grid, cv=2, error_score="raise").fit(X, Y)
    assert search.best_score_ > 0.5
    reducer = make(max_iter=100, regularizer=None)
    unsupervised = GridSearchCV(reducer, {"n_components": [1, 3]}, cv=2)
    unsupervised.fit(np.random.RandomState(0).permutation(X))
    assert unsupervised.best_params_ == {"n_components": 3}


def test_pipeline_transforms_validation_rows():
    scores = cross_val_score(make_pipeline(StandardScaler(), make()), X, cv=2)
    assert np.isfinite(scores).all()


def test_no_warnings_in_ordinary_use():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = make(batch_size=64).fit(X)
        model.transform(X)
        model.sample(3)


@pytest.mark.parametrize(
    ("rows", "columns"), [(2, 1), (3, 2), (129, 3), (257, 1), (20, 300)]
)
def test_tables_of_any_size(rows, columns):
    table = np.random.RandomState(0).normal(size=(rows, columns))
    assert make().fit_transform(table).shape == (rows, 2)


def test_constant_and_huge_columns():
    table = np.column_stack([X, np.full(len(X), 3.0), 1e9 + 1e6 * X[:, 0]])
    model = AAETransformer(4, max_iter=200, random_state=0).fit(table)
    back = model.reconstruct(table)
    np.testing.assert_allclose(back[:, 4], 3.0, atol=0.3)
    assert np.corrcoef(back[:, 5], table[:, 5])[0, 1] > 0.95


def test_codes_of_the_prior_are_judged_as_such_with_few_labels():
    rng = np.random.RandomState(0)
    y = np.full(4000, -1)
    y[:40] = np.arange(40) % 10
    model = AAETransformer(prior="gaussian_mixture", max_iter=1, random_state=0)
    model.fit(rng.normal(size=(4000, 3)), y)
    codes, told = draw_training_prior(model, y, 4000)
    untold = told == -1
    assert 0.97 < untold.mean() < 1
    nearest = np.linalg.norm(codes[:, None] - model.prior_.means.numpy(), axis=2)
    shares = np.bincount(nearest[untold].argmin(axis=1), minlength=10) / untold.sum()
    np.testing.assert_allclose(shares, 0.1, atol=0.03)


def draw_training_prior(model, y, n):
    """Draw what the critic is shown as real, with the labels that it is told."""
    from sklearn_aae.training import Batches

    rows = torch.zeros(len(y), 3)
    labels = torch.as_tensor(y)
    batches = Batches(rows, model.prior_, batch_size=128, seed=0, y=labels)
    codes, told = batches.draw_prior(n, 0)
    return codes.numpy(), told.numpy()


def test_a_short_chunk_leaves_the_statistics_of_the_stream():
    model = AAETransformer(max_iter=30, random_state=0).fit(X)
    model.set_params(learning_rate=1e-12).partial_fit(X[:5])
    total = np.square(X - X.mean(axis=0)).sum()
    assert np.square(X - model.reconstruct(X)).sum() < 0.1 * total


@pytest.mark.parametrize("loss", OBJECTIVES)
def test_critic_accuracy_is_a_half_for_a_blind_critic(loss):
    # No column varies with the code's side: the critic cannot learn in one step.
    model = make(adversarial_loss=loss, gradient_penalty=1.0, max_iter=1)
    model.set_params(learning_rate=1e-9, regularization_strength=0.0)
    accuracy = model.fit(X).history_[-1]["critic_accuracy"]
    assert 0.3 < accuracy < 0.7


def test_universal_posterior_is_judged_by_its_draws():
    model = make(posterior="universal").fit(X)
    q = model.encoder_(torch.as_tensor(model.preprocessor_.transform(X)))
    assert not torch.equal(q.rsample(), q.rsample())
    assert torch.equal(q.mean, q.mean)


def test_training_on_takes_over_the_losses():
    codes = []
    for strength in (1.0, 1e6):
        model = make(warm_start=True).fit(X)
        codes.append(
            model.set_params(regularization_strength=strength).fit_transform(X)
        )
    assert not np.array_equal(*codes)


@pytest.mark.parametrize("sizes", [[16], np.array([16])])
def test_training_on_knows_equal_sizes(sizes):
    model = make(warm_start=True).fit(X)
    assert model.set_params(hidden_layer_sizes=sizes).fit(X).n_iter_ == 6


def test_chunks_of_one_class_and_unlabelled_rows():
    model = make(prior="gaussian_mixture").partial_fit(X, Y)
    model.partial_fit(X, np.where(Y == 1, 1, -1))
    model.partial_fit(X, np.full(len(X), -1))
    model.partial_fit(X)
    assert list(model.classes_) == [0, 1, 2]


@pytest.mark.parametrize(
    "y",
    [
        ["a", "b", None] * 50,
        ["a", "b", np.nan] * 50,
        pd.Series(["a", "b", None] * 50, dtype="string"),
        np.array([["a"], ["b"], [None]] * 50, dtype=object),
    ],
    ids=["None", "nan", "NA", "column"],
)
@pytest.mark.filterwarnings("ignore:A column-vector y")
def test_labels_of_many_forms(y):
    model = make(prior="gaussian_mixture").fit(X, y)
    assert model.classes_.tolist() == ["a", "b"]


def test_nullable_integer_labels():
    y = pd.Series([0, 1, None] * 50, dtype="Int64")
    assert make(prior="gaussian_mixture").fit(X, y).classes_.tolist() == [0, 1]


def test_rows_of_weight_zero_bring_no_class():
    weight = (Y != 1).astype(float)
    model = make(prior="gaussian_mixture").fit(X, Y, sample_weight=weight)
    assert model.classes_.tolist() == [0, 2]


def test_an_interrupt_ends_all_restarts():
    recorder = Recorder(2)
    model = make(callbacks=[recorder], n_init=4, max_iter=20).fit(X)
    assert recorder.epochs == 2
    assert model.n_iter_ == 2
    stopping = make(early_stopping=True, n_iter_no_change=1, n_init=3, tol=10.0)
    recorder = Recorder()
    stopping.set_params(callbacks=[recorder], max_iter=20).fit(X)
    assert recorder.epochs == 6  # two epochs of each restart


def test_early_stopping_keeps_the_model_that_was_judged():
    model = make(early_stopping=True, n_iter_no_change=2, max_iter=30, tol=0.0).fit(X)
    losses = [line["valid_loss"] for line in model.history_]
    assert model.loss_ == pytest.approx(min(losses), rel=1e-6)
