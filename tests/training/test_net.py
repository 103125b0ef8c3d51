"""The net: its history, skorch's callbacks, interruption, exact continuation."""

import copy
import math
from collections import Counter, defaultdict, namedtuple
from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from skorch.callbacks import (
    Callback,
    EarlyStopping,
    GradientNormClipping,
    LRScheduler,
    ParamMapper,
)

from sklearn_aae.critics import Critic
from sklearn_aae.decoders import GaussianDecoder
from sklearn_aae.encoders import DeterministicEncoder, GaussianEncoder
from sklearn_aae.objectives import energy_distance
from sklearn_aae.priors import Gaussian, GaussianMixture
from sklearn_aae.training import (
    DIVERGENCES,
    SCHEDULES,
    UPDATES,
    AAENet,
    Batch,
    Batches,
    FoolCritic,
    NonFiniteLossError,
    Phase,
    Recipe,
    Reconstruct,
    TrainCritic,
    _engine,
)
from sklearn_aae.training._net import _cloned
from sklearn_aae.training.losses._criterion import critic_accuracy
from sklearn_aae.utils._random import Streams, epoch_seeds, seeded_scope

N, D, K = 24, 4, 2
PHASES = (Reconstruct(n_columns=D, weight=5.0), TrainCritic(), FoolCritic(weight=0.5))


@pytest.fixture
def rows(randn):
    return randn(N, D)


@pytest.fixture
def make_recipe(device, dtype):
    def make(phases=PHASES, update="joint", kind=DeterministicEncoder, n_classes=0):
        options = {"normalization": "batch", "input_noise": 0.2, "dropout": 0.1}
        with seeded_scope(0):
            networks = {
                "encoder": kind(D, K, hidden_layer_sizes=(6,), **options),
                "decoder": GaussianDecoder(K, D, hidden_layer_sizes=(6,)),
                "critic": Critic(K, (6,), n_classes=n_classes),
                "prior": Gaussian(K),
            }
        return Recipe(networks, phases, update).to(device, dtype)

    return make


@pytest.fixture
def make_net(make_recipe, device):
    def make(recipe=None, epochs=3, callbacks=(), **options):
        options = {"seed": 7, "lr": 1e-2, "verbose": 0} | options
        recipe = make_recipe() if recipe is None else recipe
        net = AAENet(
            recipe,
            max_epochs=epochs,
            callbacks=list(callbacks),
            device=device,
            **options,
        )
        return net.initialize()

    return make


@pytest.fixture
def batches(rows):
    return Batches(rows, Gaussian(K), batch_size=8, seed=7)


@pytest.fixture
def validation(rows):
    """A validation split: the rows themselves."""
    batch = Batch(rows, Gaussian(K).draw(N).to(rows))
    return lambda data, y=None: (data, batch)


def weights(net):
    """Parameters, without the running statistics."""
    return torch.cat([p.detach().flatten() for p in net.module_.parameters()])


# --- what a fit leaves ----------------------------------------------------------------


@pytest.mark.parametrize("update", UPDATES)
def test_history_has_a_line_an_epoch(update, make_net, make_recipe, batches):
    net = make_net(make_recipe(update=update)).partial_fit(batches)
    names = {"reconstruction", "critic", "generator", "critic_accuracy"}
    names |= {"prior_match", "prior_match_noise"}
    lines = net.finished_history()
    assert [line["epoch"] for line in lines] == [1, 2, 3]
    for line in lines:
        assert set(line) == names | {"epoch", "dur"}
        assert all(math.isfinite(line[name]) for name in names)
        assert 0 <= line["critic_accuracy"] <= 1
        assert 0 <= line["prior_match"] <= 1


@pytest.mark.parametrize("name", DIVERGENCES)
def test_history_names_the_phases_it_has(name, make_net, make_recipe, batches):
    phases = [Reconstruct(n_columns=D), DIVERGENCES[name]()]
    recipe = make_recipe(phases, kind=GaussianEncoder)
    del recipe.networks["critic"]
    (line,) = make_net(recipe, epochs=1).partial_fit(batches).finished_history()
    measures = {"prior_match", "prior_match_noise"}
    assert set(line) == {"reconstruction", name, *measures, "epoch", "dur"}


