"""Every phase by the same tests: what it moves, needs, weighs, and does in a stack.

A new phase is covered by its row in `CASES`, which also says where it differs from the
rule, and why.
"""

import copy
import dataclasses
import functools
from dataclasses import dataclass

import pytest
import torch
from torch import nn

import sklearn_aae.training
from sklearn_aae.objectives import OBJECTIVES, PENALTIES
from sklearn_aae.training import (
    DIVERGENCES,
    BalanceClusters,
    Batch,
    Classify,
    DetectReplacedCells,
    DetectReplacedPatches,
    Distill,
    FitDecoder,
    FoolCritic,
    FoolLabelCritic,
    NeighborAgreement,
    Phase,
    Recipe,
    Reconstruct,
    SeparateHeads,
    TrainCritic,
    TrainGenerator,
    TrainLabelCritic,
    TrainRowCritic,
    VirtualAdversarial,
    train_step,
)
from sklearn_aae.utils._random import Streams

B, C, D, K, M = 8, 3, 5, 2, 4  # rows, models in a stack, columns, code size, labels
LABELS = torch.tensor([0, 3, -1, 2, 1, -1, 0, 2])


@dataclass(frozen=True)
class Case:
    """A phase, and where it differs from the rule.

    `labels`: it infers labels, and its batch has some. `generator`: the network that
    makes what the critic compares with prior samples. `posterior`: that of the encoder
    where rows' own noise must not tell copies of a row apart. `copies`: why copies of a
    row are not the same as its weight. `target`: why a small step need not lower the
    loss. `rounding`: how far a model in a stack may be from the model alone, if further
    than others.
    """

    phase: Phase
    labels: bool = False
    generator: str = "encoder"
    posterior: str = "deterministic"
    taught: bool = False
    copies: str = ""
    target: str = ""
    rounding: float | None = None

    @property
    def of_batch(self):
        kinds = {"labels": self.labels, "taught": self.taught}
        return {**kinds, "generator": self.generator}


PLACES = "the places between prior samples and codes take no weights"
PAIRS = "an unbiased mean over pairs tells copies of a row from a weight"
DRAWS = "copies of a row get draws of their own"
CASES = {
    "reconstruction": Case(Reconstruct(n_columns=D)),
    "decoder": Case(FitDecoder(n_columns=D)),
    **{f"critic {o}": Case(TrainCritic(objective=o)) for o in OBJECTIVES},
    **{
        f"critic {p}": Case(
            TrainCritic(penalty=p, penalty_weight=2.0),
            copies=PLACES if p == "wgan_gp" else "",
        )
        for p in PENALTIES
    },
    **{f"generator {o}": Case(FoolCritic(objective=o)) for o in OBJECTIVES},
    "kl": Case(DIVERGENCES["kl"](), posterior="gaussian"),
    "mmd": Case(DIVERGENCES["mmd"](), copies=PAIRS),
    "sliced_wasserstein": Case(DIVERGENCES["sliced_wasserstein"]()),
    "cell_critic": Case(DetectReplacedCells(), copies=DRAWS),
    "patch critic": Case(DetectReplacedPatches(shape=(D, 1, 1)), copies=DRAWS),
    "label_critic": Case(TrainLabelCritic(), labels=True, copies=DRAWS),
    "label_generator": Case(FoolLabelCritic(), labels=True),
    "classification": Case(Classify(), labels=True),
    "distillation": Case(Distill(), labels=True, taught=True),
    "smoothness": Case(
        VirtualAdversarial(),
        labels=True,
        copies=DRAWS,
        target="the labels of the rows move with the encoder, and count as fixed",
        rounding=1e-6,
    ),
    "agreement": Case(NeighborAgreement(), labels=True, copies="rows come in pairs"),
    "concentration": Case(BalanceClusters(), labels=True),
    "head_distance": Case(SeparateHeads(distance=9.0), labels=True),
    "critic of rows": Case(TrainRowCritic(), generator="generator"),
    "generator of rows": Case(TrainGenerator(), generator="generator"),
}


def cases_without(exception):
    """Return the cases that keep a rule."""
    kept = {name: c for name, c in CASES.items() if not getattr(c, exception)}
    return [pytest.param(case, id=name) for name, case in kept.items()]


