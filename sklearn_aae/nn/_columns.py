"""Typed columns: from the cells of a table to what a network sees, and back to logits.

Letters: C models in a stack, B batch, d columns, m categories of a column, J columns of
a group, M its largest m, r rank. A cell is a number, or the number of a category; NaN
is a missing one. Index buffers are equal in all members of a stack.
"""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from sklearn_aae.nn._layers import Linear

# Columns of more categories are embedded, and predicted by a product of low rank.
MAX_ONE_HOT = 64
RANK = 32
# Logit of what fills up a group, and of categories without a row: below those of rows
# whose numbers are below 1e30, so no probability, and no NaN where it meets a 0.
NEVER = -1e30


def only(index: Tensor) -> Tensor:
    """Return an index buffer of one model: members of a stack have the same."""
    return index if index.dim() == 1 else index[0]


class EmbedColumns(nn.Module):
    """Numbers as they are, categories one-hot or embedded, missing cells marked.

    A missing number enters as its column's mean, a missing category as zeros; columns
    that may have missing cells get a column that says so.

    Parameters
    ----------
    n_categories : sequence of int
        For each column, 0 for a numeric one.

    means : sequence of float
        Of the numeric columns' cells; what stands in a categorical place is not used.

    incomplete : sequence of bool
        Whether a column may have missing cells.

    Attributes
    ----------
    n_outputs : int
        Number of columns that come out.

    n_embedded : int
        Of these, the last ones, which embed categories.
    """

    numeric: Tensor
    means: Tensor
    hot: Tensor
    category: Tensor
    missing: Tensor

    def __init__(
        self,
        n_categories: Sequence[int],
        means: Sequence[float],
        incomplete: Sequence[bool],
    ):
        super().__init__()
        self.n_categories, self.incomplete = tuple(n_categories), tuple(incomplete)
        sizes = dict(enumerate(n_categories))
        numeric = [j for j, m in sizes.items() if not m]
        hot = [(j, c) for j, m in sizes.items() if m <= MAX_ONE_HOT for c in range(m)]
        self.large = tuple(j for j, m in sizes.items() if m > MAX_ONE_HOT)
        missing = [j for j, may in enumerate(incomplete) if may]
        self._index("numeric", numeric)
        self._index("hot", [j for j, _ in hot])
        self._index("missing", missing)
        self.register_buffer(
            "category", torch.tensor([c for _, c in hot], dtype=torch.float32), False
        )
        centre = torch.tensor([means[j] for j in numeric], dtype=torch.float64)
        self.register_buffer("means", centre, False)
        self.tables = nn.ParameterList(
            nn.Parameter(torch.randn(sizes[j], RANK, dtype=torch.float32) / RANK**0.5)
            for j in self.large
        )
        self.n_embedded = RANK * len(self.large)
        self.n_outputs = len(numeric) + len(hot) + len(missing) + self.n_embedded

    def _index(self, name: str, places: Sequence[int]) -> None:
        index = torch.tensor(places, dtype=torch.int64)
        self.register_buffer(name, index, persistent=False)

    def recentre(self, means: Sequence[float]) -> None:
        """Take other means of the numeric columns, one for each column."""
        centre = torch.tensor(means, dtype=self.means.dtype)[self.numeric.cpu()]
        self.means.copy_(centre)

    def forward(self, x: Tensor) -> Tensor:
        """Map cells of shape (B, d) or (C, B, d) to (B, n_outputs) or (C, B, ...)."""
        number = x.index_select(-1, only(self.numeric))
        mean = self.means.unsqueeze(-2).to(x)
        hot = x.index_select(-1, only(self.hot)) == self.category.unsqueeze(-2).to(x)
        is_missing = x.index_select(-1, only(self.missing)).isnan()
        large = [
            embed(table, x[..., j])
            for table, j in zip(self.tables, self.large, strict=True)
        ]
        number = torch.where(number.isnan(), mean, number)
        return torch.cat([number, hot.to(x), is_missing.to(x), *large], -1)


