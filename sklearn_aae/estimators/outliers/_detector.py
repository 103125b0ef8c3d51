"""AAEOutlierDetector: rows unlike the rest, and the cells that make them so."""

import math
from collections.abc import Sequence
from dataclasses import replace
from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import OutlierMixin

from sklearn_aae.estimators._autoencoder import BaseAutoencoder, weighted_mean
from sklearn_aae.estimators._base import MIN_MEASURED
from sklearn_aae.estimators._data import FitInput, TrainingData
from sklearn_aae.estimators._games import make_cell_critic
from sklearn_aae.estimators._images import Images, image_layers
from sklearn_aae.estimators._interrupts import FitScope
from sklearn_aae.estimators._model import FittedModel
from sklearn_aae.estimators._parameters import (
    NON_NEGATIVE,
    POSITIVE_INT,
    SHARE,
    check_sizes,
)
from sklearn_aae.estimators._rules import Choice, EpochRule
from sklearn_aae.estimators._signature import parameter
from sklearn_aae.estimators._spec import ModelSpec
from sklearn_aae.estimators.outliers._answers import OutlierScores
from sklearn_aae.estimators.outliers._calibration import (
    EmpiricalSurvival,
    weighted_quantile,
)
from sklearn_aae.estimators.outliers._held_out import hold_out
from sklearn_aae.estimators.outliers._member import Member
from sklearn_aae.estimators.outliers._scores import (
    METHODS,
    WAYS,
    Earlier,
    available_scores,
)
from sklearn_aae.nn import NOISES
from sklearn_aae.training import (
    AAENet,
    DetectReplacedCells,
    DetectReplacedPatches,
)
from sklearn_aae.utils._compat import (
    Interval,
    InvalidParameterError,
    StrOptions,
    check_sample_weight,
)
from sklearn_aae.utils._typing import TableLike

# Code sizes of restarts: of tables, and of pictures in square roots of their pixels.
SIZES, PICTURE_SIZES = (1, 1, 4), (0.5, 2.0)
# Number of trainings; of pictures it is one for each size, as more hardly help.
N_INIT = 6
# Share of a picture that is covered in training.
COVERED = 0.1