def test_every_phase_has_a_case():
    public = vars(sklearn_aae.training).values()
    phases = {c for c in public if isinstance(c, type) and issubclass(c, Phase)}
    assert {type(case.phase) for case in CASES.values()} == phases - {Phase}
    assert {*DIVERGENCES} <= {*CASES}


@pytest.fixture
def networks_of(make_networks):
    """Return a function that builds the networks of a case."""

    def make(case, seed=0, **options):
        n_labels = M if case.labels else 0
        networks = make_networks(seed, n_labels=n_labels, **options)
        networks[case.generator] = networks.pop("encoder")
        return networks

    return make


@pytest.fixture
def make_batch(randn):
    """Return a function that builds batch c, with labels if asked to."""
    x, prior = randn(C, B, D), randn(C, B + 4, K)
    soft = randn(C, B, M).softmax(-1)

    def make(c=0, labels=False, taught=False, **options):
        if taught:
            options["soft_y"] = soft[c].clone()
        y = LABELS.roll(c).to(x.device) if labels else None
        return Batch(x[c].clone(), prior[c].clone(), y=y, **options)

    return make


@pytest.fixture
def stream(device):
    """Return a function that starts the noise of a loss anew."""
    return lambda seeds=0: Streams(seeds, device).active()


def parameters_of(recipe, names):
    return [p for name in names for p in recipe.networks[name].parameters()]


def step(recipe, batch, lr=1e-3):
    """Take one plain gradient step of every optimizer group."""
    groups = recipe.optimizer_groups
    optimizers = [torch.optim.SGD(parameters_of(recipe, p.moves), lr) for p in groups]
    share = recipe.update == "joint"
    return train_step(recipe.networks, groups, optimizers, batch, share_pass=share)


def moved_by(recipe, batch):
    """Return the networks that a step changes."""
    before = copy.deepcopy(recipe.networks)
    step(recipe, batch)
    return {
        name
        for name, network in recipe.networks.items()
        for old, new in zip(
            before[name].parameters(), network.parameters(), strict=True
        )
        if not torch.equal(old, new)
    }


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_phase_moves_what_it_names(case, networks_of, make_batch, stream):
    phase, batch = case.phase, make_batch(**case.of_batch)
    assert set(phase.moves) <= set(phase.needs)
    with stream():
        moved = moved_by(Recipe(networks_of(case), [phase]), batch)
    assert moved == set(phase.moves)


class Witness(nn.Module):
    """A critic of cells that says what it sees."""

    def forward(self, x, row_weight=None):
        self.seen, self.weight = x, row_weight
        return x.nan_to_num()


@pytest.mark.parametrize("rate", [0.0, 0.3, 1.0])
def test_cells_of_other_rows_are_to_be_spotted(rate, randn, stream, close):
    x, witness = randn(40, D), Witness()
    x[::3, 0] = torch.nan
    weight = torch.arange(40).to(x) % 3
    weight = weight / weight.sum()
    with stream():
        loss = DetectReplacedCells(rate=rate).loss(
            {"cell_critic": witness}, Batch(x, x[:, :K], weight=weight)
        )
    seen, known = witness.seen, ~x.isnan()
    assert witness.weight is weight  # its normalisation counts rows alike
    assert torch.equal(seen.isnan(), x.isnan())
    strange = known & (seen != x)
    assert abs(strange.sum() / known.sum() - 0.9 * rate) < 0.15
    for j in range(D):
        assert torch.isin(seen[strange[:, j], j], x[:, j]).all()
    p = seen.nan_to_num().sigmoid()
    nats = torch.where(known, -torch.where(strange, p, 1 - p).log(), 0.0)
    close(loss, (weight * nats.sum(1) / known.sum(1)).sum())


