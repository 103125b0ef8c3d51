"""What an exported model computes, as modules of torch: from cells to answers, back.

Cells are numbers, or numbers of categories: (B, d) of float64, NaN where one is
missing, `UNKNOWN` where a category is none of the training table's. Scales are taken in
float64, so that a column far from 0 keeps its digits; networks answer in float32.
"""

import copy
import math

import numpy as np
import torch
from torch import Tensor, nn

from sklearn_aae.estimators import BaseModel, LabelLatent
from sklearn_aae.estimators.outliers._answers import KNOWN
from sklearn_aae.estimators.outliers._calibration import EmpiricalSurvival
from sklearn_aae.estimators.outliers._detector import AAEOutlierDetector
from sklearn_aae.estimators.outliers._member import Member
from sklearn_aae.estimators.outliers._scores import MAX_SCORE
from sklearn_aae.tabular import TableColumns, TablePreprocessor

# The number of a category that is none of the training table's.
UNKNOWN = -1.0

# The smallest normal number of float32, and the log of the smallest of float64.
SMALLEST = torch.finfo(torch.float32).tiny
LOG_SMALLEST_DOUBLE = math.log(5e-324)


def single(network: nn.Module) -> nn.Module:
    """Return a copy of a network that answers in float32, on the CPU."""
    return copy.deepcopy(network).cpu().float().eval()


