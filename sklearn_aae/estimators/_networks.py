"""From an estimator's parameters to the recipe that its net trains."""

import copy
import functools
import math
from collections.abc import Callable

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from sklearn_aae.decoders import (
    DECODERS,
    PIXEL_DECODERS,
    ColumnsDecoder,
    Decoder,
    PixelDecoder,
)
from sklearn_aae.encoders import ENCODERS, Encoder
from sklearn_aae.estimators._data import TrainingData
from sklearn_aae.estimators._images import image_layers
from sklearn_aae.estimators._linear_start import LinearStart, linear_start
from sklearn_aae.estimators._parameters import check_sizes
from sklearn_aae.nn import AUGMENTATIONS, EmbedColumns, HoldConstants
from sklearn_aae.priors import Prior
from sklearn_aae.tabular import TableSchema
from sklearn_aae.utils._compat import InvalidParameterError
from sklearn_aae.utils._random import seeded_scope

# Share of the cells of incomplete columns that input_dropout="auto" hides.
HIDDEN_SHARE = 0.25
# Gaussian noise of pictures, at most, in ranges of their pixels.
MOST_NOISE = 3
# Units of a hidden layer by default.
LEAST_UNITS, MOST_UNITS = 64, 256
# Prior samples that set where codes start.
N_MOMENT_DRAWS = 1000


def reconstruction_weight(k: int) -> float:
    """Return the weight of the reconstruction, a mean over columns: 2 k³, at most 1000.

    A mean, so that a strength means the same for tables of any width. The pull of the
    reconstruction on a code of k columns falls with k, the generator's hardly. Weights
    of this size keep the two of one order at the end of training (ratios of 1.2 to 4.2
    on digits, breast cancer and wine, k = 2 to 16, weights 8 to 2048).
    """
    return min(2.0 * k**3, 1000.0)


def hidden_sizes(estimator, schema: TableSchema) -> tuple[int, ...]:
    """Return the units of the hidden layers; "auto" is two layers for the columns.

    h = 2 d, rounded up to a power of two, within `LEAST_UNITS` and `MOST_UNITS`, for d
    columns, of which one of m categories counts log2(m). Wider ones cost the square.
    """
    if not isinstance(estimator.hidden_layer_sizes, str):
        return check_sizes(estimator, "hidden_layer_sizes")
    h = 2 ** math.ceil(math.log2(2 * schema.n_digits))
    return (min(max(h, LEAST_UNITS), MOST_UNITS),) * 2


def make_encoder(
    estimator,
    schema: TableSchema,
    prior: Prior,
    n_classes: int = 0,
    dropout: float | None = None,
) -> Encoder:
    """Build q(z|x), or q(y, z|x) for labels of `n_classes`, as the parameters say.

    Another share of hidden units is dropped, if one is given.
    """
    kind = ENCODERS[posterior_of(estimator)]
    encoder = kind(
        schema.n_features,
        estimator.n_components,
        hidden_layer_sizes=hidden_sizes(estimator, schema),
        normalization=estimator.normalization,
        # A plain autoencoder has no prior to take a scale from. Layer normalisation
        # would put codes of few columns on a sphere.
        normalize_head=estimator.regularizer is not None
        and estimator.normalization == "batch",
        activation=estimator.activation,
        dropout=estimator.dropout if dropout is None else dropout,
        support=prior.support,
        n_classes=n_classes,
        input_noise=noise_amount(estimator),
        noise_type=estimator.noise_type,
        augmentation=augmentations(estimator),
        input_dropout=hidden_share(estimator.input_dropout, schema),
        linear_skip=has_skip(estimator, prior),
        images=image_layers(estimator),
        columns=make_columns(schema),
        constants=make_constants(schema),
        module=copy.deepcopy(estimator.encoder),
    )
    if estimator.encoder is not None:
        check_module("encoder", encoder)
    elif encoder.head.norm is not None and prior.support == "real":
        _start_at_moments(encoder.head.norm, prior)
    return encoder


def augmentations(estimator) -> tuple[str, ...]:
    """Return how pictures are changed in training; raise ValueError if that is unknown.

    Of tables there is nothing to change.
    """
    asked = estimator.augmentation
    names = (asked,) if isinstance(asked, str) else tuple(asked or ())
    unknown = [name for name in names if name not in AUGMENTATIONS]
    if unknown:
        raise InvalidParameterError(
            f"augmentation={asked!r} has {unknown[0]!r}, which is none of "
            f"{AUGMENTATIONS}."
        )
    if names and estimator.image_shape is None:
        raise ValueError(
            f"augmentation={asked!r} is of pictures: it needs image_shape."
        )
    return names


def noise_amount(estimator) -> float:
    """Return `input_noise`; raise ValueError if `noise_type` cannot be of it."""
    amount, kind = estimator.input_noise, estimator.noise_type
    if kind == "mask" and estimator.image_shape is None:
        raise ValueError(
            "noise_type='mask' covers parts of pictures, and needs image_shape. Use "
            "input_dropout to hide cells of tables."
        )
    if kind != "gaussian" and amount >= 1:
        raise ValueError(
            f"input_noise={amount} is the share of a row that noise_type={kind!r} "
            "replaces: it must be below 1."
        )
    if estimator.image_shape is not None and amount > MOST_NOISE:
        raise ValueError(
            f"input_noise={amount} is the standard deviation of noise on pixels that "
            f"are scaled to [0, 1]: above {MOST_NOISE} it hides the pictures. Of grey "
            f"levels up to 255, pass {amount} / 255."
        )
    return amount


