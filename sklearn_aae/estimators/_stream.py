"""Rows through a network in chunks, whatever their number."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from sklearn_aae.nn import n_products, widest_layer
from sklearn_aae.utils._device import (
    is_out_of_memory,
    release_memory,
    single_thread_pool,
    torch_threads,
)
from sklearn_aae.utils._modes import plain_torch

# Rows that pass through the networks at once: their units should stay in the cache.
CHUNK_ROWS = 2048
# Units of a layer at once: less rows of a column of very many categories.
CHUNK_UNITS = 2**22


def stream(
    network: nn.Module,
    answer: Callable[..., Tensor],
    rows: np.ndarray,
    prepare: Callable[[np.ndarray], np.ndarray] = np.asarray,
    finish: Callable[[np.ndarray], np.ndarray] = np.asarray,
    labels: np.ndarray | None = None,
) -> np.ndarray:
    """Apply `answer` to chunks of rows, on the network's device and in its dtype.

    No more than one chunk for each thread is there at once, besides the answers; where
    the device has no memory for one, halves of it. Small networks run faster on one
    thread for each chunk than on several for one.

    Parameters
    ----------
    network : nn.Module
        Says device, dtype and size.

    answer : callable
        Maps a tensor of rows, and one of their labels or codes if there are any, to a
        tensor of as many rows.

    rows : ndarray of shape (n_samples, n_columns)
        Input.

    prepare, finish : callable, default=np.asarray
        Applied to each chunk of rows, and to each chunk of answers.

    labels : ndarray of shape (n_samples, ...), default=None
        Class numbers, or codes.

    Returns
    -------
    answers : ndarray of shape (n_samples, ...)
    """
    weight = next(network.parameters())
    n_together = min(CHUNK_ROWS, max(1, CHUNK_UNITS // widest_layer(network)))
    starts = range(0, len(rows), n_together)

    def some(at: slice) -> np.ndarray:
        with torch.inference_mode():
            chunk = torch.from_numpy(np.array(prepare(rows[at])))
            given = [chunk.to(weight.device, weight.dtype)]
            if labels is not None:
                given.append(torch.tensor(labels[at], device=weight.device))
            return finish(answer(*given).cpu().numpy())

    def run(start: int) -> np.ndarray:
        return _in_parts(some, start, min(start + n_together, len(rows)))

    with plain_torch():
        n_workers = min(torch.get_num_threads(), len(starts))
        if n_workers == 1 or weight.device.type != "cpu":
            flops = 2.0 * n_products(network) * min(n_together, len(rows))
            with torch_threads(flops):
                parts = [run(start) for start in starts]
        else:
            with single_thread_pool(n_workers) as pool:
                parts = list(pool.map(run, starts))
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _in_parts(some: Callable[[slice], np.ndarray], start: int, stop: int) -> np.ndarray:
    """Return the answers of some rows, by halves where there is no memory for all.

    No closure of `stream`: one that calls itself holds the rows in a circle.
    """
    try:
        return some(slice(start, stop))
    except Exception as error:
        if stop - start == 1 or not is_out_of_memory(error):
            raise
    release_memory()
    half = (start + stop + 1) // 2
    parts = [_in_parts(some, *ends) for ends in ((start, half), (half, stop))]
    return np.concatenate(parts)
