"""Whether a recorded step does what the eager step does."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

# Of steps that replay up to rounding only: how far what is returned may be apart, and
# how far a changed tensor, as a share of its change. A lost change is 1 apart.
RTOL, ATOL = 1e-2, 1e-3
MAX_GAP = 0.5


class OtherNumbersError(RuntimeError):
    """A recorded step gives other numbers than the eager one."""


def check_same(
    step: Callable[..., tuple[Tensor, ...]],
    run: Callable[..., tuple[Tensor, ...]],
    tensors: Sequence[Tensor],
    *,
    exact: bool,
) -> None:
    """Raise OtherNumbersError unless a recording does what its step does.

    torch records what it knows of; a version may know less, without an error.

    Parameters
    ----------
    step : callable
        The eager step, a function of tensors that it may change in place.

    run : callable
        Its recording.

    tensors : sequence of Tensor
        Arguments like all others.

    exact : bool
        Whether all numbers are equal, those that are changed included; otherwise they
        are about the same.
    """
    copies = copies_of(tensors)
    returned = [part.detach() for part in step(*copies)]
    changed = [copy.detach() for copy in copies]
    found = replayed(run, tensors)
    if len(found) != len(changed) + len(returned):
        same = False
    elif exact:
        same = all(map(equal, found, [*changed, *returned]))
    else:
        n = len(changed)
        same = all(map(_close, found[n:], returned))
        same = same and all(map(_changed_alike, tensors, changed, found))
    if not same:
        raise OtherNumbersError(
            "A recorded step gives other numbers than the eager step."
        )


def _close(a: Tensor, b: Tensor) -> bool:
    return torch.allclose(a, b, RTOL, ATOL, equal_nan=True)


def _changed_alike(before: Tensor, eager: Tensor, found: Tensor) -> bool:
    """Whether a tensor was changed about as by the eager step."""
    if not eager.is_floating_point():
        return equal(found, eager)
    gap, change = found - eager, eager - before
    # What was missing and stays so, as cells of rows, is no gap.
    gap, change = (
        torch.where(before.isnan() & found.isnan(), torch.zeros_like(d), d)
        for d in (gap.detach(), change.detach())
    )
    return bool(gap.double().norm() <= MAX_GAP * change.double().norm())


def copies_of(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Return copies that want gradients where the tensors do."""
    copies = [t.detach().clone() for t in tensors]
    for copy, tensor in zip(copies, tensors, strict=True):
        copy.requires_grad_(tensor.requires_grad)
    return copies


def replayed(run: Callable, tensors: Sequence[Tensor]) -> list[Tensor]:
    """Return what a recording makes of copies of tensors, and what it returns."""
    copies = [t.detach().clone() for t in tensors]
    with torch.inference_mode():
        return [*copies, *run(*copies)]


def equal(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors hold equal numbers; a missing one equals a missing one."""
    same = a.shape == b.shape and a.dtype == b.dtype
    return same and bool(((a == b) | ((a != a) & (b != b))).all())