class HoldConstants(nn.Module):
    """Columns without variance, as they were: whatever they hold later.

    The weights of such a column have no gradient and stay as they were drawn, so
    another value in it would move codes at random. A missing value stays one, if the
    column has missing values in training.

    Parameters
    ----------
    constants : sequence of float or None
        For each column, the one cell it has; None if it has several.

    incomplete : sequence of bool
        Whether a column may have missing cells.
    """

    constant: Tensor
    held: Tensor
    missing: Tensor

    def __init__(self, constants: Sequence[float | None], incomplete: Sequence[bool]):
        super().__init__()
        cells = [0.0 if c is None else c for c in constants]
        held = [c is not None for c in constants]
        for name, values, dtype in (
            ("constant", cells, torch.float64),
            ("held", held, torch.bool),
            ("missing", list(incomplete), torch.bool),
        ):
            buffer = torch.tensor(values, dtype=dtype)
            self.register_buffer(name, buffer, persistent=False)

    def release(self, constants: Sequence[float | None]) -> None:
        """Let go of the columns that vary by now."""
        self.held.copy_(torch.tensor([c is not None for c in constants]))

    def forward(self, x: Tensor) -> Tensor:
        """Put the constants into cells of shape (B, d) or (C, B, d)."""
        held, missing = self.held.unsqueeze(-2), self.missing.unsqueeze(-2)
        return torch.where(
            held & ~(missing & x.isnan()), self.constant.unsqueeze(-2).to(x), x
        )


def embed(table: Tensor, codes: Tensor) -> Tensor:
    """Return the rows of a table, (m, r) or (C, m, r), for codes; 0 for NaN.

    Parameters
    ----------
    table : Tensor of shape (m, r) or (C, m, r)
        One row a category.

    codes : Tensor of shape (B,) or (C, B)
        Numbers of categories, or NaN.
    """
    seen = ~codes.isnan()
    rows = torch.where(seen, codes, codes.new_zeros(())).long().unsqueeze(-1)
    picked = table.gather(-2, rows.expand(*rows.shape[:-1], table.shape[-1]))
    return picked * seen.unsqueeze(-1).to(picked)


