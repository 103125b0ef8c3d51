"""The command: its arguments, and the two files that it writes."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from sklearn_aae.report._look import look_at
from sklearn_aae.report._page import make_page
from sklearn_aae.report._pictures import check_drawable
from sklearn_aae.report._table import read_table


def main(arguments: Sequence[str] | None = None) -> int:
    """Look at a table: write its codes and a page about it.

    Parameters
    ----------
    arguments : sequence of str, default=None
        Those of the command line; None for the process's own.

    Returns
    -------
    status : int
        0, or 2 if the table cannot be looked at; then a message says why.

    Examples
    --------
    >>> from sklearn_aae.report import main
    >>> main(["no_such_table.csv"])
    2
    """
    options = _parser().parse_args(arguments)
    try:
        table = read_table(
            options.table, options.colour, options.drop, header=not options.no_header
        )
        if table.doubt is not None:
            print(f"sklearn_aae: {table.doubt}", file=sys.stderr)
        # What can fail fails before the fits, which take time.
        check_drawable()
        folder = _make_folder(options.output or options.table.parent)
        look = look_at(table.X, n_components=options.columns, seed=options.seed)
        page = make_page(options.table.name, table, look, seed=options.seed)
        for path in _write(folder / options.table.stem, table, look, page):
            print(path)
    except (ValueError, ImportError, OSError) as error:
        print(f"sklearn_aae: {error}", file=sys.stderr)
        return 2
    return 0


def _make_folder(folder: Path) -> Path:
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"--output must be a folder, and {folder} is a file.")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _write(stem: Path, table, look, page: str) -> list[Path]:
    """Write codes and page; return where they are."""
    codes = table.X[[]].copy()
    codes.index.name = "row"
    for j, column in enumerate(look.codes.T, 1):
        codes[f"z{j}"] = column
    codes["unusual"] = look.scores
    if table.colour is not None:
        name = table.colour.name
        codes[f"{name}_" if name in ("row", *codes) else name] = table.colour
    paths = [Path(f"{stem}_{end}") for end in ("codes.csv", "look.html")]
    codes.to_csv(paths[0])
    paths[1].write_text(page, encoding="utf-8")
    return paths


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sklearn_aae",
        description="A first look at a table. Writes TABLE_codes.csv, the codes of the "
        "rows and how unusual each is, and TABLE_look.html: a map of the rows, the "
        "columns that matter, unusual rows and why, rows that the model draws, and "
        "whether to trust it.",
    )
    parser.add_argument("table", type=Path, help="a CSV file")
    parser.add_argument(
        "--no-header",
        action="store_true",
        help="its first line is a row, too; its columns are called 0, 1, ...",
    )
    parser.add_argument(
        "--columns", type=_positive, default=2, help="of the codes (default: 2)"
    )
    parser.add_argument(
        "--colour",
        "--color",
        metavar="COLUMN",
        help="colours the map; it is not learnt from",
    )
    parser.add_argument(
        "--drop",
        metavar="COLUMN",
        action="append",
        default=[],
        help="not to learn from; may be given several times",
    )
    parser.add_argument(
        "--output", type=Path, metavar="FOLDER", help="default: that of the table"
    )
    parser.add_argument(
        "--seed", type=_seed, default=0, help="of all that is random (default: 0)"
    )
    return parser


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return value


def _seed(text: str) -> int:
    value = int(text)
    if not 0 <= value < 2**32:
        raise argparse.ArgumentTypeError(f"{text} is not from 0 to {2**32 - 1}")
    return value
