"""Fitted state as plain arrays: the pair that pickling, copies and files go through."""

import contextlib
from collections.abc import Iterator

import numpy as np
import torch

from sklearn_aae.training import AAENet
from sklearn_aae.utils._modes import plain_torch

# Rebuilt from the plain state; no network of this library is pickled.
TORCH_ATTRIBUTES = (
    "net_",
    "members_",
    "encoder_",
    "decoder_",
    "generator_",
    "critic_",
    "prior_",
)


@contextlib.contextmanager
def unchanged_on_error(estimator) -> Iterator[None]:
    """Put an estimator's attributes and trained nets back if anything inside fails.

    Nets that train on note in ``_undo`` what they were; of nested scopes the outermost
    one puts them back.
    """
    before = dict(vars(estimator))
    outermost = "_undo" not in before
    if outermost:
        estimator._undo = []
    try:
        yield
    except BaseException:
        for net, snapshot in reversed(estimator._undo if outermost else []):
            net.restore(snapshot)
        vars(estimator).clear()
        vars(estimator).update(before)
        raise
    if outermost:
        del estimator._undo


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


class StateMixin:
    """Pickles an estimator without torch objects, on any device.

    The host provides ``_get_state``, ``_set_state``.
    """

    def __getstate__(self):
        """Return attributes with torch objects replaced by plain state."""
        state = super().__getstate__()
        state = dict(vars(self) if state is None else state)
        if "net_" in state:
            state["_state"] = self._get_state()
            for name in TORCH_ATTRIBUTES:
                state.pop(name, None)
        return state

    def __setstate__(self, state):
        """Rebuild the torch objects from plain state."""
        state = dict(state)
        plain = state.pop("_state", None)
        super().__setstate__(state)
        if plain is not None:
            with plain_torch():
                self._set_state(plain)
