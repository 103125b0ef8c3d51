"""Typed columns in and out of networks, against one column at a time."""

import numpy as np
import pytest
import torch
from torch.distributions import Categorical, Normal

from sklearn_aae.decoders import ColumnsDecoder
from sklearn_aae.nn import ColumnHeads, EmbedColumns
from sklearn_aae.nn._columns import MAX_ONE_HOT

# Two groups of categorical columns, numbers between them, and one of many categories.
SIZES = (0, 3, 2, 0, 8, 100, 5, 2)
MISSING = (False, True, False, True, False, True, False, False)


@pytest.fixture
def cells():
    """Rows with holes in the columns that may have some."""
    rng = np.random.RandomState(0)
    columns = [rng.normal(size=40) if not m else rng.randint(m, size=40) for m in SIZES]
    x = torch.tensor(np.stack(columns, 1), dtype=torch.float64)
    holes = torch.tensor(rng.uniform(size=x.shape) < 0.3) & torch.tensor(MISSING)
    return torch.where(holes, x.new_tensor(torch.nan), x)


def test_embedding_is_one_column_after_the_other(cells):
    means = [0.5] * len(SIZES)
    embed = EmbedColumns(SIZES, means, MISSING).double()
    out = embed(cells)
    number = cells[:, [0, 3]].nan_to_num(0.5)
    hot = []
    for j, m in enumerate(SIZES):
        if 0 < m <= MAX_ONE_HOT:
            code = torch.where(cells[:, j].isnan(), m, cells[:, j]).long()
            hot.append(torch.eye(m + 1)[code][:, :m])
    holes = cells[:, list(MISSING)].isnan()
    many = cells[:, 5]
    rows = embed.tables[0][many.nan_to_num(0.0).long()] * ~many.isnan()[:, None]
    truth = torch.cat([number, *hot, holes, rows], 1)
    assert out.shape[1] == embed.n_outputs
    torch.testing.assert_close(out, truth, rtol=0, atol=0)


@pytest.fixture
def decoder():
    weights = np.linspace(0.5, 2.0, len(SIZES))
    return ColumnsDecoder(3, SIZES, weights, hidden_layer_sizes=(6,)).double()


def one_by_one(decoder, z):
    """Return each column's own distribution, from the outputs of the heads."""
    number, _, groups = decoder.heads(decoder.location(z))
    columns = [part for g in groups for part in g.unbind(-2)]
    order = decoder.heads.order.tolist()
    found = {order[i]: Normal(n, 1.0) for i, n in enumerate(number.unbind(-1))}
    for j, logits in zip(order[number.shape[-1] :], columns, strict=True):
        found[j] = Categorical(logits=logits[..., : SIZES[j]])
    return [found[j] for j in range(len(SIZES))]


def test_likelihood_is_the_product_of_the_columns(decoder, cells, randn):
    z = randn(40, 3).double()
    p, columns = decoder(z), one_by_one(decoder, z)
    seen = ~cells.isnan()
    truth = torch.stack(
        [
            torch.where(seen[:, j], column.log_prob(cells[:, j].nan_to_num(0.0)), 0.0)
            for j, column in enumerate(columns)
        ],
        1,
    )
    torch.testing.assert_close(p.cells(cells), truth)
    torch.testing.assert_close(p.log_prob(cells), truth.sum(1))
    weights = torch.linspace(0.5, 2.0, len(SIZES), dtype=torch.float64)
    torch.testing.assert_close(p.balanced_log_prob(cells), truth @ weights)
    mean = [c.mean if isinstance(c, Normal) else c.probs.argmax(-1) for c in columns]
    torch.testing.assert_close(p.mean, torch.stack([m.double() for m in mean], 1))


def test_rows_are_drawn_by_their_probabilities(decoder, randn):
    z = randn(1, 3).double().expand(20_000, 3)
    p, columns = decoder(z), one_by_one(decoder, z[:1])
    drawn = p.sample()
    for j, column in enumerate(columns):
        if isinstance(column, Categorical):
            share = torch.bincount(drawn[:, j].long(), minlength=SIZES[j]) / 20_000
            assert (share - column.probs[0]).abs().max() < 0.015
    assert p.sample()[:, 0].std() == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("level", [0.0, 1.0 - 1e-16])
def test_no_level_leaves_the_categories(decoder, randn, level):
    p = decoder(randn(50, 3).double())
    groups = p._at(torch.full((50, len(SIZES)), level, dtype=torch.float64))
    codes = torch.cat(groups, -1)  # in the order of the groups
    sizes = torch.tensor([SIZES[j] for j in p.order[p.n_numbers :]])
    assert codes.min() >= 0
    assert (codes < sizes).all()


def rule_out(decoder):
    """Rule categories out; return which are there still, a column after the other."""
    there = [torch.ones(m, dtype=torch.bool) for m in SIZES]
    for j, unseen in {1: [0], 4: [0, 3, 7], 5: [0, 50, 99], 7: [1]}.items():
        there[j][unseen] = False
    # Of column 2 there are no rows at all: nothing is known of it.
    counts = [3.0 * t * (j != 2) for j, t in enumerate(there)]
    decoder.heads.rule_out_unseen([c.tolist() for c in counts])
    return there


@pytest.mark.parametrize("only", [range(8), [5, 1, 0], [7, 4, 2]])
def test_what_is_ruled_out_has_no_probability_and_leaves_the_odds(decoder, randn, only):
    z = randn(50, 3).double()
    before = one_by_one(decoder, z)
    there = rule_out(decoder)
    decoder = decoder.only_columns(list(only))
    for i, j in enumerate(only):
        for c in range(SIZES[j]):
            x = torch.full((50, len(only)), torch.nan, dtype=torch.float64)
            x[:, i] = c
            chance = before[j].probs * there[j]
            truth = chance[:, c] / chance.sum(-1)
            torch.testing.assert_close(decoder(z).cells(x)[:, i].exp(), truth)


@pytest.mark.parametrize("level", [0.0, 1.0 - 1e-16])
def test_no_level_is_of_what_is_ruled_out(decoder, randn, level):
    p = decoder(randn(50, 3).double())
    there = rule_out(decoder)
    now = decoder(randn(50, 3).double())
    level = torch.full((50, len(SIZES)), level, dtype=torch.float64)
    # A draw of the others may have stood where nothing is now.
    coupled = now.coupled(p.sample(), p, level)
    drawn = torch.stack([now._in_row(now._at(level), now._means), coupled])
    for j, known in enumerate(there):
        if len(known):
            assert known[drawn[..., j].long()].all()


def test_a_column_of_which_nothing_is_known_is_one_unexplained():
    counts = np.array([5, 3, 2])
    share = counts / counts.sum()
    entropy = -(share * np.log(share)).sum()
    decoder = ColumnsDecoder(1, (3,), (0.5 / entropy,)).double()
    with torch.no_grad():
        decoder.head.linear.weight.zero_()
        decoder.head.linear.bias.copy_(torch.tensor(np.log(share)))
    x = torch.tensor(np.repeat(np.arange(3.0), counts))[:, None]
    missed = decoder(torch.zeros(10, 1).double()).unexplained(x)
    assert missed.mean().item() == pytest.approx(1.0)


def test_groups_hold_every_column_once():
    heads = ColumnHeads((4, 0, 4, 3, 2, 64, 65))
    assert sorted(heads.order.tolist()) == list(range(7))
    assert heads.groups == [[0, 2, 3], [4], [5]]
