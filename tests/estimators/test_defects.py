"""Defects of pictures: found, and shown where they are."""

import pickle

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score

from sklearn_aae import AAEOutlierDetector
from sklearn_aae.estimators._health import complaints_of
from sklearn_aae.estimators.outliers._heat import LEAST_ERROR, heat, hottest
from sklearn_aae.estimators.outliers._held_out import hold_out
from sklearn_aae.utils._compat import InvalidParameterError

X = load_digits().images / 16
QUICK = {"n_init": 2, "max_iter": 15, "random_state": 0}


def inverted(pictures, seed=0):
    """Return pictures with an inverted patch of 2 x 2 pixels each, and the masks."""
    rng, damaged = np.random.RandomState(seed), pictures.copy()
    for picture in damaged:
        i, j = rng.randint(7, size=2)
        picture[i : i + 2, j : j + 2] = 1 - picture[i : i + 2, j : j + 2]
    return damaged, np.abs(damaged - pictures) > 0.1


@pytest.fixture(scope="module")
def detector():
    return AAEOutlierDetector(image_shape=(8, 8), **QUICK).fit(X[:1400])


def test_defects_are_hot_and_pictures_with_them_outliers(detector):
    damaged, masks = inverted(X[1400:])
    found = detector.localize(damaged)
    assert found.shape == damaged.shape
    assert (found >= 0).all()
    assert roc_auc_score(masks.ravel(), found.ravel()) > 0.9
    # Better than the squared error of one reconstruction, place by place.
    missed = (damaged - detector.reconstruct(damaged)) ** 2
    plain = roc_auc_score(masks.ravel(), missed.ravel())
    assert roc_auc_score(masks.ravel(), found.ravel()) > plain
    scores = np.r_[detector.score_samples(X[1400:]), detector.score_samples(damaged)]
    assert roc_auc_score(np.arange(len(scores)) < len(damaged), scores) > 0.75
    assert detector.predict(X[1400:]).mean() > detector.predict(damaged).mean()


def test_heat_is_error_against_the_usual_error_over_windows():
    generator = torch.Generator().manual_seed(0)
    residual = torch.rand(3, 8 * 9 * 2, generator=generator, dtype=torch.float64)
    usual = torch.rand(8 * 9 * 2, generator=generator, dtype=torch.float64)
    found = heat(residual, usual, (8, 9, 2))
    r = residual.view(3, 8, 9, 2).mean(-1).numpy()
    u = usual.view(8, 9, 2).mean(-1).numpy()
    expected = np.log1p(r / (u + LEAST_ERROR))
    for sigma, n in ((1, 3), (2, 6)):
        blur = {"mode": "nearest", "truncate": n / sigma}
        part = gaussian_filter(r, (0, sigma, sigma), **blur)
        expected += np.log1p(part / (gaussian_filter(u, sigma, **blur) + LEAST_ERROR))
    expected = torch.from_numpy(expected / 3).unsqueeze(-1).expand(3, 8, 9, 2)
    torch.testing.assert_close(found, expected.flatten(1))
    windows = heat(residual, usual, (8, 9, 2), places=False)
    alone = np.log1p(r / (u + LEAST_ERROR))
    rest = (3 * expected[..., 0] - torch.from_numpy(alone)) / 2
    torch.testing.assert_close(windows[:, ::2], rest.flatten(1))


def test_pictures_are_scored_by_their_hottest_places():
    cells = torch.arange(200.0).expand(2, 200)
    assert hottest(cells, 1).tolist() == [198.5, 198.5]
    assert hottest(torch.arange(10.0)[None], 1).tolist() == [9.0]
    # 1 % of 200 places, not of their cells, which are alike.
    assert hottest(cells.repeat_interleave(3, -1), 3).tolist() == [198.5, 198.5]


def test_scores_are_the_hottest_windows():
    options = {"n_init": 1, "max_iter": 2, "random_state": 0}
    options |= {"score_method": "reconstruction", "image_shape": (8, 8), "clip": False}
    model = AAEOutlierDetector(**options).fit(X[:80])
    (member,) = model.members_
    flat = X[80:110].reshape(30, 64)
    residual = (flat - model.reconstruct(flat)) ** 2
    parts = torch.from_numpy(residual), torch.from_numpy(member.usual)
    expected = -hottest(heat(*parts, (8, 8, 1), places=False), 1).numpy()
    np.testing.assert_allclose(model.score_samples(flat), expected, rtol=1e-5)


