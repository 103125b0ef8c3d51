"""AAEOutlierDetector: rows unlike the rest, and the cells that make them so."""

from numbers import Real

import numpy as np
from sklearn.base import OutlierMixin
from sklearn.utils.validation import _num_samples
from torch import nn

from sklearn_aae.estimators._base import MIN_MEASURED, BaseAAE
from sklearn_aae.estimators._family import inherits_parameters
from sklearn_aae.estimators._interrupts import fitting
from sklearn_aae.estimators._members import Member
from sklearn_aae.estimators._outlier_scores import METHODS, OutlierScoresMixin
from sklearn_aae.estimators._parameters import AUTO_EPOCHS
from sklearn_aae.estimators._recipes import make_cell_critic
from sklearn_aae.estimators._rows import Rows
from sklearn_aae.estimators._state import net_state
from sklearn_aae.estimators._tails import Tail, weighted_quantile
from sklearn_aae.estimators._transformer import AAETransformer
from sklearn_aae.tabular import TableSchema
from sklearn_aae.training import AAENet, DetectReplacedCells, Phase
from sklearn_aae.utils._compat import Interval, StrOptions, check_sample_weight


@inherits_parameters(AAETransformer, without=("classes_",))
class AAEOutlierDetector(OutlierScoresMixin, OutlierMixin, BaseAAE):
    """Adversarial autoencoders that find outliers, and the cells that make them so.

    An outlier is reconstructed badly, or its code lies where the prior has little
    density. `n_init` models are trained as one stack; each turns both scores into the
    probability that a training row has as high a one, and the logarithms are added
    (``score_method="combined"``). The training rows may hold outliers themselves.

    Signs are scikit-learn's: higher scores are more normal, `predict` returns -1 for an
    outlier and 1 for an inlier.

    ``scale="quantile"`` and ``"minmax"`` cut cells to the range of the training rows:
    rows beyond it then score like rows at its edge.

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
        D(z), which serves for comparisons: a critic that has lost knows nothing. A
        missing cell counts 0. A category that no training row has, or just one, is
        unknown, and counts log((n + 1) / (m + 1)), where m of the n training rows have
        one in this column: the share of singletons is the chance of an unseen one [3]_.

    contamination : float or "auto", default=0.1
        Share of the training rows that are outliers, in (0, 0.5], or of those of
        `X_val`, if `fit` is given some. With "auto" outliers lie beyond Tukey's fence:
        more than 1.5 interquartile ranges above the upper quartile of the (negated)
        scores; there may be none. As everywhere in scikit-learn, just this share of the
        training rows is flagged; where some hold an unknown category, the threshold is
        for as many of these as new rows will hold [3]_. Of few rows, or of about as
        many columns as rows, new rows score lower than training rows do, and more of
        them are flagged: pass `X_val`.

    trim : float, default=0.0
        Share of the training rows that a second training leaves out: those that are the
        most outlying after the first. For tables with many outliers. All rows count
        for `offset_`, if there is no `X_val`.

    localize_by : {"reconstruction", "replacement"}, default="reconstruction"
        What `localize` deals a row's score out by: how badly cells are reconstructed,
        or how likely they are another row's, as a further network judges that learns
        to spot cells put in from other rows [2]_. It finds more wrong cells, if it is
        trained for long (thousands of steps); `score_samples` does not ask it.

    max_iter : int or "auto", default="auto"
        Number of epochs. "auto" is as many as make 1,000 steps, within 20 and 400.

    n_init : int, default=8
        Number of trainings from different random weights, as one stack; their scores
        are averaged (those that diverge are left out). The one of the lowest `loss_`
        gives `encoder_` and `decoder_`.

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
    .. [2] Clark, Luong, Le, Manning, "ELECTRA: Pre-training Text Encoders as
       Discriminators Rather Than Generators", 2020, https://arxiv.org/abs/2003.10555
    .. [3] Good, "The Population Frequencies of Species and the Estimation of Population
       Parameters", Biometrika 40, 1953

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
        "localize_by": [StrOptions({"reconstruction", "replacement"})],
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
        localize_by="reconstruction",
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
        self.localize_by = localize_by

    # --- networks -------------------------------------------------------------------

    def _make_networks(self, schema: TableSchema) -> dict[str, nn.Module]:
        networks = super()._make_networks(schema)
        if self.localize_by == "replacement":
            networks["cell_critic"] = make_cell_critic(self, schema)
        return networks

    def _make_phases(self, schema: TableSchema) -> list[Phase]:
        spot = [DetectReplacedCells()] if self.localize_by == "replacement" else []
        return [*super()._make_phases(schema), *spot]

    # --- fit ------------------------------------------------------------------------

    def _use_labels(self, y, name: str = "y") -> None:
        """Ignore y."""

    def fit(self, X, y=None, sample_weight=None, *, X_val=None):
        """Learn what is normal.

        Ctrl-C ends the training and keeps the models as they are then, with a warning;
        inside a search or pipeline it ends that. If `fit` fails, an earlier fit stays
        as it was.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame, torch.Tensor} of shape \
                (n_samples, n_features)
            Training rows, see `AAETransformer.fit`; with or without outliers.

        y : None
            Ignored.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, as numbers of rows: scores are calibrated by shares of
            their sum. If all rows fit into one batch, a whole weight trains like
            repeated rows; else rows are drawn in proportion to it.

        X_val : array-like of shape (n_val, n_features), default=None
            Rows that no model is trained on. They set `offset_`, so that it holds for
            new rows; scores stay as they are. They judge the training, too (`history_`,
            `early_stopping`).

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If a parameter or the data are unfit, or a loss becomes infinite.

        Warns
        -----
        ConvergenceWarning
            If `loss_` is far above that of the untrained model.

        UserWarning
            If most of `X_val` lies far outside of the training rows.
        """
        warm = self.warm_start and hasattr(self, "net_")
        with fitting(self):
            if not (warm and self.trim):
                super().fit(X, None, sample_weight, X_val=X_val)
                self._calibrate(X, sample_weight, X_val)
            interrupted = any(net.interrupted_ for net in self._nets)
            if self.trim and (warm or not interrupted):
                kept = self._trimmed(X, sample_weight)
                if not warm:
                    del self.net_  # the second training starts anew
                super().fit(X, None, kept, X_val=X_val)
                self._calibrate(X, sample_weight, X_val)
        return self

    def _trimmed(self, X, sample_weight) -> np.ndarray:
        """Return the weights of the rows, 0 for the most outlying ones."""
        surprise = -self.score_samples(X)
        weight = np.ones(len(surprise))
        if sample_weight is not None:
            weight = check_sample_weight(sample_weight, surprise[:, None])
        kept = weight * (surprise <= weighted_quantile(surprise, weight, 1 - self.trim))
        if np.count_nonzero(kept) < 2:
            raise ValueError(
                f"trim={self.trim} leaves {np.count_nonzero(kept)} of "
                f"{np.count_nonzero(weight)} rows to train on. Lower it."
            )
        return kept

    def partial_fit(self, X, y=None, sample_weight=None):
        """Train on a chunk of rows: one pass, at a constant learning rate.

        Parameters
        ----------
        X : {array-like, DataFrame, torch.Tensor} of shape (n_samples, n_features)
            Rows. The first chunk fixes the columns and their scales; the last one of 20
            rows or more is what scores are calibrated by. `trim` is not used.

        y : None
            Ignored.

        sample_weight : array-like of shape (n_samples,), default=None
            See `fit`.

        Returns
        -------
        self : object
        """
        before = getattr(self, "members_", None)
        with fitting(self):
            super().partial_fit(X, None, sample_weight)
            if before is None or _num_samples(X) >= MIN_MEASURED:
                self._calibrate(X, sample_weight)
                return self
            for member, earlier in zip(self.members_, before, strict=True):
                member.usual, member.tails = earlier.usual, earlier.tails
        return self

    def _prepare(self, X, y, sample_weight, X_val=None, y_val=None, *, seed, keep):
        prepared = super()._prepare(
            X, y, sample_weight, X_val, y_val, seed=seed, keep=keep
        )
        self._available()  # an error before the training, not after it
        return prepared

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
        here = net.module_.networks
        names = ("encoder", "decoder", "critic", "cell_critic")
        return Member(
            net, *(self._answering(net, n) if n in here else None for n in names)
        )

    def score(self, X, y=None, sample_weight=None):
        """Mean log-likelihood of rows given their codes; higher is better.

        To compare models without labels. It is that of `encoder_` and `decoder_`, not
        the mean of `score_samples`, which each model calibrates by its own rows. With
        labels, ``scoring="roc_auc"`` compares detectors.

        Parameters
        ----------
        X : {array-like, DataFrame, torch.Tensor} of shape (n_samples, n_features)
            Rows.

        y : None
            Ignored.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        score : float
            Mean of log p(x|z), in nats a row.
        """
        return super().score(X, y, sample_weight)

    # --- state ----------------------------------------------------------------------

    def _get_state(self) -> dict:
        """Return the members as plain arrays, with what rebuilds them."""
        return {
            "best": self._nets.index(self.net_),
            "members": [
                {
                    "net": net_state(member.net),
                    "usual": member.usual,
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
            member.usual = part["usual"]
            member.tails = {q: Tail(**tail) for q, tail in part["tails"].items()}
        maker._set_fitted(members[state["best"]].net)
        for name in ("net_", *self._answers.values(), "prior_"):
            setattr(self, name, getattr(maker, name))
        self.members_ = members
