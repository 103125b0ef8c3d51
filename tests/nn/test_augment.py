"""Pictures are moved, cut, turned and mirrored as asked, each in a way of its own."""

import numpy as np
import pytest
import torch
from scipy import ndimage
from sklearn.datasets import load_digits

from sklearn_aae import AAEClusterer, AAETransformer, SemiSupervisedAAEClassifier
from sklearn_aae.encoders import ENCODERS
from sklearn_aae.nn import AUGMENTATIONS, NOISES, ImageLayers, augment
from sklearn_aae.utils._random import Streams, standard_normal, standard_uniform

SHAPE = (20, 10, 2)
X, Y = load_digits().images[:80] / 16, load_digits().target[:80] % 3
SMALL = {"hidden_channels": (2, 2), "max_iter": 2, "random_state": 0}


def drawing(*values, turned=(0.5, 0.5, 0.5)):
    """Return a source of one number, or of one for each column: first, and then."""
    following = iter([values, turned])
    return lambda like: torch.tensor(next(following)).to(like).expand_as(like)


def picture():
    x = torch.zeros(1, *SHAPE, dtype=torch.float64)
    x[0, 4:8, 2:4] = 1.0
    return x.flatten(1)


def test_a_shift_of_whole_pixels_is_exact():
    # The end of the range: two rows, and one column.
    moved = augment(picture(), ["shift"], SHAPE, drawing(0.0)).view(SHAPE)
    expected = torch.zeros(SHAPE, dtype=torch.float64)
    expected[6:10, 3:5] = 1.0
    torch.testing.assert_close(moved, expected)


def test_a_flip_mirrors_left_for_right():
    flat = picture()
    mirrored = augment(flat, ["flip"], SHAPE, drawing(0.4)).view(SHAPE)
    torch.testing.assert_close(mirrored, flat.view(SHAPE).flip(1))
    torch.testing.assert_close(augment(flat, ["flip"], SHAPE, drawing(0.6)), flat)


def test_a_crop_stretches_a_part():
    flat = picture()
    cropped = augment(flat, ["crop"], SHAPE, drawing(0.5)).view(SHAPE)
    # 90 % of both sides, from the middle.
    assert float(cropped.sum()) == pytest.approx(float(flat.sum()) / 0.81, rel=0.05)
    torch.testing.assert_close(augment(flat, ["crop"], SHAPE, drawing(1.0)), flat)


CHANGES = [
    (["shift"], [0.9, 0.9, 0.9, 0.1, 0.7, 0.9]),
    (["crop"], [0.3, 0.1, 0.8, 0.9, 0.9, 0.9]),
    (["crop"], [0.0, 1.0, 0.0, 0.9, 0.9, 0.9]),
    (["crop", "flip"], [0.4, 0.7, 0.2, 0.9, 0.9, 0.1]),
    (["shift", "crop", "flip"], [0.3, 0.1, 0.8, 0.4, 0.9, 0.2]),
]


@pytest.mark.parametrize(("names", "values"), CHANGES)
def test_each_pixel_comes_from_its_place(names, values):
    # Of a plane, what lies between pixels is known.
    place = np.indices(SHAPE[:2]).astype(float)
    plane = torch.from_numpy(1 + place[0] + 100 * place[1])
    flat = torch.stack([plane, -plane], -1).view(1, -1)
    changed = augment(flat, names, SHAPE, drawing(*values)).view(SHAPE)
    share = 0.8 + 0.2 * values[0] if "crop" in names else 1.0
    if "flip" in names and values[5] < 0.5:
        place[1] = 9 - place[1]
    seen = []
    for i, n in enumerate((20, 10)):
        at, crop, shift = place[i], values[1 + i], values[3 + i]
        start = crop * (n - share * n) if "crop" in names else 0.0
        move = 0.1 * n * (2 * shift - 1) if "shift" in names else 0.0
        seen.append(start + move + share * (at + 0.5) - 0.5)
    r, c = seen
    inside = (r >= 0) & (r <= 19) & (c >= 0) & (c <= 9)
    assert inside.mean() > 0.6
    expected = torch.from_numpy(1 + r + 100 * c)
    torch.testing.assert_close(changed[..., 0][inside], expected[inside])
    torch.testing.assert_close(changed[..., 1], -changed[..., 0])


TURNS = {
    "rotate": lambda u: (np.radians(15) * u, 0, 1),
    "shear": lambda u: (0, 0.3 * u, 1),
    "zoom": lambda u: (0, 0, 1.15**u),
}


