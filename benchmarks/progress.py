"""What a bar, or the line of verbose, costs: fits of digits with defaults, in turn.

python benchmarks/progress.py --repeats 15 --output benchmarks/results/progress.json

Processor time, as other programs may run beside; each repeat fits once without, with a
bar of scikit-learn's `ProgressBar`, and with ``verbose=1``, in an order that turns. The
screen is a buffer that says it is a terminal. A bar is drawn ten times in each second
of the clock, however little of it the fit gets: "clock" tells how many seconds passed
in one of the processor, 1 on a machine with nothing else to do.
"""

import argparse
import io
import json
import statistics
import sys
import time
from contextlib import redirect_stdout
from pathlib import Path

from reporting import machine
from sklearn.callback import ProgressBar
from sklearn.datasets import load_digits

from sklearn_aae import AAETransformer

KINDS = ("none", "bar", "line")


class Terminal(io.StringIO):
    """A buffer that says it is a terminal."""

    def isatty(self):
        return True


def fit(X, kind):
    """Return the processor time of a fit, and how many times as long it took."""
    model = AAETransformer(random_state=0, verbose=int(kind == "line"))
    if kind == "bar":
        model.set_callbacks(ProgressBar())
    with redirect_stdout(Terminal()):
        start, clock = time.process_time(), time.perf_counter()
        model.fit(X)
        took = time.process_time() - start
        return took, (time.perf_counter() - clock) / took


def main():
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    X, _ = load_digits(return_X_y=True)
    for kind in KINDS:
        fit(X, kind)  # what the first of a process has to do
    seconds, clocks = {kind: [] for kind in KINDS}, []
    for i in range(options.repeats):
        for kind in KINDS[i % 3 :] + KINDS[: i % 3]:
            took, clock = fit(X, kind)
            seconds[kind].append(took)
            clocks.append(clock)
    clock = statistics.median(clocks)
    found = {"command": " ".join(sys.argv), "machine": machine(), "clock": clock}
    found["seconds"] = seconds
    for kind in KINDS[1:]:
        pairs = zip(seconds[kind], seconds["none"], strict=True)
        median = statistics.median(one / none for one, none in pairs)
        least = min(seconds[kind]) / min(seconds["none"])
        found[kind] = {"median of ratios": median, "ratio of minima": least}
        print(f"{kind}: median of ratios {median:.3f}, ratio of minima {least:.3f}")
    print(f"clock {clock:.2f}")
    if options.output:
        options.output.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
