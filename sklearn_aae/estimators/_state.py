"""Fitted state as plain arrays: the pair that pickling, copies and files go through."""

import numpy as np
import torch

from sklearn_aae.training import AAENet, known_to, state_of


def to_arrays(module: torch.nn.Module) -> dict[str, np.ndarray]:
    """Return a module's parameters and buffers as NumPy arrays."""
    state = module.state_dict()
    return {name: value.detach().cpu().numpy().copy() for name, value in state.items()}


def net_state(net: AAENet, *, trains_on: bool = False) -> dict:
    """Return a trained net as plain arrays, with what rebuilds it.

    Parameters
    ----------
    net : AAENet
        Trained.

    trains_on : bool, default=False
        Whether to add what its optimisers remember.
    """
    state = {
        "weights": to_arrays(net.module_),
        "history": net.finished_history(),
        "seed": net.seed,
        "loss": net.loss_,
    }
    if trains_on:
        present = net.movers, [_moments(o) for o in net.engine_.optimizers]
        state["losses"], state["optimizers"] = net.stored_memory or present
    return state


def _moments(optimizer: torch.optim.Optimizer) -> dict:
    tensors = [t.detach().cpu().numpy().copy() for t in state_of(optimizer)]
    return {"known": known_to(optimizer), "moments": tensors}


def load_optimizers(net: AAENet, state: dict) -> None:
    """Let the optimisers of a net remember what `net_state` has of them, if it has."""
    if "losses" not in state:
        return
    movers, parts = state["losses"], state["optimizers"]
    if not all(isinstance(name, str) for name in movers):
        net.remember(movers, parts)
    elif movers == [phase.name for phase in net.module_.phases]:
        # Of a file that does not say what they move: others, if the shapes differ.
        try:
            net.remember(net.movers, parts)
        except ValueError:
            net.initialize_optimizer()


def load_arrays(
    module: torch.nn.Module, arrays: dict[str, np.ndarray]
) -> torch.nn.Module:
    """Load arrays into a module of the same shape; it takes over their dtype."""
    # A copy: joblib may hand over read-only memory maps.
    state = {name: torch.tensor(np.asarray(a)) for name, a in arrays.items()}
    module.to(dtype_of(arrays)).load_state_dict(state)
    return module


def dtype_of(arrays: dict[str, np.ndarray]) -> torch.dtype:
    """Return the dtype of a module's arrays."""
    kinds = [value.dtype for value in arrays.values() if value.dtype.kind == "f"]
    return torch.float64 if np.float64 in kinds else torch.float32