def hidden_share(
    input_dropout: float | str, schema: TableSchema
) -> float | list[float]:
    """Return the share of cells to hide in training: "auto" is of incomplete columns.

    Whether a reconstruction fills a hole is trained only where a cell that is known was
    hidden. The other columns are not touched: nothing of theirs is to be filled.
    """
    if not isinstance(input_dropout, str):
        return input_dropout
    if not any(schema.incomplete):
        return 0.0
    return [HIDDEN_SHARE * incomplete for incomplete in schema.incomplete]


def has_skip(estimator, prior: Prior) -> bool:
    """Whether networks have a linear skip: codes on a simplex have none."""
    return estimator.linear_skip and prior.support == "real"


def start_linearly(estimator, data: TrainingData, prior: Prior) -> Callable[..., None]:
    """Return what lets a linear skip begin at principal components.

    They are computed once for all restarts, and only if networks are built to be
    trained: those that are loaded have their weights.
    """

    @functools.cache
    def start() -> LinearStart:
        with seeded_scope(0):  # the draws of the networks stay as they are
            moments = moments_of(prior)
            return linear_start(make_columns(data.schema), data.rows, moments)

    def begin(encoder: Encoder, decoder: Decoder) -> None:
        if data.rows is None or not has_skip(estimator, prior):
            return
        if encoder.module is None:
            start().encoder(encoder)
        if decoder.module is None:
            start().decoder(decoder)

    return begin


def make_columns(schema: TableSchema) -> EmbedColumns | None:
    """Build what typed columns go through before they enter a network."""
    if schema.plain:
        return None
    return EmbedColumns(schema.n_categories, schema.means, schema.incomplete)


def make_constants(schema: TableSchema) -> HoldConstants | None:
    """Build what holds columns without variance, if there are any."""
    if all(constant is None for constant in schema.constants):
        return None
    return HoldConstants(schema.constants, schema.incomplete)


@torch.no_grad()
def _start_at_moments(norm: nn.Module, prior: Prior) -> None:
    """Let a normalised head start at the prior's mean and standard deviation."""
    mean, std = moments_of(prior)
    norm.weight.copy_(std)
    norm.bias.copy_(mean)


def moments_of(prior: Prior) -> tuple[torch.Tensor, torch.Tensor]:
    """Return mean and standard deviation of a prior's columns."""
    std, mean = torch.std_mean(prior.draw(N_MOMENT_DRAWS), dim=0)
    return mean, std


def posterior_of(estimator) -> str:
    """Return the posterior: the variational loss needs a density."""
    if estimator.regularizer != "kl":
        return estimator.posterior
    if estimator.posterior == "universal":
        raise ValueError(
            "regularizer='kl' needs the density of the posterior, and "
            "posterior='universal' has none. Use posterior='gaussian'."
        )
    return "gaussian"


def make_decoder(
    estimator,
    schema: TableSchema,
    prior: Prior,
    dropout: float | None = None,
    **labels,
) -> Decoder:
    """Build p(x|z) as the estimator's parameters say, with a decoder's `labels`."""
    name = (
        "gaussian" if estimator.reconstruction == "auto" else estimator.reconstruction
    )
    options = {
        "hidden_layer_sizes": hidden_sizes(estimator, schema)[::-1],
        "activation": estimator.activation,
        "dropout": estimator.dropout if dropout is None else dropout,
        "module": copy.deepcopy(estimator.decoder),
        "linear_skip": has_skip(estimator, prior),
        "images": image_layers(estimator),
        **labels,
    }
    k, d = estimator.n_components, schema.n_features
    if options["images"] is not None:
        kind = PIXEL_DECODERS[name]
        if issubclass(kind, PixelDecoder):
            options["scale"] = math.sqrt(schema.total_variance / schema.n_varying)
        decoder = kind(k, d, **options)
    elif name not in DECODERS:
        raise ValueError(
            f"reconstruction={name!r} needs image_shape: it is of pixels alone. Use "
            f"one of {sorted(DECODERS)} for tables."
        )
    elif schema.plain:
        decoder = DECODERS[name](k, d, **options)
    else:
        columns = schema.n_categories, schema.weights, schema.counts
        decoder = ColumnsDecoder(k, *columns, numeric=name, **options)
    if estimator.decoder is not None:
        check_module("decoder", decoder)
    return decoder


def check_module(name: str, network: Encoder | Decoder) -> None:
    """Try the user's network on two rows of zeros, in the dtype of the answers.

    Parameters
    ----------
    name : str
        Name of the estimator's parameter.

    network : Encoder or Decoder
        Says how many columns go in and come out of its ``module``.

    Raises
    ------
    ValueError
        If it has nothing to train, or other columns.
    """
    module, n_in, n_out = network.module, network.n_inputs, network.n_outputs
    assert module is not None
    if next(module.parameters(), None) is None:
        raise ValueError(f"The '{name}' module has no parameters to train.")
    if any(is_lazy(parameter) for parameter in module.parameters()):
        raise ValueError(
            f"The '{name}' module has uninitialized parameters. Pass a row through it "
            "first, or give its layers their sizes."
        )
    rows = torch.zeros(2, n_in, dtype=torch.float64)
    try:
        with torch.no_grad():
            out = copy.deepcopy(module).double().eval()(rows)
    except Exception as error:  # whatever the user's code raises
        raise ValueError(
            f"The '{name}' module must take rows of {n_in} columns, in float32 and, "
            f"after module.double(), in float64. It failed on a float64 input of shape "
            f"(2, {n_in}): {error}"
        ) from error
    if not isinstance(out, torch.Tensor):
        raise ValueError(
            f"The '{name}' module must return a tensor. It returned "
            f"{type(out).__name__}."
        )
    if tuple(out.shape) != (2, n_out):
        raise ValueError(
            f"The '{name}' module must map rows of {n_in} columns to {n_out}. It "
            f"returned shape {tuple(out.shape)} for an input of shape (2, {n_in})."
        )
