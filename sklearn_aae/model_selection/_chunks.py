"""Tasks in chunks, one for each worker of another backend of joblib.

A worker that got one task at a time would have nothing to stack. So the tasks are split
beforehand, each worker's chunk travels as one task of the other backend, and the
worker runs its chunk under the backend "stacked".

Tasks go to the workers in turn, as cards are dealt: neighbours in a grid cost about the
same, so the chunks do, too. What the tasks of a chunk have in common, such as the
data, is pickled once for the chunk.

Dask is called directly and not through its joblib backend: that one counts threads
instead of workers, which would make the chunks too small, and never reports a task
whose worker has died, so that the caller would wait for ever.
"""

import pickle
from collections.abc import Iterator

from joblib import Parallel, delayed, effective_n_jobs, parallel_config

from sklearn_aae.model_selection._calls import explain
from sklearn_aae.model_selection._resources import available_cpus


def run_chunks(tasks, n_jobs, over, params, max_models) -> Iterator[tuple]:
    """Run tasks in chunks; yield each with its outcome as the chunks come back.

    Parameters
    ----------
    tasks : list of callable
        What to run.

    n_jobs : int
        How many workers get a chunk; negative for all.

    over : str
        Name of the joblib backend whose workers do the work.

    params : dict
        Parameters of that backend.

    max_models : int or None
        Bound on the models that a worker holds at a time.

    Yields
    ------
    index : int
        Position of a task.

    outcome : tuple (result, error)
        One of the two is None.
    """
    with parallel_config(backend=over, n_jobs=n_jobs, **params) as config:
        backend = config["backend"]
        if not hasattr(backend, "client"):
            returned = _run_on_joblib(tasks, effective_n_jobs(n_jobs), max_models)
    if hasattr(backend, "client"):
        returned = _run_on_dask(tasks, n_jobs, backend, max_models)
    for chunk, outcomes in returned:
        yield from zip(chunk, outcomes, strict=True)


def split_tasks(n_tasks: int, n_workers: int) -> list[range]:
    """Return the positions of the tasks of each chunk; none is empty."""
    return [range(i, n_tasks, n_workers) for i in range(min(n_tasks, n_workers))]


def run_chunk(tasks: list, max_models: int | None) -> list[tuple]:
    """Run a chunk in a worker; return the outcome of each task."""
    with parallel_config(backend="stacked", max_models=max_models):
        # All tasks are to be at the barrier together, so n_jobs is at least 2: it says
        # how many may run Python at a time, and 1 would mean one after the other.
        parallel = Parallel(n_jobs=max(2, available_cpus()), pre_dispatch="all")
        return parallel(delayed(attempt)(task) for task in tasks)


def attempt(task) -> tuple:
    """Run a task; return (result, None) or (None, error)."""
    try:
        return task(), None
    except Exception as error:
        return None, _portable(explain(error))


def _portable(error: Exception) -> Exception:
    """Return an error that can be pickled."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        substitute = RuntimeError(f"{type(error).__name__}: {error}")
        substitute.__notes__ = error.__notes__
        return substitute
    return error


def _run_on_joblib(tasks, n_workers, max_models) -> list[tuple]:
    """Run the chunks under the active backend of joblib."""
    chunks, run = split_tasks(len(tasks), n_workers), delayed(run_chunk)
    calls = (run([tasks[i] for i in chunk], max_models) for chunk in chunks)
    return list(zip(chunks, Parallel(pre_dispatch="all")(calls), strict=True))


def _dask_workers(backend, n_jobs) -> list[str]:
    """Return the addresses of the workers that get a chunk."""
    backend.effective_n_jobs(n_jobs)  # waits for the first worker
    addresses = list(backend.client.ncores())
    return addresses if n_jobs < 0 else addresses[:n_jobs]


def _run_on_dask(tasks, n_jobs, backend, max_models) -> Iterator[tuple]:
    """Run one chunk on each worker, on another one if that is lost."""
    import dask
    from distributed import as_completed

    addresses = _dask_workers(backend, n_jobs)
    chunks = split_tasks(len(tasks), len(addresses))
    place = {"pure": False, "allow_other_workers": True, **backend.submit_kwargs}
    futures = {}
    # Dask warns of large arguments, since its scheduler keeps them. Here they are kept
    # on purpose: a lost chunk can be run again.
    with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1TB"}):
        for chunk, address in zip(chunks, addresses, strict=False):
            work = [tasks[i] for i in chunk]
            future = backend.client.submit(
                run_chunk, work, max_models, workers=[address], **place
            )
            futures[future] = chunk
    try:
        for future in as_completed(list(futures)):
            chunk = futures[future]
            try:
                outcomes = future.result()
            except Exception as error:  # the chunk was lost, and not repeatable
                outcomes = [(None, error)] * len(chunk)
            yield chunk, outcomes
    finally:
        unfinished = [future for future in futures if not future.done()]
        if unfinished:
            backend.client.cancel(unfinished, force=True)
