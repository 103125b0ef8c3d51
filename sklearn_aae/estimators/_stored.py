"""Fitted models as arrays and plain values, from which the networks are rebuilt."""

from typing import Self

import torch

from sklearn_aae.estimators._data import TrainingData
from sklearn_aae.estimators._nets import fitted_model, load_net
from sklearn_aae.estimators._state import net_state
from sklearn_aae.utils._device import resolve_device
from sklearn_aae.utils._modes import plain_torch


class StoredModelMixin:
    """State without objects of torch, and moves to other devices.

    Estimators have `_models`, `_model` and `_data`, `_parts`, `_make_spec` and
    `_set_fitted`.
    """

    def to(self, device: str | torch.device) -> Self:
        """Move the model to another device, where it answers and trains from now on.

        Parameters
        ----------
        device : str or torch.device
            "auto" takes a GPU where there is one. The parameter `device` becomes it.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If torch does not know the device, or this machine lacks it; the model then
            stays where it is.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sklearn_aae import AAETransformer
        >>> X, _ = load_iris(return_X_y=True)
        >>> AAETransformer(max_iter=2).fit(X).to("cpu").transform(X).shape
        (150, 2)
        """
        resolve_device(device)
        if not hasattr(self, "_models"):
            return self.set_params(device=device)
        before, state = dict(vars(self)), self.__getstate__()
        state["device"] = device
        state["_data"]["params"] = state["_data"]["params"] | {"device": device}
        state["_state"] = self._get_state(trains_on=True)
        try:
            vars(self).clear()
            self.__setstate__(state)
        except BaseException:
            vars(self).clear()
            vars(self).update(before)
            raise
        return self

    def __getstate__(self):
        """Return attributes with torch objects replaced by plain state."""
        state = super().__getstate__()
        state = dict(vars(self) if state is None else state)
        if "_models" in state:
            state["_state"] = self._get_state()
            state["_data"] = dict(vars(self._data))
            for name in ("_models", "_model", *self._model.attributes):
                state.pop(name, None)  # the user may have let go of one
        return state

    def __setstate__(self, state):
        """Rebuild the torch objects from plain state."""
        state = dict(state)
        plain = state.pop("_state", None)
        super().__setstate__(state)
        if plain is not None:
            self._data = TrainingData(**self._data)
            with plain_torch():
                self._set_state(plain)
            # What a user or a subclass has set stays.
            vars(self).update(state | {"_data": self._data})

    def _get_state(self, *, trains_on: bool = False) -> dict:
        """Return the trained models as plain arrays, with what rebuilds them.

        With what their optimisers remember, if they train on; see `warm_start`.
        """
        goes_on = trains_on or self.warm_start
        return {
            "nets": [net_state(m.net, trains_on=goes_on) for m in self._models],
            "at": self._models.index(self._model),
            "parts": [model.part for model in self._models],
        }

    def _set_state(self, state: dict) -> None:
        """Rebuild the trained models from `_get_state`, on this machine's device."""
        data = self._data
        params = {k: v for k, v in data.params.items() if "__" not in k}
        taken = params.keys() & type(self)._get_param_names()
        maker = type(self)(**{name: params[name] for name in taken})
        vars(maker).update(params)  # a subclass may set some itself
        try:
            resolve_device(maker.device)
        except ValueError:
            maker.device = "cpu"
        parts = dict.fromkeys(maker._parts())
        makers = [(part, part._make_spec(data)) for part in parts]
        models = []
        for i, plain in zip(state["parts"], state["nets"], strict=True):
            net = load_net(*makers[i], data, plain)
            models.append(fitted_model(*makers[i], net, data, i))
        models[state["at"]].residuals = getattr(self, "residuals_", None)
        self._set_fitted(models, state["at"], data)