def test_scores_and_maps_ask_what_they_name():
    options = {"n_init": 1, "max_iter": 2, "random_state": 0, "image_shape": (8, 8)}
    model = AAEOutlierDetector(**options, score_method="replacement").fit(X[:80])
    (member,) = model.members_
    dtype = next(member.cell_critic.parameters()).dtype
    rows = torch.from_numpy(X[80:110].reshape(30, 64)).to(dtype)
    with torch.no_grad():
        nats = -(-member.cell_critic(rows)).sigmoid().log().double().numpy()
        surprise = member.cells(rows).double().numpy()
    flat, found = X[80:110].reshape(30, 64), {}
    for by in ("reconstruction", "replacement", "both", "auto"):
        found[by] = model.set_params(localize_by=by).localize(flat)
    expected = {
        "reconstruction": surprise,
        "replacement": nats,
        "both": (surprise * nats) ** 0.5,
    }
    for by, cells in expected.items():
        np.testing.assert_allclose(found[by], cells, rtol=1e-4, atol=1e-6)
    assert np.array_equal(found["auto"], found["both"])
    expected = -np.sort(nats, 1)[:, -1:].mean(1)
    np.testing.assert_allclose(model.score_samples(flat), expected, rtol=1e-4)


def test_combined_is_of_reconstruction_and_replacement():
    options = {"n_init": 1, "max_iter": 2, "random_state": 0, "image_shape": (8, 8)}
    model = AAEOutlierDetector(**options).fit(X[:80])
    assert model._scored_by == ("combined", ("reconstruction", "replacement"))
    without = AAEOutlierDetector(**options, localize_by="reconstruction").fit(X[:80])
    assert without._scored_by == ("combined", ("reconstruction",))
    assert without.members_[0].cell_critic is None
    table = AAEOutlierDetector(score_method="replacement", n_init=1, max_iter=1)
    assert table.fit(X.reshape(len(X), -1)[:80]).members_[0].cell_critic is not None


def test_auto_is_of_pictures_and_of_tables():
    pictures = AAEOutlierDetector(image_shape=(8, 8), max_iter=1).fit(X[:80])
    assert [m.encoder.n_components for m in pictures.members_] == [4, 16]
    for member in pictures.members_:
        assert member.encoder.noise_type == "mask"
        assert float(member.encoder.input_noise) == pytest.approx(0.1)
    flat = X[:80].reshape(80, 64)
    table = AAEOutlierDetector(max_iter=1).fit(flat)
    assert [m.encoder.n_components for m in table.members_] == [1, 1, 1, 1, 4, 4]
    assert not any(m.cell_critic for m in table.members_)
    assert not any(m.encoder.noisy for m in table.members_)
    options = {"input_noise": 0.2, "noise_type": "salt_and_pepper", "n_components": 3}
    own = AAEOutlierDetector(image_shape=(8, 8), max_iter=1, n_init=1, **options)
    (member,) = own.fit(X[:80]).members_
    assert member.encoder.noise_type == "salt_and_pepper"
    assert member.encoder.n_components == 3


