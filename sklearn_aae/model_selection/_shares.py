"""Tasks dealt out to the workers of another backend of joblib.

A worker that got one task at a time would have nothing to stack. So the tasks are dealt
out beforehand, each worker's share travels as one task of the other backend, and the
worker runs its share under the backend "stacked".

Tasks are dealt like cards, one to each worker in turn: neighbours in a grid cost about
the same, so the shares do, too. What the tasks of a share have in common, such as the
data, is pickled once for the share.

Dask is spoken to directly and not through its joblib backend: that one counts threads
instead of workers, which would cut the shares too small, and never reports a task whose
worker has died, so that the caller would wait for ever.
"""

import pickle
from collections.abc import Iterator

from joblib import Parallel, delayed, effective_n_jobs, parallel_config

from sklearn_aae.model_selection._calls import explain
from sklearn_aae.model_selection._resources import available_cpus


def run_shares(tasks, n_jobs, over, params, max_models) -> Iterator[tuple]:
    """Deal tasks out and run them; yield each with its outcome as shares come back.

    Parameters
    ----------
    tasks : list of callable
        What to run.

    n_jobs : int
        How many workers get a share; negative for all.

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
    for share, outcomes in returned:
        yield from zip(share, outcomes, strict=True)


def deal(n_tasks: int, n_workers: int) -> list[range]:
    """Return the positions of each worker's tasks; no share is empty."""
    return [range(i, n_tasks, n_workers) for i in range(min(n_tasks, n_workers))]


def run_share(tasks: list, max_models: int | None) -> list[tuple]:
    """Run a share in a worker; return the outcome of each task."""
    with parallel_config(backend="stacked", max_models=max_models):
        # All tasks are to meet; n_jobs says how many may run Python at a time. One
        # would mean: one after the other.
        parallel = Parallel(n_jobs=max(2, available_cpus()), pre_dispatch="all")
        return parallel(delayed(attempt)(task) for task in tasks)


def attempt(task) -> tuple:
    """Run a task; return (result, None) or (None, error)."""
    try:
        return task(), None
    except Exception as error:
        return None, _portable(explain(error))


def _portable(error: Exception) -> Exception:
    """Return an error that survives the way back."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        substitute = RuntimeError(f"{type(error).__name__}: {error}")
        substitute.__notes__ = error.__notes__
        return substitute
    return error


def _run_on_joblib(tasks, n_workers, max_models) -> list[tuple]:
    """Run the shares under the active backend of joblib."""
    shares, run = deal(len(tasks), n_workers), delayed(run_share)
    calls = (run([tasks[i] for i in share], max_models) for share in shares)
    return list(zip(shares, Parallel(pre_dispatch="all")(calls), strict=True))


def _dask_workers(backend, n_jobs) -> list[str]:
    """Return the addresses of the workers that get a share."""
    backend.effective_n_jobs(n_jobs)  # waits for the first worker
    addresses = list(backend.client.ncores())
    return addresses if n_jobs < 0 else addresses[:n_jobs]


def _run_on_dask(tasks, n_jobs, backend, max_models) -> Iterator[tuple]:
    """Run one share on each worker, on another one if that is lost."""
    import dask
    from distributed import as_completed

    addresses = _dask_workers(backend, n_jobs)
    shares = deal(len(tasks), len(addresses))
    place = {"pure": False, "allow_other_workers": True, **backend.submit_kwargs}
    futures = {}
    # Dask advises against large arguments, as its scheduler keeps them. Here it shall:
    # that is what makes a lost share repeatable.
    with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1TB"}):
        for share, address in zip(shares, addresses, strict=False):
            work = [tasks[i] for i in share]
            future = backend.client.submit(
                run_share, work, max_models, workers=[address], **place
            )
            futures[future] = share
    try:
        for future in as_completed(list(futures)):
            share = futures[future]
            try:
                outcomes = future.result()
            except Exception as error:  # the share was lost, and not repeatable
                outcomes = [(None, error)] * len(share)
            yield share, outcomes
    finally:
        unfinished = [future for future in futures if not future.done()]
        if unfinished:
            backend.client.cancel(unfinished, force=True)
