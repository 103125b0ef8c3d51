"""Random streams: own generators, the caller's untouched."""

import os
import signal
import threading

import numpy as np
import pytest
import torch

from sklearn_aae.utils._random import (
    Streams,
    draw_seeds,
    epoch_seeds,
    lent_generator,
    seeded_scope,
    standard_normal,
    standard_uniform,
)

DRAWS = [standard_normal, standard_uniform]


def drawn(streams, draw, shape):
    with streams.active():
        return draw(torch.empty(shape, dtype=torch.float64))


@pytest.mark.parametrize("draw", DRAWS)
def test_a_member_of_a_stack_sees_its_own_stream(draw):
    together = drawn(Streams([3, 1, 4]), draw, (3, 5, 2))
    alone = [drawn(Streams(seed), draw, (5, 2)) for seed in (3, 1, 4)]
    assert torch.equal(together, torch.stack(alone))
    assert not torch.equal(together[0], together[1])


@pytest.mark.parametrize("draw", DRAWS)
def test_streams_leave_the_global_generators_alone(draw, rng_untouched):
    with rng_untouched():
        drawn(Streams(0), draw, (4, 3))


@pytest.mark.parametrize("draw", DRAWS)
def test_draws_follow_the_shape_and_dtype_of_like(draw):
    like = torch.empty(3, 4, 2, dtype=torch.float64).mT
    out = draw(like)
    assert out.shape == like.shape
    assert out.dtype == like.dtype
    assert out.is_contiguous()


def test_without_streams_a_seeded_scope_rules_the_draws():
    like = torch.empty(6)
    with seeded_scope(5):
        first = standard_normal(like)
    with seeded_scope(5):
        assert torch.equal(standard_normal(like), first)
    with seeded_scope(6):
        assert not torch.equal(standard_normal(like), first)


def test_draws_have_the_law_they_name():
    normal = drawn(Streams(0), standard_normal, (20000,))
    uniform = drawn(Streams(0), standard_uniform, (20000,))
    assert abs(normal.mean()) < 0.04
    assert abs(normal.var() - 1) < 0.06
    assert uniform.min() >= 0
    assert uniform.max() < 1
    assert abs(uniform.mean() - 0.5) < 0.02


def test_streams_nest_and_end():
    outer, inner = Streams(1), Streams(2)
    with outer.active():
        with inner.active():
            one = standard_normal(torch.empty(3))
        two = standard_normal(torch.empty(3))
    assert torch.equal(one, Streams(2).fill(torch.empty(3), torch.Tensor.normal_))
    assert torch.equal(two, Streams(1).fill(torch.empty(3), torch.Tensor.normal_))


def test_streams_end_when_the_scope_fails():
    with pytest.raises(ZeroDivisionError), Streams(1).active():
        1 / 0
    with seeded_scope(0):
        first = standard_normal(torch.empty(3))
    with seeded_scope(0):
        assert torch.equal(standard_normal(torch.empty(3)), first)


def test_each_thread_has_its_own_active_streams():
    seen = {}
    both_active = threading.Barrier(2)

    def work(seed):
        with Streams(seed).active():
            both_active.wait(timeout=10)
            seen[seed] = standard_normal(torch.empty(4))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed in (1, 2):
        alone = Streams(seed).fill(torch.empty(4), torch.Tensor.normal_)
        assert torch.equal(seen[seed], alone)


def test_an_epoch_depends_on_nothing_drawn_before():
    fresh, used = Streams([7, 8]), Streams([7, 8])
    drawn(used, standard_normal, (2, 100))
    used.reseed(3)
    fresh.reseed(3)
    third = drawn(used, standard_normal, (2, 5))
    assert torch.equal(third, drawn(fresh, standard_normal, (2, 5)))
    fresh.reseed(4)
    assert not torch.equal(third, drawn(fresh, standard_normal, (2, 5)))


def test_a_stack_refuses_rows_it_has_no_stream_for():
    with pytest.raises(ValueError, match="zip"):
        drawn(Streams([1, 2]), standard_normal, (3, 4))


def test_epoch_seeds_differ_by_seed_number_and_place():
    seeds = [s for seed in (0, 1) for n in range(4) for s in epoch_seeds(seed, n, 3)]
    assert len(set(seeds)) == 24
    assert epoch_seeds(5, 2, 3) == epoch_seeds(5, 2, 3)


@pytest.mark.parametrize("seed", [0, 42, np.int64(7)])
def test_draw_seeds_is_a_function_of_an_integer(seed):
    assert draw_seeds(seed, 3) == draw_seeds(seed, 3)
    assert draw_seeds(seed, 3)[:2] == draw_seeds(seed, 2)
    assert all(type(s) is int for s in draw_seeds(seed, 3))


def test_draw_seeds_advances_a_random_state():
    state = np.random.RandomState(0)
    assert draw_seeds(state, 2) != draw_seeds(state, 2)


def test_draw_seeds_of_none_is_fresh_and_leaves_numpy_alone(rng_untouched):
    with rng_untouched():
        first, second = draw_seeds(None, 4), draw_seeds(None, 4)
    assert first != second


def test_draw_seeds_refuses_what_is_no_random_state():
    with pytest.raises(ValueError, match="cannot be used to seed"):
        draw_seeds("now", 1)


@pytest.mark.parametrize("fails", [False, True])
def test_seeded_scope_puts_the_callers_state_back(fails, rng_untouched):
    with rng_untouched():
        try:
            with seeded_scope(0):
                torch.rand(10)
                if fails:
                    raise KeyboardInterrupt
        except KeyboardInterrupt:
            pass


def test_seeded_scope_nests():
    with seeded_scope(0):
        torch.rand(1)
        expected = torch.rand(1)
    with seeded_scope(0):
        torch.rand(1)
        with seeded_scope(9):
            torch.rand(5)
        assert torch.equal(torch.rand(1), expected)


def test_seeded_scope_is_one_threads_at_a_time():
    alone = {}
    for seed in range(4):
        with seeded_scope(seed):
            alone[seed] = torch.rand(50)
    seen = {}

    def work(seed):
        with seeded_scope(seed):
            seen[seed] = torch.cat([torch.rand(1) for _ in range(50)])

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed in range(4):
        with seeded_scope(seed):
            expected = torch.cat([torch.rand(1) for _ in range(50)])
        assert torch.equal(seen[seed], expected)


def test_a_generator_of_the_callers_own_is_used():
    def drawn_by_it():
        generator, ones = torch.Generator().manual_seed(1), torch.ones(6)
        return [
            torch.poisson(ones, generator=generator),
            torch.binomial(9 * ones, ones / 2, generator),
            torch.normal(ones, ones, generator=generator),
            torch.randperm(6, generator=generator),
        ]

    expected = drawn_by_it()
    with seeded_scope(0):
        found = drawn_by_it()
    for one, other in zip(expected, found, strict=True):
        assert torch.equal(one, other)


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_process_may_borrow_what_a_thread_had_borrowed():
    borrowed, done = threading.Event(), threading.Event()

    def borrow():
        with lent_generator(0):
            borrowed.set()
            done.wait()

    thread = threading.Thread(target=borrow)
    thread.start()
    borrowed.wait()
    process = os.fork()
    if process == 0:
        signal.alarm(20)  # what would wait for the thread for ever
        with lent_generator(1):
            os._exit(7)
    try:
        assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 7
    finally:
        done.set()
        thread.join()