@pytest.mark.parametrize("rate", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("shape", [(9, 12, 1), (8, 8, 3)])
def test_patches_of_other_places_are_to_be_spotted(rate, shape, stream, close, randn):
    height, width, n = shape
    x, witness = randn(400, height * width * n).sigmoid(), Witness()
    sizes = (0.05, 0.25)
    phase = DetectReplacedPatches(shape=shape, rate=rate, sizes=sizes, stretch=0.5)
    with stream():
        loss = phase.loss({"cell_critic": witness}, Batch(x, x[:, :K]))
    changed = (witness.seen - x).abs() > 0.1
    p = witness.seen.sigmoid()
    close(loss, -torch.where(changed, p, 1 - p).log().mean())
    pictures = (witness.seen != x).view(400, height, width, n)
    damaged = pictures.any((1, 2, 3))
    assert abs(damaged.double().mean() - rate) < 0.1
    cells, grey, levels, tall = x.flatten().sort().values, 0, [], []
    for seen, own, inside in zip(witness.seen, x, pictures, strict=True):
        if not inside.any():
            continue
        rows, columns = inside.any((1, 2)), inside.any((0, 2))
        # A rectangle; equal cells by chance hardly occur.
        assert torch.equal(
            inside, (rows[:, None] & columns)[..., None] & inside.new_ones(n)
        )
        share = rows.sum() * columns.sum() / (height * width)
        assert sizes[0] / 2 < share < 2 * sizes[1]
        new = seen.view(shape)[inside]
        level = len(new.unique()) == 1
        grey += level
        levels += [new[0]] if level else []
        tall.append(rows.sum() * width > columns.sum() * height)
        # What is not one grey level is of another picture, as it is.
        found = cells[torch.searchsorted(cells, new).clamp_max(len(cells) - 1)]
        assert level or (torch.equal(found, new) and not torch.isin(new, own).any())
    if rate:
        assert abs(grey / int(damaged.sum()) - 0.5) < 0.1
        assert torch.stack(levels).min() < 0.1 < 0.9 < torch.stack(levels).max()
        assert 0.25 < torch.stack(tall).double().mean() < 0.75


def test_a_patch_keeps_its_order(stream):
    """Of pictures that say where each cell is, patches are pieces, around the edges."""
    shape = (8, 10, 2)
    rows, columns = torch.meshgrid(torch.arange(8), torch.arange(10), indexing="ij")
    places = (rows * 10 + columns)[..., None].expand(shape).flatten().double()
    x = torch.stack([places + 1000 * i for i in range(60)])
    x[:, 1::2] += 0.5  # the second channel
    phase = DetectReplacedPatches(shape=shape, rate=1.0, sizes=(0.2, 0.3))
    with stream():
        seen, _ = phase.replace(x)
    pieces = 0
    for i, (new, own) in enumerate(zip(seen, x, strict=True)):
        inside = (new != own).view(shape)
        if len(new.view(shape)[inside].unique()) == 1:
            continue
        pieces += 1
        at = new.view(shape) - 1000 * ((i - 1) % 60)
        assert torch.equal(
            (at % 1)[inside] == 0.5, inside.new_tensor([0, 1]).expand(shape)[inside]
        )
        r, c = at.long() // 10, at.long() % 10
        down, right = r - rows[..., None], c - columns[..., None]
        assert (
            len((down[inside] % 8).unique()) == len((right[inside] % 10).unique()) == 1
        )
    assert pieces > 15


class Meddling(Phase):
    """A phase whose loss touches more than it moves."""

    name = "meddling"
    moves = ("encoder",)
    needs = ("encoder", "decoder", "critic")

    def loss(self, networks, batch):
        z = batch.code(networks)
        return networks["decoder"](z).mean.mean() + networks["critic"](z).mean()


@pytest.mark.parametrize("update", ["joint", "alternating"])
def test_what_a_phase_does_not_move_stays(update, make_networks, make_batch, stream):
    phases = [Reconstruct(weight=0.0), Meddling()]
    recipe = Recipe(make_networks(), phases, update)
    with stream():
        assert moved_by(recipe, make_batch()) == {"encoder"}


@pytest.mark.parametrize("case", cases_without("target"))
def test_phase_step_lowers_its_own_loss(case, networks_of, make_batch, stream):
    phase, batch = case.phase, make_batch(**case.of_batch)
    recipe = Recipe(networks_of(case), [phase])
    with stream():
        before = phase.loss(recipe.networks, batch)
    batch.forget()
    with stream():
        assert step(recipe, batch, lr=1e-4)[phase.name].shape == ()
    batch.forget()
    with stream():
        after = phase.loss(recipe.networks, batch)
    assert after < before


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_phase_stack_equals_one_by_one(
    case, networks_of, make_batch, stack, stream, close
):
    phase = case.phase
    if case.rounding is not None:
        close = functools.partial(close, rtol=case.rounding, atol=case.rounding)
    members = [networks_of(case, seed) for seed in range(C)]
    batches = [make_batch(c, **case.of_batch) for c in range(C)]
    kinds = [kind for kind in members[0] if kind != "prior"]
    together = {kind: stack([member[kind] for member in members]) for kind in kinds}
    together["prior"] = members[0]["prior"]
    with stream([5, 6, 7]):
        losses = phase.loss(together, Batch.stack(batches))
    assert losses.shape == (C,)
    moved = [p for kind in phase.moves for p in together[kind].parameters()]
    gradients = torch.autograd.grad(losses.sum(), moved, allow_unused=True)
    for c, member in enumerate(members):
        with stream(5 + c):
            loss = phase.loss(member, batches[c])
        close(losses[c], loss)
        own = [p for kind in phase.moves for p in member[kind].parameters()]
        alone = torch.autograd.grad(loss, own, allow_unused=True)
        for part, whole in zip(alone, gradients, strict=True):
            assert (part is None) == (whole is None)
            if part is not None:
                close(whole[c], part)


@pytest.mark.parametrize("case", cases_without("copies"))
def test_phase_weights_are_repetition(
    case, networks_of, make_batch, stream, close, repetition
):
    networks = networks_of(case, posterior=case.posterior)
    batch, copies = make_batch(**case.of_batch), repetition.copies
    y = None if batch.y is None else copies(batch.y)
    soft = None if batch.soft_y is None else copies(batch.soft_y)
    batch.weight = repetition.weights(batch.x)
    with stream():
        one = case.phase.loss(networks, batch)
    with stream():
        repeated = dataclasses.replace(
            batch, x=copies(batch.x), weight=None, y=y, soft_y=soft
        )
        repeated.forget()
        two = case.phase.loss(networks, repeated)
    close(one, two)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_phase_says_what_it_needs(case, networks_of):
    everything = networks_of(case)
    for missing in everything:
        networks = {name: net for name, net in everything.items() if name != missing}
        if missing not in case.phase.needs:
            Recipe(networks, [case.phase])
            continue
        with pytest.raises(ValueError) as error:  # noqa: PT011
            Recipe(networks, [case.phase])
        assert str(error.value) == (
            f"Phase {type(case.phase).__name__} needs {missing!r}. "
            f"This recipe has {sorted(networks)}."
        )


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("n_prior", [B, B + 4])
def test_labels_reach_the_penalty(
    penalty, n_prior, make_networks, make_batch, close, stream
):
    networks, batch = make_networks(n_classes=4), make_batch()
    batch.prior = batch.prior[:n_prior]
    critic = networks["critic"]
    batch.y = LABELS.to(batch.x.device)
    batch.prior_y = (torch.arange(n_prior) % 5 - 1).to(batch.x.device)
    with stream():
        plain = TrainCritic().loss(networks, batch)
        loss = TrainCritic(penalty=penalty, penalty_weight=1.0).loss(networks, batch)
    code = batch.code(networks, grad=False)

    labels = batch.prior_y, batch.y
    close(loss - plain, PENALTIES[penalty](critic, batch.prior, code, None, *labels))


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_labels_reach_the_critic(objective, make_networks, make_batch, stream, close):
    networks, batch = make_networks(n_classes=4), make_batch()
    batch.y = LABELS.to(batch.x.device)
    batch.prior_y = (torch.arange(B + 4) % 5 - 1).to(batch.x.device)
    with stream():
        code, critic = batch.code(networks), networks["critic"]
    real, fake = critic(batch.prior, batch.prior_y), critic(code, batch.y)
    rule = OBJECTIVES[objective]()
    close(
        TrainCritic(objective=objective).loss(networks, batch), rule.critic(real, fake)
    )
    close(
        FoolCritic(objective=objective).loss(networks, batch),
        rule.generator(real, fake),
    )
