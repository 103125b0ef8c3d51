"""One source for the parameters that the estimators of the family share."""

import difflib
import functools
import inspect
import re
from collections.abc import Callable, Iterable, Sequence

CONSTRAINTS = "_parameter_constraints"
SECTION = re.compile(r"\n\n(\w[\w ]*)\n-+\n")
# What stands between two entries of a list of parameters.
BETWEEN = re.compile(r"\n\n(?=\w[\w, ]* : )")


def inherits_parameters(base: type, without: Sequence[str] = ()) -> Callable:
    """Return a class decorator that completes signature and docstring.

    An ``__init__(self, own=..., **shared)`` gets the parameters of `base` in place of
    ``**shared``, and their entries of the docstring of `base` after its own. What a
    class names itself, such as a parameter of another default, it documents itself;
    its own ``_parameter_constraints`` are added to those of `base`.

    Parameters
    ----------
    base : type
        The class that documents the shared parameters and attributes.

    without : sequence of str, default=()
        Parameters and attributes of `base` that the class does not have.
    """

    def decorate(cls: type) -> type:
        init = vars(cls)["__init__"]
        own = [p for p in _parameters(init) if p.kind is not p.VAR_KEYWORD]
        taken = {*without, *(p.name for p in own)}
        shared = [p for p in _parameters(base.__init__) if p.name not in taken]  # type: ignore[misc]
        shared = [p.replace(kind=p.KEYWORD_ONLY) for p in shared]
        init.__signature__ = inspect.Signature([*own, *shared])
        known = {**base._parameter_constraints, **vars(cls).get(CONSTRAINTS, {})}  # type: ignore[attr-defined]
        names = [p.name for p in (*own[1:], *shared)]
        setattr(cls, CONSTRAINTS, {name: known[name] for name in names})
        if cls.__doc__ and base.__doc__:  # python -OO has none
            cls.__doc__ = _complete(cls.__doc__, base.__doc__, set(without))
        return checks_arguments(cls)

    return decorate


def checks_arguments(cls: type) -> type:
    """Let the constructor of a class refuse what is none of its arguments, by name.

    Python would name the base class whose constructor is the last to be handed it, or
    nobody where that one takes it.
    """
    init = cls.__init__  # type: ignore[misc]
    signature = inspect.signature(init)

    @functools.wraps(init)
    def __init__(self, *args, **kwargs):
        try:
            signature.bind(self, *args, **kwargs)
        except TypeError as error:
            message = f"{cls.__name__}.__init__() {error}"
            raise TypeError(message + _nearest(kwargs, signature)) from None
        init(self, *args, **kwargs)

    __init__.__qualname__ = f"{cls.__name__}.__init__"
    cls.__init__ = __init__  # type: ignore[misc]
    return cls


def _nearest(given: Iterable[str], signature: inspect.Signature) -> str:
    """Return a question after the argument that the first unknown one may mean."""
    unknown = next((name for name in given if name not in signature.parameters), "")
    near = difflib.get_close_matches(unknown, signature.parameters, n=1)
    return f". Did you mean {near[0]!r}?" if near else ""


def _parameters(function: Callable) -> list[inspect.Parameter]:
    return list(inspect.signature(function).parameters.values())


def _complete(doc: str, base: str, without: set[str]) -> str:
    """Add to the lists of a docstring those entries of the base's that it lacks."""
    doc, base = inspect.cleandoc(doc), inspect.cleandoc(base)
    parts, theirs = SECTION.split(doc), SECTION.split(base)
    shared = dict(zip(theirs[1::2], theirs[2::2], strict=True))
    for i, title in enumerate(parts[1::2]):
        if title in ("Parameters", "Attributes"):
            own = BETWEEN.split(parts[2 * i + 2])
            taken = without | {name for entry in own for name in _names(entry)}
            more = BETWEEN.split(shared[title])
            more = [entry for entry in more if not set(_names(entry)) <= taken]
            parts[2 * i + 2] = "\n\n".join([*own, *more])
    heads = [f"\n\n{title}\n{'-' * len(title)}\n" for title in parts[1::2]]
    rest = [text for pair in zip(heads, parts[2::2], strict=True) for text in pair]
    return "".join([parts[0], *rest])


def _names(entry: str) -> list[str]:
    """Return the names that an entry describes: ``encoder, decoder : ...``."""
    return entry.partition(" : ")[0].split(", ")
