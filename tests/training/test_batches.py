"""Mini-batches: every row in every epoch, the same at the same seed."""

import pytest
import torch

from sklearn_aae.priors import Gaussian, GaussianMixture
from sklearn_aae.training import Batch, Batches
from sklearn_aae.training.data import _batches
from sklearn_aae.training.data._batches import MIN_PRIOR, StackedBatches


@pytest.fixture
def make(device, dtype):
    """Return a function that builds batches of n rows; row i holds the number i."""

    def make_batches(n=23, batch_size=5, seed=0, prior=None, **options):
        x = torch.arange(float(n)).to(device, dtype)[:, None].repeat(1, 3)
        prior = Gaussian(2) if prior is None else prior
        return Batches(x, prior, batch_size=batch_size, seed=seed, **options)

    return make_batches


def rows(epoch):
    return [batch.x[:, 0].long().tolist() for batch in epoch]


def alike(one, two):
    """Whether two epochs have the same rows and prior samples."""
    pairs = list(zip(one, two, strict=True))
    return all(
        torch.equal(getattr(a, part), getattr(b, part))
        for a, b in pairs
        for part in ("x", "prior")
    )


@pytest.mark.parametrize(("n", "batch_size"), [(23, 5), (20, 5), (21, 20), (7, 1)])
def test_every_row_appears_and_batches_are_equally_large(make, n, batch_size):
    batches = make(n, batch_size)
    epoch = rows(batches.epoch(0))
    assert {len(batch) for batch in epoch} == {batch_size}
    assert len(epoch) == batches.n_steps == -(-n // batch_size)
    flat = [row for batch in epoch for row in batch]
    assert sorted(flat[:n]) == list(range(n))
    assert flat[n:] == flat[: len(flat) - n]
    assert len(batches) == n


def test_batches_hold_what_they_say(make, dtype, device):
    batches = make(12, 5, prior=GaussianMixture(2, 4), y=torch.arange(12) % 4)
    for batch in batches.epoch(0):
        assert isinstance(batch, Batch)
        assert batch.x.shape == (5, 3)
        assert batch.prior.shape == (5, 2)
        assert batch.y.shape == batch.prior_y.shape == (5,)
        assert batch.weight is None
        assert torch.equal(batch.y, batch.x[:, 0].long() % 4)
        for tensor in (batch.x, batch.prior):
            assert tensor.dtype == dtype
            assert tensor.device.type == device.type


def test_an_epoch_is_ruled_by_seed_and_number(make):
    def epoch(seed, number):
        return list(make(seed=seed).epoch(number))

    assert alike(epoch(3, 2), epoch(3, 2))
    assert rows(epoch(3, 2)) != rows(epoch(3, 1))
    assert rows(epoch(3, 2)) != rows(epoch(4, 2))
    for other in (epoch(3, 1), epoch(4, 2)):
        assert not torch.equal(epoch(3, 2)[0].prior, other[0].prior)


def test_an_epoch_does_not_depend_on_those_before(make):
    used, fresh = make(), make()
    for number in range(3):
        list(used.epoch(number))
    assert alike(list(used.epoch(3)), list(fresh.epoch(3)))


def test_steps_of_an_epoch_see_different_prior_samples(make):
    samples = torch.cat([batch.prior for batch in make(600, 5).epoch(0)])
    assert len(samples) == 600  # more steps than a block gathers
    assert len(samples.unique(dim=0)) == 600


@pytest.mark.parametrize("cells", [1, 60, 10**9])
def test_blocks_do_not_change_the_rows(make, cells, monkeypatch):
    expected = rows(make().epoch(1))
    monkeypatch.setattr(_batches, "GATHERED_CELLS", cells)
    assert rows(make().epoch(1)) == expected


@pytest.mark.parametrize("batch_size", [9, 10, 128])
def test_few_rows_are_one_batch_in_their_order(make, batch_size):
    batches = make(9, batch_size)
    for number in range(2):
        assert rows(batches.epoch(number)) == [list(range(9))]


@pytest.mark.parametrize("y", [None, [0, 1, -1]])
def test_prior_samples_of_a_full_batch_do_not_depend_on_the_number_of_rows(make, y):
    def only_batch(times):
        labels = None if y is None else torch.tensor(y * times)
        return next(make(3 * times, 16, prior=GaussianMixture(2, 2), y=labels).epoch(4))

    few, many = only_batch(1), only_batch(5)
    assert few.prior.shape == (16, 2)
    assert torch.equal(few.prior, many.prior)
    if y is not None:
        assert torch.equal(few.prior_y, many.prior_y)


@pytest.mark.parametrize("weight", [1, 3])
def test_a_large_batch_draws_no_more_prior_samples_than_rows(weight, randn):
    X = randn(2000, 3)
    options = {"batch_size": 10**9, "seed": 0}
    n = Batches(X.repeat(weight, 1), Gaussian(2), **options).n_prior
    weights = None if weight == 1 else torch.full((2000,), weight)
    assert Batches(X, Gaussian(2), weight=weights, **options).n_prior == n
    assert n == 2000 * weight
    assert Batches(X[:5], Gaussian(2), **options).n_prior == MIN_PRIOR
    assert Batches(X, Gaussian(2), batch_size=7, seed=0).n_prior == 7


def test_weights_sum_to_one_in_a_full_batch(make, device, dtype):
    weight = (torch.arange(23.0) + 1).to(device, dtype)
    (batch,) = make(23, 100, weight=weight).epoch(0)
    torch.testing.assert_close(batch.weight, (batch.x[:, 0] + 1) / weight.sum())


def test_mini_batches_hold_rows_as_often_as_their_weight_says(make, device, dtype):
    weight = (torch.arange(23.0) + 1).to(device, dtype)
    batches = list(make(23, 5, weight=weight).epoch(0))
    assert all(batch.weight is None and len(batch.x) == 5 for batch in batches)
    rows = torch.cat([batch.x[:, 0] for batch in batches]).long()
    counts = torch.bincount(rows.cpu(), minlength=23)
    expected = (len(rows) * weight / weight.sum()).cpu()
    assert (counts - expected).abs().max() < 1
    again = list(make(23, 5, weight=weight).epoch(1))
    assert not all(torch.equal(a.x, b.x) for a, b in zip(batches, again, strict=True))


def test_equal_weights_show_every_row(make, device, dtype):
    weight = torch.full((23,), 0.3, device=device, dtype=dtype)
    rows = torch.cat([b.x[:, 0] for b in make(23, 5, weight=weight).epoch(0)])
    assert set(rows.long().tolist()) == set(range(23))


# --- labels of the prior --------------------------------------------------------------


def prior_labels(y, n=20_000, **options):
    x = torch.zeros(len(y), 3)
    prior = GaussianMixture(2, n_classes=3)
    batches = Batches(x, prior, batch_size=8, seed=0, y=torch.tensor(y), **options)
    return batches.draw_prior(n, seed=1)


@pytest.mark.parametrize("unlabelled", [0, 4, 16])
def test_labels_of_prior_samples_are_told_as_often_as_those_of_rows(unlabelled):
    _, told = prior_labels([0, 0, 1, 2] + [-1] * unlabelled)
    share = unlabelled / (4 + unlabelled)
    assert float((told == -1).float().mean()) == pytest.approx(share, abs=0.02)


def test_labels_of_prior_samples_have_the_shares_of_rows():
    _, told = prior_labels([0, 0, 0, 1, 1, 2, -1, -1])
    shares = torch.bincount(told[told >= 0], minlength=3) / (told >= 0).sum()
    torch.testing.assert_close(shares, torch.tensor([3, 2, 1]) / 6, atol=0.02, rtol=0)


def test_labels_of_prior_samples_count_rows_by_weight():
    y, weight = [0, 1, 2, -1], [3, 1, 1, 5]
    repeated = [c for c, n in zip(y, weight, strict=True) for _ in range(n)]
    one = prior_labels(y, weight=torch.tensor(weight).double())
    two = prior_labels(repeated)
    assert torch.equal(one[1], two[1])
    assert torch.equal(one[0], two[0])


def test_a_told_label_is_that_of_the_component():
    codes, told = prior_labels([0, 1, 2, -1], n=500)
    nearest = torch.cdist(codes, GaussianMixture(2, 3).means).argmin(1)
    assert torch.equal(nearest[told >= 0], told[told >= 0])


def test_rows_without_any_label_are_all_unlabelled():
    codes, told = prior_labels([-1, -1, -1], n=50)
    assert (told == -1).all()
    assert codes.isfinite().all()


def test_batches_leave_the_global_generators_alone(make, rng_untouched):
    with rng_untouched():
        list(make(prior=GaussianMixture(2, 4), y=torch.arange(23) % 4).epoch(0))


# --- one encoder pass -----------------------------------------------------------------


class Counting(torch.nn.Module):
    """An encoder that counts its passes and keeps the row weights."""

    calls = 0

    def forward(self, x, row_weight=None):
        self.calls, self.row_weight = self.calls + 1, row_weight
        normal = torch.distributions.Normal(x.clone().requires_grad_(), 1.0)
        return torch.distributions.Independent(normal, 1)


def test_a_batch_is_encoded_once_until_it_forgets():
    networks = {"encoder": Counting()}
    batch = Batch(torch.zeros(4, 2), torch.zeros(4, 2), torch.full((4,), 0.25))
    z = batch.code(networks)
    assert batch.code(networks) is z
    assert batch.posterior(networks) is batch.posterior(networks)
    assert networks["encoder"].calls == 1
    assert networks["encoder"].row_weight is batch.weight
    batch.forget()
    assert not torch.equal(batch.code(networks), z)
    assert networks["encoder"].calls == 2


def test_a_code_can_be_had_without_its_gradient():
    batch, networks = (
        Batch(torch.zeros(4, 2), torch.zeros(4, 2)),
        {"encoder": Counting()},
    )
    assert batch.code(networks).requires_grad
    assert not batch.code(networks, grad=False).requires_grad
    assert torch.equal(batch.code(networks), batch.code(networks, grad=False))


def test_equal_members_of_a_stack_gather_and_draw_once(randn, monkeypatch):
    x, seen, pieces = randn(20, 3), [], Batches.pieces

    def watch(self, *args):
        seen.append(self)
        return pieces(self, *args)

    def make(seed, key, rows=x, **options):
        return Batches(
            rows, Gaussian(2), batch_size=8, seed=seed, prior_key=key, **options
        )

    weight = torch.ones(20)
    members = [
        make(0, "gaussian"),
        make(0, "other"),
        make(0, "gaussian"),
        make(1, "gaussian"),
        make(0, None),
        make(0, None),  # nobody says that the two priors draw alike
        make(0, "gaussian", x.clone()),
        make(0, "gaussian", weight=weight),
        make(0, "gaussian"),
    ]
    alone = [list(member.epoch(2)) for member in members]
    monkeypatch.setattr(Batches, "pieces", watch)
    together = list(StackedBatches(members).epoch(2))
    assert len(seen) == len(members) - 2
    for step, *batches in zip(together, *alone, strict=True):
        assert torch.equal(step.x, torch.stack([batch.x for batch in batches]))
        assert torch.equal(step.prior, torch.stack([batch.prior for batch in batches]))
