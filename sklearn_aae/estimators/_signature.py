"""Signatures of estimators: a class states its parameters as fields, once.

    n_components: int = parameter(
        default=2, allowed=[POSITIVE_INT], shapes=True, kw_only=False
    )

says name, type and default, which editors see, what scikit-learn lets through, and that
networks are built by it. A subclass that wants another default writes that alone:
``dropout: float = 0.1``. The constructor follows from the fields, as a dataclass's
does, unless one is written; and the docstring's placeholder ``{parameters}`` becomes
the entries that the class does not write itself.
"""

import difflib
import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any

from sklearn_aae.estimators._docs import (
    ATTRIBUTES,
    AUTOENCODER_ATTRIBUTES,
    LABEL_LATENT_PARAMETERS,
    PARAMETERS,
)

FIELDS, OPTIONS = "__dataclass_fields__", "__dataclass_params__"
CONSTRAINTS = "_parameter_constraints"


def parameter(
    *, default, allowed: list | None = None, shapes=False, kw_only=True
) -> Any:
    """Return a field that is a parameter of the constructor.

    Parameters
    ----------
    default : object
        Its default; immutable.

    allowed : list, default=None
        Constraints as scikit-learn's ``_parameter_constraints`` have them; None for
        those of a base class, and for what it says of `shapes`.

    shapes : bool, default=False
        Whether networks are built by it, so that training on cannot change it.

    kw_only : bool, default=True
        Whether it must be passed by its name.

    Raises
    ------
    TypeError
        If it `shapes` networks and nothing is `allowed`.
    """
    if shapes and allowed is None:
        raise TypeError("A parameter of shapes=True needs its constraints: allowed.")
    metadata = {} if allowed is None else {"allowed": allowed, "shapes": shapes}
    return field(default=default, kw_only=kw_only, metadata=metadata)


def complete(cls: type) -> None:
    """Give a class the constructor, constraints and docstring that its fields say.

    A constructor that is written stays, in classes that derive from it, too; so do
    constraints.
    """
    written, doc = _constructor_is_written(cls), cls.__doc__
    dataclass(eq=False, repr=False, kw_only=True, init=not written)(cls)
    # A dataclass without a docstring would get one, and lose its base's.
    cls.__doc__ = doc and document(cls, doc)
    if not written:
        _check_fields(cls)
        setattr(cls, "__init__", _named_errors(cls))  # noqa: B010
        _sort_by_docstring(cls)
    names = parameters_of(cls)
    known = {name: _metadata(cls, name) for name in names}
    constraints = {
        **getattr(super(cls, cls), CONSTRAINTS, {}),
        **{name: found["allowed"] for name, found in known.items() if found},
        **vars(cls).get(CONSTRAINTS, {}),
    }
    kept = {name: constraints[name] for name in names if name in constraints}
    setattr(cls, CONSTRAINTS, kept)


def _constructor_is_written(cls: type) -> bool:
    """Whether the constructor of a class stands in its code, or in that of a base."""
    owner = next(base for base in cls.__mro__ if "__init__" in vars(base))
    options = vars(owner).get(OPTIONS)
    return options is None or not options.init


def _check_fields(cls: type) -> None:
    """Raise TypeError for a default that does not count, or a field by mistake."""
    for base in cls.__mro__:
        stated = any(isinstance(value, Field) for value in vars(base).values())
        if stated and FIELDS not in vars(base):
            raise TypeError(
                f"{base.__name__} states parameters for {cls.__name__}, and so must be "
                "a dataclass: @dataclass(eq=False, repr=False, kw_only=True)."
            )
    for found in fields(cls):  # type: ignore[arg-type]
        name, line = found.name, cls.__mro__
        owner = [b for b in line if vars(b).get(FIELDS, {}).get(name) is found][-1]
        for base in line[: line.index(owner)]:
            value = vars(base).get(name, owner)
            if value is not owner and not hasattr(value, "__set__"):
                raise TypeError(
                    f"{base.__name__}.{name} does not count: it is a parameter. State "
                    f"its default with its type, in {cls.__name__}: {name}: ... = "
                    f"{value!r}"
                )
        if owner is cls and (name.startswith("_") or name.endswith("_")):
            raise TypeError(
                f"{cls.__name__}.{name} has a type, and so would be a parameter. Leave "
                "the type out, or make it a ClassVar."
            )


def _sort_by_docstring(cls: type) -> None:
    """Let the signature list parameters in the order of the docstring."""
    doc, signature = inspect.getdoc(cls) or "", inspect.signature(cls.__init__)  # type: ignore[misc]
    first = [p for p in signature.parameters.values() if p.kind != p.KEYWORD_ONLY]
    rest = [p for p in signature.parameters.values() if p.kind == p.KEYWORD_ONLY]
    places = {p.name: doc.find(f"\n{p.name} : ") for p in rest}
    rest.sort(key=lambda p: (places[p.name] < 0, places[p.name]))
    sorted_signature = signature.replace(parameters=[*first, *rest])
    cls.__init__.__signature__ = sorted_signature  # type: ignore[misc]


def parameters_of(cls: type) -> list[str]:
    """Return the names of a constructor's parameters, in order."""
    return list(inspect.signature(cls).parameters)


def shaping_parameters(cls: type) -> set[str]:
    """Return the names of the parameters that networks are built by."""
    return {n for n in parameters_of(cls) if _metadata(cls, n).get("shapes")}


def _metadata(cls: type, name: str) -> Mapping:
    """Return what the nearest class that has something to say says of a parameter."""
    for base in cls.__mro__:
        found = vars(base).get(FIELDS, {}).get(name)
        if found is not None and found.metadata:
            return found.metadata
    return {}


def _named_errors(cls: type) -> Callable:
    """Return a constructor that suggests a name for an argument that there is not."""
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

    return __init__


def _nearest(given: Iterable[str], signature: inspect.Signature) -> str:
    """Return a question after the argument that the first unknown one may mean."""
    unknown = next((name for name in given if name not in signature.parameters), "")
    near = difflib.get_close_matches(unknown, signature.parameters, n=1)
    return f". Did you mean {near[0]!r}?" if near else ""


def document(cls: type, doc: str) -> str:
    """Return a docstring whose placeholders are filled with what it leaves out."""
    doc = inspect.cleandoc(doc)
    names, entries = parameters_of(cls), {}
    for name, (kind, text) in (LABEL_LATENT_PARAMETERS | PARAMETERS).items():
        if name in names:
            default = _shown(inspect.signature(cls).parameters[name].default)
            entries[name] = (f"{kind}, default={default}", text)
    for place, known in (
        ("{parameters}", entries),
        ("{attributes}", ATTRIBUTES),
        ("{autoencoder attributes}", AUTOENCODER_ATTRIBUTES),
    ):
        left_out = [
            f"{name} : {kind}\n{_indented(text)}"
            for name, (kind, text) in known.items()
            if f"\n{name} : " not in doc
        ]
        doc = doc.replace(place, "\n\n".join(left_out))
    return doc


def _shown(default) -> str:
    """Return a default as docstrings write it."""
    return f'"{default}"' if isinstance(default, str) else repr(default)


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in inspect.cleandoc(text).splitlines())