def test_history_holds_the_mean_over_steps(make_net, batches):
    losses = []

    class Record(Callback):
        def on_batch_begin(self, net, batch=None, **kwargs):
            copied = copy.deepcopy(net.module_)
            state = [g.get_state() for g in net.streams_.generators]
            losses.append(PHASES[0].loss(copied.networks, batch).item())
            batch.forget()
            for generator, before in zip(net.streams_.generators, state, strict=True):
                generator.set_state(before)

    net = make_net(epochs=1, callbacks=[Record()]).partial_fit(batches)
    assert len(losses) == 3
    expected = sum(losses) / 3
    assert net.history[-1, "reconstruction"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("update", UPDATES)
def test_training_lowers_the_reconstruction_loss(
    update, make_net, make_recipe, batches
):
    net = make_net(make_recipe(update=update), epochs=20).partial_fit(batches)
    losses = net.history[:, "reconstruction"]
    assert losses[-1] < 0.97 * losses[0]


def test_validation_rows_are_evaluated_after_every_epoch(make_net, batches, validation):
    net = make_net(train_split=validation).partial_fit(batches)
    losses = net.history[:, "valid_loss"]
    assert len(losses) == 3
    assert len(set(losses)) == 3  # anew each time


def test_evaluation_is_unexplained_share_plus_prior_mismatch(make_net, rows):
    net = make_net(total_variance=2.0).partial_fit(
        Batches(rows, Gaussian(K), batch_size=8, seed=0)
    )
    encoder, decoder = (net.module_.networks[n].eval() for n in ("encoder", "decoder"))
    prior = Gaussian(K).draw(N).to(rows)
    with torch.no_grad():
        z = encoder(rows).mean
        error = (rows - decoder(z).mean).square().sum(1).mean() / 2.0
        cross = torch.cdist(z, prior).mean()
        own, theirs = (torch.pdist(points).mean() for points in (z, prior))
    expected = error + ((2 * cross - own - theirs) / (2 * cross)).clamp_min(0).sqrt()
    assert net.evaluate(Batch(rows, prior)) == pytest.approx(float(expected), rel=1e-4)


def test_batch_norm_statistics_are_those_of_the_final_weights(
    make_net, make_recipe, rows, close
):
    recipe = make_recipe()
    recipe.networks["encoder"].noisy = False
    for block in recipe.networks["encoder"].body.blocks:
        block.dropout = None
    full = Batches(rows, Gaussian(K), batch_size=N, seed=0)
    net = make_net(recipe).partial_fit(full)
    net.calibrate(full)
    encoder = net.module_.networks["encoder"]
    h = encoder.body.blocks[0].linear(rows)
    norm = encoder.body.blocks[0].norm
    close(norm.running_mean, h.mean(0))
    close(norm.running_var, h.var(0, correction=0))
    answer = encoder.eval()(rows).mean
    close(encoder.train()(rows).mean, answer)


@pytest.mark.parametrize("interrupted", [False, True], ids=["whole", "interrupted"])
@pytest.mark.parametrize("n", [1, 3], ids=["one batch", "three batches"])
@pytest.mark.parametrize("last", ["new", "coded"])
def test_measures_put_running_statistics_back(
    last, n, interrupted, make_net, batches, monkeypatch
):
    net = make_net().partial_fit(batches)
    net.engine_.set_training(True)
    latest = list(batches.epoch(0))[:n]
    if last == "coded":
        latest[-1].code(net.module_.networks)
    before = [buffer.clone() for buffer in net.module_.buffers()]
    moved, measure = [], _engine.prior_match_and_noise

    def watched(networks, own):
        found = measure(networks, own)
        pairs = zip(before, net.module_.buffers(), strict=True)
        moved.append(any(not torch.equal(*pair) for pair in pairs))
        if interrupted:
            raise KeyboardInterrupt
        return found

    monkeypatch.setattr(_engine, "prior_match_and_noise", watched)
    with pytest.raises(KeyboardInterrupt) if interrupted else nullcontext():
        net.engine_.measure(latest)
    # Of one batch that the step has encoded, nothing is encoded again.
    assert moved == [n > 1 or last == "new"]
    for value, buffer in zip(before, net.module_.buffers(), strict=True):
        assert torch.equal(value, buffer)


def test_a_fitted_net_is_in_evaluation_mode(make_net, batches):
    net = make_net().partial_fit(batches)
    assert not any(module.training for module in net.module_.modules())


# --- skorch's hooks -------------------------------------------------------------------


class Spy(Callback):
    """Counts the hooks."""

    def initialize(self):
        self.calls, self.named, self.batch = [], None, None
        return self

    def on_train_begin(self, net, **kwargs):
        self.calls.append("train begin")

    def on_train_end(self, net, **kwargs):
        self.calls.append("train end")

    def on_epoch_begin(self, net, **kwargs):
        self.calls.append("epoch begin")

    def on_epoch_end(self, net, **kwargs):
        self.calls.append("epoch end")

    def on_batch_begin(self, net, batch=None, training=None, **kwargs):
        self.calls.append("batch begin")
        assert training

    def on_batch_end(self, net, batch=None, training=None, **kwargs):
        self.calls.append("batch end")
        self.batch = batch
        assert training

    def on_grad_computed(self, net, named_parameters, **kwargs):
        self.calls.append("gradient")
        self.named = dict(named_parameters)


@pytest.mark.parametrize(("update", "n_groups"), [("joint", 2), ("alternating", 3)])
def test_callbacks_see_the_ordinary_hooks(
    update, n_groups, make_net, make_recipe, batches
):
    net = make_net(make_recipe(update=update), epochs=2, callbacks=[Spy()])
    spy = dict(net.callbacks_)["Spy"]
    net.partial_fit(batches)
    one_batch = ["batch begin", *["gradient"] * n_groups, "batch end"]
    one_epoch = ["epoch begin", *one_batch * 3, "epoch end"]
    assert spy.calls == ["train begin", *one_epoch * 2, "train end"]
    assert isinstance(spy.batch, Batch)
    assert any(name.startswith("networks.encoder") for name in spy.named)


def test_callbacks_do_not_change_the_training(make_net, batches):
    watched = make_net(callbacks=[Spy()]).partial_fit(batches)
    assert torch.equal(weights(watched), weights(make_net().partial_fit(batches)))


@pytest.mark.parametrize("step_every", ["epoch", "batch"])
def test_skorch_schedules_the_learning_rate(step_every, make_net, batches):
    scheduler = LRScheduler("StepLR", step_size=1, gamma=0.5, step_every=step_every)
    net = make_net(callbacks=[scheduler]).partial_fit(batches)
    n_cuts = 3 if step_every == "epoch" else 9
    assert net.optimizer_.param_groups[0]["lr"] == pytest.approx(1e-2 * 0.5**n_cuts)


def test_skorch_stops_early_and_loads_the_best(make_net, batches):
    seen = []

    class Remember(Callback):
        def on_epoch_end(self, net, **kwargs):
            seen.append(weights(net))

    class Grown(Callback):
        def on_epoch_end(self, net, **kwargs):
            net.history.record("grown", len(net.history))

    stop = EarlyStopping("grown", patience=3, load_best=True, sink=lambda text: None)
    net = make_net(epochs=20, callbacks=[Remember(), Grown(), stop])
    net.partial_fit(batches)
    assert len(net.history) == 4
    assert torch.equal(weights(net), seen[0])
    assert not torch.equal(weights(net), seen[1])


def test_skorch_stops_early_by_the_criterion(make_net, batches, validation):
    options = {"threshold": 10.0, "threshold_mode": "abs", "sink": lambda text: None}
    stop = EarlyStopping(patience=2, **options)
    net = make_net(epochs=20, callbacks=[stop], train_split=validation).partial_fit(
        batches
    )
    assert len(net.history) == 3


@pytest.mark.parametrize("update", UPDATES)
def test_skorch_clips_the_gradients_of_each_group(
    update, make_net, make_recipe, batches
):
    norms = []

    class Norms(Callback):
        def on_grad_computed(self, net, named_parameters, **kwargs):
            norms.append(norm_of(p for _, p in named_parameters))

    clip = GradientNormClipping(gradient_clip_value=1e-3)
    recipe = make_recipe(update=update)
    make_net(recipe, callbacks=[clip, Norms()]).partial_fit(batches)
    assert norms == pytest.approx([1e-3] * len(norms), rel=1e-2)


def norm_of(parameters):
    gradients = [p.grad.flatten() for p in parameters if p.grad is not None]
    return float(torch.cat(gradients).norm())


@pytest.mark.parametrize("update", UPDATES)
def test_gradient_hook_shows_no_gradients_of_other_groups(
    update, make_net, make_recipe, batches
):
    seen = []

    class Names(Callback):
        def on_grad_computed(self, net, named_parameters, **kwargs):
            filled = [name for name, p in named_parameters if p.grad is not None]
            seen.append({name.split(".")[1] for name in filled})

    recipe = make_recipe(update=update)
    make_net(recipe, epochs=1, callbacks=[Names()]).partial_fit(batches)
    expected = [set(group.moves) for group in recipe.optimizer_groups]
    assert seen == expected * 3


def test_skorch_freezes_parameters(make_net, batches):
    freeze = ParamMapper("networks.encoder.body.*", fn=freeze_parameter)
    net = make_net(callbacks=[freeze])
    before = copy.deepcopy(net.module_)
    net.partial_fit(batches)
    after = dict(net.module_.named_parameters())
    for name, old in before.named_parameters():
        assert torch.equal(old, after[name]) == ("encoder.body" in name), name


def freeze_parameter(parameter):
    parameter.requires_grad = False


# --- interruption and failure ---------------------------------------------------------


class InterruptAt(Callback):
    """Ctrl-C in the n-th batch."""

    def __init__(self, n):
        self.n = n

    def initialize(self):
        self.count = 0
        return self

    def on_batch_end(self, net, **kwargs):
        self.count += 1
        if self.count == self.n:
            self.weights = weights(net)
            raise KeyboardInterrupt


@pytest.mark.parametrize(("n", "finished"), [(1, 0), (3, 0), (5, 1)])
def test_an_interrupted_net_keeps_its_weights(n, finished, make_net, batches):
    interrupt = InterruptAt(n)
    net = make_net(callbacks=[interrupt]).partial_fit(batches)
    assert torch.equal(weights(net), interrupt.weights)
    assert not torch.equal(weights(net), weights(make_net()))
    assert len(net.finished_history()) == finished
    assert not net.module_.training


def test_an_interrupted_net_trains_on(make_net, batches):
    net = make_net(callbacks=[InterruptAt(5)]).partial_fit(batches)
    net.set_callbacks([])
    net.partial_fit(batches)
    assert len(net.finished_history()) == 4


class Explodes(Phase):
    """A loss that is not finite from the second epoch on."""

    name, moves, needs = "explosion", ("encoder",), ("encoder",)
    steps = 0

    def __init__(self, value):
        object.__setattr__(self, "value", value)

    def loss(self, networks, batch):
        Explodes.steps += 1
        bad = self.value if Explodes.steps > 4 else 0.0
        return 0 * batch.code(networks).sum() + bad


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_not_finite_is_named(
    value, make_net, make_recipe, batches, monkeypatch
):
    monkeypatch.setattr(Explodes, "steps", 0)
    net = make_net(make_recipe([Reconstruct(), Explodes(value)]))
    message = rf"The explosion loss became {value} in epoch 2\. Lower learning_rate"
    with pytest.raises(NonFiniteLossError, match=message):
        net.partial_fit(batches)


# --- state ----------------------------------------------------------------------------


@pytest.mark.parametrize("update", UPDATES)
def test_restoring_a_snapshot_takes_everything_back(
    update, make_net, make_recipe, batches
):
    net = make_net(make_recipe(update=update)).partial_fit(batches)
    net.loss_ = 1.0
    snapshot = net.snapshot()
    net.loss_ = 2.0
    state = copy.deepcopy(net.module_.state_dict())
    lines = net.finished_history()
    net.partial_fit(batches)
    first = weights(net)
    assert not torch.equal(
        first,
        torch.cat([state[n].flatten() for n, _ in net.module_.named_parameters()]),
    )

    net.restore(snapshot)
    assert net.loss_ == 1.0
    for name, value in net.module_.state_dict().items():
        assert torch.equal(value, state[name]), name
    assert net.finished_history() == lines
    net.partial_fit(batches)  # with the optimisers' moments of the snapshot
    assert torch.equal(weights(net), first)


class Remembers(torch.nn.Linear):
    """A layer with a state of its own."""

    def get_extra_state(self):
        return self.state

    def set_extra_state(self, state):
        self.state = state


Pair = namedtuple("Pair", "first second")


@pytest.mark.parametrize(
    "state",
    [Counter(a=2), Pair(1, [2]), defaultdict(list, a=[1]), {"a": (1, [2])}, [3]],
)
def test_snapshots_copy_what_layers_remember(state):
    layer = Remembers(2, 2)
    layer.state = state
    kept = _cloned(layer.state_dict())["_extra_state"]
    assert kept == state
    assert type(kept) is type(state)
    assert kept is not state


@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("first", [1, 2])
def test_two_fits_continue_like_one(first, update, make_net, make_recipe, batches):
    whole = make_net(make_recipe(update=update), epochs=3).partial_fit(batches)
    parts = make_net(make_recipe(update=update), epochs=first).partial_fit(batches)
    parts.max_epochs = 3 - first
    parts.partial_fit(batches)
    assert torch.equal(weights(parts), weights(whole))
    assert parts.history[:, "critic"] == whole.history[:, "critic"]
    assert [line["epoch"] for line in parts.finished_history()] == [1, 2, 3]


def test_each_epoch_starts_its_own_stream(make_net, batches):
    starts = []

    class Start(Callback):
        def on_batch_begin(self, net, **kwargs):
            starts.append(net.streams_.generators[0].initial_seed())

    net = make_net(epochs=2, callbacks=[Start()]).partial_fit(batches)
    net.partial_fit(batches)
    assert starts == [
        epoch_seeds(7, number)[0] for number in range(4) for _ in range(3)
    ]


def test_the_seed_rules_the_training(make_net, batches):
    one, two, other = (
        weights(make_net(seed=seed).partial_fit(batches)) for seed in (7, 7, 8)
    )
    assert torch.equal(one, two)
    assert not torch.equal(one, other)


def test_training_leaves_the_global_generators_alone(make_net, batches, rng_untouched):
    net = make_net()
    with rng_untouched():
        net.partial_fit(batches)


# --- the step -------------------------------------------------------------------------


def gradients_of_first_step(net, batch):
    """Return the gradients of each group of a step, by name of the parameter."""
    seen = []
    net.notify = lambda hook, **kwargs: None
    net._listens = lambda hook: hook == "on_grad_computed"
    net._on_gradient = lambda *args, **kwargs: seen.append(
        {
            name: p.grad.clone()
            for name, p in net.module_.named_parameters()
            if p.grad is not None
        }
    )
    with Streams(3, batch.x.device).active():
        net.train_step(batch)
    return seen


def autograd(recipe, loss, names):
    """Return the gradients of a loss with respect to networks, by name."""
    named = {
        name: p for name, p in recipe.named_parameters() if name.split(".")[1] in names
    }
    values = torch.autograd.grad(loss, list(named.values()), allow_unused=True)
    pairs = zip(named, values, strict=True)
    return {name: value for name, value in pairs if value is not None}


def test_joint_gradients_are_those_of_the_weighted_sum(
    make_net, make_recipe, batches, close
):
    net = make_net(lr=0.0)
    net.module_.train()
    batch, twin = next(batches.epoch(0)), next(batches.epoch(0))
    critic, autoencoder = gradients_of_first_step(net, batch)

    recipe = copy.deepcopy(net.module_)
    with Streams(3, batch.x.device).active():
        losses = {p.name: p.loss(recipe.networks, twin) for p in PHASES}
    expected = autograd(recipe, losses["critic"], ("critic",))
    for name, value in expected.items():
        close(critic[name], value)
    total = 5.0 * losses["reconstruction"] + 0.5 * losses["generator"]
    expected = autograd(recipe, total, ("encoder", "decoder"))
    assert {name.split(".")[1] for name in expected} == {"encoder", "decoder"}
    for name, value in expected.items():
        close(autoencoder[name], value)


@pytest.mark.parametrize("update", UPDATES)
def test_the_generator_does_not_move_the_critic(update, make_net, make_recipe, batches):
    phases = [Reconstruct(n_columns=D), FoolCritic()]
    net = make_net(make_recipe(phases, update))
    before = copy.deepcopy(net.module_)
    net.partial_fit(batches)
    after = dict(net.module_.named_parameters())
    for name, old in before.named_parameters():
        assert torch.equal(old, after[name]) == ("critic" in name), name


def test_one_pass_serves_a_joint_step_and_each_phase_has_its_own(
    make_net, make_recipe, batches
):
    passes = {}
    for update in UPDATES:
        net = make_net(make_recipe(update=update), epochs=1)
        calls = []
        encoder = net.module_.networks["encoder"]
        hook = encoder.register_forward_hook(lambda *args, calls=calls: calls.append(1))
        net.train_step(next(batches.epoch(0)))
        hook.remove()
        passes[update] = len(calls)
    assert passes == {"joint": 1, "alternating": 3}


# --- learning rates -------------------------------------------------------------------


def rates(net):
    return {
        group.name: parameters["lr"]
        for group, optimizer in zip(
            net.module_.optimizer_groups, net.engine_.optimizers, strict=True
        )
        for parameters in optimizer.param_groups
    }


def test_learning_rates_of_the_groups(make_net, make_recipe):
    joint = make_net(learning_rates={"critic": 0.5})
    assert rates(joint) == {"critic": 0.5, "generator": 1e-2}
    recipe = make_recipe(update="alternating")
    parted = make_net(recipe, learning_rates={"critic": 0.5, "generator": 0.25})
    assert rates(parted) == {"reconstruction": 1e-2, "critic": 0.5, "generator": 0.25}


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_scale_every_rate_along_the_epochs(name, make_net, batches):
    seen = []

    class Rates(Callback):
        def on_batch_end(self, net, **kwargs):
            seen.append(rates(net))

    options = {"schedule": name, "learning_rates": {"critic": 0.5}}
    make_net(callbacks=[Rates()], **options).partial_fit(batches)
    factors = [SCHEDULES[name](i / 9) for i in range(9)]
    assert [r["generator"] for r in seen] == pytest.approx([1e-2 * f for f in factors])
    assert [r["critic"] for r in seen] == pytest.approx([0.5 * f for f in factors])


@pytest.mark.parametrize(
    ("name", "start", "peak", "end"),
    [("constant", 1, 0, 1), ("cosine", 1, 0, 0), ("one_cycle", 0, 0.3, 0)],
)
def test_schedule_shapes(name, start, peak, end):
    schedule = SCHEDULES[name]
    assert schedule(0) == pytest.approx(start, abs=1e-9)
    assert schedule(peak) == pytest.approx(1)
    assert schedule(1.0) == pytest.approx(end, abs=1e-9)
    assert all(0 <= schedule(t / 50) <= 1 for t in range(51))


# --- frozen parts, labels -------------------------------------------------------------


@pytest.mark.parametrize("update", UPDATES)
def test_frozen_parameters_stay(update, make_net, make_recipe, batches):
    recipe = make_recipe(update=update)
    recipe.networks["encoder"].body.requires_grad_(False)
    before = copy.deepcopy(recipe)
    net = make_net(recipe).partial_fit(batches)
    after = dict(net.module_.named_parameters())
    for name, old in before.named_parameters():
        assert torch.equal(old, after[name]) == ("encoder.body" in name), name


def test_labels_train(make_net, make_recipe, rows):
    y = (torch.arange(N) % 4 - 1).to(rows.device)
    labelled = Batches(rows, GaussianMixture(K, 3), batch_size=8, seed=0, y=y)
    net = make_net(make_recipe(n_classes=3)).partial_fit(labelled)
    assert len(net.finished_history()) == 3


@pytest.mark.parametrize("size", [(), (3,)])
def test_critic_accuracy_counts_the_pairs_told_apart(size):
    # Few values, so that many pairs are draws.
    with seeded_scope(0):
        real, fake = (torch.randint(4, (*size, n, 1)).double() for n in (9, 7))
    batch = Batch(fake, real, _code=fake)

    class Level(torch.nn.Module):
        n_classes = 0

        def forward(self, z):
            return z[..., 0]

    networks = {"critic": Level(), "encoder": SimpleNamespace(n_classes=0)}
    gap = real - fake.mT
    truth = (gap > 0).double() + (gap == 0).double() / 2
    accuracy = critic_accuracy(TrainCritic(), networks, batch)
    torch.testing.assert_close(accuracy, truth.mean((-2, -1)))


def test_long_epochs_measure_the_prior_match_on_several_batches(monkeypatch):
    from sklearn_aae import AAETransformer
    from sklearn_aae.training import _engine

    seen, measured = [], _engine.prior_match_and_noise

    def record(networks, batches):
        found = measured(networks, batches)
        z = torch.cat([batch.styles(networks)[0] for batch in batches], -2)
        prior = torch.cat([batch.prior for batch in batches], -2)
        torch.testing.assert_close(found[0], energy_distance(z, prior))
        seen.append(len(z))
        return found

    monkeypatch.setattr(_engine, "prior_match_and_noise", record)
    rows = np.random.default_rng(0).normal(size=(640, 3))
    for n, batch in ((640, 20), (620, 20), (100, 20)):
        AAETransformer(batch_size=batch, max_iter=1, random_state=0).fit(rows[:n])
    assert seen == [40, 20, 20]
