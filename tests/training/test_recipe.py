"""Who steps with whom, in which order."""

import pytest

from sklearn_aae.training import (
    DIVERGENCES,
    FoolCritic,
    Phase,
    Recipe,
    Reconstruct,
    TrainCritic,
)


def groups_of(recipe):
    return [
        (p.name, [f.name for f in p.phases], p.moves) for p in recipe.optimizer_groups
    ]


AAE = (Reconstruct(), TrainCritic(), FoolCritic())


def test_joint_update_lets_the_critic_step_before_the_autoencoder(make_networks):
    assert groups_of(Recipe(make_networks(), AAE, "joint")) == [
        ("critic", ["critic"], ("critic",)),
        ("generator", ["reconstruction", "generator"], ("encoder", "decoder")),
    ]


def test_alternating_update_gives_each_phase_its_group(make_networks):
    assert groups_of(Recipe(make_networks(), AAE, "alternating")) == [
        ("reconstruction", ["reconstruction"], ("encoder", "decoder")),
        ("critic", ["critic"], ("critic",)),
        ("generator", ["generator"], ("encoder",)),
    ]


@pytest.mark.parametrize("name", DIVERGENCES)
def test_joint_update_of_one_game_is_one_group(name, make_networks):
    phases = [Reconstruct(), DIVERGENCES[name]()]
    assert groups_of(Recipe(make_networks(), phases)) == [
        (name, ["reconstruction", name], ("encoder", "decoder"))
    ]


def test_joint_update_joins_through_a_later_phase(make_networks):
    class Bridge(Phase):
        name, moves, needs = "bridge", ("critic", "decoder"), ("critic", "decoder")

    recipe = Recipe(make_networks(), [TrainCritic(), FoolCritic(), Bridge()])
    assert groups_of(recipe) == [
        ("generator", ["generator"], ("encoder",)),
        ("bridge", ["critic", "bridge"], ("critic", "decoder")),
    ]


@pytest.mark.parametrize("update", ["joint", "alternating"])
def test_every_phase_plays_once(update, make_networks):
    recipe = Recipe(make_networks(), AAE, update)
    played = [phase for group in recipe.optimizer_groups for phase in group.phases]
    assert sorted(p.name for p in played) == ["critic", "generator", "reconstruction"]
