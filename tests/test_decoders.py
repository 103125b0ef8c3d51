"""Every decoder by the same tests; a new one is covered by its row in `DECODERS`.

Add its torch likelihood to `LIKELIHOODS`. A decoder of some columns says of them what
the decoder of all says.
"""

from itertools import combinations

import pytest
import torch
from torch import nn
from torch.distributions import Bernoulli, Distribution, Laplace, Normal

from sklearn_aae.decoders import DECODERS, ColumnsDecoder
from sklearn_aae.utils._random import Streams

B, C, D, K = 8, 3, 5, 2  # rows, models in a stack, columns, code size
N = 6  # rows of typed columns
# Numbers, counts, categories of several groups, and more than are one-hot.
SIZES = (0, 3, 0, 70, 4, 0, 9, 2, 100, 3)
COUNTS = (None, None, (0.5, 1.5), None, None, None, None, None, None, None)
CELLS = (0.3, 2.0, 0.1, 66.0, 1.0, -1.2, 8.0, 1.0, 99.0, 0.0)
OPTIONS = {
    "plain": {"hidden_layer_sizes": (5,)},
    "heads": {"n_classes": 3, "class_heads": True},
    "conditional": {"n_classes": 3, "conditional": True, "hidden_layer_sizes": (5,)},
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


# Outputs h of the head to torch's own distribution.
LIKELIHOODS = {
    "gaussian": lambda h: Normal(h, 1),
    "laplace": lambda h: Laplace(h, 1),
    "bernoulli": lambda h: Bernoulli(logits=h, validate_args=False),
}


@pytest.mark.parametrize("name", DECODERS)
def test_decoder_log_prob_is_torchs(name, make_decoder, randn, close):
    decoder, z, x = make_decoder(name), randn(B, K), randn(B, D).sigmoid()
    p, truth = decoder(z), LIKELIHOODS[name](decoder.location(z))
    assert isinstance(p, Distribution)
    assert (p.batch_shape, p.event_shape) == ((B,), (D,))
    close(p.log_prob(x), truth.log_prob(x).sum(-1))
    close(p.mean, truth.mean)


@pytest.mark.parametrize("name", DECODERS)
def test_decoder_treats_all_columns_as_numbers(name, make_decoder, randn, close):
    x = randn(B, D).sigmoid()
    p = make_decoder(name)(randn(B, K))
    close(p.cells(x).sum(-1), p.log_prob(x))
    close(p.balanced_log_prob(x), p.log_prob(x))
    close(p.unexplained(x), (x - p.mean).square().sum(-1))
    assert p.discrete.tolist() == [False] * D
    assert p.by_kind(x, lambda: pytest.fail("no column is discrete")) is x


def test_bernoulli_decoder_is_the_cross_entropy(make_decoder, randn, close):
    decoder, z, x = make_decoder("bernoulli"), randn(B, K), randn(B, D).sigmoid()
    g = decoder(z).mean
    close(decoder(z).log_prob(x), (x * g.log() + (1 - x) * (1 - g).log()).sum(-1))


@pytest.mark.parametrize("sizes", [(), (6, 7)])
@pytest.mark.parametrize("name", DECODERS)
def test_decoder_gradient_reaches_every_parameter(name, sizes, make_decoder, randn):
    decoder = make_decoder(name, hidden_layer_sizes=sizes)
    z = randn(B, K).requires_grad_()
    decoder(z).log_prob(randn(B, D).sigmoid()).sum().backward()
    for key, tensor in (*decoder.named_parameters(), ("code", z)):
        assert tensor.grad.abs().max() > 1e-6, key


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", DECODERS)
def test_decoder_stack_equals_one_by_one(
    name, training, make_decoder, randn, close, stack, device
):
    members = [make_decoder(name, s, dropout=0.3).train(training) for s in range(C)]
    z, x, seeds = randn(C, B, K), randn(C, B, D).sigmoid(), [5, 6, 7]
    with Streams(seeds, device).active():
        p = stack(members)(z)
    for c, member in enumerate(members):
        with Streams(seeds[c], device).active():
            alone = member(z[c])
        close(p.log_prob(x)[c], alone.log_prob(x[c]))
        close(p.mean[c], alone.mean)


@pytest.mark.parametrize("name", DECODERS)
def test_decoder_draws_rows(name, make_decoder, randn):
    p = make_decoder(name)(randn(B, K))
    x = p.sample(torch.Size([4000]))
    assert x.shape == (4000, B, D)
    torch.testing.assert_close(x.mean(0), p.mean, rtol=0, atol=0.12)


@pytest.mark.parametrize("name", DECODERS)
def test_decoder_of_the_user(name, make_decoder, randn, close):
    module = nn.Linear(K, D)
    decoder, z = make_decoder(name, module=module), randn(B, K)
    assert len(list(decoder.parameters())) == 2
    close(decoder.location(z), module(z))
