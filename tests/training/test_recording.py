"""Replayed steps are the eager steps, bit by bit, for every option."""

import subprocess
import sys
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from torch.fx.experimental.proxy_tensor import make_fx

from sklearn_aae import SemiSupervisedAAEClassifier
from sklearn_aae.critics import Critic
from sklearn_aae.decoders import DECODERS, GaussianDecoder
from sklearn_aae.encoders import ENCODERS, DeterministicEncoder, GaussianEncoder
from sklearn_aae.nn import ACTIVATIONS, NORMALIZATIONS
from sklearn_aae.objectives import OBJECTIVES, PENALTIES
from sklearn_aae.priors import PRIORS, Gaussian, GaussianMixture
from sklearn_aae.training import (
    DIVERGENCES,
    AAENet,
    Batches,
    FoolCritic,
    LabelledNeighborBatches,
    Recipe,
    Reconstruct,
    TrainCritic,
    _engine,
)
from sklearn_aae.training.replay import _compare, _recording, _tracing
from sklearn_aae.training.replay._script import scripted
from sklearn_aae.training.replay._simplify import simplify
from sklearn_aae.utils._random import seeded_scope

N, D, K = 40, 5, 2
EPOCHS = 3


@pytest.fixture(autouse=True)
def recorded_at_once(monkeypatch):
    """Record however short the training; start without recordings."""
    monkeypatch.setattr(_engine, "RECORDED_STEPS", 0)
    monkeypatch.setattr(_engine, "MIN_STEPS", 0)
    for name in ("_RECORDINGS", "_STEPS"):
        monkeypatch.setattr(_recording, name, type(getattr(_recording, name))())


def make_recipe(
    phases=None,
    *,
    update="joint",
    encoder=DeterministicEncoder,
    decoder=GaussianDecoder,
    prior=None,
    n_classes=0,
    noise=0.0,
    normalization="batch",
    activation="relu",
    dtype=torch.float64,
):
    options = {"normalization": normalization, "activation": activation}
    options |= {"input_noise": noise, "dropout": noise, "input_dropout": noise}
    with seeded_scope(0):
        networks = {
            "encoder": encoder(D, K, hidden_layer_sizes=(6, 4), **options),
            "decoder": decoder(K, D, hidden_layer_sizes=(4, 6), activation=activation),
            "critic": Critic(K, (6,), n_classes=n_classes),
            "prior": Gaussian(K) if prior is None else prior,
        }
    if phases is None:
        phases = [Reconstruct(n_columns=D), TrainCritic(), FoolCritic(weight=0.5)]
    return Recipe(networks, phases, update).to(dtype)


def game(objective="bce", penalty="r1", penalty_weight=0.0):
    return [
        Reconstruct(n_columns=D, weight=3.0),
        TrainCritic(
            objective=objective, penalty=penalty, penalty_weight=penalty_weight
        ),
        FoolCritic(weight=0.5, objective=objective),
    ]


def train(recipe, batches, *, record_steps, **options):
    options = {"seed": 3, "lr": 1e-2, "max_epochs": EPOCHS, "verbose": 0} | options
    net = AAENet(recipe, record_steps=record_steps, **options).initialize()
    net.partial_fit(batches)
    assert (net.engine_._replay is not None) == record_steps
    return net


def make_batches(x, prior=None, batch_size=8, **options):
    prior = Gaussian(K) if prior is None else prior
    return Batches(x, prior, batch_size=batch_size, seed=3, **options)


def assert_alike(a, b, tolerance=0.0):
    """Compare weights, statistics, optimisers and history of two nets."""
    states = [net.module_.state_dict() for net in (a, b)]
    states += [net.optimizer_.state_dict()["state"] for net in (a, b)]
    for one, other in (states[:2], states[2:]):
        torch.testing.assert_close(one, other, rtol=0, atol=tolerance)
    for one, other in zip(a.finished_history(), b.finished_history(), strict=True):
        assert set(one) == set(other)
        assert all(
            abs(one[name] - other[name]) <= tolerance for name in one if name != "dur"
        )


