"""Checkpoints: what jobs that train together have reached, on disk.

A training is known by what decides it: weights, moments, losses, rates, seed, rows and
validation rows (`_Fingerprint`); its file has a name made of these. A process that
comes to the same training again finds it, and goes on after the epochs that it holds,
or takes over what was finished; as each epoch draws from streams of its own, it ends
with the same bits. One file holds all members of a stack, at one epoch: the last bits
of a member may depend on how many others it trains with.
"""

import contextlib
import hashlib
import json
import math
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from skorch.callbacks import EarlyStopping
from torch import Tensor

from sklearn_aae._version import __version__
from sklearn_aae.training._loop import Models, NonFiniteLossError
from sklearn_aae.training._optim import known_to, load_state, state_of
from sklearn_aae.training._shapes import is_plain
from sklearn_aae.utils._container import (
    RefusedFileError,
    StoredArrays,
    read,
    replacing,
    sweep,
    write,
)

# What skorch's early stopping remembers, besides the weights that it loads at the end.
STOPPING = ("misses_", "dynamic_threshold_", "best_epoch_")
BEST = "best_model_weights_"
# Where an object lies in memory, in the text that Python has for it.
ADDRESS = re.compile(r" at 0x[0-9a-f]+")
# What a folder, or a whole file with other content, gives when it is read.
UNREADABLE = (
    RefusedFileError,
    LookupError,
    TypeError,
    ValueError,
    RuntimeError,
    OSError,
)


@dataclass(frozen=True)
class Place:
    """Where checkpoints are kept, and how often they are written.

    Attributes
    ----------
    folder : Path
        Made when it is needed.

    interval : float
        Seconds from one checkpoint of a training to the next, at least.
    """

    folder: Path
    interval: float


