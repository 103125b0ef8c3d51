"""AAEOutlierDetector: rows unlike the rest, and the cells that make them so."""

from dataclasses import dataclass, field
from numbers import Real

import numpy as np
import torch
from sklearn.base import OutlierMixin
from torch import Tensor, nn

from sklearn_aae.distributions import Columns
from sklearn_aae.estimators._base import BaseAAE
from sklearn_aae.estimators._family import inherits_parameters
from sklearn_aae.estimators._parameters import AUTO_EPOCHS
from sklearn_aae.estimators._recipes import has_density
from sklearn_aae.estimators._rows import Rows
from sklearn_aae.estimators._state import net_state, unchanged_on_error
from sklearn_aae.estimators._stream import stream
from sklearn_aae.estimators._tails import Tail, weighted_quantile
from sklearn_aae.estimators._transformer import AAETransformer
from sklearn_aae.tabular import TableSchema
from sklearn_aae.training import AAENet
from sklearn_aae.utils._compat import Interval, StrOptions, check_sample_weight

SCORES = ("reconstruction", "prior", "critic")
METHODS = ("combined", *SCORES)
# What counts together: the critic's say is noise where the game is even.
COMBINED = ("reconstruction", "prior")
# Tukey's fence: so many interquartile ranges above the upper quartile.
FENCE = 1.5
# Cells that are looked at, to learn how well columns are reconstructed.
MAX_CELLS = 2**24
# Deviations of a scaled number that is reconstructed exactly.
MIN_RESIDUAL = 0.01


@dataclass
class Member:
    """One trained model of the ensemble.

    Attributes
    ----------
    net : AAENet
        What trained.

    encoder, decoder : nn.Module
        The networks that answer.

    critic : nn.Module or None
        D(z), of an adversarial model.

    residuals : ndarray of shape (n_features,)
        Root mean square of what the reconstruction misses of each numeric column.

    tails : dict of str to Tail
        Calibration of each score.
    """

    net: AAENet
    encoder: nn.Module
    decoder: nn.Module
    critic: nn.Module | None
    residuals: np.ndarray = field(default_factory=lambda: np.ones(1))
    tails: dict[str, Tail] = field(default_factory=dict)