OPTIONS = {
    "default": {},
    **{f"update {u}": {"update": u} for u in ("joint", "alternating")},
    **{f"game {o}": {"phases": game(o)} for o in OBJECTIVES},
    **{f"penalty {p}": {"phases": game("bce", p, 2.0)} for p in PENALTIES},
    **{
        f"divergence {d}": {
            "phases": [Reconstruct(n_columns=D), DIVERGENCES[d](weight=0.5)],
            "encoder": GaussianEncoder,
        }
        for d in DIVERGENCES
    },
    **{f"posterior {e}": {"encoder": ENCODERS[e]} for e in ENCODERS},
    **{f"reconstruction {d}": {"decoder": DECODERS[d]} for d in DECODERS},
    **{f"activation {a}": {"activation": a} for a in ACTIVATIONS},
    **{f"normalization {n}": {"normalization": n} for n in (*NORMALIZATIONS, None)},
    "noise": {"noise": 0.2, "encoder": GaussianEncoder},
    "float32": {"dtype": torch.float32},
    **{
        f"density of {p}": {
            "phases": [Reconstruct(n_columns=D), DIVERGENCES["kl"]()],
            "encoder": GaussianEncoder,
            "prior": PRIORS[p](K),
        }
        for p in ("gaussian", "laplace", "gaussian_mixture")
    },
}


@pytest.mark.parametrize("name", OPTIONS)
def test_replayed_training_is_the_eager_training(name, randn):
    dtype = OPTIONS[name].get("dtype", torch.float64)
    batches = make_batches(randn(N, D).sigmoid().to(dtype))
    eager = train(make_recipe(**OPTIONS[name]), batches, record_steps=False)
    replayed = train(make_recipe(**OPTIONS[name]), batches, record_steps=True)
    assert_alike(eager, replayed)


@pytest.mark.parametrize("batch_size", [8, N])
@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_weights_labels_and_schedules_are_replayed(batch_size, schedule, randn):
    prior = GaussianMixture(K, 3)
    batches = make_batches(
        randn(N, D),
        prior,
        batch_size,
        y=torch.arange(N) % 4 - 1,
        weight=torch.rand(N, dtype=torch.float64) + 0.5,
    )
    nets = [
        train(make_recipe(n_classes=3), batches, record_steps=r, schedule=schedule)
        for r in (False, True)
    ]
    assert_alike(*nets)


@pytest.mark.parametrize("update", ["joint", "alternating"])
@pytest.mark.parametrize("last", ["reconstruction", "generator"])
def test_companions_are_replayed_whichever_phase_is_the_last(last, update, randn):
    neighbours = (torch.arange(N)[:, None] + torch.tensor([1, 2])) % N
    batches = LabelledNeighborBatches(
        randn(N, D),
        Gaussian(K),
        batch_size=8,
        seed=3,
        neighbors=neighbours,
        y=torch.arange(N) % 4 - 1,
        labelled_size=4,
    )
    phases = sorted(game(), key=lambda phase: phase.name == last)
    eager, replayed = (
        train(make_recipe(phases, update=update), batches, record_steps=r)
        for r in (False, True)
    )
    assert_alike(eager, replayed)


def test_one_recording_serves_models_of_one_shape(randn):
    for i, strength in enumerate((0.5, 2.0)):
        batches = make_batches(randn(N, D))
        phases = [Reconstruct(n_columns=D), TrainCritic(), FoolCritic(weight=strength)]
        options = {"lr": 10.0 ** (-2 - i), "seed": i}
        nets = [
            train(make_recipe(phases), batches, record_steps=r, **options)
            for r in (False, True)
        ]
        assert_alike(*nets)
    assert len(_recording._RECORDINGS) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"activation": "gelu"},
        {"phases": game("hinge")},
        {"phases": game(penalty_weight=1.0)},
        {"update": "alternating"},
        {"noise": 0.1},
        {"dtype": torch.float32},
    ],
)
def test_other_steps_have_recordings_of_their_own(other, randn):
    for options in ({}, other):
        x = randn(N, D).to(options.get("dtype", torch.float64))
        train(make_recipe(**options), make_batches(x), record_steps=True)
    assert len(_recording._RECORDINGS) == 2


def test_recordings_are_bounded(randn, monkeypatch):
    monkeypatch.setattr(_recording, "MAX_RECORDINGS", 2)
    for n in (6, 7, 8):
        train(make_recipe(), make_batches(randn(N, D), batch_size=n), record_steps=True)
    assert len(_recording._RECORDINGS) == 2


def train_again(batches):
    """Train a new net, recorded or not."""
    net = AAENet(make_recipe(), seed=3, lr=1e-2, max_epochs=EPOCHS, verbose=0)
    return net.initialize().partial_fit(batches)


