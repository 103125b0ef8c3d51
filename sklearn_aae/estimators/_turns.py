"""Restarts of several kinds: those of one kind train together, the kinds in turn."""

from collections.abc import Callable, Sequence

from sklearn_aae.estimators._fitting import Trainer
from sklearn_aae.training import AAENet, NonFiniteLossError


def train_new(
    turns: Sequence[tuple[int, Trainer]], criterion: Callable[[AAENet], float]
) -> dict[AAENet, Trainer]:
    """Have a net trained for each seed, those of one trainer together.

    Parameters
    ----------
    turns : sequence of (int, Trainer)
        A seed, and who trains its net.

    criterion : callable
        By which restarts are halved.

    Returns
    -------
    trained_by : dict of AAENet to Trainer
        The nets that got there. Ctrl-C leaves out those of later trainers.

    Raises
    ------
    NonFiniteLossError
        If none got there.
    """
    trained: dict[AAENet, Trainer] = {}
    failed: NonFiniteLossError | None = None
    for trainer in dict.fromkeys(trainer for _, trainer in turns):
        seeds = [seed for seed, by in turns if by is trainer]
        trainer.time_left *= len(seeds) / len(turns)
        try:
            nets = trainer.train_new(seeds, criterion)
        except NonFiniteLossError as error:
            failed = failed or error
            continue
        except KeyboardInterrupt:
            if not (trained and trainer.scope.interrupted):
                raise
            break
        trained |= dict.fromkeys(nets, trainer)
        if trainer.scope.interrupted:
            break
    if not trained and failed is not None:
        raise failed
    return trained


def train_on(models: Sequence[tuple[AAENet, Trainer]]) -> dict[AAENet, Trainer]:
    """Have fitted nets trained on by their trainers, until Ctrl-C; return all."""
    for trainer in dict.fromkeys(trainer for _, trainer in models):
        if not trainer.scope.interrupted:
            nets = [net for net, by in models if by is trainer]
            trainer.time_left *= len(nets) / len(models)
            trainer.train_on(nets)
    return dict(models)
