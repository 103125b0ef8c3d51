"""What all models of the family share: parameters, the way through a fit, and state."""

import itertools
import os
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any, ClassVar, Self, dataclass_transform

import torch
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from torch.distributions import Distribution

from sklearn_aae.estimators._data import FitInput, TrainingData, prepare
from sklearn_aae.estimators._fitting import Trainer
from sklearn_aae.estimators._health import warn_of_health
from sklearn_aae.estimators._images import Images, image_layers
from sklearn_aae.estimators._interrupts import FitScope, fitting
from sklearn_aae.estimators._labels import NO_LABELS, LabelRole
from sklearn_aae.estimators._model import FittedModel
from sklearn_aae.estimators._networks import hidden_sizes
from sklearn_aae.estimators._parameters import (
    AUTO_EPOCHS,
    AUTO_SIZES,
    LAYER_SIZES,
    NON_NEGATIVE,
    POSITIVE,
    POSITIVE_INT,
    PROPER_SHARE,
    SHARE,
    check_shape_kept,
    warn_of_no_bound,
)
from sklearn_aae.estimators._progress import Progress
from sklearn_aae.estimators._rules import Choice, EpochRule, Evaluation, count_epochs
from sklearn_aae.estimators._signature import complete, parameter, shaping_parameters
from sklearn_aae.estimators._spec import ModelSpec
from sklearn_aae.estimators._stored import StoredModelMixin
from sklearn_aae.estimators._tensors import answer_in_kind
from sklearn_aae.estimators._turns import train_new, train_on
from sklearn_aae.nn import ACTIVATIONS, NORMALIZATIONS
from sklearn_aae.objectives import OBJECTIVES, PENALTIES
from sklearn_aae.priors import PRIORS, Prior
from sklearn_aae.tabular import SCALERS
from sklearn_aae.training import SCHEDULES, AAENet
from sklearn_aae.utils._compat import (
    CallbackSupportMixin,
    Interval,
    StrOptions,
    fit_context,
)
from sklearn_aae.utils._device import resolve_device
from sklearn_aae.utils._html import DescriptionMixin
from sklearn_aae.utils._random import draw_seeds
from sklearn_aae.utils._typing import LabelsLike, TableLike

# What only some fits have.
OPTIONAL_ATTRIBUTES = ("classes_", "feature_names_in_", "hidden_channels_")

# Fewer rows of a later chunk say too little of how well rows are reconstructed.
MIN_MEASURED = 20
# Cells of a picture of which convolutions take as long in float64 as in float32.
MOST_PRECISE = 256


