"""Fitted state as plain arrays: the pair that pickling, copies and files go through."""

import numpy as np
import torch

from sklearn_aae.training import AAENet


def to_arrays(module: torch.nn.Module) -> dict[str, np.ndarray]:
    """Return a module's parameters and buffers as NumPy arrays."""
    state = module.state_dict()
    return {name: value.detach().cpu().numpy().copy() for name, value in state.items()}


def net_state(net: AAENet) -> dict:
    """Return a trained net as plain arrays, with what rebuilds it."""
    return {
        "weights": to_arrays(net.module_),
        "history": net.finished_history(),
        "seed": net.seed,
        "loss": net.loss_,
    }


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
