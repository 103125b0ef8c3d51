"""scikit-learn's own checks, whole, on every public estimator."""

import inspect
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from sklearn.base import clone
from sklearn.utils import estimator_checks, get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.fixes import parse_version

import sklearn_aae

# A hundred fits of the defaults, which are for real tables, take long. The checks ask
# how answers come, hardly what they are worth.
SMALL = {"hidden_layer_sizes": (32,), "critic_hidden_layer_sizes": (32,)}
QUICK = {
    "AAETransformer": {"max_iter": 20},
    "AAEOutlierDetector": {"n_init": 2, "max_iter": 20},
    "AAEClusterer": {"n_init": 2, "max_iter": 30},
    "SemiSupervisedAAEClassifier": {"max_iter": 30},
    "ConditionalAAETransformer": {"max_iter": 20},
    "GANSampler": {"max_iter": 20},
}
ESTIMATORS = [
    value(**SMALL, **QUICK[name])
    for name, value in vars(sklearn_aae).items()
    if inspect.isclass(value)
]

# Checks that scikit-learn runs on its own estimators only. They are not a stable API:
# versions 1.6.1 to 1.9.1 have all of these; one that lacks a check fails here.
INNER_CHECKS = [
    "check_param_validation",
    "check_set_output_transform",
    "check_set_output_transform_pandas",
    "check_set_output_transform_polars",
    "check_global_output_transform_pandas",
    "check_global_set_output_transform_polars",
    "check_dataframe_column_names_consistency",
    "check_get_feature_names_out_error",
    "check_transformer_get_feature_names_out",
    "check_transformer_get_feature_names_out_pandas",
    "check_inplace_ensure_writeable",
]


OF_TRANSFORMERS = {
    name for name in INNER_CHECKS if "output" in name or "feature_names_out" in name
}
INNER_CASES = [
    pytest.param(name, estimator, id=f"{type(estimator).__name__}-{name}")
    for estimator in ESTIMATORS
    for name in INNER_CHECKS
    if name not in OF_TRANSFORMERS or hasattr(estimator, "transform")
]


@parametrize_with_checks(ESTIMATORS)
def test_sklearn_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize(("name", "estimator"), INNER_CASES)
def test_sklearn_inner_checks(name, estimator):
    check = getattr(estimator_checks, name)
    check(type(estimator).__name__, clone(estimator).set_params(max_iter=2))


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
def test_no_check_is_switched_off_by_a_tag(estimator):
    tags = get_tags(estimator)
    assert not tags.non_deterministic
    assert not tags.no_validation
    assert not tags._skip_test


FRAMES = {
    "pandas": pd.DataFrame,
    "polars": pl.DataFrame,
    "arrow": lambda columns: pytest.importorskip("pyarrow").table(columns),
}
ANSWERS = (
    "transform",
    "predict",
    "predict_proba",
    "decision_function",
    "score_samples",
    "reconstruct",
    "localize",
)


@pytest.mark.parametrize("kind", FRAMES)
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
def test_frames_of_all_libraries_answer_as_arrays_do(estimator, kind):
    X = np.random.RandomState(0).normal(size=(60, 3))
    X[:, 0] += 4 * (y := np.arange(60) % 3)
    frame = FRAMES[kind](dict(zip("abc", X.T, strict=True)))
    estimator = clone(estimator).set_params(random_state=0, max_iter=3)
    of_frame, of_array = clone(estimator).fit(frame, y), clone(estimator).fit(X, y)
    assert list(of_frame.feature_names_in_) == ["a", "b", "c"]
    assert not hasattr(of_array, "feature_names_in_")
    answered = [name for name in ANSWERS if hasattr(estimator, name)]
    assert answered or isinstance(estimator, sklearn_aae.GANSampler)
    for name in answered:
        theirs = getattr(of_frame, name)(frame)
        np.testing.assert_allclose(theirs, getattr(of_array, name)(X), err_msg=name)
    drawn = of_frame.sample(4, random_state=1) if hasattr(of_frame, "sample") else frame
    assert isinstance(drawn, type(frame))
    swapped = FRAMES[kind](dict(zip("bac", X.T, strict=True)))
    for name in answered:
        with pytest.raises(ValueError, match="feature names"):
            getattr(of_frame, name)(swapped)


ARRAY_API_CHECKS = """
import traceback
import sklearn_aae
from sklearn.utils import estimator_checks
for name, options in {options}.items():
    estimator = getattr(sklearn_aae, name)(random_state=0, **options)
    try:
        estimator_checks.check_array_api_input_and_values(name, estimator, "numpy")
        estimator_checks.check_array_api_input(name, estimator, "numpy")
    except Exception:
        traceback.print_exc()
    else:
        print(name)
"""


def test_sklearn_array_api_checks():
    # scipy reads the variable on import: the checks need a process of their own.
    options = {name: SMALL | QUICK[name] | {"max_iter": 2} for name in QUICK}
    code = ARRAY_API_CHECKS.format(options=options)
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env=os.environ | {"SCIPY_ARRAY_API": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if "array_api_compat is not installed" in run.stderr:
        assert parse_version(sklearn.__version__) < parse_version("1.7")
        pytest.skip("scikit-learn 1.6 needs array_api_compat for the check")
    assert run.stdout.split() == list(QUICK), run.stderr