@dataclass_transform(kw_only_default=True, field_specifiers=(parameter,))
@dataclass(eq=False, repr=False, kw_only=True)
class BaseModel(
    StoredModelMixin, DescriptionMixin, CallbackSupportMixin, BaseEstimator
):
    """Base of all models of the family.

    A model says what it is made of by one hook, ``_make_spec(data)``. It may also say
    what y is to it (``_label_role``), prepare more than rows (``_prepare``), say how
    good a restart is (``_evaluate``), choose between restarts (``_choose``), and learn
    something after the training (``_finish``). Its parameters are fields, see
    `sklearn_aae.estimators.parameter`.
    """

    n_components: int = parameter(
        default=2, allowed=[POSITIVE_INT], shapes=True, kw_only=False
    )
    hidden_layer_sizes: int | Sequence[int] | str = parameter(
        default="auto", allowed=AUTO_SIZES, shapes=True
    )
    image_shape: Sequence[int] | None = parameter(
        default=None, allowed=["array-like", None], shapes=True
    )
    hidden_channels: int | Sequence[int] | str = parameter(
        default="auto", allowed=AUTO_SIZES, shapes=True
    )
    activation: str = parameter(
        default="gelu", allowed=[StrOptions(set(ACTIVATIONS))], shapes=True
    )
    normalization: str | None = parameter(
        default="batch", allowed=[StrOptions(set(NORMALIZATIONS)), None], shapes=True
    )
    dropout: float = parameter(default=0.0, allowed=[SHARE], shapes=True)
    prior: Any = parameter(
        default="gaussian",
        allowed=[StrOptions(set(PRIORS)), Prior, Distribution, callable],
        shapes=True,
    )
    adversarial_loss: str = parameter(
        default="bce", allowed=[StrOptions(set(OBJECTIVES))]
    )
    gradient_penalty: float = parameter(default=0.0, allowed=[NON_NEGATIVE])
    gradient_penalty_type: str = parameter(
        default="auto", allowed=[StrOptions({"auto", *PENALTIES})]
    )
    critic_hidden_layer_sizes: int | Sequence[int] | None = parameter(
        default=None, allowed=[*LAYER_SIZES, None], shapes=True
    )
    scale: str | None = parameter(
        default="standard",
        allowed=[StrOptions({s for s in SCALERS if s}), None],
        shapes=True,
    )
    categorical_features: Any = parameter(
        default="from_dtype",
        allowed=["array-like", StrOptions({"from_dtype"}), dict, None],
        shapes=True,
    )
    clip: bool = parameter(default=True, allowed=["boolean"])
    learning_rate: float = parameter(default=1e-3, allowed=[POSITIVE])
    critic_learning_rate: float | None = parameter(
        default=None, allowed=[POSITIVE, None]
    )
    learning_rate_schedule: str = parameter(
        default="cosine", allowed=[StrOptions(set(SCHEDULES))]
    )
    batch_size: int = parameter(
        default=128, allowed=[Interval(Integral, 2, None, closed="left")]
    )
    max_iter: int | str = parameter(default="auto", allowed=AUTO_EPOCHS)
    time_limit: float | None = parameter(default=None, allowed=[POSITIVE, None])
    early_stopping: bool = parameter(default=False, allowed=["boolean"])
    validation_fraction: float = parameter(default=0.1, allowed=[PROPER_SHARE])
    n_iter_no_change: int = parameter(default=10, allowed=[POSITIVE_INT])
    tol: float = parameter(default=1e-3, allowed=[NON_NEGATIVE])
    n_init: int = parameter(default=1, allowed=[POSITIVE_INT])
    halving: bool = parameter(default=True, allowed=["boolean"])
    step_back: bool = parameter(default=True, allowed=["boolean"])
    warm_start: bool = parameter(default=False, allowed=["boolean"])
    callbacks: Sequence | None = parameter(default=None, allowed=[list, tuple, None])
    compile: bool = parameter(default=True, allowed=["boolean"])
    checkpoint: str | os.PathLike | None = parameter(
        default=None, allowed=[str, os.PathLike, None]
    )
    checkpoint_interval: float = parameter(default=60.0, allowed=[NON_NEGATIVE])
    device: str | torch.device = parameter(
        default="auto", allowed=[str, torch.device], shapes=True
    )
    random_state: Any = parameter(default=None, allowed=["random_state"])
    verbose: int = parameter(default=0, allowed=["verbose"])

    # What only autoencoders let the user choose.
    regularizer: ClassVar = "adversarial"
    update: ClassVar = "joint"
    linear_skip: ClassVar = False
    reconstruction: ClassVar = "auto"
    count_features: ClassVar = None
    input_dropout: ClassVar = 0.0
    encoder: ClassVar = None
    n_examples: ClassVar = None
    augmentation: ClassVar = None

    _label_role: ClassVar[LabelRole] = NO_LABELS

    def __init_subclass__(cls, **kwargs):
        complete(cls)
        super().__init_subclass__(**kwargs)
        answer_in_kind(cls)

    def __sklearn_tags__(self):
        """Say what scikit-learn may expect."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = self.image_shape is None
        tags.target_tags.required = self._label_role.n_required > 0
        return tags

    # --- hooks ----------------------------------------------------------------------

    def _prepare(
        self, given: FitInput, seed: int, earlier: TrainingData | None, **options
    ) -> TrainingData:
        """Return prepared rows, of a fit that continues an earlier one or of a new one.

        `options` are those of `prepare`.
        """
        if earlier is not None:
            shaping = shaping_parameters(type(self))
            check_shape_kept(self, earlier.params, shaping)
        return prepare(
            self,
            given,
            role=self._label_role,
            seed=seed,
            place=self._place if earlier is None else self._models[0].place,
            earlier=earlier,
            **options,
        )

    def _epoch_rule(self, data: TrainingData) -> EpochRule:
        """Return what max_iter="auto" is."""
        return EpochRule()

    @property
    def _prior_counts(self) -> bool:
        """Whether what the estimator is for depends on the prior of its codes."""
        return True

    def _rows_a_step(self, n_classes: int | None) -> int:
        """Return the batch size for rows of so many classes, None for no classes."""
        return self.batch_size

    def _make_spec(self, data: TrainingData) -> ModelSpec:
        """Return what the model is made of: prior, networks, phases."""
        raise NotImplementedError

    def _evaluate(
        self, net: AAENet, data: TrainingData, spec: ModelSpec, streams: bool
    ) -> Evaluation:
        """Return how good a restart is, in the midst of its training or after it."""
        return Evaluation(net.loss_)

    def _parts(self) -> "Sequence[BaseModel]":
        """Return the estimators whose parameters restarts are built by, in turn.

        Restarts of the same one train as one stack.
        """
        return [self]

    def _choose(
        self, nets: list[AAENet], data: TrainingData, spec: ModelSpec, streams: bool
    ) -> Choice:
        """Return the best of several trained nets: that of the lowest criterion."""
        found = [self._evaluate(net, data, spec, streams) for net in nets]
        criteria = [one.criterion for one in found]
        at = criteria.index(min(criteria))
        return Choice([nets[at]], attributes=found[at].attributes)

    def _finish(self, given: FitInput, *, streams: bool, before: dict) -> None:
        """Learn what else the estimator answers by, with the networks in place.

        `streams` says whether the rows are a chunk, `before` holds the attributes that
        the estimator had before the fit.
        """

    # --- fit: prepare, specify, train, choose, set ----------------------------------

    @fit_context
    def fit(
        self,
        X: TableLike,
        y: LabelsLike | None = None,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: TableLike | None = None,
        y_val: LabelsLike | None = None,
        classes: LabelsLike | None = None,
    ) -> Self:
        """Train the model.

        Ctrl-C ends the training and keeps the model as it is then, with a warning;
        inside a search or pipeline it ends that. If `fit` fails, an earlier fit stays
        as it was.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame, torch.Tensor} of shape \
                (n_samples, n_features)
            Training rows: numbers, and in a frame text, categories and booleans.
            Missing cells do not count in the loss. Sparse rows are dense only in
            batches.

        y : array-like of shape (n_samples,), default=None
            Class labels; -1, None and NaN are unlabelled rows. Used where the prior
            has components ("gaussian_mixture", "swiss_roll"): each class then gets one,
            and the critic sees the label (paper, section 2.3). Ignored otherwise,
            and where y holds numbers that are not whole, or several columns. Whole
            numbers are labels: classes that are many for the rows are warned of.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows. If all rows fit into one batch, an integer weight
            counts like repeated rows; else rows are drawn in proportion to it.

        X_val : array-like of shape (n_val, n_features), default=None
            Validation rows (`history_`, `early_stopping`).

        y_val : array-like of shape (n_val,), default=None
            Labels of `X_val`.

        classes : array-like of shape (n_classes,), default=None
            All labels, where a fold may lack some, or where -1 is a class. None for
            those of y.

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
        warn_of_no_bound(self)
        warm = self.warm_start and hasattr(self, "net_")
        if classes is None and not warm:
            classes = self._label_role.classes_named_by(y)
        given = FitInput(X, y, sample_weight, X_val, y_val, classes)
        with fitting(self, Progress(self, given, calls_back=True)) as scope:
            self._fit(scope, given, warm=warm)
        if not scope.interrupted:
            warn_of_health(self)
        return self

    @fit_context
    def partial_fit(
        self,
        X: TableLike,
        y: LabelsLike | None = None,
        sample_weight: ArrayLike | None = None,
        *,
        classes: LabelsLike | None = None,
    ) -> Self:
        """Train on a chunk of rows: one pass, at a constant learning rate.

        The first chunk fixes the columns, their categories and their scales. Categories
        that it may lack are declared by its dtype or by `categorical_features`.

        Parameters
        ----------
        X : {array-like, DataFrame, torch.Tensor} of shape (n_samples, n_features)
            Rows.

        y : array-like of shape (n_samples,), default=None
            See `fit`. The first chunk fixes the classes.

        sample_weight : array-like of shape (n_samples,), default=None
            See `fit`.

        classes : array-like of shape (n_classes,), default=None
            All labels, where the first chunk may lack some and y is used.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            As `fit`, if ``early_stopping=True``, and if `classes` are of no use or not
            those of the first call.
        """
        if self.early_stopping:
            raise ValueError(
                "partial_fit does not support early_stopping=True: it sees one chunk "
                "at a time. Use fit, or early_stopping=False."
            )
        given = FitInput(X, y, sample_weight, classes=classes, is_chunk=True)
        with fitting(self, Progress(self, given, calls_back=False)) as scope:
            self._fit(scope, given, warm=hasattr(self, "net_"), streams=True)
        return self

    @property
    def _n_restarts(self) -> int:
        """Number of models that `fit` trains."""
        return self.n_init

    @property
    def _n_streamed(self) -> int:
        """Number of models that `partial_fit` trains."""
        return 1

    def _fit(
        self, scope: FitScope, given: FitInput, *, warm: bool, streams: bool = False
    ) -> None:
        """Train, and learn what follows from the trained model."""
        before = dict(vars(self))
        self._train(scope, given, warm=warm, streams=streams)
        self._finish(given, streams=streams, before=before)

    def _train(
        self, scope: FitScope, given: FitInput, *, warm: bool, streams: bool = False
    ) -> None:
        """Train new nets, or the fitted ones on; set what answers."""
        n_models = self._n_streamed if streams else self._n_restarts
        seed, *seeds = draw_seeds(self.random_state, 1 + n_models)
        data = self._prepare(given, seed, self._data if warm else None)
        if warm and streams:
            data = data.after(self._data, self.n_examples, seed)
        plan = (1, "constant") if streams else (count_epochs(self, data),)
        scope.progress.begin(len(self._models) if warm else n_models, plan[0])
        parts = self._parts()
        trainers = {
            part: Trainer(part, part._make_spec(data), data, scope, *plan, part=i)
            for i, part in enumerate(dict.fromkeys(parts))
        }
        spec = trainers[parts[0]].spec
        if warm:
            of_part = list(trainers.values())
            trained_by = train_on([(m.net, of_part[m.part]) for m in self._models])
        else:
            turns = zip(itertools.cycle(parts), seeds, strict=False)
            trained_by = train_new(
                [(seed, trainers[part]) for part, seed in turns],
                lambda net: self._evaluate(net, data, spec, streams).criterion,
            )
        best = self._take_over(trained_by, data, spec, warm=warm, streams=streams)
        self.health_ = trained_by[best].measure_health(best)
        trained_by[best].warn_of_course(best)

    def _take_over(
        self,
        trained_by: dict[AAENet, Trainer],
        data: TrainingData,
        spec: ModelSpec,
        *,
        warm: bool = False,
        streams: bool = False,
    ) -> AAENet:
        """Choose between trained nets and set what answers; return the best net."""
        choice = self._choose(list(trained_by), data, spec, streams)
        models = [trained_by[net].fitted(net) for net in choice.nets]
        best = models[choice.at]
        if "decoder" in best.networks:
            earlier = self.residuals_ if warm else None
            few = warm and streams and len(data.rows) < MIN_MEASURED
            settled = self._data.varies if few else None
            best.residuals = best.measure(data.rows, earlier, settled)
        self._set_fitted(models, choice.at, data.without_rows())
        self.hidden_layer_sizes_ = hidden_sizes(self, data.schema)
        images = image_layers(self)
        if images is not None:
            self.hidden_channels_ = images.channels
        vars(self).update(choice.attributes)
        return choice.best

    def _place(
        self, n_samples: int, n_classes: int | None
    ) -> tuple[torch.device, torch.dtype]:
        """Return where a new fit trains, and how precisely."""
        device, images = resolve_device(self.device), Images.of(self)
        small = n_samples <= self._rows_a_step(n_classes)
        small = small and (images is None or images.n_cells <= MOST_PRECISE)
        return device.torch_device, device.training_dtype(small_batch=small)

    def _set_fitted(
        self, models: list[FittedModel], at: int, data: TrainingData
    ) -> None:
        """Set the attributes of a fit, of which the model at a place answers."""
        earlier = self._model.attributes if hasattr(self, "_model") else ()
        for name in (*OPTIONAL_ATTRIBUTES, *earlier):
            self.__dict__.pop(name, None)
        self._models, self._model, self._data = models, models[at], data
        net = self._model.net
        self.history_ = net.finished_history()
        self.n_iter_, self.loss_ = len(self.history_), net.loss_
        if self._model.residuals is not None:
            self.residuals_ = self._model.residuals
        vars(self).update(data.attributes | self._model.attributes)