@inherits_parameters(AAETransformer, without=("classes_",))
class AAEOutlierDetector(OutlierMixin, BaseAAE):
    """Adversarial autoencoders that find outliers, and the cells that make them so.

    An outlier is reconstructed badly, or its code lies where the prior has little
    density. `n_init` models are trained as one stack; each turns both scores into the
    probability that a training row has as high a one, and the logarithms are added
    (``score_method="combined"``). The training rows may hold outliers themselves.

    Signs are scikit-learn's: higher scores are more normal, `predict` returns -1 for an
    outlier and 1 for an inlier.

    Read more in the user guide.

    Parameters
    ----------
    n_components : int, default=1
        Number of columns of the code. Few: what the code can hold of an outlier is not
        missed.

    hidden_layer_sizes : sequence of int, default=(128, 128)
        Units of the encoder's hidden layers, from the rows to the code; the decoder has
        them in reverse.

    score_method : {"combined", "reconstruction", "prior", "critic"}, default="combined"
        What `score_samples` is made of: "reconstruction" is -Σ_j s_j, s_j =
        log(1 + (x_j - x̂_j)²/σ_j²) for a number, with σ_j the root mean square error of
        its column, and -log p(x_j|z) for a category; "prior" is log p(z); "critic" is
        D(z), which serves for comparisons: a critic that has lost knows nothing.

    contamination : float or "auto", default=0.1
        Share of the training rows that are outliers, in (0, 0.5]. With "auto" outliers
        lie beyond Tukey's fence: more than 1.5 interquartile ranges above the upper
        quartile of the (negated) scores; there may be none.

    trim : float, default=0.0
        Share of the training rows that a second training leaves out: those that are the
        most outlying after the first. For tables with many outliers.

    max_iter : int or "auto", default="auto"
        Number of epochs. "auto" is as many as make 1,000 steps, within 20 and 400.

    n_init : int, default=8
        Number of trainings from different random weights, as one stack; their scores
        are averaged. The one of the lowest `loss_` gives `encoder_` and `decoder_`.

    Attributes
    ----------
    offset_ : float
        ``decision_function(X) = score_samples(X) - offset_``.

    members_ : list
        The trained models.

    See Also
    --------
    sklearn.ensemble.IsolationForest : Outliers by random cuts.

    References
    ----------
    .. [1] Makhzani, Shlens, Jaitly, Goodfellow, Frey, "Adversarial Autoencoders", 2016,
       https://arxiv.org/abs/1511.05644

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_aae import AAEOutlierDetector
    >>> X, _ = load_iris(return_X_y=True)
    >>> detector = AAEOutlierDetector(max_iter=20, n_init=2, random_state=0).fit(X)
    >>> detector.predict(np.vstack([X[:2], 3 * X[2:3]]))
    array([ 1,  1, -1])
    """

    _parameter_constraints = {
        "score_method": [StrOptions(set(METHODS))],
        "contamination": [
            StrOptions({"auto"}),
            Interval(Real, 0, 0.5, closed="right"),
        ],
        "max_iter": AUTO_EPOCHS,
        "trim": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(
        self,
        n_components=1,
        *,
        hidden_layer_sizes=(128, 128),
        score_method="combined",
        contamination=0.1,
        trim=0.0,
        max_iter="auto",
        n_init=8,
        **shared,
    ):
        super().__init__(
            n_components,
            hidden_layer_sizes=hidden_layer_sizes,
            max_iter=max_iter,
            n_init=n_init,
            **shared,
        )
        self.score_method = score_method
        self.contamination = contamination
        self.trim = trim

    # --- fit ------------------------------------------------------------------------

    def _use_labels(self, y, n_samples: int) -> None:
        """Ignore y."""

    def fit(self, X, y=None, sample_weight=None):
        """Learn what is normal.

        Ctrl-C ends the training and keeps the models as they are then. If `fit` fails,
        an earlier fit stays as it was.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame, torch.Tensor} of shape \
                (n_samples, n_features)
            Training rows, see `AAETransformer.fit`; with or without outliers.

        y : None
            Ignored.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows. If all rows fit into one batch, a whole weight counts
            like repeated rows; else rows are drawn in proportion to it.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If a parameter or the data are unfit, or a loss becomes infinite.
        """
        with unchanged_on_error(self):
            super().fit(X, None, sample_weight)
            self._calibrate(X, sample_weight)
            if self.trim:
                super().fit(X, None, self._trimmed(X, sample_weight))
                self._calibrate(X, sample_weight)
        return self

    def _trimmed(self, X, sample_weight) -> np.ndarray:
        """Return the weights of the rows, 0 for the most outlying ones."""
        surprise = -self.score_samples(X)
        weight = np.ones(len(surprise))
        if sample_weight is not None:
            weight = check_sample_weight(sample_weight, surprise[:, None])
        counted = weight > 0
        kept = 1 - self.trim
        fence = weighted_quantile(surprise[counted], weight[counted], kept)
        return weight * (surprise < fence)

    def partial_fit(self, X, y=None, sample_weight=None):
        """Train on a chunk of rows: one pass, at a constant learning rate.

        Parameters
        ----------
        X : {array-like, DataFrame, torch.Tensor} of shape (n_samples, n_features)
            Rows. The first chunk fixes the columns and their scales; the last one is
            what scores are calibrated by. `trim` is not used.

        y : None
            Ignored.

        sample_weight : array-like of shape (n_samples,), default=None
            See `fit`.

        Returns
        -------
        self : object
        """
        with unchanged_on_error(self):
            super().partial_fit(X, None, sample_weight)
            self._calibrate(X, sample_weight)
        return self

    def _make_networks(self, schema: TableSchema) -> dict[str, nn.Module]:
        self._methods()  # an error before the training, not after it
        return super()._make_networks(schema)

    @property
    def _n_streamed(self) -> int:
        return self.n_init

    @property
    def _nets(self) -> list[AAENet]:
        return [member.net for member in self.members_]

    def _choose(self, nets: list[AAENet], rows: Rows) -> AAENet:
        """Keep all trained models; return that of the lowest criterion."""
        self.members_ = [self._member(net) for net in nets]
        return super()._choose(nets, rows)

    def _member(self, net: AAENet) -> Member:
        """Return a trained model with the networks that answer."""
        here, names = net.module_.networks, ("encoder", "decoder", "critic")
        return Member(
            net, *(self._answering(net, n) if n in here else None for n in names)
        )

    def _calibrate(self, X, sample_weight) -> None:
        """Learn what scores mean, by the training rows."""
        rows = self._check_new_rows(X)
        weight = np.ones(len(rows))
        if sample_weight is not None:
            weight = check_sample_weight(sample_weight, rows)
            rows, weight = rows[weight > 0], weight[weight > 0]
        for member in self.members_:
            member.residuals = self._measure(member, rows, weight)
            parts = self._parts(member, rows)
            member.tails = {q: Tail.learn(part, weight) for q, part in parts.items()}
        self.offset_ = self._find_offset(self._surprise(rows), weight)

    def _measure(self, member: Member, rows: np.ndarray, weight) -> np.ndarray:
        """Return the root mean square of what each column's reconstruction misses."""
        evenly = slice(None, None, -(-rows.shape[0] * rows.shape[1] // MAX_CELLS))

        def squares(x: Tensor) -> Tensor:
            return (x - member.decoder(member.encoder(x).mean).mean).square()

        missed = self._stream(member, squares, rows[evenly])
        seen = weight[evenly, None] * ~np.isnan(missed)
        return np.sqrt((np.nan_to_num(missed) * seen).sum(0) / seen.sum(0).clip(1e-300))

    def _find_offset(self, surprise: np.ndarray, weight: np.ndarray) -> float:
        """Return the score below which rows are outliers."""
        if self.contamination != "auto":
            return -weighted_quantile(surprise, weight, 1 - self.contamination)
        low, high = (weighted_quantile(surprise, weight, q) for q in (0.25, 0.75))
        return -(high + FENCE * (high - low))

    # --- scores ---------------------------------------------------------------------

    def _methods(self) -> tuple[str, ...]:
        """Return the scores that count; raise ValueError if there is no such score."""
        lacks = {}
        if self.regularizer != "adversarial":
            lacks["critic"] = "a critic: use regularizer='adversarial'"
        if not has_density(self.prior_):
            lacks["prior"] = "a prior with a density, such as 'gaussian'"
        if self.score_method in lacks:
            raise ValueError(
                f"score_method={self.score_method!r} needs {lacks[self.score_method]}."
            )
        if self.score_method == "combined":
            return tuple(name for name in COMBINED if name not in lacks)
        return (self.score_method,)

    def _stream(self, member: Member, answer, rows: np.ndarray) -> np.ndarray:
        """Return a member's answers about valid rows."""
        return stream(member.encoder, answer, rows, self.preprocessor_.transform)

    def _cells(self, member: Member, x: Tensor, z: Tensor) -> Tensor:
        """Return how surprising each cell is, given the code of its row: (B, d)."""
        p = member.decoder(z)
        sigma = torch.from_numpy(member.residuals.clip(MIN_RESIDUAL)).to(x)
        cells = ((x - p.mean) / sigma).square().log1p()
        if isinstance(p, Columns):
            cells = torch.where(p.categorical, -p.cells(x), cells)
        return cells.nan_to_num(0.0)

    def _parts(self, member: Member, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Return the scores that count, each (n_samples,) and high for outliers."""
        methods = self._methods()

        def answer(x: Tensor) -> Tensor:
            z, parts = member.encoder(x).mean, []
            if "reconstruction" in methods:
                parts.append(self._cells(member, x, z).sum(-1))
            if "prior" in methods:
                parts.append(-self.prior_(None).log_prob(z.cpu()).to(z))
            if "critic" in methods and member.critic is not None:
                parts.append(-member.critic(z))
            return torch.stack(parts, -1)

        scores = self._stream(member, answer, rows).astype(np.float64)
        return dict(zip(methods, scores.T, strict=True))

    def _surprise(self, rows: np.ndarray) -> np.ndarray:
        """Return the mean score of the members, high for outliers."""
        total = np.zeros(len(rows))
        for member in self.members_:
            for name, part in self._parts(member, rows).items():
                combined = self.score_method == "combined"
                total += member.tails[name](part) if combined else part
        return total / len(self.members_)

    def score_samples(self, X):
        """Return how normal rows are: the lower, the more of an outlier.

        Parameters
        ----------
        X : {array-like, DataFrame, torch.Tensor} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        scores : ndarray of shape (n_samples,), float64
            See `score_method`. Combined ones are logarithms of probabilities: at most
            0.
        """
        return -self._surprise(self._check_new_rows(X))

    def decision_function(self, X):
        """Return how far scores are above the threshold.

        Parameters
        ----------
        X : {array-like, DataFrame, torch.Tensor} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        decision : ndarray of shape (n_samples,), float64
            ``score_samples(X) - offset_``: negative for outliers.
        """
        return self.score_samples(X) - self.offset_

    def predict(self, X):
        """Tell outliers from inliers.

        Parameters
        ----------
        X : {array-like, DataFrame, torch.Tensor} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        labels : ndarray of shape (n_samples,), int
            -1 for outliers, 1 for inliers.
        """
        return np.where(self.decision_function(X) < 0, -1, 1)

    def localize(self, X):
        """Return each cell's share of what makes its row an outlier.

        Parameters
        ----------
        X : {array-like, DataFrame, torch.Tensor} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        shares : ndarray of shape (n_samples, n_features), float64
            Rows sum to ``-score_samples(X)``. With ``score_method="reconstruction"``
            these are the summands themselves; other scores are of whole rows, and are
            dealt out in proportion to them.
        """
        rows = self._check_new_rows(X)
        cells = np.zeros(rows.shape)
        for member in self.members_:

            def answer(x: Tensor, member=member) -> Tensor:
                return self._cells(member, x, member.encoder(x).mean)

            cells += self._stream(member, answer, rows)
        cells += np.finfo(float).tiny  # a row without any surprise is dealt out evenly
        shares = cells / cells.sum(1, keepdims=True)
        return shares * self._surprise(rows)[:, None]

    def _score_rows(self, X, y) -> np.ndarray:
        """Return what `score` averages: the likelihood, which compares models."""
        return super().score_samples(X)

    # --- state ----------------------------------------------------------------------

    def _get_state(self) -> dict:
        """Return the members as plain arrays, with what rebuilds them."""
        return {
            "best": self._nets.index(self.net_),
            "members": [
                {
                    "net": net_state(member.net),
                    "residuals": member.residuals,
                    "tails": {name: vars(tail) for name, tail in member.tails.items()},
                }
                for member in self.members_
            ],
        }

    def _set_state(self, state: dict) -> None:
        """Rebuild the members from `_get_state`, on this machine's device."""
        maker = self._unfitted_copy()
        members = [
            maker._member(maker._net_of(part["net"])) for part in state["members"]
        ]
        for member, part in zip(members, state["members"], strict=True):
            member.residuals = part["residuals"]
            member.tails = {q: Tail(**tail) for q, tail in part["tails"].items()}
        maker._set_fitted(members[state["best"]].net)
        for name in ("net_", *self._answers.values(), "prior_"):
            setattr(self, name, getattr(maker, name))
        self.members_ = members
