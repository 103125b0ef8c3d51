"""The knobs of the suite (--device, --dtype), its seeds and its small data."""

import contextlib
import copy
import functools
import io

import numpy as np
import pytest
import torch
from torch import nn

from sklearn_aae.critics import CellCritic, Critic
from sklearn_aae.decoders import DECODERS
from sklearn_aae.encoders import ENCODERS
from sklearn_aae.utils import _random
from sklearn_aae.utils._container import read, write
from sklearn_aae.utils._random import seeded_scope

D, K = 5, 2  # columns and code size of the small networks


def pytest_addoption(parser):
    parser.addoption("--device", default="cpu", help="where networks are tested")
    parser.addoption(
        "--dtype",
        default="float64",
        choices=("float32", "float64"),
        help="precision of networks in the tests",
    )


def pytest_collection_modifyitems(items):
    if torch.cuda.is_available():
        return
    skip = pytest.mark.skip(reason="needs a CUDA device; this machine has none")
    for item in items:
        if item.get_closest_marker("gpu"):
            item.add_marker(skip)


def _ambient() -> dict:
    """What a call of the library must leave as it was."""
    return {
        "torch default dtype": torch.get_default_dtype(),
        "torch threads": torch.get_num_threads(),
        "gradients enabled": torch.is_grad_enabled(),
        "active random streams": _random._ACTIVE.get(),
        "NumPy error handling": np.geterr(),
    }


@pytest.fixture(autouse=True)
def isolated():
    """Seed the global generators inside, put them back, and look for leaks."""
    ambient = _ambient()
    torch_state, numpy_state = torch.random.get_rng_state(), np.random.get_state()
    torch.manual_seed(0)
    np.random.seed(0)
    yield
    torch.random.set_rng_state(torch_state)
    np.random.set_state(numpy_state)
    assert _ambient() == ambient, "the test or the library left something behind"


@pytest.fixture
def rng_untouched():
    """Return a scope that checks the global generators, bit by bit."""

    @contextlib.contextmanager
    def scope():
        torch_state, numpy_state = torch.random.get_rng_state(), np.random.get_state()
        yield
        assert torch.equal(torch.random.get_rng_state(), torch_state), "torch moved"
        after = np.random.get_state()
        assert (after[1] == numpy_state[1]).all(), "NumPy moved"
        assert after[2:] == numpy_state[2:], "NumPy moved"

    return scope


@pytest.fixture(scope="session")
def device(request) -> torch.device:
    return torch.device(request.config.getoption("--device"))


@pytest.fixture(scope="session")
def dtype(request) -> torch.dtype:
    return getattr(torch, request.config.getoption("--dtype"))


@pytest.fixture
def randn(device, dtype):
    """Return a function that draws N(0, 1) of a shape from its own generator."""
    generator = torch.Generator().manual_seed(0)

    def draw(*shape):
        return torch.randn(*shape, dtype=dtype, generator=generator).to(device)

    return draw


@pytest.fixture
def close(dtype):
    """Return a function that asserts equality up to the rounding of the dtype."""
    tolerance = 1e-12 if dtype == torch.float64 else 1e-4
    return functools.partial(
        torch.testing.assert_close, rtol=tolerance, atol=tolerance, check_dtype=False
    )


@pytest.fixture(scope="session")
def stack():
    """Return a function that stacks modules of one shape into a copy of the first."""

    def stack_modules(modules):
        together = copy.deepcopy(modules[0])
        groups = zip(together.modules(), *(m.modules() for m in modules), strict=True)
        for layer, *members in groups:
            for name, value in layer._parameters.items():
                if value is not None:
                    values = [getattr(member, name).detach() for member in members]
                    setattr(layer, name, nn.Parameter(torch.stack(values)))
            for name in layer._buffers:
                values = [getattr(member, name) for member in members]
                layer._buffers[name] = torch.stack(values)
        return together

    return stack_modules


class Repetition:
    """Eight rows that count 0 to 5 times each: by weights, or as copies."""

    counts = torch.tensor([1, 3, 0, 2, 1, 5, 1, 2])

    def weights(self, like):
        """Return row weights that sum to 1."""
        return self.counts.to(like) / self.counts.sum()

    def copies(self, x):
        """Return each row as often as it counts."""
        return x.repeat_interleave(self.counts.to(x.device), 0)


@pytest.fixture(scope="session")
def repetition():
    """Return `Repetition`."""
    return Repetition()


@pytest.fixture
def images():
    """What pictures are like whose networks are made; None of tables."""
    return


@pytest.fixture
def n_features(images):
    """Number of columns, or pixels, of the networks."""
    return D if images is None else images.n_cells


@pytest.fixture
def make_encoder(device, dtype, images, n_features):
    def make(name, seed=0, **options):
        options = {"hidden_layer_sizes": (7, 6), "images": images} | options
        options.setdefault("normalize_head", options.get("normalization") == "batch")
        with seeded_scope(seed):
            encoder = ENCODERS[name](n_features, options.pop("k", K), **options)
        return encoder.to(device, dtype)

    return make


@pytest.fixture
def make_decoder(device, dtype):
    def make(name, seed=0, **options):
        options = {"hidden_layer_sizes": (6, 7)} | options
        with seeded_scope(seed):
            return DECODERS[name](K, D, **options).to(device, dtype)

    return make


@pytest.fixture
def make_critic(device, dtype):
    def make(seed=0, n_classes=0, activation="relu"):
        options = {"n_classes": n_classes, "activation": activation}
        with seeded_scope(seed):
            return Critic(K, (6, 7), **options).to(device, dtype)

    return make


@pytest.fixture
def make_cell_critic(device, dtype):
    def make(seed=0):
        with seeded_scope(seed):
            return CellCritic(D, (6, 7)).to(device, dtype)

    return make


@pytest.fixture
def blobs():
    """Three round clusters: X of shape (90, 5), y of shape (90,)."""
    generator = np.random.RandomState(0)
    y = np.repeat([0, 1, 2], 30)
    X = 4 * generator.normal(size=(3, 5))[y] + generator.normal(size=(90, 5))
    order = generator.permutation(90)
    return X[order], y[order]


@pytest.fixture(scope="session")
def forge():
    """Return what changes a file's manifest and arrays, and renews its hash."""

    def forged(blob, change):
        manifest, stored, _ = read(io.BytesIO(blob))
        arrays = {name: stored[name] for name in stored}
        manifest = change(manifest, arrays) or manifest
        file = io.BytesIO()
        write(file, manifest, arrays)
        return file.getvalue()

    return forged