class Keeper:
    """Keeps what jobs that train together have reached.

    Parameters
    ----------
    jobs : sequence of Job
        All members, in their order.

    place : Place
        Of the checkpoints.
    """

    def __init__(self, jobs: Sequence[Any], place: Place):
        self.jobs, self.place = list(jobs), place
        place.folder.mkdir(parents=True, exist_ok=True)
        together = hashlib.sha256("".join(job.key for job in jobs).encode())
        self.path = place.folder / f"{together.hexdigest()[:40]}.checkpoint"
        sweep(self.path)
        self._at = {id(job.net): i for i, job in enumerate(self.jobs)}
        self._saved = time.monotonic()

    # --- reading ----------------------------------------------------------------------

    def take_finished(self) -> bool:
        """Take over the outcome of a training; return whether it was finished."""
        if not self.path.exists():
            return False
        with self._opened() as (manifest, arrays):
            if not manifest["finished"]:
                return False
            pairs = list(zip(self.jobs, manifest["members"], strict=True))
            for job, part in pairs:
                self._restore(job, part, arrays)
        for job, part in pairs:
            job.net.loss_, job.done = part["loss"], part["error"] is None
            job.net.interrupted_ = False
            job.net.stop_training()
        return True

    def resume(self, members: Sequence[Any]) -> tuple[list, list]:
        """Bring members to where a checkpoint has them.

        Returns
        -------
        present, running : lists of Member
            Those in the stack, and those of them that have not ended.
        """
        running = [member for member in members if not member.at_end]
        if not self.path.exists():
            return list(running), running
        with self._opened() as (manifest, arrays):
            parts = manifest["members"]
            for member in members:
                part = parts[self._at[id(member.net)]]
                self._restore(member, part, arrays)
            if manifest["generator"]:  # the lent one, of modules of the user
                torch.set_rng_state(torch.from_numpy(arrays["generator"]))
        present = [m for m in members if self._at[id(m.net)] in manifest["present"]]
        ended = [parts[self._at[id(member.net)]]["ended"] for member in present]
        pairs = zip(present, ended, strict=True)
        return present, [m for m, at_end in pairs if not (at_end or m.at_end)]

    @contextlib.contextmanager
    def _opened(self) -> Iterator[tuple[dict, StoredArrays]]:
        """Open the checkpoint; refuse one that lacks what a reader looks for."""
        try:
            with open(self.path, "rb") as file:
                manifest, arrays, _ = read(file)
                yield manifest, arrays
        except UNREADABLE as error:
            why = str(error)
            if not isinstance(error, RefusedFileError):
                why = f"It is none of this training ({type(error).__name__}: {error})."
            raise RefusedFileError(
                f"The checkpoint {self.path} cannot be read. {why} Delete it, and the "
                "training begins anew."
            ) from None

    def _restore(self, member: Any, part: dict, arrays: StoredArrays) -> None:
        """Bring a member to what a checkpoint has of it."""
        net, name = member.net, str(self._at[id(member.net)])
        _load_weights(net.module_, f"{name}.weights.", arrays)
        for i, (optimizer, known) in enumerate(
            zip(net.engine_.optimizers, part["known"], strict=True)
        ):
            moments = _under(f"{name}.optimizer{i}.", arrays)
            load_state(optimizer, [array for _, array in moments], known)
        n_before = len(net.history)
        net.restore_history(json.loads(part["history"]))
        if member.watcher is not None:
            member.watcher.move(len(net.history) - n_before)
        net.first_epoch_ = part["first_epoch"]
        stopping = _stopping(net)
        if stopping is not None:
            vars(stopping).update(json.loads(part["stopping"]))
            best = f"{name}.best."
            weights = {key: torch.from_numpy(a) for key, a in _under(best, arrays)}
            setattr(stopping, BEST, weights or None)
        if part["error"] is not None:
            member.error = NonFiniteLossError(part["error"])

    # --- writing ----------------------------------------------------------------------

    def keep(
        self,
        models: Models,
        present: Sequence[Any],
        running: Sequence[Any],
        *,
        at_once: bool = False,
    ) -> None:
        """Write a checkpoint after an epoch, at once or if the last one is old."""
        early = time.monotonic() - self._saved < self.place.interval
        if (early and not at_once) or self._has_stopped():
            return
        for c, member in enumerate(present):
            if member in running:
                models.write_back(c)
        failed = {id(m.net): m.error for m in present if m.error is not None}
        going = {id(member.net) for member in running}
        places = sorted(self._at[id(member.net)] for member in present)
        self._write(places, going, failed, finished=False)

    def finish(self) -> None:
        """Write the outcome, unless a training was cut short or has failed."""
        nets = [job.net for job in self.jobs]
        if self._has_stopped() or any(
            getattr(net, "interrupted_", False) or net.out_of_time for net in nets
        ):
            return
        failed = {id(j.net): j.error for j in self.jobs if j.error is not None}
        self._write([], set(), failed, finished=True)

    def _has_stopped(self) -> bool:
        """Whether a watcher has ended one, with which another process may go on."""
        return any(job.stopped for job in self.jobs)

    def _write(
        self, present: list, going: set, failed: dict, *, finished: bool
    ) -> None:
        if any(not isinstance(e, NonFiniteLossError) for e in failed.values()):
            return  # what else went wrong may go right another time
        arrays: dict[str, np.ndarray] = {}
        members = []
        for i, job in enumerate(self.jobs):
            part = _describe(job.net, str(i), arrays)
            part["ended"] = id(job.net) not in going
            error = failed.get(id(job.net))
            part["error"] = None if error is None else str(error)
            part["loss"] = getattr(job.net, "loss_", None) if finished else None
            if part["loss"] is not None and not math.isfinite(part["loss"]):
                part["loss"] = None
            members.append(part)
        own = all(job.net.module_.own_layers for job in self.jobs)
        if not (own or finished):
            arrays["generator"] = torch.get_rng_state().numpy()
        manifest = {
            "finished": finished,
            "members": members,
            "present": present,
            "generator": "generator" in arrays,
        }
        with replacing(self.path) as file:
            write(file, manifest, arrays)
        self._saved = time.monotonic()


def _describe(net: Any, name: str, arrays: dict[str, np.ndarray]) -> dict:
    """Return what a checkpoint says of a net; add its tensors to the arrays."""
    for key, tensor in net.module_.state_dict().items():
        arrays[f"{name}.weights.{key}"] = _array(tensor)
    for i, optimizer in enumerate(net.engine_.optimizers):
        for j, tensor in enumerate(state_of(optimizer)):
            arrays[f"{name}.optimizer{i}.{j:06d}"] = _array(tensor)
    stopping = _stopping(net)
    found = None
    if stopping is not None:
        found = json.dumps({key: getattr(stopping, key) for key in STOPPING})
        for key, tensor in (getattr(stopping, BEST) or {}).items():
            arrays[f"{name}.best.{key}"] = _array(tensor)
    return {
        "known": [known_to(optimizer) for optimizer in net.engine_.optimizers],
        "history": json.dumps(net.finished_history()),
        "first_epoch": net.first_epoch_,
        "stopping": found,
    }


def _stopping(net: Any) -> EarlyStopping | None:
    """Return what stops a net early, if something does."""
    found = [c for _, c in net.callbacks_ if isinstance(c, EarlyStopping)]
    return found[0] if found else None


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy().copy()