def turned_by_scipy(image, names, draws, flip):
    """Return a picture turned, slanted and made larger around its middle."""
    angle, slope, zoom = 0.0, 0.0, 1.0
    for name, draw in zip(TURNS, draws, strict=True):
        if name in names:
            a, b, c = TURNS[name](2 * draw - 1)
            angle, slope, zoom = angle + a, slope + b, zoom * c
    # Of (row, column): a turn, then a slant, both as seen from the changed picture.
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    slant = np.array([[1, 0], [slope, 1]])
    matrix = np.diag([1, -1 if flip else 1]) @ turn @ slant / zoom
    middle = (np.array(image.shape) - 1) / 2
    return ndimage.affine_transform(
        image, matrix, middle - matrix @ middle, order=1, mode="grid-constant"
    )


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("names", [*([n] for n in TURNS), list(TURNS)])
@pytest.mark.parametrize("draws", [(0.0, 1.0, 0.9), (0.8, 0.2, 0.1)])
def test_turns_are_those_of_scipy(names, draws, flip):
    x = torch.rand(1, 400, generator=torch.Generator().manual_seed(0)).double()
    changed = augment(
        x,
        names + ["flip"] * flip,
        SHAPE,
        drawing(0.1 if flip else 0.9, turned=draws),
    )
    images = x.view(SHAPE).numpy()
    for c in range(2):
        expected = turned_by_scipy(images[..., c], names, draws, flip)
        np.testing.assert_allclose(changed.view(SHAPE)[..., c], expected, atol=1e-6)


@pytest.mark.parametrize("kind", NOISES)
def test_changed_pictures_are_made_noisy(kind):
    shape = (8, 8, 1)
    options = {"images": ImageLayers(shape, (2,)), "augmentation": AUGMENTATIONS}
    options |= {"input_noise": 0.3, "noise_type": kind}
    encoder = ENCODERS["deterministic"](64, 2, **options).double().train()
    x = torch.from_numpy(X[:12].reshape(12, 64))
    with Streams(3).active():
        found = encoder.corrupt(x)
    sources = {"normal": standard_normal, "uniform": standard_uniform, "shape": shape}
    with Streams(3).active():
        changed = augment(x, AUGMENTATIONS, shape, standard_uniform)
        expected = NOISES[kind](changed, torch.full((1, 1), 0.3).double(), **sources)
    torch.testing.assert_close(found, expected)
    assert not torch.equal(found, changed)


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_pictures_are_changed_in_training_by_the_members_own_stream(name):
    options = {"images": ImageLayers((8, 8, 1), (2,)), "augmentation": (name,)}
    encoder = ENCODERS["deterministic"](64, 2, **options).double()
    x = torch.from_numpy(X[:12].reshape(2, 6, 64))
    with Streams([3, 4]).active():
        together = encoder.train().corrupt(x)
        assert torch.equal(encoder.eval().corrupt(x), x)
    assert not torch.equal(together, x)
    for c, seed in enumerate([3, 4]):
        with Streams(seed).active():
            alone = augment(x[c], (name,), (8, 8, 1), standard_uniform)
        torch.testing.assert_close(together[c], alone, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("compile", [False, True])
def test_estimators_train_on_changed_pictures(compile):
    few = np.where(np.arange(80) < 20, Y, -1)
    options = SMALL | {"compile": compile, "max_iter": 40, "batch_size": 20}
    models = [
        SemiSupervisedAAEClassifier(image_shape=(8, 8), augmentation=a, **options)
        for a in (None, "shift")
    ]
    answers = [model.fit(X, few).predict_proba(X) for model in models]
    assert not np.array_equal(*answers)
    assert models[1].net_.recorded_ == compile
    names = ["flip", "crop", "rotate", "shear", "zoom"]
    model = AAEClusterer(3, image_shape=(8, 8), n_init=2, augmentation=names, **SMALL)
    assert model.fit_predict(X).shape == (80,)
    assert "augmentation" not in AAETransformer().get_params()


def test_what_cannot_be_is_said():
    with pytest.raises(ValueError, match="'turn', which is none of"):
        AAEClusterer(3, image_shape=(8, 8), augmentation=["turn"], **SMALL).fit(X)
    with pytest.raises(ValueError, match="needs image_shape"):
        AAEClusterer(3, augmentation="flip", max_iter=1).fit(X.reshape(80, 64))
