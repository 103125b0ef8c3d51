"""A module whose arguments are parameters, as those of an estimator are."""

import copy
import inspect
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import torch
from sklearn import get_config
from torch import Tensor, nn

VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


class ParametersModule(nn.Module):
    """A module that its arguments describe: they are its parameters and its ``repr``.

    As scikit-learn wants it, the constructor keeps each as an attribute of its name.
    Buffers that follow from them are named by `_tensors` and registered by
    `_hold_tensors`. They are not pickled: a tensor has other bytes in each copy, and
    joblib, which caches the steps of a pipeline, compares bytes.
    """

    # Where an argument is kept, if not under its own name.
    _kept_as: ClassVar[Mapping[str, str]] = {}
    # Whether all buffers of `_tensors` follow from the arguments.
    _derives = False

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the arguments of the constructor.

        Parameters
        ----------
        deep : bool, default=True
            Whether to add the parameters of arguments that have some themselves.

        Returns
        -------
        params : dict
            Empty for a module that they do not describe: one that has weights to learn,
            or does not keep each argument as an attribute of its name.
        """
        kept = {**self._buffers, **self._modules, **vars(self)}
        places = {name: self._kept_as.get(name, name) for name in _arguments(self)}
        learns = next(self.parameters(), None) is not None
        if learns or not kept.keys() >= set(places.values()):
            return {}
        params = {name: kept[place] for name, place in places.items()}
        for name, value in [*params.items()] if deep else []:
            if hasattr(value, "get_params"):
                nested = value.get_params().items()
                params |= {f"{name}__{key}": inner for key, inner in nested}
        return params

    def set_params(self, **params: Any) -> Self:
        """Change arguments: the module is then as if made anew with them.

        Parameters
        ----------
        **params : dict
            Names and values; ``style__scale`` is the scale of the argument `style`.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If there is no such parameter, or the constructor refuses its value.
        """
        if not params:
            return self
        mine = self.get_params(deep=False)
        nested: dict[str, dict] = defaultdict(dict)
        for key, value in params.items():
            name, inside, inner = key.partition("__")
            if name not in mine or (inside and not hasattr(mine[name], "set_params")):
                raise ValueError(
                    f"Invalid parameter {key!r} for {self!r}. Valid parameters "
                    f"are: {sorted(self.get_params())}."
                )
            if inside:
                nested[name][inner] = value
            else:
                mine[name] = value
        for name, inner_params in nested.items():
            mine[name].set_params(**inner_params)
        anew = type(self)(**mine)
        vars(self).clear()
        vars(self).update(vars(anew))
        return self

    def __repr__(self) -> str:
        params = self.get_params(deep=False)
        if not params:
            return super().__repr__()
        if get_config()["print_changed_only"]:
            defaults = _arguments(self)
            params = {
                name: value
                for name, value in params.items()
                if repr(value) != repr(defaults[name])
            }
        shown = ", ".join(f"{name}={value!r}" for name, value in params.items())
        return f"{type(self).__name__}({shown})"

    def __sklearn_clone__(self) -> Self:
        """Return a copy; what was changed in it by hand, or learnt, stays."""
        return copy.deepcopy(self)

    def _tensors(self) -> dict[str, Tensor]:
        """Return the buffers that follow from the arguments, by name."""
        return {}

    def _hold_tensors(self, persistent: bool = True) -> None:
        """Register the buffers, at the end of the constructor."""
        self._derives = True
        for name, tensor in self._tensors().items():
            self.register_buffer(name, tensor, persistent=persistent)

    def __getstate__(self):
        """Return the attributes, without the buffers that follow from others."""
        derived = self._tensors() if self._derives else {}
        own = {
            name: buffer
            for name, buffer in self._buffers.items()
            if not _equal(buffer, derived.get(name))
        }
        return {**vars(self), "_buffers": own}

    def __setstate__(self, state):
        """Take over attributes, and derive the buffers that are not among them."""
        super().__setstate__(state)
        derived = self._tensors() if self._derives else {}
        self._buffers = {**derived, **self._buffers}


def _arguments(module: nn.Module) -> dict[str, Any]:
    """Return the names of a constructor's arguments, with their defaults.

    Empty for a constructor that takes any.
    """
    arguments = [*inspect.signature(type(module).__init__).parameters.values()][1:]
    if any(argument.kind in VARIADIC for argument in arguments):
        return {}
    return {argument.name: argument.default for argument in arguments}


def _equal(a: Tensor | None, b: Tensor | None) -> bool:
    if a is None or b is None:
        return a is b
    same_kind = (a.shape, a.dtype, a.device) == (b.shape, b.dtype, b.device)
    return same_kind and torch.equal(a, b)