def test_short_trainings_are_recorded_when_their_steps_add_up(randn, monkeypatch):
    batches = make_batches(randn(N, D))
    monkeypatch.setattr(_engine, "RECORDED_STEPS", 2 * EPOCHS * batches.n_steps)
    others = make_batches(randn(N, D), batch_size=7)
    nets = [train_again(b) for b in (batches, others, batches, batches, others)]
    replayed = [net.engine_._replay is not None for net in nets]
    assert replayed == [False, False, True, True, True]
    assert len(_recording._RECORDINGS) == 2
    for net in nets[2:4]:
        assert_alike(nets[0], net)
    assert_alike(nets[1], nets[4])


def test_the_shortest_trainings_do_not_look_for_a_recording(randn, monkeypatch):
    batches = make_batches(randn(N, D))
    assert train_again(batches).engine_._replay is not None
    monkeypatch.setattr(_engine, "MIN_STEPS", EPOCHS * batches.n_steps + 1)
    assert train_again(batches).engine_._replay is None


def test_earlier_trainings_decide_only_where_no_bit_changes(randn, monkeypatch):
    batches = make_batches(randn(N, D))
    assert train_again(batches).engine_._replay is not None
    monkeypatch.setattr(_engine, "RECORDED_STEPS", EPOCHS * batches.n_steps + 1)
    assert train_again(batches).engine_._replay is not None
    monkeypatch.setattr(Reconstruct, "replays_exactly", False)
    assert train_again(batches).engine_._replay is None


def test_counts_of_steps_are_bounded(randn, monkeypatch):
    monkeypatch.setattr(_engine, "RECORDED_STEPS", 10**9)
    monkeypatch.setattr(_recording, "MAX_COUNTED", 2)
    for n in (6, 7, 8):
        train_again(make_batches(randn(N, D), batch_size=n))
    assert len(_recording._STEPS) == 2


def test_what_cannot_be_recorded_is_trained_eagerly(randn, monkeypatch):
    def refuse(*args):
        raise RuntimeError("no recording here")

    batches = make_batches(randn(N, D))
    eager = train(make_recipe(), batches, record_steps=False)
    monkeypatch.setattr(_tracing, "written_down", refuse)
    net = AAENet(make_recipe(), seed=3, lr=1e-2, max_epochs=EPOCHS, verbose=0)
    net.initialize().partial_fit(batches)
    assert net.engine_._replay is None
    assert_alike(eager, net)
    assert not _recording._STEPS  # the next short training does not try again


@pytest.fixture
def graphs(monkeypatch):
    """Return the list of the graphs that are recorded from now on."""
    seen = []

    def watch(recorded):
        seen.append(recorded)
        return simplify(recorded)

    monkeypatch.setattr(_tracing, "simplify", watch)
    return seen


def operations(recorded):
    calls = [str(n.target) for n in recorded.graph.nodes if n.op == "call_function"]
    return [name for name in calls if "profiler" not in name]


@pytest.mark.parametrize("name", ["default", "penalty wgan_gp", "noise"])
def test_what_is_written_down_is_what_torch_traces(name, randn, monkeypatch):
    """`make_fx` of torch follows the same step, in its own way."""
    graphs, write = [], _tracing.written_down

    def follow(step, tensors):
        graphs.append(make_fx(step)(*_tracing.copies_of(tensors)))
        graphs.append(write(step, tensors))
        return write(step, tensors)

    monkeypatch.setattr(_tracing, "written_down", follow)
    x = randn(N, D).sigmoid()
    train(make_recipe(**OPTIONS[name]), make_batches(x), record_steps=True)
    traced, written = map(operations, graphs)
    assert len(written) > 50
    assert written == traced


def test_a_step_that_asks_for_a_number_is_not_recorded():
    tensors = [torch.ones(3)]
    for step in (
        lambda x: (x * x.sum().item(),),
        lambda x: (x if x.sum() > 2 else -x,),
    ):
        with pytest.raises(TypeError, match=r" returns (int|float|bool|Sym)"):
            _tracing.written_down(step, tensors)


def test_a_number_that_a_step_makes_and_changes_is_made_again():
    def step(x):
        count = torch.tensor(0.0)
        return (count.add_(x.sum()),)

    x = torch.ones(3)
    run = _tracing.written_down(step, [x]).function()
    assert [float(run(x)[0]) for _ in range(3)] == [3.0, 3.0, 3.0]