class AAEOutlierDetector(OutlierScores, OutlierMixin, BaseAutoencoder):
    """Adversarial autoencoders that find outliers, and the cells that make them so.

    An outlier is reconstructed badly, or its code lies where the prior has little
    density. `n_init` models are trained, those of equal codes as one stack; each turns
    both scores into the probability that a training row has as high a one, and takes
    the root of the sum of their squared logarithms (``score_method="combined"``):
    between their sum, which both decide, and the larger of the two. The score is the
    median over the models [4]_. The training rows may hold outliers themselves.

    Signs are scikit-learn's: higher scores are more normal, `predict` returns -1 for an
    outlier and 1 for an inlier.

    ``scale="quantile"`` and ``"minmax"`` cut cells to the range of the training rows:
    rows beyond it then score like rows at its edge.

    Read more in the :ref:`User Guide <find-outliers>`.

    Parameters
    ----------
    n_components : int, sequence of int or "auto", default="auto"
        Number of columns of the code; of several, restarts have them in turn. Few: an
        outlier that the code can hold leaves no residual. More: the prior then knows
        more of what is rare. "auto" is (1, 1, 4); of pictures of d pixels √d/2 and 2√d.

    input_noise : float or "auto", default="auto"
        How much noise there is on the scaled input in training: see `noise_type`.
        "auto" is 0, and 0.1 of pictures: what the noise covers is not to be kept, and
        so a defect is not.

    noise_type : {"auto", "gaussian", "mask", "salt_and_pepper"}, default="auto"
        See `AAETransformer`. "auto" is "gaussian", and "mask" of pictures.

    hidden_layer_sizes : int, sequence of int or "auto", default=(64, 64)
        Units of the encoder's hidden layers, from the rows to the code; the decoder has
        them in reverse.

    score_method : {"combined", "reconstruction", "prior", "critic", "replacement"}, \
            default="combined"
        What `score_samples` is made of: "reconstruction" is -Σ_j s_j, s_j =
        log(1 + (x_j - x̂_j)²/σ_j²) for a number, with σ_j the root mean square error of
        its column, and -log p(x_j|z) for a category; "prior" is log p(z); "critic" is
        D(z), which serves for comparisons: a critic that has lost knows nothing. A
        missing cell counts 0. A category that no training row has, or just one, is
        unknown, and counts log((n + 1) / (m + 1)), where m of the n training rows have
        one in this column: the share of singletons is the chance of an unseen one [3]_.
        "replacement" is log P(its cells are its own), by the network that `localize_by`
        names. Of pictures "reconstruction" and "replacement" are means of the hottest
        1 % of places, the former of the windows of the heat map alone, and "combined"
        counts these two, as far as `localize_by` has them, and no prior: a defect of a
        few pixels hardly moves a code.

    contamination : float or "auto", default=0.1
        Share of the training rows that are outliers, in (0, 0.5], or of new rows, as
        those of `X_val` or rows held out tell it [6]_, if there are some. With "auto"
        outliers lie beyond Tukey's fence: more than 1.5 interquartile ranges above the
        upper quartile of the (negated) scores; there may be none. As everywhere in
        scikit-learn, just this share of the training rows of a table is flagged; where
        some hold an unknown category, the threshold is for as many of these as new rows
        will hold [3]_. Of few rows, or of about as many columns as rows, new rows score
        lower than training rows do, and more of them are flagged: set
        `calibration_fraction`, or pass `X_val`.

    calibration_fraction : float or "auto", default="auto"
        Share of the rows, in [0, 1), that no model is trained on: what scores mean, and
        where outliers begin, is learned from them instead of from the training rows,
        which a model knows better than new ones. One of each of so many
        equal parts of the rows, in their order, is drawn, always the same.
        "auto" is 0 of tables. Of pictures, few of which a model knows by heart, it is a
        tenth, at most 1000; of up to 500 it is 50 or a fifth, of up to 100 it is 20 or
        a third, whichever is less, and 0 of fewer than 10. `partial_fit` holds none
        out.

    trim : float, default=0.0
        Share of the training rows that a second training leaves out: those that are the
        most outlying after the first. For tables with many outliers. All rows count
        for `offset_`, if there is no `X_val` and none are held out.

    localize_by : {"auto", "reconstruction", "replacement", "both"}, default="auto"
        What `localize` deals a row's score out by: how badly cells are reconstructed,
        or how likely they are another row's, as a further network says that learns
        to spot cells put in from other rows [2]_, and of pictures patches of others and
        of one grey level [5]_; or "both", the root of their product. Of tables it finds
        more wrong cells, if it is trained for long (thousands of steps); their scores
        do not ask it, unless `score_method` does. "auto" is "reconstruction" of
        tables, unless `score_method` needs the other, and "both" of pictures. Of
        pictures the network needs some 300 steps, as "auto" epochs give it. It may be
        set after the fit to what the fit has trained, until `partial_fit` trains on.

    max_iter : int or "auto", default="auto"
        Number of epochs. "auto" is as many as make 400 steps, within 10 and 100: what
        is learned late is the outliers themselves. Of pictures it is 600
        steps, within 10 and 600 epochs.

    learning_rate : float, default=4e-3
        Of Adam, at the start.

    n_init : int or "auto", default="auto"
        Number of trainings from different random weights; the median of their scores
        counts (those that diverge are left out). The one of the lowest `loss_` gives
        `encoder_` and `decoder_`. "auto" is 6, and 2 of pictures: one for each size of
        the code.

    {parameters}

    Attributes
    ----------
    offset_ : float
        ``decision_function(X) = score_samples(X) - offset_``.

    members_ : list
        The trained models.

    {autoencoder attributes}

    {attributes}

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
    .. [4] Chen, Sathe, Aggarwal, Turaga, "Outlier Detection with Autoencoder
       Ensembles", SDM 2017
    .. [5] Li, Sohn, Yoon, Pfister, "CutPaste: Self-Supervised Learning for Anomaly
       Detection and Localization", 2021, https://arxiv.org/abs/2104.04015
    .. [6] Vovk, Gammerman, Shafer, "Algorithmic Learning in a Random World", 2005

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

    n_components: int | Sequence[int] | str = parameter(
        default="auto",
        allowed=[POSITIVE_INT, "array-like", StrOptions({"auto"})],
        shapes=True,
        kw_only=False,
    )
    input_noise: float | str = parameter(
        default="auto", allowed=[NON_NEGATIVE, StrOptions({"auto"})], shapes=True
    )
    noise_type: str = parameter(
        default="auto", allowed=[StrOptions({"auto", *NOISES})], shapes=True
    )
    score_method: str = parameter(
        default="combined", allowed=[StrOptions(set(METHODS))]
    )
    contamination: float | str = parameter(
        default=0.1,
        allowed=[StrOptions({"auto"}), Interval(Real, 0, 0.5, closed="right")],
    )
    calibration_fraction: float | str = parameter(
        default="auto", allowed=[SHARE, StrOptions({"auto"})]
    )
    trim: float = parameter(default=0.0, allowed=[SHARE])
    localize_by: str = parameter(
        default="auto",
        allowed=[StrOptions({"auto", *WAYS})],
        shapes=True,
    )
    hidden_layer_sizes: Sequence[int] | str = (64, 64)
    n_init: int | str = parameter(
        default="auto", allowed=[POSITIVE_INT, StrOptions({"auto"})]
    )
    learning_rate: float = 4e-3
    # All restarts count, so none may leave.
    halving: ClassVar = False  # type: ignore[misc]

    # --- fit ------------------------------------------------------------------------

    def _epoch_rule(self, data: TrainingData) -> EpochRule:
        # The network that spots patches has learned nothing after 100 steps.
        tables = self.image_shape is None
        return EpochRule(400, 10, 100) if tables else EpochRule(600, 10, 600)

    def _parts(self) -> list["AAEOutlierDetector"]:
        """Return a detector for each size of the code that restarts have.

        Nothing is "auto" in it. Noise keeps models from learning to keep what is no
        part of normal pictures.
        """
        images = Images.of(self)
        if self.n_components != "auto":
            sizes = check_sizes(self, "n_components")
        elif images is None:
            sizes = SIZES
        else:
            sizes = tuple(round(r * math.sqrt(images.n_cells)) for r in PICTURE_SIZES)
        if not sizes:
            raise InvalidParameterError(
                "The 'n_components' parameter of AAEOutlierDetector must name at least "
                "one size. Got an empty sequence instead."
            )
        of_size = {k: type(self)(**self.get_params(deep=False)) for k in sizes}
        for k, part in of_size.items():
            part.n_components = k
            if part.noise_type == "auto":
                part.noise_type = "gaussian" if images is None else "mask"
            if part.input_noise == "auto":
                part.input_noise = 0.0 if images is None else COVERED
            if part.localize_by == "auto":
                part.localize_by = part._default_way()
        return [of_size[k] for k in sizes]

    def _default_way(self) -> str:
        """Return what "auto" deals scores out by."""
        if self.image_shape is not None:
            return "both"
        needed = self.score_method == "replacement"
        return "replacement" if needed else "reconstruction"

    def _make_spec(self, data: TrainingData) -> ModelSpec:
        spec, spots = super()._make_spec(data), self.localize_by != "reconstruction"
        # An error before the training, not after it.
        available_scores(self.score_method, self.regularizer, spec.prior, spots=spots)
        spec = replace(spec, answers=spec.answers | {"critic": None})
        if not spots:
            return spec
        images = image_layers(self)
        spot = (
            DetectReplacedCells()
            if images is None
            else DetectReplacedPatches(shape=images.shape)
        )
        return replace(
            spec,
            make_networks=lambda: (
                spec.make_networks()
                | {"cell_critic": make_cell_critic(self, data.schema)}
            ),
            phases=[*spec.phases, spot],
            stages=(),  # it has all epochs to learn
            answers=spec.answers | {"cell_critic": None},
        )

    @property
    def _prior_counts(self) -> bool:
        return bool({"prior", "critic"} & {*self._scored_by[1]})

    def _choose(
        self, nets: list[AAENet], data: TrainingData, spec: ModelSpec, streams: bool
    ) -> Choice:
        """Keep all trained models; that of the lowest criterion answers."""
        losses = [net.loss_ for net in nets]
        return Choice(nets, losses.index(min(losses)))

    @property
    def _n_restarts(self) -> int:
        if not isinstance(self.n_init, str):
            return self.n_init
        return N_INIT if self.image_shape is None else len(self._parts())

    @property
    def _n_streamed(self) -> int:
        return self._n_restarts

    def _set_fitted(
        self, models: list[FittedModel], at: int, data: TrainingData
    ) -> None:
        super()._set_fitted(models, at, data)
        self.members_ = [Member(model) for model in models]

    def _fit(
        self, scope: FitScope, given: FitInput, *, warm: bool, streams: bool = False
    ) -> None:
        """Train; if rows are to be left out, find them first and train again."""
        before, trims = dict(vars(self)), self.trim > 0 and not streams
        if not streams:
            pictures, fraction = self.image_shape is not None, self.calibration_fraction
            held = hold_out(given.X, given.sample_weight, fraction, pictures=pictures)
            given = replace(given, held_out=held)
        scope.progress.n_trainings = 2 if trims and not warm else 1
        if not (warm and trims):
            super()._fit(scope, given, warm=warm, streams=streams)
        if trims and (warm or not scope.interrupted):
            kept = self._trimmed(given)
            self._train(scope, replace(given, sample_weight=kept), warm=warm)
            # All rows count for the calibration.
            self._finish(given, streams=False, before=before)

    def _trimmed(self, given: FitInput) -> np.ndarray:
        """Return the weights of the rows, 0 for the most outlying trained on."""
        surprise = -self.score_samples(given.X)
        weight = np.ones(len(surprise))
        if given.sample_weight is not None:
            weight = check_sample_weight(given.sample_weight, surprise[:, None])
        held = np.zeros(len(weight), dtype=bool)
        if given.held_out is not None:
            held = given.held_out
        level = weighted_quantile(surprise[~held], weight[~held], 1 - self.trim)
        kept = weight * (held | (surprise <= level))
        if np.count_nonzero(kept[~held]) < 2:
            raise ValueError(
                f"trim={self.trim} leaves {np.count_nonzero(kept[~held])} of "
                f"{np.count_nonzero(weight[~held])} rows to train on. Lower it."
            )
        return kept

    def _finish(self, given: FitInput, *, streams: bool, before: dict) -> None:
        """Calibrate the scores; of a small chunk, keep the earlier calibration."""
        earlier = None
        if streams and "members_" in before:
            earlier = Earlier(before["members_"], before["_data"].varies)
        if earlier and given.n_rows() < MIN_MEASURED:
            self._keep_calibration(given, earlier)
        else:
            self._calibrate(given, earlier)

    def fit(
        self,
        X: TableLike,
        y: Any = None,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: TableLike | None = None,
    ) -> Self:
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
            Weights of the rows, as numbers of rows: scores are calibrated by parts of
            their sum. If all rows fit into one batch, a whole weight trains like
            repeated rows; else rows are drawn in proportion to it.

        X_val : array-like of shape (n_val, n_features), default=None
            Rows that no model is trained on. They set `offset_`, so that it holds for
            new rows; scores stay as they are (see `calibration_fraction` for rows that
            set both). They validate the training, too
            (`history_`, `early_stopping`).

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
            If `loss_` is far above that of the untrained model, the training went back
            because it diverged, or `health_` shows that it failed.

        UserWarning
            If most of `X_val` lies far outside of the training rows.
        """
        return super().fit(X, None, sample_weight, X_val=X_val)

    def partial_fit(
        self, X: TableLike, y: Any = None, sample_weight: ArrayLike | None = None
    ) -> Self:
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
        return super().partial_fit(X, None, sample_weight)

    def score(
        self, X: TableLike, y: Any = None, sample_weight: ArrayLike | None = None
    ) -> float:
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
        return weighted_mean(BaseAutoencoder.score_samples(self, X), sample_weight)

    # --- state ----------------------------------------------------------------------

    def __getstate__(self):
        """Return plain state; the members are rebuilt from it."""
        state = super().__getstate__()
        state.pop("members_", None)
        return state

    def _get_state(self, **options) -> dict:
        """Return the trained models as plain arrays, with what calibrates them."""
        calibration = [
            {
                "usual": member.usual,
                "survival": {q: vars(found) for q, found in member.survival.items()},
            }
            for member in self.members_
        ]
        return super()._get_state(**options) | {"calibration": calibration}

    def _set_state(self, state: dict) -> None:
        """Rebuild the trained models from `_get_state`, on this machine's device."""
        super()._set_state(state)
        for member, plain in zip(self.members_, state["calibration"], strict=True):
            member.usual = plain["usual"]
            member.survival = {
                q: EmpiricalSurvival(**found) for q, found in plain["survival"].items()
            }
