"""Whether another commit gives the same numbers, bit for bit.

Models of all estimators are trained by this checkout and by that commit, each side in a
process of its own with one thread. Codes, labels, scores, drawn rows, fitted attributes
and histories are compared as bytes; what may differ is listed here, with the
reason. Exits with 1 if anything else differs or a setting fails.

    python benchmarks/same_numbers.py --base COMMIT [--only NAME ...] [--save FILE]
    python benchmarks/same_numbers.py --against FILE [--only NAME ...]

``--save`` keeps the numbers of the base, for ``--against``, on the same machine.
``--only clusterer`` takes all settings whose name begins so.
"""

import argparse
import os
import pickle
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent

# What may differ from the base: a part of the output's name, the reason, and what the
# base's numbers are turned into, up to rounding.
EXPECTED = [
    (
        "history prior_match",
        "now the normalised energy distance itself, as in metrics.prior_match",
        lambda base: 1 - base,
    ),
    *(
        (
            name,
            "the criterion adds the energy distance itself, not 1 minus what was 1 "
            "minus it, which rounded twice",
            lambda base: base,
        )
        for name in ("loss_", "history valid_loss")
    ),
    (
        "search scores",
        "a stacked search rounds by the order in which its threads arrive: two runs of "
        "one commit differ as much",
        lambda base: base,
    ),
]


def run_side(checkout, only):
    """Return the numbers of a checkout, of settings whose name begins as asked."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "numbers.pkl"
        limits = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        subprocess.run(
            [sys.executable, HERE / "same_numbers_side.py", checkout, target, *only],
            env={**os.environ, **limits, "PYTHONPATH": str(checkout)},
            check=True,
        )
        return pickle.loads(target.read_bytes())


def extracted(commit, folder):
    """Lay a commit's package into a folder; return it."""
    command = ["git", "-C", HERE.parent, "archive", commit, "sklearn_aae"]
    archive = subprocess.run(command, check=True, capture_output=True)
    subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
    return folder


def same_bits(a, b):
    """Return whether arrays are equal bit for bit; all NaN are one."""
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    if a.dtype.kind == "f":
        nan = np.isnan(a)
        if not np.array_equal(nan, np.isnan(b)):
            return False
        a, b = np.where(nan, 0, a), np.where(nan, 0, b)
    return a.tobytes() == b.tobytes()


def reason_for(name, base, new):
    """Return why an output differs, if it may and does so as expected."""
    for part, reason, turned in EXPECTED:
        of_it = part in name and base.shape == new.shape
        if of_it and np.allclose(turned(base), new, rtol=0, atol=1e-6):
            return reason
    return None


def describe(base, new):
    """Return in what two arrays differ."""
    if base is None or new is None:
        return "absent here" if new is None else "absent in the base"
    if base.dtype.kind == "U" and base.size == 1 and new.dtype.kind != "U":
        return f"the base {base.item()}"
    if new.dtype.kind == "U" and new.size == 1 and base.dtype.kind != "U":
        return f"here {new.item()}"
    if base.dtype != new.dtype or base.shape != new.shape:
        return f"{base.dtype}{base.shape} there, {new.dtype}{new.shape} here"
    if base.dtype.kind not in "fiu":
        return f"{np.count_nonzero(base != new)} of {base.size} differ"
    gap = np.nanmax(np.abs(base.astype(float) - new.astype(float)))
    return f"largest difference {gap:.3g}"


def compare(base, new):
    """Return the differences of one setting, and the reasons of the expected ones."""
    differences, reasons = {}, set()
    for name in base | new:
        a, b = base.get(name), new.get(name)
        if a is not None and b is not None:
            if same_bits(a, b):
                continue
            if reason := reason_for(name, a, b):
                reasons.add(reason)
                continue
        differences[name] = describe(a, b)
    return differences, reasons


def print_setting(name, base, new, verbose):
    """Print a line for a setting, and its differences; return whether it is as asked.

    Outputs that differ after a pickle round trip, too, are not repeated.
    """
    if "error" in base or "error" in new:
        side, found = ("here", new) if "error" in new else ("in the base", base)
        print(f"FAILS    {name}: {side}\n{found['error'].item()}")
        return False, set()
    differences, reasons = compare(base, new)
    word = "differs" if differences else "equal"
    print(f"{word:8} {name} ({len(new)} arrays)")
    shown = {k: v for k, v in differences.items() if k.removeprefix("pickled ") == k}
    for output, text in (differences if verbose else shown or differences).items():
        print(f"           {output}: {text}")
    return not differences, reasons


def parse():
    """Return the arguments of the command."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--base", help="the commit to compare with")
    source.add_argument("--against", type=Path, help="numbers that --save wrote")
    parser.add_argument("--only", nargs="+", default=[], help="beginnings of names")
    parser.add_argument("--save", type=Path, help="where the base's numbers go")
    parser.add_argument("--verbose", action="store_true", help="all differences")
    return parser.parse_args()


def main():
    """Compare this checkout with the base."""
    args = parse()
    if args.against:
        base = pickle.loads(args.against.read_bytes())
    else:
        with tempfile.TemporaryDirectory() as folder:
            base = run_side(extracted(args.base, Path(folder)), args.only)
    if args.save:
        args.save.write_bytes(pickle.dumps(base))
    new = run_side(HERE.parent, args.only)
    if base["versions"] != new["versions"]:
        sys.exit(f"not one environment: {base['versions']} and {new['versions']}")
    names = [name for name in new["results"] if name in base["results"]]
    passed, expected = 0, set()
    for name in names:
        pair = base["results"][name], new["results"][name]
        equal, reasons = print_setting(name, *pair, args.verbose)
        passed, expected = passed + equal, expected | reasons
    for name in new["results"].keys() - base["results"].keys():
        print(f"new      {name}: the base has no numbers of it")
    print(f"\n{passed} of {len(names)} settings are equal bit for bit.")
    for reason in sorted(expected):
        print(f"Expected: {reason}.")
    sys.exit(passed < len(names) or not names)


if __name__ == "__main__":
    main()