def _under(prefix: str, arrays: StoredArrays) -> Iterable[tuple[str, np.ndarray]]:
    """Yield the arrays whose names begin with a prefix, by the rest of their names."""
    for name in arrays:
        if name.startswith(prefix):
            yield name.removeprefix(prefix), arrays[name]


def _load_weights(module: torch.nn.Module, prefix: str, arrays: StoredArrays) -> None:
    weights = {key: torch.from_numpy(a) for key, a in _under(prefix, arrays)}
    module.load_state_dict(weights)


# --- what decides a training ----------------------------------------------------------


def set_keys(jobs: Sequence[Any]) -> None:
    """Set the `key` of jobs that are kept: a hash of what decides their training."""
    known: dict[int, tuple] = {}
    for job in jobs:
        if job.place is not None and not job.key:
            found = _Fingerprint(known)
            found.add(__version__, torch.__version__)
            found.add_job(job)
            job.key = found.digest.hexdigest()


def _setting(module: torch.nn.Module, name: str, value: Any) -> Any:
    """Return what tells a module's attribute from others.

    Raises
    ------
    ValueError
        If nothing does that another process could compare.
    """
    if is_plain(value) or isinstance(value, Tensor | np.ndarray):
        return value
    full = getattr(value, "__qualname__", "<")
    if "<" not in full:  # a function or class that has a name in its module
        return f"{value.__module__}.{full}"
    raise ValueError(
        f"checkpoint cannot tell trainings apart by the attribute {name!r} of "
        f"{type(module).__name__}, {value!r}. Hold numbers, texts, tensors or "
        "functions of a module there, or leave out checkpoint."
    )


class _Fingerprint:
    """A hash of values and tensors.

    Parameters
    ----------
    known : dict
        Remembers the hashes of tensors, which several jobs may share.
    """

    def __init__(self, known: dict[int, tuple]):
        self.digest, self._known = hashlib.sha256(), known

    def add(self, *values: Any) -> None:
        """Add values by their text, tensors and arrays by their cells."""
        for value in values:
            if isinstance(value, Tensor | np.ndarray):
                text = self._hash(value)
            else:
                text = ADDRESS.sub("", repr(value))
            self.digest.update(f"{len(text)}:{text}".encode())

    def _hash(self, cells: Tensor | np.ndarray) -> str:
        if id(cells) not in self._known:
            array: Any = cells.detach().cpu() if isinstance(cells, Tensor) else cells
            array = np.ascontiguousarray(array)
            found = hashlib.sha256(array.reshape(-1).view(np.uint8)).hexdigest()
            text = f"{array.dtype} {array.shape} {found}"
            self._known[id(cells)] = cells, text  # alive: no other gets its id
        return self._known[id(cells)][1]

    def add_settings(self, own: torch.nn.Module | None) -> None:
        """Add what modules of the user have besides their tensors."""
        for path, module in own.named_modules() if own is not None else ():
            for name, value in sorted(vars(module).items()):
                if not (name.startswith("_") or name == "training"):
                    self.add(path, type(module), name, _setting(module, name, value))

    def add_job(self, job: Any) -> None:
        """Add all that decides the training of a job."""
        net = job.net
        self.add(net.seed, net.lr, net.learning_rates, net.schedule, net.max_epochs)
        self.add(net.total_variance, net.record_steps, net.slowdown)
        for line in net.finished_history():
            self.add({name: value for name, value in line.items() if name != "dur"})
        self.add(job.epochs, job.epochs_done, job.validate, job.calibrate)
        stopping = _stopping(net)
        if stopping is not None:
            self.add(stopping.patience, stopping.threshold)
        recipe = net.module_
        self.add(recipe.networks, recipe.phases, recipe.update)
        # Buffers that no file holds, such as rates of noise, decide, too.
        for name, cells in (*recipe.named_parameters(), *recipe.named_buffers()):
            self.add(name, cells)
        for network in recipe.networks.values():
            self.add_settings(getattr(network, "module", None))
        for optimizer in net.engine_.optimizers:
            self.add(known_to(optimizer), *state_of(optimizer))
        batches, number = job.batches, len(net.history)
        rows = batches.x
        if not isinstance(rows, Tensor):  # of a sparse table, in parts
            self.add(*rows.split(1024))
        for name, value in sorted(vars(batches).items()):
            if isinstance(value, Tensor | int | float):
                self.add(name, value)
        for part in next(iter(batches.pieces(number, 1))):  # with codes of the prior
            self.add(part)
        self.add(*vars(job.validation).values())
