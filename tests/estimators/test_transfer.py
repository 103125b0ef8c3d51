"""Style transfer: what moves, what stays, and what is asked of the networks."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax
from sklearn.datasets import load_iris

from sklearn_aae import ConditionalAAETransformer, SemiSupervisedAAEClassifier
from sklearn_aae.estimators._transport import ClassTransport

SMALL = {
    "hidden_layer_sizes": (16,),
    "critic_hidden_layer_sizes": (16,),
    "max_iter": 5,
    "random_state": 0,
}
KINDS = [ConditionalAAETransformer, SemiSupervisedAAEClassifier]


@pytest.fixture(scope="module")
def iris():
    return load_iris(return_X_y=True)


def count_encodings(model):
    """Return a list that grows by one with each pass through the encoder."""
    passes = []
    model._model.encoder.register_forward_hook(lambda *args: passes.append(1))
    return passes


@pytest.mark.parametrize("n_examples", [0, 100])
@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_encoded_once(kind, n_examples, iris):
    X, y = iris
    model = kind(**SMALL, n_examples=n_examples).fit(X, y)
    model.transfer(X, 1)  # training rows are encoded with the first call
    passes = count_encodings(model)
    model.transfer(X, 1)
    assert len(passes) == 1
    model.transfer(X, 1, like=X[:1])
    assert len(passes) == 2
    model.transfer(X, like=X[:1])
    assert len(passes) == 4


@pytest.mark.parametrize("text", [False, True])
def test_likelihoods_of_all_classes_are_those_of_each(text, iris):
    X, y = iris
    X = pd.DataFrame(X, columns=list("abcd")).assign(fixed=1.0)
    X.loc[::7, "b"] = np.nan
    if text:
        X["k"] = np.where(y == 1, "u", "v")
    model = ConditionalAAETransformer(**SMALL).fit(X, y)
    rows = model.columns_.encode(X)
    codes = model.transform(X)
    each = [model.score_samples(X, c) for c in range(3)]
    np.testing.assert_allclose(
        model._model.log_prob_of_classes(rows, codes, 3), np.column_stack(each)
    )


@pytest.mark.parametrize("n_examples", [0, 100])
def test_labels_are_guessed_by_rows_and_styles(n_examples, iris):
    X, y = iris
    X, y = X[:105], y[:105]  # two classes of 50, and one of 5
    model = ConditionalAAETransformer(**SMALL, n_examples=n_examples).fit(X, y)
    codes = model.transform(X)
    log_p = np.column_stack([model.score_samples(X, c) for c in range(3)])
    if n_examples:
        log_p += model._sampler().transport.log_prob(codes)
    else:
        log_p += np.log(np.bincount(y) / len(y))
    found = model._class_probabilities(X, codes)
    np.testing.assert_allclose(found, softmax(log_p, axis=1), atol=1e-9)
    # What is guessed is what rows keep.
    guessed = model.transfer(X, like=X[:1])
    np.testing.assert_array_equal(
        guessed, model.transfer(X, found.argmax(1), like=X[:1])
    )


def test_styles_of_no_class_have_no_class_to_leave(iris):
    X, y = iris
    styles = np.random.RandomState(0).normal(size=(30, 2))
    transport = ClassTransport(styles, np.full(30, -1), np.ones(30), 3)
    log_p = transport.log_prob(styles)
    np.testing.assert_allclose(log_p, np.tile(log_p[:, :1], 3))
    few = np.where(np.arange(150) % 10 == 0, y, -1)
    model = ConditionalAAETransformer(**SMALL, n_examples=1).fit(X, few)
    assert (model._data.examples["labels"] == -1).all()
    for moved in (model.transfer(X, 2), model.transfer(X[:5], like=X[-1:])):
        assert np.isfinite(moved).all()


@pytest.mark.parametrize("kind", KINDS)
def test_dtype_and_row_labels_are_those_of_the_rows(kind, iris):
    X, y = iris
    model = kind(**SMALL).fit(X, y)
    for dtype in (np.float32, np.float64):
        assert model.transfer(X[:3].astype(dtype), 1).dtype == dtype
        assert model.transfer(X[:3].astype(dtype), 1, like=X[:1]).dtype == dtype
    frame = pd.DataFrame(X, columns=list("abcd"))
    model = kind(**SMALL).fit(frame, y)
    some, others = frame[:3].set_axis(list("uvw")), frame[3:6]
    for moved in (model.transfer(some, 1), model.transfer(some, 1, like=others)):
        assert moved.index.tolist() == list("uvw")
        assert moved.columns.tolist() == list("abcd")


@pytest.mark.parametrize("kind", KINDS)
def test_errors_name_the_rows_that_they_are_about(kind, iris):
    X, y = iris
    model = kind(**SMALL).fit(X, y)
    about = f"X has 3 features, but {kind.__name__}"
    with pytest.raises(ValueError, match=f"^like: {about}"):
        model.transfer(X[:5], 1, like=X[:5, :3])
    with pytest.raises(ValueError, match=f"^{about}"):
        model.transfer(X[:5, :3], 1, like=X[:5])
    unknown = np.where(np.arange(4) == 1, np.inf, X[:1])
    with pytest.raises(ValueError, match=r"^like: Input X contains infinity"):
        model.transfer(X[:5], like=unknown)