def overwritten(step, *tensors):
    """Return which operations write into memory that they did not make."""
    recorded = _tracing.written_down(step, tensors)
    simplify(recorded)
    copies = [t.clone() for t in tensors]
    run = recorded.function()
    torch.testing.assert_close(run(*tensors), step(*copies), rtol=0, atol=0)
    torch.testing.assert_close(list(tensors), copies, rtol=0, atol=0)
    calls = [n for n in recorded.graph.nodes if n.op == "call_function"]
    return [str(n.target) for n in calls if {"out", "grad_input"} & set(n.kwargs)]


def test_what_nothing_reads_any_more_is_overwritten():
    a, b, row = torch.rand(3, 4), torch.rand(4, 4), torch.rand(4)
    assert overwritten(lambda a, b: ((a @ b - 1.5 * b[:3]),), a, b) == ["aten.sub.out"]
    assert overwritten(lambda a, b, row: ((a @ b).neg() + row,), a, b, row) == [
        "aten.neg.out",
        "aten.add.out",
    ]
    assert overwritten(lambda a, b, c: (torch.addcmul(c, a @ b, c),), a, b, row) == [
        "aten.addcmul.out"
    ]


@pytest.mark.parametrize(
    "step",
    [
        lambda a, b: (y := a @ b, y.neg()),  # returned itself
        lambda a, b: ((y := a @ b).neg() * y,),  # read again
        lambda a, b: ((y := a @ b)[0], y.neg()),  # seen through a view
        lambda a, b: (a.neg(), b.neg()),  # the caller's
        lambda a, b: ((a @ b)[:1].add(a),),  # of another shape
    ],
)
def test_what_is_read_later_is_not_overwritten(step):
    found = overwritten(step, torch.rand(3, 4), torch.rand(4, 4))
    assert "aten.neg.out" not in found
    assert "aten.add.out" not in found


def test_a_recording_holds_no_tensor_of_the_model(graphs, randn):
    net = train(make_recipe(), make_batches(randn(N, D)), record_steps=True)
    (graph,) = graphs
    assert not [n for n in graph.graph.nodes if n.op == "get_attr"]
    assert not list(graph.parameters())
    assert not list(graph.buffers())
    assert [net.engine_._replay.run] == list(_recording._RECORDINGS.values())


# --- TorchScript ----------------------------------------------------------------------


@pytest.fixture
def runs(monkeypatch):
    """Return the list of pairs of a script, or None, and what is replayed."""
    seen, fastest = [], _tracing._fastest

    def watch(*args):
        scripts = []
        with monkeypatch.context() as patch:
            make = _tracing.scripted
            patch.setattr(
                _tracing, "scripted", lambda r: scripts.append(make(r)) or scripts[0]
            )
            run = fastest(*args)
        seen.append((scripts[0] if scripts else None, run))
        return run

    monkeypatch.setattr(_tracing, "_fastest", watch)
    return seen


def test_steps_are_replayed_as_a_script(runs, randn):
    train(make_recipe(), make_batches(randn(N, D)), record_steps=True)
    ((script, run),) = runs
    assert run is script is not None


def test_a_script_that_does_something_else_is_not_used(runs, monkeypatch, randn):
    batches = make_batches(randn(N, D))
    eager = train(make_recipe(), batches, record_steps=False)
    forgetful = _tracing.scripted

    def forget(recorded):
        step = forgetful(recorded)
        return lambda *tensors: [2 * loss for loss in step(*tensors)]

    monkeypatch.setattr(_tracing, "scripted", forget)
    net = train(make_recipe(), batches, record_steps=True)
    ((script, run),) = runs
    assert run is not script is not None
    assert_alike(eager, net)


def test_without_scripts_python_replays(monkeypatch, randn):
    def refuse(source):
        raise RuntimeError("no scripts here")

    batches = make_batches(randn(N, D))
    eager = train(make_recipe(), batches, record_steps=False)
    monkeypatch.setattr(torch.jit, "CompilationUnit", refuse)
    net = train(make_recipe(), batches, record_steps=True)
    assert net.engine_._replay.run.__self__  # the method of a graph
    assert_alike(eager, net)


