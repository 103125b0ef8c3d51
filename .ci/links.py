"""Check that links of built pages lead somewhere, and that none loads from elsewhere.

    .venv/bin/python .ci/links.py docs/_build/html

Sphinx warns of references that it cannot resolve; this looks at what it wrote: pages,
places in them, pictures, scripts, files to download. Links to other sites are not
followed.
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# Of the theme: a template, not a page.
NO_PAGES = {"webpack-macros.html"}


class Page(HTMLParser):
    """The links of a page, what it loads, and the places that links can lead to."""

    def __init__(self, path: Path):
        super().__init__()
        self.path = path
        self.links: set[str] = set()
        self.loaded: set[str] = set()
        self.places: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        """Note what an element leads to, loads, and is called."""
        attributes = dict(attrs)
        self.places.add(attributes.get("id"))
        to = attributes.get("href", attributes.get("src"))
        if to is not None:
            (self.links if tag == "a" else self.loaded).add(to)


def problems(root: Path):
    """Yield what is wrong with the pages in a folder."""
    paths = [path for path in root.rglob("*.html") if path.name not in NO_PAGES]
    pages = {path: Page(path) for path in paths}
    for path, page in pages.items():
        name = path.relative_to(root)
        for link in sorted(page.links | page.loaded):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                if link in page.loaded and parts.scheme != "data":
                    yield f"{name} loads {link}"
                continue
            place = unquote(parts.fragment)
            target = (path.parent / unquote(parts.path)).resolve()
            target = target if parts.path else path
            if not target.exists():
                yield f"{name}: no {link}"
                continue
            known = pages[target].places if target in pages else {place}
            if place and place not in known:
                yield f"{name}: no such place, {link}"


def main():
    """Print the problems; the exit status says whether there are some."""
    found = sorted(problems(Path(sys.argv[1]).resolve()))
    print(*found or ["all links lead somewhere"], sep="\n")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