class ColumnHeads(nn.Module):
    """From the outputs of a decoder to means of numbers and logits of categories.

    Categorical columns are put together in groups whose sizes lie between two powers of
    two, so that a table of many columns needs few operations.

    Parameters
    ----------
    n_categories : sequence of int
        For each column, 0 for a numeric one.

    counts : sequence of int, default=()
        Places of the columns of counts among the numeric ones.

    large : iterable of Linear or None, default=None
        Layers of the columns of more than `MAX_ONE_HOT` categories; None for new ones.

    Attributes
    ----------
    n_inputs : int
        Number of outputs that the decoder must have: two for a count.

    order : Tensor of shape (d,), int64
        The columns in the order of the groups: numeric ones first, then counts.
    """

    order: Tensor

    def __init__(
        self,
        n_categories: Sequence[int],
        counts: Sequence[int] = (),
        large: Iterable[nn.Module] | None = None,
    ):
        super().__init__()
        self.n_categories, self.n_counts = tuple(n_categories), len(counts)
        sizes = dict(enumerate(n_categories))
        numeric = [j for j, m in sizes.items() if not m and j not in counts]
        at_large = [j for j, m in sizes.items() if m > MAX_ONE_HOT]
        groups: dict[int, list[int]] = {}
        for j, m in sizes.items():
            if 0 < m <= MAX_ONE_HOT:
                groups.setdefault((m - 1).bit_length(), []).append(j)
        self.n_numeric, self.groups = len(numeric), [*groups.values()]
        widths = []
        for i, group in enumerate(self.groups):
            held = torch.tensor([[sizes[j]] for j in group])
            spare = torch.arange(int(held.max())) >= held  # (J, M)
            widths.append(spare.numel())
            self.register_buffer(f"spare_{i}", NEVER * spare.float(), False)
        if large is None:
            large = (Linear(RANK, sizes[j]) for j in at_large)
        self.large = nn.ModuleList(large)
        order = [
            *numeric,
            *counts,
            *(j for group in self.groups for j in group),
            *at_large,
        ]
        self.register_buffer("order", torch.tensor(order, dtype=torch.int64), False)
        self.widths = (
            self.n_numeric,
            2 * self.n_counts,
            *widths,
            *[RANK] * len(at_large),
        )
        self.n_inputs = sum(self.widths)

    def forward(self, h: Tensor) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Return numbers (..., n), counts (..., 2 l) and logits, each (..., J, M)."""
        number, count, *parts = h.split(self.widths, -1)
        logits = []
        for i in range(len(self.groups)):
            spare = getattr(self, f"spare_{i}").unsqueeze(-3).to(h)  # (C, 1, J, M)
            logits.append(parts[i].unflatten(-1, spare.shape[-2:]) + spare)
        for linear, part in zip(self.large, parts[len(self.groups) :], strict=True):
            logits.append(linear(part).unsqueeze(-2))
        return number, count, logits

    @torch.no_grad()
    def rule_out_unseen(self, category_counts: Sequence[Sequence[float]]) -> None:
        """Let no category have a probability that no row has.

        Its logit may never have been trained: a column of one category teaches nothing.
        A column without any known cell keeps all its categories.

        Parameters
        ----------
        category_counts : sequence of sequence of float
            For each column, how many rows have each category; empty for a numeric one.
        """
        for j, counts in enumerate(category_counts):
            unseen = [c for c, n in enumerate(counts) if not n]
            if 0 < len(unseen) < len(counts):
                self._offsets(j)[unseen] = NEVER

    def _offsets(self, column: int) -> Tensor:
        """Return what is added to the logits of a categorical column, as a view."""
        m = self.n_categories[column]
        if m > MAX_ONE_HOT:
            bias = self.large[self._at_large.index(column)].bias
            assert isinstance(bias, Tensor)
            return bias
        i = next(i for i, group in enumerate(self.groups) if column in group)
        return getattr(self, f"spare_{i}")[..., self.groups[i].index(column), :m]

    @property
    def _at_large(self) -> list[int]:
        """The columns of more than `MAX_ONE_HOT` categories."""
        return [j for j, m in enumerate(self.n_categories) if m > MAX_ONE_HOT]

    def only_columns(self, columns: Sequence[int]) -> tuple["ColumnHeads", list[int]]:
        """Return the heads of some columns, and the places of what enters them."""
        entry = self.entries()
        at_counts = self.order.tolist()[self.n_numeric :][: self.n_counts]
        counts = [i for i, j in enumerate(columns) if j in at_counts]
        sizes = [self.n_categories[j] for j in columns]
        all_large = self._at_large
        large = [self.large[all_large.index(j)] for j in columns if j in all_large]
        heads = ColumnHeads(sizes, counts, large)
        for i, j in enumerate(columns):
            if 0 < sizes[i] <= MAX_ONE_HOT:
                heads._offsets(i).copy_(self._offsets(j))
        n, end = heads.n_numeric, heads.n_numeric + heads.n_counts
        entries = [entry[columns[i]] for i in heads.order.tolist()]
        places = [e[0] for e in entries[:end]] + [e[1] for e in entries[n:end]]
        for e, width in zip(entries[end:], heads._categorical_widths, strict=True):
            places += e[:width]
        return heads.to(self.order.device), places

    def entries(self) -> dict[int, list[int]]:
        """Return the places of what enters for each column: its first, if a number."""
        order, n, n_counts = self.order.tolist(), self.n_numeric, self.n_counts
        entries = {j: [i] for i, j in enumerate(order[:n])}
        for i, j in enumerate(order[n : n + n_counts], start=n):
            entries[j] = [i, i + n_counts]
        at = n + 2 * n_counts
        rest = order[n + n_counts :]
        for j, width in zip(rest, self._categorical_widths, strict=True):
            entries[j] = list(range(at, at + width))
            at += width
        return entries

    @property
    def _categorical_widths(self) -> list[int]:
        """Number of what enters for each categorical column, in order."""
        shapes = [getattr(self, f"spare_{i}").shape for i in range(len(self.groups))]
        small = [n_each for n_columns, n_each in shapes for _ in range(n_columns)]
        return small + [RANK] * len(self.large)
