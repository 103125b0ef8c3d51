"""Whether what a file asks for is as large as what it holds, before memory is taken."""

import math
from collections.abc import Collection, Iterator
from itertools import pairwise
from numbers import Integral

import numpy as np
import torch
from torch import nn

from sklearn_aae.estimators import BaseModel, TrainingData
from sklearn_aae.estimators._gan import GANSampler
from sklearn_aae.estimators._signature import shaping_parameters
from sklearn_aae.priors import Prior
from sklearn_aae.utils._container import RefusedFileError

# Of these products are looked at: where nothing is built by one, it may be any number.
LAYERS = {"hidden_layer_sizes", "critic_hidden_layer_sizes", "hidden_channels"}


def check_sizes(kind: type[BaseModel], state: dict) -> None:
    """Raise RefusedFileError if parameters ask for larger networks than are stored.

    The networks are built by the parameters, and then get the stored weights: of other
    shapes, that fails, but a billion units would have been built before.

    Parameters
    ----------
    kind : type
        An estimator of this library.

    state : dict
        Of a fitted one, or one that is not.
    """
    if "_state" not in state:
        return
    data = TrainingData(**state["_data"])
    params, schema = data.params, data.schema
    nets = [net["weights"] for net in state["_state"]["nets"]]
    shapes = [array.shape for weights in nets for array in weights.values()]
    widest = max(n for shape in shapes for n in shape)
    most = max(sum(array.size for array in weights.values()) for weights in nets)
    for name in shaping_parameters(kind) - LAYERS:
        value = params.get(name)  # an earlier version did not have all of them
        if type(value) is int and value > widest:
            raise RefusedFileError(
                f"Its {name}={value} is larger than any of its weights."
            )
    pairs = zip(schema.n_categories, data.columns.n_categories, strict=True)
    if any(stated > held for stated, held in pairs):
        raise RefusedFileError("Its columns have fewer categories than it says.")
    shape = params.get("image_shape")
    if shape is not None and math.prod(shape) != schema.n_features:
        raise RefusedFileError("Its image_shape is not that of its columns.")
    names = {name for weights in nets for name in weights}
    for name, n_least in _least_weights(kind, params, schema.n_features, names):
        if n_least > most:
            raise RefusedFileError(
                f"Its {name}={params[name]!r} has more weights than it holds."
            )


def _least_weights(
    kind: type[BaseModel], params: dict, n_features: int, weights: Collection[str]
) -> Iterator[tuple[str, int]]:
    """Yield parameters, and how many weights the layers that they say have at least.

    Parameters
    ----------
    kind : type
        An estimator of this library.

    params : dict
        Its parameters.

    n_features : int
        Columns of its rows.

    weights : collection of str
        Names of those that it has.
    """
    pictures = params.get("image_shape") is not None
    own = all(params.get(name) is not None for name in ("encoder", "decoder"))
    if not own:  # else nothing is built by it
        first = "hidden_channels" if pictures else "hidden_layer_sizes"
        sizes = _sizes(params[first])
        # A generator ends at the rows, an encoder begins there.
        sizes = sizes[::-1] if issubclass(kind, GANSampler) else sizes
        yield first, _n_weights([1 if pictures else n_features, *sizes, 1])
    of_cells = {name for name in weights if "cell_critic" in name}
    used = []
    if any("critic" in name for name in {*weights} - of_cells):
        critic = "critic_hidden_layer_sizes"
        used += ["hidden_layer_sizes" if params.get(critic) is None else critic]
    if of_cells and not pictures:
        used += ["hidden_layer_sizes"]
    for name in used:
        yield name, _n_weights([*_sizes(params[name]), 1])


def _sizes(given) -> list[int]:
    """Return the layers that a parameter says; none if it says "auto", or nothing."""
    values = given if np.ndim(given) == 1 else [given]
    return [max(1, int(value)) for value in values if isinstance(value, Integral)]


def _n_weights(sizes: list[int]) -> int:
    return sum(a * b for a, b in pairwise(sizes))


def restore_prior(kind: type[Prior], state: dict) -> Prior:
    """Return a prior of this library; raise RefusedFileError if it lacks its tensors.

    Parameters
    ----------
    kind : type
        Of the prior.

    state : dict
        Its attributes.
    """
    prior = kind.__new__(kind)
    nn.Module.__setstate__(prior, state)
    if not prior._derives:
        return prior
    found = {name: buffer.shape for name, buffer in prior._buffers.items()}
    most = sum(math.prod(shape) for shape in found.values())
    if (
        max(prior.n_components if prior.n_classes is None else prior.n_classes, 0)
        > most
    ):
        raise RefusedFileError(f"It holds a {kind.__name__} without its tensors.")
    with torch.device("meta"):
        expected = {name: tensor.shape for name, tensor in prior._tensors().items()}
    if found != expected:
        raise RefusedFileError(f"It holds a {kind.__name__} with other tensors.")
    return prior
