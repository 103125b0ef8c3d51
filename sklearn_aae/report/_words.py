"""Texts cut to a length that can be read."""

from collections.abc import Sequence

MOST_NAMED, LONGEST = 12, 80


def shorten(text: str, longest: int = LONGEST) -> str:
    """Return a text, or its beginning if it is longer."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def name_some(texts: Sequence[str], between: str = ", ") -> str:
    """Return the first of some texts, each shortened, and how many others there are."""
    named = between.join(shorten(text) for text in texts[:MOST_NAMED])
    n_others = len(texts) - MOST_NAMED
    if n_others <= 0:
        return named
    return f"{named}{between}and {n_others} other{'s' if n_others > 1 else ''}"