def test_channels_share_their_place():
    colour = np.stack([X[:80], 1 - X[:80], X[:80]], -1)
    options = {"n_init": 1, "max_iter": 2, "random_state": 0}
    model = AAEOutlierDetector(image_shape=(8, 8, 3), **options).fit(colour)
    (member,) = model.members_
    dtype = next(member.cell_critic.parameters()).dtype
    rows = torch.from_numpy(colour[:5].reshape(5, -1)).to(dtype)
    with torch.no_grad():
        nats = -(-member.cell_critic(rows)).sigmoid().log().double()
    missed = (colour[:5] - model.set_params(clip=False).reconstruct(colour[:5])) ** 2
    parts = torch.from_numpy(missed).flatten(1), torch.from_numpy(member.usual)
    expected = {
        "replacement": nats.view(5, 8, 8, 3).mean(-1).numpy(),
        "reconstruction": heat(*parts, (8, 8, 3)).view(5, 8, 8, 3)[..., 0].numpy(),
    }
    for by, places in expected.items():
        found = model.set_params(localize_by=by).localize(colour[:5])
        assert found.shape == (5, 8, 8, 3)
        for channel in np.moveaxis(found, -1, 0):
            np.testing.assert_allclose(channel, places, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        ({"localize_by": "reconstruction"}, "replacement"),
        ({"localize_by": "reconstruction"}, "both"),
        ({}, "map"),
    ],
)
def test_what_was_not_trained_is_not_localized_by(options, wrong):
    small = {"n_init": 1, "max_iter": 1, "image_shape": (8, 8)}
    model = AAEOutlierDetector(**small, **options).fit(X[:40])
    expected = model.localize(X[:5])
    with pytest.raises(InvalidParameterError, match="was fitted for, which is rec"):
        model.set_params(localize_by=wrong).localize(X[:5])
    model.score_samples(X[:5])  # does not ask it
    again = model.set_params(localize_by=options.get("localize_by", "auto"))
    assert np.array_equal(again.localize(X[:5]), expected)


def test_few_pictures_have_as_many_steps():
    options = {"n_init": 1, "hidden_channels": (2,), "random_state": 0}
    pictures = AAEOutlierDetector(image_shape=(8, 8), **options).fit(X[:20])
    assert pictures.n_iter_ == 600  # one step each
    table = AAEOutlierDetector(n_init=1, random_state=0).fit(X[:20].reshape(20, 64))
    assert table.n_iter_ == 100


def test_new_pictures_are_flagged_as_often_as_few_held_out():
    """Few training pictures are known by heart: all others were flagged."""
    threes = X[load_digits().target == 3]
    rates, known = [], []
    for seed in range(2):
        order = np.random.RandomState(seed).permutation(len(threes))
        train, new = threes[order[:60]], threes[order[60:]]
        model = AAEOutlierDetector(image_shape=(8, 8), random_state=seed).fit(train)
        rates.append((model.predict(new) == -1).mean())
        held = hold_out(train, None, "auto", pictures=True)
        assert (model.predict(train[held]) == -1).sum() <= 2
        known.append((model.predict(train[~held]) == -1).mean())
    assert 0.02 < np.mean(rates) < 0.2
    assert max(known) == 0


@pytest.mark.parametrize(
    ("n", "held"),
    [(9, 0), (10, 3), (60, 20), (90, 20), (300, 50), (600, 60), (20_000, 1000)],
)
def test_pictures_held_out(n, held):
    found = hold_out(np.empty((n, 4)), None, "auto", pictures=True)
    assert (0 if found is None else found.sum()) == held
    assert hold_out(np.empty((n, 4)), None, "auto", pictures=False) is None
    if held:  # one of each part
        begins = np.arange(held + 1) * n // held
        parts = np.searchsorted(begins, np.flatnonzero(found), side="right")
        assert (parts == np.arange(1, held + 1)).all()


def test_only_what_is_asked_of_codes_is_said_to_be_ill():
    options = {"n_init": 1, "max_iter": 1, "image_shape": (8, 8)}
    model = AAEOutlierDetector(**options).fit(X[:80])
    ill = {"n_steps": 500, "prior_match": 1.0, "prior_match_pvalue": 0.0}
    model.health_ = model.health_ | ill | {"dead_columns": [1], "explained_variance": 1}
    assert complaints_of(model) == []
    by_prior = AAEOutlierDetector(**options, score_method="prior").fit(X[:80])
    by_prior.health_ = model.health_
    assert len(complaints_of(by_prior)) == 2


def test_stored_detectors_answer_the_same(detector):
    stored = pickle.loads(pickle.dumps(detector))
    damaged, _ = inverted(X[1400:1440])
    assert np.array_equal(stored.localize(damaged), detector.localize(damaged))
    assert np.array_equal(
        stored.score_samples(damaged), detector.score_samples(damaged)
    )