def test_a_script_calls_with_all_kinds_of_arguments():
    def work(x):
        y = torch.empty_like(x, dtype=torch.float64).fill_(torch.inf)
        z, _ = torch.cat([x, x.clamp(max=-torch.inf)]).max(0)
        return torch.full((2,), 3.5, device=x.device), y.clamp(max=2.0).to(z) + z

    x = torch.randn(3)
    script = scripted(make_fx(work)(x))
    assert all(map(torch.equal, script(x), work(x)))


# --- torch without what recordings need -----------------------------------------------

ERRORS = (AttributeError, ImportError, TypeError, RuntimeError)


def break_import(patch, error):
    class Broken:
        def find_spec(self, name, path=None, target=None):
            if name == _tracing.__name__:
                raise error("torch has changed")

    patch.delitem(sys.modules, _tracing.__name__)
    patch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])


def break_function(name):
    """Return a function that makes one of `_tracing` raise."""
    return lambda patch, error: patch.setattr(_tracing, name, raising(error))


def break_what(name):
    """Return a function that makes what one of `_tracing` returns raise."""
    return lambda patch, error: patch.setattr(
        _tracing, name, lambda *args: raising(error)
    )


def break_both(plain):
    """Return a function that breaks scripts, and what takes their place."""

    def break_it(patch, error):
        break_function("scripted")(patch, error)
        plain(patch, error)

    return break_it


def break_comparison(patch, error):
    patch.setattr(_compare, "replayed", raising(error))


def raising(error):
    def fail(*args, **kwargs):
        raise error("torch has changed")

    return fail


def break_replay(n_done):
    """Return a function that makes the replay after some others fail half way."""

    def break_it(patch, error):
        record = _tracing.record

        def recorded(*args):
            run, calls = record(*args), []

            def fail(*tensors):
                found = run(*tensors)
                calls.append(1)
                if len(calls) > n_done:
                    raise error("torch has changed")
                return found

            return fail

        patch.setattr(_tracing, "record", recorded)

    return break_it


BREAKS = {
    "import": break_import,
    "tracing": break_function("written_down"),
    "simplifying": break_function("simplify"),
    "shortening": break_both(break_function("shorten")),
    "scripting": break_function("scripted"),
    "script": break_what("scripted"),
    "replaying plainly": break_both(break_what("shorten")),
    "comparing": break_comparison,
    "trying": break_replay(0),
    "first replay": break_replay(1),
    "second replay": break_replay(2),
}
STILL_RECORDED = ("scripting", "script")


def noisy_recipe():
    """Return a recipe of one phase: how steps are recorded does not hang on more."""
    return make_recipe([Reconstruct(n_columns=D)], noise=0.2)


@pytest.fixture(scope="module")
def noisy_training():
    """Return rows of a noisy training, and its eager steps."""
    generator = torch.Generator().manual_seed(5)
    x = torch.randn(N, D, dtype=torch.float64, generator=generator)
    batches = make_batches(x)
    return batches, train(noisy_recipe(), batches, record_steps=False)


@pytest.mark.parametrize("stage", BREAKS)
def test_whatever_torch_raises_steps_are_the_eager_ones(
    stage, noisy_training, monkeypatch, caplog
):
    batches, eager = noisy_training
    caplog.set_level("INFO", logger="sklearn_aae")
    for error in ERRORS:
        _recording._RECORDINGS.clear()
        with monkeypatch.context() as patch:
            BREAKS[stage](patch, error)
            net = AAENet(noisy_recipe(), seed=3, lr=1e-2, max_epochs=EPOCHS)
            net.set_params(verbose=0).initialize().partial_fit(batches)
        assert net.recorded_ == (stage in STILL_RECORDED), error
        assert_alike(eager, net)
        kept = list(_recording._RECORDINGS.values())
        assert (kept == [None]) == (stage not in STILL_RECORDED)  # not tried again
    assert ("stay eager" in caplog.text) == (stage not in STILL_RECORDED)


def test_an_error_of_a_later_replay_is_raised(noisy_training, monkeypatch):
    break_replay(1 + _recording.GUARDED_REPLAYS)(monkeypatch, MemoryError)
    net = AAENet(noisy_recipe(), seed=3, max_epochs=EPOCHS, verbose=0)
    with pytest.raises(MemoryError, match="torch has changed"):
        net.initialize().partial_fit(noisy_training[0])


