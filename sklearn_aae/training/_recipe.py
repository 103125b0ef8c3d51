"""A recipe: which networks a model has, and by which losses they are trained."""

from collections.abc import Mapping, Sequence

from torch import nn

from sklearn_aae.nn import (
    BatchNorm,
    Conv,
    ConvTranspose,
    LayerNorm,
    Linear,
    LogScale,
)
from sklearn_aae.training._shapes import describe_fields, describe_network
from sklearn_aae.training.losses._phases import OptimizerGroup, Phase

UPDATES = ("joint", "alternating")

# Layers that know the leading axis of a stack and draw from the model's own streams.
LAYERS = (
    Linear,
    Conv,
    ConvTranspose,
    BatchNorm,
    LayerNorm,
    LogScale,
    nn.ParameterList,
)


class Recipe(nn.Module):
    """Named networks and the ordered phases that train them; one loop trains all.

    Parameters
    ----------
    networks : dict of str to nn.Module
        Encoder, decoder, critic, ... as the phases need them.

    phases : sequence of Phase
        In the order of the paper.

    update : {"joint", "alternating"}, default="joint"
        "alternating" gives each phase its own pass, optimiser and step, as the paper
        does. "joint" adds up the losses of phases that share a network, and lets one
        encoder pass serve all phases of a step.

    Raises
    ------
    ValueError
        If a phase needs a network that is not there.

    Examples
    --------
    An adversarial autoencoder. Its optimisers, each with the networks that it moves:

    >>> from sklearn_aae.critics import Critic
    >>> from sklearn_aae.decoders import GaussianDecoder
    >>> from sklearn_aae.encoders import DeterministicEncoder
    >>> from sklearn_aae.training import FoolCritic, Recipe, Reconstruct, TrainCritic
    >>> networks = {
    ...     "encoder": DeterministicEncoder(5, 2),
    ...     "decoder": GaussianDecoder(2, 5),
    ...     "critic": Critic(2, (8,)),
    ... }
    >>> phases = [Reconstruct(n_columns=5), TrainCritic(), FoolCritic()]
    >>> [group.moves for group in Recipe(networks, phases).optimizer_groups]
    [('critic',), ('encoder', 'decoder')]
    >>> paper = Recipe(networks, phases, update="alternating")
    >>> [group.moves for group in paper.optimizer_groups]
    [('encoder', 'decoder'), ('critic',), ('encoder',)]
    """

    def __init__(
        self,
        networks: Mapping[str, nn.Module] | nn.ModuleDict,
        phases: Sequence[Phase],
        update: str = "joint",
    ):
        super().__init__()
        self.networks = nn.ModuleDict(dict(networks.items()))
        self.update = update
        self.replace_phases(phases)

    def check(self, phases: Sequence[Phase]) -> None:
        """Raise ValueError if a phase needs a network that is not there."""
        for phase in phases:
            missing = [n for n in phase.needs if n not in self.networks]
            if missing:
                raise ValueError(
                    f"Phase {type(phase).__name__} needs {missing[0]!r}. "
                    f"This recipe has {sorted(self.networks)}."
                )

    def replace_phases(self, phases: Sequence[Phase]) -> None:
        """Take over the losses and weights of other phases of the same networks."""
        self.check(phases)
        self.phases = tuple(phases)
        self.optimizer_groups = self._make_groups()

    @property
    def own_layers(self) -> bool:
        """Whether all that learns is of this library: no module of the user."""
        networks = self.networks.values()
        if any(getattr(network, "module", None) is not None for network in networks):
            return False
        # Not by `parameters`: the walk through its names takes a tenth of a small fit.
        return all(type(m) in LAYERS for m in self.modules() if _learns(m))

    def describe(self) -> tuple:
        """Return all that shapes the steps; not the weights, and not the strengths.

        Recipes of equal descriptions run the same operations on equal shapes.
        """
        networks = self.networks.items()
        return (
            self.update,
            tuple(describe_fields(p, but=p.numbers) + p.numbers for p in self.phases),
            tuple((name, describe_network(network)) for name, network in networks),
        )

    def moved(self, group: OptimizerGroup) -> list[nn.Parameter]:
        """Return the parameters that a group moves."""
        return [p for name in group.moves for p in self.networks[name].parameters()]

    def _make_groups(self) -> list[OptimizerGroup]:
        """Return who steps, in order: adversaries before those who must fool them."""
        groups = [[phase] for phase in self.phases]
        if self.update == "joint":
            groups = _join(groups)
        return [
            OptimizerGroup(group[-1].name, tuple(group), _union(group))
            for group in groups
        ]


def _learns(module: nn.Module) -> bool:
    """Whether a module has parameters, not counting those of its parts."""
    return any(p is not None for p in module._parameters.values())


def _union(group: list[Phase]) -> tuple[str, ...]:
    """Return the networks that a group of phases moves, in order, once each."""
    return tuple(dict.fromkeys(name for phase in group for name in phase.moves))


def _join(groups: list[list[Phase]]) -> list[list[Phase]]:
    """Join groups that share a network; a group takes the place of its last phase."""
    joined: list[list[Phase]] = []
    for group in groups:
        kin = [g for g in joined if set(_union(g)) & set(_union(group))]
        joined = [g for g in joined if g not in kin]
        joined.append([phase for g in kin for phase in g] + group)
    return joined
