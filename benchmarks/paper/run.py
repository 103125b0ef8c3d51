"""All of the paper's tables: runs what is missing, for as long as there is time.

    python benchmarks/paper/run.py --data DIR --hours 2 [--list] [--device cuda]

The runs have an order: what says most for its time comes first. A run whose rows are in
`benchmarks/results/paper` is not run again, and one that does not end in time leaves a
checkpoint, from which the next call goes on. So it can be stopped at any moment.
On a GPU the seeds of a run are one stack. `report.py` prints the page of the results.
"""

import argparse
import importlib
import subprocess
import sys
import time
from dataclasses import dataclass, field
from types import SimpleNamespace

from experiment import HERE, RESULTS, SETS, read_results, settings_of

SEEDS = 3


@dataclass(frozen=True)
class Run:
    """Fits that belong together: one cell of a table.

    Attributes
    ----------
    script : str
        Module of this folder.

    recipe : str
        One of its recipes.

    options : dict
        Options of its command that are not the script's defaults.

    of : str
        The set.
    """

    script: str
    recipe: str
    options: dict = field(default_factory=dict)
    of: str = SETS[0]

    def arguments(self):
        """Return what the command has after the script's name."""
        words = ["--recipe", self.recipe, "--set", self.of]
        for name, value in self.options.items():
            words += [f"--{name}", str(value)]
        return words

    def missing(self):
        """Return the seeds that have no row yet."""
        module = importlib.import_module(self.script)
        experiment = module.EXPERIMENT
        known = {name: of["default"] for name, of in experiment.settings.items()}
        known |= self.options
        epochs = experiment.recipes[self.recipe].epochs
        args = SimpleNamespace(
            set=self.of, recipe=self.recipe, epochs=epochs, options={}, **known
        )
        there = [r["settings"] for r in read_results(RESULTS / f"{self.script}.json")]
        return [
            s for s in range(SEEDS) if settings_of(args, experiment, s) not in there
        ]


REDUCTION, ALL = "dimensionality_reduction", 60_000
MIXTURE, ROLL = {"prior": "gaussian_mixture"}, {"prior": "swiss_roll"}
TOLD = {"labels": 10_000}
PLAN = [
    Run("semi_supervised", "convolutional"),
    Run("clustering", "convolutional", {"clusters": 10}),
    Run("clustering", "convolutional"),
    Run("clustering", "convolutional", {"clusters": 16}),
    Run("clustering", "default"),
    Run("clustering", "default", {"clusters": 16}),
    Run("priors", "best"),
    Run("priors", "best", MIXTURE),
    Run("priors", "best", MIXTURE | TOLD),
    Run("priors", "best", ROLL | TOLD),
    Run("priors", "convolutional", ROLL | TOLD),
    Run("clustering", "best"),
    Run("clustering", "best", {"clusters": 16}),
    Run("clustering", "default", {"clusters": 10}),
    Run(REDUCTION, "convolutional"),
    Run(REDUCTION, "convolutional", {"labels": 1000}),
    Run(REDUCTION, "convolutional", {"columns": 10}),
    Run("semi_supervised", "convolutional", {"labels": 1000}),
    Run("semi_supervised", "convolutional", {"labels": ALL}),
    Run("likelihood", "best"),
    Run("semi_supervised", "best"),
    Run("semi_supervised", "plain"),
    Run("likelihood", "plain"),
    Run("clustering", "plain"),
    Run("clustering", "plain", {"clusters": 16}),
    Run("priors", "plain", MIXTURE | TOLD),
    Run("priors", "plain", ROLL | TOLD),
    Run(REDUCTION, "plain"),
    Run(REDUCTION, "plain", {"labels": 1000}),
    Run(REDUCTION, "plain", {"columns": 10}),
    Run("semi_supervised", "plain", {"labels": 1000}),
    Run("semi_supervised", "plain", {"labels": ALL}),
    Run("semi_supervised", "best", {"labels": 1000}),
    Run("semi_supervised", "best", {"labels": ALL}),
    Run("semi_supervised", "convolutional", of=SETS[1]),
    Run("clustering", "convolutional", {"clusters": 10}, of=SETS[1]),
    Run("priors", "best", MIXTURE | TOLD, of=SETS[1]),
]


def command_of(run, args, seeds):
    """Return the command that trains these seeds, of which there may be a gap."""
    command = [sys.executable, HERE / f"{run.script}.py", "--resume"]
    command += ["--data", args.data, "--device", args.device, "--verbose", "1"]
    command += ["--threads", str(args.threads), *run.arguments()]
    # From the first to the last: those between that are there are not run again.
    command += ["--first-seed", str(seeds[0]), "--seeds", str(seeds[-1] - seeds[0] + 1)]
    return command + (["--stack"] if len(seeds) > 1 else [])


def main():
    """Run what is missing."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", help="a folder with a load.py")
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--list", action="store_true", help="say what is missing")
    args = parser.parse_args()
    if not (args.data or args.list):
        parser.error("--data is needed, the folder of the sets, unless you --list")
    end = time.monotonic() + 3600 * args.hours
    for run in PLAN:
        seeds = run.missing()
        if args.list:
            print(len(seeds), "of", SEEDS, run.script, *run.arguments())
        # Seeds of a stack belong together; one by one, each is worth having.
        stacks = [seeds] if args.device != "cpu" and seeds else [[s] for s in seeds]
        for stack in [] if args.list else stacks:
            left = end - time.monotonic()
            if left <= 0:
                return
            command = command_of(run, args, stack)
            print(*command[1:], flush=True)
            try:
                subprocess.run(command, timeout=left, check=False)
            except subprocess.TimeoutExpired:
                return


if __name__ == "__main__":
    main()
