"""What a fit knows of its health: measures, warnings that name a remedy, steps back."""

import pickle
import warnings

import joblib
import numpy as np
import pytest
from scipy.stats import kstest
from sklearn.datasets import load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback

from sklearn_aae import (
    AAEClusterer,
    AAEOutlierDetector,
    AAETransformer,
    ConditionalAAETransformer,
    GANSampler,
    SemiSupervisedAAEClassifier,
)
from sklearn_aae.estimators import _health
from sklearn_aae.persistence import load, save
from sklearn_aae.training import _step_back

X, Y = load_wine(return_X_y=True)
SMALL = {"hidden_layer_sizes": (16,), "random_state": 0}
KINDS = (
    AAETransformer,
    ConditionalAAETransformer,
    SemiSupervisedAAEClassifier,
    AAEClusterer,
    AAEOutlierDetector,
    GANSampler,
)


@pytest.mark.parametrize("kind", KINDS)
def test_fits_with_defaults_are_healthy(kind):
    few = {"n_init": 2} if kind in (AAEClusterer, AAEOutlierDetector) else {}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = kind(random_state=0, **few).fit(X, Y)
    health = model.health_
    assert health["prior_match"] < _health.FAR
    size = getattr(model, "batch_size_", model.batch_size)
    assert health["n_steps"] == model.n_iter_ * -(-178 // size)
    assert not health["held_out"]
    assert health["step_back"] is None
    assert 0.3 < health["critic_accuracy"] < _health.WON
    if kind is GANSampler:
        assert 0.5 < health["sample_variance"] < 2
    else:
        assert health["explained_variance"] > 0.5
        assert health["dead_columns"] == []


def test_measures_are_those_of_the_answers():
    model = AAETransformer(2, **SMALL).fit(X)
    missed = model.preprocessor_.transform(X) - model.preprocessor_.transform(
        model.reconstruct(X)
    )
    explained = 1 - np.square(missed).sum(1).mean() / X.shape[1]
    assert model.health_["explained_variance"] == pytest.approx(explained, abs=0.01)
    lines = [line["critic_accuracy"] for line in model.history_[-10:]]
    assert model.health_["critic_accuracy"] == pytest.approx(np.mean(lines))


def test_held_out_rows_are_those_that_are_tested():
    far = X[:60] + 100 * X.std(0)
    model = AAETransformer(2, max_iter=2, clip=False, **SMALL)
    with pytest.warns(UserWarning, match="far outside"):
        model.fit(X, X_val=far)
    assert model.health_["held_out"]
    assert model.health_["prior_match"] > 0.8
    assert model.health_["prior_match_pvalue"] == 0.01


def test_p_values_are_calibrated():
    """Of equal distributions they are uniform."""
    rng = np.random.RandomState(0)
    found = [
        _health._match(*rng.normal(size=(2, 40, 2)), seed=i)["prior_match_pvalue"]
        for i in range(100)
    ]
    assert kstest(found, "uniform").pvalue > 0.01
    other = _health._match(rng.normal(size=(40, 2)), rng.normal(size=(40, 2)) + 2, 0)
    assert other["prior_match_pvalue"] == 0.01


def test_health_is_plain_and_stored(tmp_path):
    model = AAETransformer(2, max_iter=1, **SMALL).fit(X)
    save(model, tmp_path / "m")
    assert load(tmp_path / "m").health_ == model.health_
    assert pickle.loads(pickle.dumps(model)).health_ == model.health_


# --- warnings -------------------------------------------------------------------------


CASES = [
    (
        AAETransformer(6, prior="categorical", random_state=0),
        r"do not look like draws from the prior: their energy distance is [\d.]+, "
        r"where 0 is best.*so it has won: raise regularization_strength",
    ),
    (
        GANSampler(2, learning_rate=1.0, step_back=False, **SMALL),
        "Drawn rows do not look like the rows.*raise gradient_penalty",
    ),
]


@pytest.mark.parametrize(("model", "message"), CASES, ids=["won", "gan"])
def test_ill_fits_name_the_remedy(model, message):
    with pytest.warns(ConvergenceWarning, match=message) as told:
        model.fit(X)
    assert told[0].filename == __file__


@pytest.mark.filterwarnings("ignore:The codes do not look")
@pytest.mark.parametrize("kind", [AAETransformer, GANSampler])
def test_of_one_row_nothing_is_said(kind):
    model = kind(**SMALL).partial_fit(X[:50])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.partial_fit(X[50:51])
    assert model.health_.get("dead_columns", []) == []
    assert np.isnan(model.health_.get("sample_variance", np.nan))


def test_columns_that_the_rows_do_not_need_die():
    """Rows on a line need one column; the others of a VAE are the prior's alone."""
    line = np.random.RandomState(0).normal(size=(300, 1)) * np.ones((1, 5))
    vae = {"regularizer": "kl", "normalization": None, "learning_rate": 0.01}
    model = AAETransformer(4, max_iter=60, **vae, **SMALL)
    message = r"Columns \[1, 2, 3\] of the code are dead.*Lower n_components, here 4,"
    with pytest.warns(ConvergenceWarning, match=message):
        model.fit(line)
    assert model.health_["dead_columns"] == [1, 2, 3]
    dead = model.transform(line).var(0) < _health.DEAD
    assert dead.tolist() == [False, True, True, True]


ORDINARY = {
    "n_steps": 500,
    "held_out": False,
    "prior_match": 0.05,
    "prior_match_pvalue": 0.3,
    "critic_accuracy": 0.6,
    "explained_variance": 0.7,
    "dead_columns": [],
    "n_labels": 3,
}
FAR = {"prior_match": 0.5, "prior_match_pvalue": 0.01}
COMPLAINTS = [
    (
        AAETransformer,
        FAR,
        r"critic sees too little of it: it tells \d+% .*Raise critic_learning_rate",
    ),
    (AAETransformer, FAR | {"critic_accuracy": None}, "Raise regularization_strength"),
    (AAETransformer, {"explained_variance": 0.01}, "next to nothing.*Lower regular"),
    (
        AAETransformer,
        {"explained_variance": -0.1, "held_out": True},
        "-10.0% of the variance of held-out rows",
    ),
    (GANSampler, {"sample_variance": 0.02}, r"vary by 2\.0% .*generator has collapsed"),
    (SemiSupervisedAAEClassifier, {"n_labels": 1}, "All rows get one label, of 3"),
]


@pytest.mark.parametrize(("kind", "change", "message"), COMPLAINTS)
def test_complaints(kind, change, message):
    model = kind(2, max_iter=1, **SMALL).fit(X, Y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for health in (ORDINARY, ORDINARY | change | {"n_steps": 99}):
            model.health_ = health
            _health.warn_of_health(model)
        if "prior_match" in change:  # without a regularizer there is nothing to match
            model.health_, model.regularizer = ORDINARY | change, None
            _health.warn_of_health(model)
            model.regularizer = "adversarial"
    model.health_ = ORDINARY | change
    with pytest.warns(ConvergenceWarning, match=message):
        _health.warn_of_health(model)


def test_rare_classes_may_have_no_row():
    labels = np.r_[np.zeros(170, dtype=int), np.ones(8, dtype=int)]
    model = SemiSupervisedAAEClassifier(2, max_iter=1, **SMALL).fit(X, labels)
    assert _health._of_labels(model, ORDINARY | {"n_labels": 1}) is None


# --- steps back -----------------------------------------------------------------------


def lines(model):
    return [{k: v for k, v in line.items() if k != "dur"} for line in model.history_]


def weights(model):
    return model._get_state()["nets"][0]["weights"]


@pytest.mark.parametrize("kind", KINDS[:-1])
def test_a_training_that_diverged_steps_back(kind):
    rate = 100.0 if kind is SemiSupervisedAAEClassifier else 10.0
    params = SMALL | {"learning_rate": rate, "max_iter": 10}
    if kind in (AAEClusterer, AAEOutlierDetector):
        params["n_init"] = 2
    with pytest.warns(ConvergenceWarning, match="returned.*Set learning_rate=") as told:
        model = kind(**params).fit(X, Y)
    assert any(str(w.message).startswith("The training diverged") for w in told)
    back = model.health_["step_back"]
    assert back["factor"] in (0.1, 0.1**2, 0.1**3)
    assert model.n_iter_ == 10
    assert np.isfinite(model.loss_)
    assert model.loss_ < 2
    with pytest.warns(ConvergenceWarning) as told:
        alone = kind(**params, step_back=False).fit(X, Y)
    said = [str(w.message).split(":")[0] for w in told]
    if kind is not AAEClusterer:  # whose clusters are empty, too
        assert said == ["The training diverged"]
    assert not alone.loss_ < 2
    # The same training, up to where it returned to.
    assert lines(alone)[: back["epoch"]] == lines(model)[: back["epoch"]]


def wild(**params):
    constant = {"learning_rate_schedule": "constant", "max_iter": 12}
    return AAETransformer(2, **SMALL | constant | params)


def test_it_goes_on_as_with_lower_rates():
    """From the first epoch on it is the training of these rates."""
    with pytest.warns(ConvergenceWarning, match="after 0 epochs") as told:
        model = wild(learning_rate=50.0).fit(X)
    factor = model.health_["step_back"]["factor"]
    assert f"learning_rate={50 * factor:.2g}," in str(told[0].message)
    slow = wild(learning_rate=factor * 50.0).fit(X)
    for name, value in weights(slow).items():
        np.testing.assert_allclose(value, weights(model)[name], rtol=1e-4, atol=1e-5)


def test_rates_that_were_lowered_stay_low():
    net = wild().fit(X).net_
    net.slowdown, net.first_epoch_ = ((0, 0.01), (18, 0.1)), 16
    found = [net.factor(i) for i in range(4)]
    assert found == pytest.approx([0.01, 0.01, 0.001, 0.001])
    assert net.step_back == {"epoch": 18, "factor": pytest.approx(0.001)}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_part_goes_back_to_its_own_beginning_at_most(monkeypatch):
    """Stages and rungs begin with what came before them."""
    begin_again, found = _step_back._begin_again, []

    def watch(job, *given):
        begin_again(job, *given)
        found.append((len(job.net.history), job.net.slowdown[-1][0]))

    monkeypatch.setattr(_step_back, "_begin_again", watch)
    constant = {"learning_rate_schedule": "constant", "max_iter": 40, "n_init": 4}
    options = {"hidden_layer_sizes": (8,), "learning_rate": 100.0, "random_state": 2}
    constant["teacher_strength"] = 0  # neighbours are trusted, and agree in a stage
    rows, labels = np.random.RandomState(0).normal(size=(120, 4)), np.arange(120) % 2
    SemiSupervisedAAEClassifier(2, **constant, **options).fit(rows, labels)
    assert max(begin for begin, _ in found) > 0
    assert all(begin <= at for begin, at in found)


def test_a_stack_steps_back_as_each_alone():
    search = GridSearchCV(wild(), {"learning_rate": [1e-3, 50.0]}, cv=2)
    with pytest.warns(ConvergenceWarning):
        one_by_one = search.fit(X).cv_results_["mean_test_score"]
    with joblib.parallel_config(backend="stacked"), pytest.warns(ConvergenceWarning):
        stacked = search.fit(X).cv_results_["mean_test_score"]
    np.testing.assert_allclose(one_by_one, stacked, rtol=1e-3)
    assert (one_by_one > -1e3).all()


def test_nothing_helps_and_the_first_error_is_raised():
    with pytest.raises(ValueError, match=r"Lower learning_rate.*did not help"):
        wild(learning_rate=1e200).fit(X)
    with pytest.raises(ValueError, match=r"Lower learning_rate[^.]*\(scale[^.]*\.$"):
        wild(learning_rate=1e200, step_back=False).fit(X)


def test_callbacks_are_not_asked_twice():
    with pytest.raises(ValueError, match=r"Lower learning_rate[^.]*\.$"):
        wild(learning_rate=1e200, callbacks=[Callback()]).fit(X)


def test_checkpoints_of_a_step_back(tmp_path):
    with pytest.warns(ConvergenceWarning):
        first = wild(learning_rate=50.0, checkpoint=tmp_path).fit(X)
    kept = {p.name: p.stat().st_mtime_ns for p in tmp_path.iterdir()}
    assert len(kept) > 1  # the trainings that diverged, too
    with pytest.warns(ConvergenceWarning):
        again = wild(learning_rate=50.0, checkpoint=tmp_path).fit(X)
    assert lines(first) == lines(again)
    assert {p.name: p.stat().st_mtime_ns for p in tmp_path.iterdir()} == kept


def test_training_on_begins_at_the_rates_that_are_asked_for():
    params = {"warm_start": True, "learning_rate": 50.0}
    with pytest.warns(ConvergenceWarning):
        model = wild(**params).fit(X)
    before = model.n_iter_
    model.set_params(learning_rate=1e-3).fit(X)
    assert model.health_["step_back"] is None
    assert model.n_iter_ == 2 * before


def test_a_chunk_steps_back_to_the_one_before():
    model = AAETransformer(2, **SMALL)
    for _ in range(4):
        model.partial_fit(X)
    model.set_params(learning_rate=50.0)
    with pytest.warns(ConvergenceWarning, match="returned to what it was after 4 ep"):
        model.partial_fit(X)
    assert model.loss_ < 2
