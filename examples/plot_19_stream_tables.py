"""
More rows than memory
=====================

``partial_fit`` trains on a table chunk by chunk. Here the table lies in a Parquet file,
is read by Arrow in batches, and passes through a shuffle buffer: the rows of a file
are seldom in random order, and a model that sees one kind after the other forgets the
first. Memory stays the same however long the file is.
"""

# %%
# A file of orders, written batch by batch. They are in order of their kind, as files
# often are.
import resource
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

N_BATCHES, ROWS = 40, 2_000
KINDS = np.array(["coffee", "tea", "cake", "soup"])
rng = np.random.default_rng(0)


def make_orders(number):
    """Return one batch of the table."""
    kind = np.full(ROWS, number * len(KINDS) // N_BATCHES)
    price = 2.0 + kind + 0.3 * rng.normal(size=ROWS)
    return pa.table(
        {
            "kind": KINDS[kind],
            "price": pa.array(price, mask=rng.random(ROWS) < 0.1),
            "cups": rng.poisson(1 + kind) + 1,
            "member": rng.random(ROWS) < 0.2 + 0.2 * kind,
        }
    )


path = Path(tempfile.mkdtemp()) / "orders.parquet"
with pq.ParquetWriter(path, make_orders(0).schema) as writer:
    for number in range(N_BATCHES):
        writer.write_table(make_orders(number))

# %%
# The buffer holds a number of batches, taken from places all over the file, and gives
# their rows out in random order. What it holds is all that is in memory.


def shuffled(path, n_held, rng):
    """Yield tables of random rows, `n_held` row groups of the file at a time."""
    file = pq.ParquetFile(path)
    groups = rng.permutation(file.num_row_groups)
    for some in np.array_split(groups, file.num_row_groups // n_held):
        held = file.read_row_groups(some.tolist())
        yield held.take(rng.permutation(held.num_rows))


# %%
# The first chunk fixes the columns, their categories and their scales. It may lack some
# categories: we declare them.
from sklearn_aae import AAETransformer

aae = AAETransformer(
    n_components=2,
    categorical_features={"kind": KINDS},
    random_state=0,
)
peaks = []
for _ in range(2):
    for chunk in shuffled(path, n_held=8, rng=rng):
        aae.partial_fit(chunk)
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
print(f"{aae.n_iter_} chunks of {chunk.num_rows} rows")
print(f"peak memory of the last by that of the second: {peaks[-1] / peaks[1]:.2f}")

# %%
# What it has learned: missing values are filled, and samples are tables of Arrow, too.
last = make_orders(N_BATCHES - 1)
filled = aae.reconstruct(last)
missing = last["price"].is_null().to_numpy()
error = np.abs(filled["price"].to_numpy()[missing] - 5.0).mean()
print(f"mean error of hidden prices of soups: {error:.2f} (their noise: 0.3)")
print(aae.sample(5, given={"kind": "soup"}, random_state=0).to_pandas())

# %%
# None of the kinds was forgotten: the rows of a chunk from all over the file.
from sklearn_aae.inspection import LatentSpaceDisplay

kinds = chunk["kind"].to_numpy(zero_copy_only=False)
display = LatentSpaceDisplay.from_estimator(aae, chunk, kinds)
display.ax_.get_legend().set_title("kind")