def test_an_interrupt_while_recording_goes_through(noisy_training, monkeypatch):
    BREAKS["tracing"](monkeypatch, KeyboardInterrupt)
    net = AAENet(noisy_recipe(), seed=3, max_epochs=EPOCHS, verbose=0)
    net.initialize().partial_fit(noisy_training[0])  # skorch ends the training
    assert net.interrupted_
    assert not _recording._RECORDINGS


def test_recording_leaves_the_global_generator(noisy_training):
    before = torch.random.get_rng_state()
    train(noisy_recipe(), noisy_training[0], record_steps=True)
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_phase_may_hold_what_has_no_hash(randn):
    @dataclass(frozen=True)
    class Listed(Reconstruct):
        columns: list = field(default_factory=list)
        mask: torch.Tensor | None = None

    phases = [Listed(n_columns=D, columns=[1, 2], mask=torch.ones(3))]
    nets = [
        train(make_recipe(phases), make_batches(randn(N, D)), record_steps=recorded)
        for recorded in (False, True)
    ]
    assert [net.recorded_ for net in nets] == [False, True]


NEXT_TORCH = """
import sys

import numpy as np
import torch

def check(name):
    # torch's own modules find all operators.
    asks = sys._getframe(2).f_globals.get("__name__", "")
    if name in ("erfinv", "relu") and asks.startswith("sklearn_aae"):
        raise AttributeError(name)

class Operators:
    def __getattr__(self, name):
        check(name)
        return getattr(aten, name)

aten, torch.ops.aten = torch.ops.aten, Operators()
jit = torch.jit
del torch.jit

from sklearn_aae import AAETransformer

torch.jit = jit  # torch's own layers and optimisers ask some of it
del jit.CompilationUnit, jit.optimized_execution

X = np.random.RandomState(0).normal(size=(40, 3))
args = dict(hidden_layer_sizes=(4,), batch_size=8, max_iter=45, random_state=0)
for activation in ("gelu", "relu"):
    models = [
        AAETransformer(2, activation=activation, **args, compile=compile)
        for compile in (True, False)
    ]
    assert np.array_equal(*[model.fit(X).transform(X) for model in models])
    print(models[0].net_.recorded_)
"""


def test_a_torch_without_jit_and_some_operators_trains():
    run = subprocess.run(
        [sys.executable, "-c", NEXT_TORCH], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    # The operator that nothing asks for is no loss; relu is asked for.
    assert run.stdout.split() == ["True", "False"]


@pytest.mark.parametrize("exact", [True, False])
def test_a_recording_of_other_numbers_is_not_used(
    exact, noisy_training, monkeypatch, caplog
):
    """A torch that misses an operation in place records without an error."""
    batches, eager = noisy_training
    caplog.set_level("INFO", logger="sklearn_aae")
    monkeypatch.setattr(Reconstruct, "replays_exactly", exact)

    def tampered(make):
        def made(recorded):
            run = make(recorded)
            return lambda *tensors: run(*(tensor.clone() for tensor in tensors))

        return made

    for name in ("scripted", "shorten"):
        monkeypatch.setattr(_tracing, name, tampered(getattr(_tracing, name)))
    net = AAENet(noisy_recipe(), seed=3, lr=1e-2, max_epochs=EPOCHS)
    net.set_params(verbose=0).initialize().partial_fit(batches)
    assert not net.recorded_
    assert "gives other numbers" in caplog.text
    assert_alike(eager, net)


@pytest.mark.parametrize("update", ["joint", "alternating"])
@pytest.mark.parametrize("teacher_strength", [0.0, 2.0])
def test_statistics_between_chunks_are_those_of_eager_steps(update, teacher_strength):
    rows = np.random.RandomState(0).normal(size=(60, 4))
    labels = np.arange(60) % 3
    options = {"hidden_layer_sizes": (8,), "batch_size": 8, "random_state": 0}
    options |= {"update": update, "teacher_strength": teacher_strength}
    models = [
        SemiSupervisedAAEClassifier(smoothness_strength=0, compile=recorded, **options)
        for recorded in (True, False)
    ]
    for model in models:
        for _ in range(2):
            model.partial_fit(rows, labels)
    assert [model.net_.recorded_ for model in models] == [True, False]
    buffers = [dict(model.net_.module_.named_buffers()) for model in models]
    for name, value in buffers[0].items():
        assert torch.equal(value, buffers[1][name]), name
