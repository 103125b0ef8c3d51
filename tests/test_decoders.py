"""A decoder of some columns says of them what the decoder of all says."""

from itertools import combinations

import pytest
import torch
from torch import nn

from sklearn_aae.decoders import DECODERS, ColumnsDecoder

N, K = 6, 2
# Numbers, counts, categories of several groups, and more than are one-hot.
SIZES = (0, 3, 0, 70, 4, 0, 9, 2, 100, 3)
COUNTS = (None, None, (0.5, 1.5), None, None, None, None, None, None, None)
CELLS = (0.3, 2.0, 0.1, 66.0, 1.0, -1.2, 8.0, 1.0, 99.0, 0.0)
OPTIONS = {
    "plain": {"hidden_layer_sizes": (5,)},
    "heads": {"n_classes": 3, "class_heads": True},
    "told": {"n_classes": 3, "told": True, "hidden_layer_sizes": (5,)},
}


def make_typed(**options):
    decoder = ColumnsDecoder(
        K, SIZES, range(1, len(SIZES) + 1), COUNTS, **options
    ).double()
    with torch.no_grad():
        decoder.log_size.fill_(0.1)
    return decoder


def ask(decoder, columns, labels):
    """Return the means and the log-probabilities of cells of some columns."""
    n_inputs = K + (decoder.n_classes if decoder.class_heads is not None else 0)
    z = torch.linspace(-1, 1, N * n_inputs, dtype=torch.float64).reshape(N, n_inputs)
    p = decoder(z, labels)
    x = torch.tensor([CELLS[j] for j in columns], dtype=torch.float64)
    return p, p.mean, x.expand(N, -1)


@pytest.mark.parametrize("options", OPTIONS)
def test_typed_columns_alone_are_the_columns_among_all(options):
    decoder = make_typed(**OPTIONS[options])
    labels = torch.arange(N) % 3
    with torch.no_grad():
        everything, means, x = ask(decoder, range(len(SIZES)), labels)
        cells = everything.cells(x)
        for n in (1, 2, 9):
            for columns in combinations(range(len(SIZES)), n):
                alone = decoder.only_columns(columns)
                p, mean, part = ask(alone, columns, labels)
                torch.testing.assert_close(mean, means[:, columns])
                torch.testing.assert_close(p.cells(part), cells[:, columns])
                discrete = everything.discrete[list(columns)]
                assert torch.equal(p.discrete, discrete)
                kinds = p.by_kind(part, lambda p=p, part=part: p.cells(part))
                expected = torch.where(discrete, p.cells(part), part)
                torch.testing.assert_close(kinds, expected, equal_nan=True)
                weighted = decoder.weight[decoder.heads.order.argsort()][list(columns)]
                torch.testing.assert_close(
                    p.balanced_log_prob(part), p.cells(part) @ weighted
                )


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("name", DECODERS)
def test_numbers_alone_are_the_numbers_among_all(name, own):
    module = nn.Linear(K, 5) if own else None
    decoder = DECODERS[name](K, 5, hidden_layer_sizes=(4,), module=module).double()
    with torch.no_grad():
        p, means, x = ask(decoder, range(5), None)
        alone, mean, part = ask(decoder.only_columns([3, 1]), [3, 1], None)
        torch.testing.assert_close(mean, means[:, [3, 1]])
        cells = decoder.cells(means if name != "bernoulli" else means.logit())
        expected = cells.log_prob(x)[:, [3, 1]].sum(-1)
        torch.testing.assert_close(alone.log_prob(part), expected)
    assert p.log_prob(x).shape == (N,)


def test_a_decoder_of_some_columns_shares_tensors_and_draws_nothing():
    decoder = make_typed()
    before = torch.random.get_rng_state()
    alone = decoder.only_columns([3, 1])
    assert torch.equal(before, torch.random.get_rng_state())
    assert alone.heads.large[0] is decoder.heads.large[0]
    assert len(alone.heads.large) == 1
    assert decoder.n_features == len(SIZES)