class Known(nn.Module):
    """Tells unknown categories, of fewer than `least` training rows, from missing ones.

    Parameters
    ----------
    columns : TableColumns
        Of the training table.

    least : int
        Training rows that make a category known.
    """

    known: Tensor
    categorical: Tensor

    def __init__(self, columns: TableColumns, least: int):
        super().__init__()
        n = columns.n_categories
        known = torch.zeros(len(columns), max(1, *n), dtype=torch.bool)
        for j, column in enumerate(columns.columns):
            counts = torch.tensor(column.category_counts or [least] * n[j])
            known[j, : len(counts)] = counts >= least
        self.register_buffer("known", known)
        self.register_buffer("categorical", torch.tensor([m > 0 for m in n]))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return cells with NaN for unknown ones, and which these are."""
        code = x.nan_to_num(0.0).clamp(0, self.known.shape[1] - 1).long()
        known = self.known.T.gather(0, code) & (x != UNKNOWN)
        unknown = self.categorical & ~known & ~x.isnan()
        return torch.where(unknown, torch.nan, x), unknown


class Scale(nn.Module):
    """Scales cells, and undoes it: a + b x of numbers, a + b log(1 + x) of counts.

    Parameters
    ----------
    preprocessor : TablePreprocessor
        Of the model.

    Raises
    ------
    ValueError
        If ``scale="quantile"``, which is no straight line.
    """

    def __init__(self, preprocessor: TablePreprocessor):
        super().__init__()
        if preprocessor.scale == "quantile":
            raise ValueError(
                "scale='quantile' has no form in ONNX. Fit with another scale, such as "
                "'standard' or 'limited_range'."
            )
        low, schema = preprocessor.low_[None], preprocessor.schema_
        slope = preprocessor.slopes()
        counted = np.array([pair is not None for pair in schema.counts], dtype=bool)
        counted = np.resize(counted, len(slope)) if len(counted) else slope < slope
        start = np.where(counted, np.log1p(np.where(counted, low, 0.0)), low)
        offset = np.nan_to_num(preprocessor.scale_rows(low) - slope * start)[0]
        numbers = (np.array(schema.n_categories) == 0) & ~counted
        still = np.array([c is not None for c in schema.constants], dtype=bool)
        for name, values in (
            ("slope", slope),
            ("offset", offset),
            ("counted", counted),
            ("cut", numbers & _cuts(preprocessor)),
            ("empty", preprocessor.empty_),
            ("means", preprocessor.means_),
            ("still", still),
            ("low", np.nan_to_num(low[0])),
        ):
            self.register_buffer(name, torch.from_numpy(np.array(values)))
        self.plain = schema.plain

    def forward(self, x: Tensor) -> Tensor:
        """Return scaled cells, (B, d) of float64."""
        x = torch.where(self.counted, x.clamp_min(0.0).log1p(), x)
        x = self.offset + self.slope * x
        x = torch.where(self.cut, x.clamp(0.0, 1.0), x)
        x = torch.where(self.empty, torch.nan, x)
        return torch.where(x.isnan(), self.means, x) if self.plain else x

    def inverse(self, x: Tensor) -> Tensor:
        """Return cells in the units of the table, (B, d) of float64."""
        x = (x - self.offset) / self.slope
        x = torch.where(self.counted, x.expm1(), x)
        return torch.where(self.still, self.low, x)


def _cuts(preprocessor: TablePreprocessor) -> bool:
    """Whether cells beyond the range of the training rows are cut to it."""
    return preprocessor.scale == "minmax" and preprocessor.span is None


class Answers(nn.Module):
    """Answers of an estimator about cells.

    Parameters
    ----------
    estimator : BaseModel
        Fitted.

    method : {"transform", "probabilities", "surprise"}
        What is asked.
    """

    def __init__(self, estimator: BaseModel, method: str):
        super().__init__()
        model, self.method = estimator._model, method
        self.scale = Scale(model.preprocessor)
        detector = isinstance(estimator, AAEOutlierDetector)
        self.known = None
        if any(model.columns.n_categories):
            self.known = Known(model.columns, KNOWN if detector else 1)
        self.labels: int = estimator.prior_.n_classes or 0
        if method == "surprise":
            self.members = nn.ModuleList(map(Scores, *_members(estimator)))
            self.unknown_surprise = float(estimator._unknown_surprise)
            return
        self.encoder = single(model.encoder)
        self.decoder = None
        if method == "transform" and isinstance(estimator, LabelLatent):
            self.decoder = single(model.decoder)
        self.merges = hasattr(estimator, "subcluster_labels_")
        if self.merges:
            parts, p = estimator.subcluster_labels_, estimator.cluster_prior_
            member = parts[:, None] == np.arange(len(p))
            self.register_buffer("member", torch.tensor(member, dtype=torch.float32))
            self.register_buffer("share", torch.tensor(p, dtype=torch.float32))
            self.register_buffer("unused", torch.tensor(parts < 0))

    def forward(self, x: Tensor) -> Tensor:
        """Return answers about cells (B, d) of float64."""
        unknown = None
        if self.known is not None:
            x, unknown = self.known(x)
        x = self.scale(x).float()
        if self.method == "surprise":
            lost = self.unknown_surprise * (0 if unknown is None else unknown.sum(-1))
            scores = torch.stack([m(x, lost) for m in self.members]).sort(0).values
            middle = len(scores) // 2
            return (scores[middle] + scores[-1 - middle]) / 2
        code = self.encoder(x)
        z = code.mean
        if self.method == "transform":
            return z if self.decoder is None else self.decoder.represent(z)
        p = z[:, : self.labels]
        if not self.merges:
            return p
        logits = getattr(code, "logits", None)  # a universal posterior has none
        return self._merged(p) if logits is None else self._merged_logits(logits)

    def _merged(self, p: Tensor) -> Tensor:
        """Return probabilities of clusters, from those of labels (B, m)."""
        p = p @ self.member
        total = p.sum(-1, keepdim=True)
        return torch.where(total > 0, p / total.clamp_min(SMALLEST), self.share)

    def _merged_logits(self, logits: Tensor) -> Tensor:
        """Return what `_merged` would in float64: float32 has no p below 1e-45."""
        used = logits.masked_fill(self.unused, -torch.inf)
        share = used.logsumexp(-1, keepdim=True) - logits.logsumexp(-1, keepdim=True)
        p = used.softmax(-1) @ self.member
        return torch.where(share > LOG_SMALLEST_DOUBLE, p, self.share)


class Scores(nn.Module):
    """Surprise of rows, by one member of an ensemble.

    Parameters
    ----------
    member : Member
        Trained and calibrated.

    method : str
        `score_method`.

    names : sequence of str
        Scores that it is made of.
    """

    def __init__(self, member: Member, method: str, names):
        super().__init__()
        self.method, self.names = method, names
        model = copy.copy(member.model)
        kept = ("encoder", "decoder", "critic", "cell_critic")
        networks = {n: single(m) for n, m in model.networks.items() if n in kept}
        model.networks, model.prior = networks, single(model.prior)
        self.networks = nn.ModuleDict(networks)  # so that an export finds them
        self.member = Member(model)
        self.member.usual = member.usual
        self.survival = nn.ModuleDict(
            {name: Survival(member.survival[name]) for name in names}
        )

    def forward(self, x: Tensor, lost: Tensor | float) -> Tensor:
        """Return the surprise of scaled rows, whose unknown cells add `lost`: (B,)."""
        parts = self.member.scores(x, self.names).double()
        found = []
        for i, name in enumerate(self.names):
            part = parts[:, i] + (lost if name == "reconstruction" else 0.0)
            part = part.nan_to_num(MAX_SCORE).clamp_max(MAX_SCORE)
            combined = self.method == "combined"
            found.append(self.survival[name](part) if combined else part)
        return torch.stack(found).norm(dim=0) if len(found) > 1 else found[0]


class Survival(nn.Module):
    """-log P(S >= s), see `EmpiricalSurvival`: between knots a straight line."""

    def __init__(self, survival: EmpiricalSurvival):
        super().__init__()
        knots, height = survival.knots, survival.surprise
        slope = np.append(np.diff(height) / np.diff(knots), survival.slope)
        for name, values in (("knots", knots), ("height", height), ("slope", slope)):
            self.register_buffer(name, torch.tensor(values, dtype=torch.float64))

    def forward(self, s: Tensor) -> Tensor:
        """Return the surprise of scores (B,) of float64."""
        at = ((s[:, None] >= self.knots).sum(-1) - 1).clamp_min(0)
        beyond = (s - self.knots[at]).clamp_min(0.0)
        return self.height[at] + self.slope[at] * beyond


def _members(detector: AAEOutlierDetector) -> tuple[list, list, list]:
    method, names = detector._scored_by
    n = len(detector.members_)
    return detector.members_, [method] * n, [names] * n


class Rows(nn.Module):
    """Rows that a decoder or generator makes of codes, in the units of the table.

    Parameters
    ----------
    estimator : BaseModel
        Fitted.
    """

    def __init__(self, estimator: BaseModel):
        super().__init__()
        model = estimator._model
        self.scale = Scale(model.preprocessor)
        name = "decoder" if "decoder" in model.networks else "generator"
        self.network, self.kind = single(model.networks[name]), name
        if isinstance(estimator, LabelLatent):
            self.kind = "label latent"
        columns, clip = model.columns.columns, estimator.clip
        whole = [c.whole and c.categories is None for c in columns]
        kept = [
            c.categories is None and (clip or (c.whole and not c.whole_inferred))
            for c in columns
        ]
        low = [c.low if k else -np.inf for c, k in zip(columns, kept, strict=True)]
        high = [c.high if k else np.inf for c, k in zip(columns, kept, strict=True)]
        self.register_buffer("whole", torch.tensor(whole))
        self.register_buffer("low", torch.tensor(low, dtype=torch.float64).nan_to_num())
        high = torch.tensor(high, dtype=torch.float64)
        self.register_buffer("high", high.nan_to_num(posinf=torch.inf))

    def forward(self, z: Tensor) -> Tensor:
        """Return cells (B, d) of float64, for codes (B, k)."""
        z = z.float()
        if self.kind == "generator":
            x = self.network(z).mean
        elif self.kind == "label latent":
            x = self.network.decode(z).mean
        else:
            x = self.network(z, None).mean
        x = self.scale.inverse(x.double())
        x = torch.where(self.whole, x.round(), x)
        return x.clamp(self.low, self.high)
