"""Ten times kddcup99_10pct (4.9 million rows, text columns and all), chunk by chunk.

    python benchmarks/tables_stream.py --data DIR [--passes 10] [--chunk 49403]

Chunks of random rows of a table that is passed through `passes` times, at a learning
rate that falls as that of `fit` does, against one fit of as many epochs on the table in
memory; scores (mean log-likelihood) of 20,000 rows that neither has seen, scaled by
ranks. Peak memory after the first chunk and after the last.
"""

import argparse
import resource
import time

import numpy as np
from reporting import load_from, machine

from sklearn_aae import AAETransformer


def peak():
    """Return the peak memory of this process, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main():
    """Stream, then fit at once."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--passes", type=int, default=10)
    parser.add_argument("--chunk", type=int, default=49_403)
    parser.add_argument("--rows", type=int)
    args = parser.parse_args()
    X, _ = load_from(args.data)("kddcup99_10pct")
    rng = np.random.RandomState(0)
    order = rng.permutation(len(X))[: args.rows]
    test, train = X.iloc[order[:20_000]], order[20_000:]
    # Heavy tails: ranks, which the first chunk knows about as well as the whole table.
    options = {"n_components": 8, "batch_size": 512, "scale": "quantile"}
    options["random_state"] = 0
    start, memory = time.perf_counter(), []
    streamed = AAETransformer(**options)
    starts = range(0, len(train), args.chunk)
    for number in range(args.passes):
        mixed = rng.permutation(train)
        for i, at in enumerate(starts):
            # The schedule of `fit`, by hand: partial_fit does not know the end.
            done = (number + i / len(starts)) / args.passes
            rate = 1e-3 * (1 + np.cos(np.pi * done)) / 2
            streamed.set_params(learning_rate=rate)
            streamed.partial_fit(X.iloc[mixed[at : at + args.chunk]])
            memory.append(peak())
    print(machine(), vars(args))
    print(
        f"streamed {args.passes * len(train)} rows in {time.perf_counter() - start:.0f}"
        f" s, score {streamed.score(test):.3f}; peak after chunk 1, 2, half, last: "
        + ", ".join(f"{memory[i]:.0f}" for i in (0, 1, len(memory) // 2, -1))
        + " MiB",
        flush=True,
    )
    start = time.perf_counter()
    whole = AAETransformer(max_iter=args.passes, **options).fit(X.iloc[train])
    print(
        f"at once in {time.perf_counter() - start:.0f} s, score "
        f"{whole.score(test):.3f}, peak {peak():.0f} MiB"
    )


if __name__ == "__main__":
    main()
