"""What all estimators of the family share: the five paragraphs of fit."""

import warnings
from typing import ClassVar

from sklearn.base import BaseEstimator
from torch import nn

from sklearn_aae.estimators._fitting import FittingMixin
from sklearn_aae.estimators._inference import InferenceMixin
from sklearn_aae.estimators._interrupts import fitting
from sklearn_aae.estimators._parameters import CONSTRAINTS
from sklearn_aae.estimators._preparation import PreparationMixin
from sklearn_aae.estimators._recipes import (
    make_decoder,
    make_encoder,
    make_opponents,
    make_phases,
)
from sklearn_aae.estimators._rows import Rows
from sklearn_aae.estimators._state import (
    StateMixin,
    dtype_of,
    load_arrays,
    net_state,
)
from sklearn_aae.priors import Prior, as_prior
from sklearn_aae.tabular import TableSchema
from sklearn_aae.training import AAENet, Batch, Batches, Phase
from sklearn_aae.utils._compat import fit_context
from sklearn_aae.utils._device import resolve_device
from sklearn_aae.utils._random import draw_seeds

# Fewer rows of a later chunk say too little of how well rows are reconstructed.
MIN_MEASURED = 20


class BaseGame(PreparationMixin, FittingMixin, StateMixin, BaseEstimator):
    """Base of all models of the family: parameters, fit and state.

    Its hooks: ``_make_prior(shares)``; ``_make_networks(schema)`` and
    ``_make_phases(schema)``, the model; ``_make_batches(rows, seed)`` and
    ``_make_judges(rows, seed)``, its steps and what it is judged by;
    ``_use_labels(y)``, what y is to it; ``_takes_holes``, whether cells may be missing
    and columns categorical; ``_takes_sparse``, whether X may be sparse; and
    ``_answers``, the attribute for each network that answers after fit.
    """

    # What the networks are built from, besides the parameters.
    _learned: ClassVar[tuple[str, ...]] = (
        "preprocessor_",
        "columns_",
        "_class_shares",
    )
    _takes_holes: ClassVar[bool] = True
    _takes_sparse: ClassVar[bool] = True
    _answers: ClassVar[dict[str, str]] = {"encoder": "encoder_", "decoder": "decoder_"}

    _parameter_constraints = CONSTRAINTS

    def __init__(
        self,
        n_components=2,
        *,
        hidden_layer_sizes=(256, 256),
        activation="gelu",
        normalization="batch",
        dropout=0.0,
        posterior="deterministic",
        prior="gaussian",
        regularizer="adversarial",
        adversarial_loss="bce",
        gradient_penalty=0.0,
        gradient_penalty_type="auto",
        regularization_strength=1.0,
        critic_hidden_layer_sizes=None,
        reconstruction="auto",
        input_noise=0.0,
        input_dropout=0.0,
        scale="standard",
        categorical_features="from_dtype",
        count_features=None,
        clip=True,
        learning_rate=1e-3,
        critic_learning_rate=None,
        learning_rate_schedule="cosine",
        update="joint",
        batch_size=128,
        max_iter=100,
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=10,
        tol=1e-3,
        n_init=1,
        warm_start=False,
        encoder=None,
        decoder=None,
        callbacks=None,
        compile=True,
        device="auto",
        random_state=None,
        verbose=0,
    ):
        self.n_components = n_components
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.normalization = normalization
        self.dropout = dropout
        self.posterior = posterior
        self.prior = prior
        self.regularizer = regularizer
        self.adversarial_loss = adversarial_loss
        self.gradient_penalty = gradient_penalty
        self.gradient_penalty_type = gradient_penalty_type
        self.regularization_strength = regularization_strength
        self.critic_hidden_layer_sizes = critic_hidden_layer_sizes
        self.reconstruction = reconstruction
        self.input_noise = input_noise
        self.input_dropout = input_dropout
        self.scale = scale
        self.categorical_features = categorical_features
        self.count_features = count_features
        self.clip = clip
        self.learning_rate = learning_rate
        self.critic_learning_rate = critic_learning_rate
        self.learning_rate_schedule = learning_rate_schedule
        self.update = update
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.n_init = n_init
        self.warm_start = warm_start
        self.encoder = encoder
        self.decoder = decoder
        self.callbacks = callbacks
        self.compile = compile
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def __sklearn_tags__(self):
        """Say what scikit-learn may expect."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self._takes_holes
        tags.input_tags.sparse = self._takes_sparse
        return tags

    # --- fit: validate, prepare, build, train, set -------------------------------

    @fit_context
    def fit(
        self, X, y=None, sample_weight=None, *, X_val=None, y_val=None, classes=None
    ):
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
            and the critic is told the label (paper, section 2.3). Ignored otherwise,
            and where y holds numbers that are not whole, or several columns. Whole
            numbers are labels: classes that are many for the rows are warned of.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows. If all rows fit into one batch, an integer weight
            counts like repeated rows; else rows are drawn in proportion to it.

        X_val : array-like of shape (n_val, n_features), default=None
            Rows that judge the training (`history_`, `early_stopping`).

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
            If `loss_` is far above that of the untrained model.

        UserWarning
            If most of `X_val` lies far outside of the training rows.
        """
        with fitting(self):
            self._warn_of_no_bound()
            warm = self.warm_start and hasattr(self, "net_")
            if classes is None and not warm:
                classes = self._classes_of(y)
            self._all_classes = self._use_classes(classes, keep=warm)
            seed, *seeds = draw_seeds(self.random_state, 1 + self.n_init)
            rows, judges = self._prepare(
                X, y, sample_weight, X_val, y_val, seed=seed, keep=warm
            )
            del self._all_classes
            if warm:
                net = self._train_on(rows, judges, self._n_epochs(len(rows)))
            else:
                net = self._train_best(rows, judges, seeds)
            self._set_fitted(net)
            self._measure_residuals(rows)
        return self

    @fit_context
    def partial_fit(self, X, y=None, sample_weight=None, *, classes=None):
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
        with fitting(self):
            keep = hasattr(self, "net_")
            self._all_classes = self._use_classes(classes, keep=keep)
            seed, *starts = draw_seeds(self.random_state, 1 + self._n_streamed)
            rows, judges = self._prepare(X, y, sample_weight, seed=seed, keep=keep)
            del self._all_classes
            if keep:
                net = self._train_on(rows, judges, 1, schedule="constant")
            else:
                course = {"epochs": 1, "schedule": "constant"}
                net = self._train_best(rows, judges, starts, **course)
            self._set_fitted(net)
            if not keep or len(rows) >= MIN_MEASURED:
                self._measure_residuals(rows)
        return self

    @property
    def _n_streamed(self) -> int:
        """Number of models that `partial_fit` trains."""
        return 1

    def _warn_of_no_bound(self) -> None:
        """Warn of a Wasserstein critic without a penalty."""
        wasserstein = self.adversarial_loss == "wasserstein"
        adversarial = self.regularizer == "adversarial"
        if adversarial and wasserstein and not self.gradient_penalty:
            warnings.warn(
                "adversarial_loss='wasserstein' without a gradient penalty has no "
                "bound and diverges. Use gradient_penalty=10.",
                UserWarning,
                stacklevel=4,
            )

    def _measure_residuals(self, rows: Rows) -> None:
        """Learn how well rows are reconstructed; without a decoder, nothing."""

    def _make_prior(self, class_shares: list[float] | None) -> Prior:
        """Return what the codes are made to look like."""
        return as_prior(self.prior, self.n_components, class_shares)

    def _make_networks(self, schema: TableSchema) -> dict[str, nn.Module]:
        """Return the networks of this model, by name."""
        raise NotImplementedError

    def _make_phases(self, schema: TableSchema) -> list[Phase]:
        """Return the losses of this model, in the paper's order."""
        return make_phases(self, schema)

    def _make_batches(self, rows: Rows, seed: int) -> Batches:
        """Return scaled rows as the steps of an epoch."""
        shares, named = self._class_shares, isinstance(self.prior, str)
        key = (self.prior, self.n_components, *(shares or ())) if named else None
        return rows.batches(self.prior_, self.batch_size, seed, prior_key=key)

    def _make_judges(self, rows: Rows, seed: int) -> Batch:
        """Return scaled rows to judge a fit by."""
        return rows.judges(self.prior_, seed)

    @property
    def _n_classes(self) -> int:
        """Number of classes that the fit knows; 0 for none."""
        return 0 if self._class_shares is None else len(self._class_shares)

    # --- state --------------------------------------------------------------------

    def _get_state(self) -> dict:
        """Return the networks as plain arrays, with what rebuilds them."""
        return net_state(self.net_)

    def _set_state(self, state: dict) -> None:
        """Rebuild the networks from `_get_state`, on this machine's device."""
        fitted = self._unfitted_copy()
        fitted._set_fitted(fitted._net_of(state))
        for name in ("net_", *self._answers.values(), "prior_"):
            setattr(self, name, getattr(fitted, name))

    def _unfitted_copy(self):
        """Return an estimator that builds the networks of this one's fit."""
        params = {k: v for k, v in self._fit_params.items() if "__" not in k}
        try:
            resolve_device(params["device"])
        except ValueError:
            params["device"] = "cpu"
        copied = type(self)(**params)
        for name in self._learned:
            setattr(copied, name, getattr(self, name))
        copied.prior_ = copied._make_prior(self._class_shares)
        return copied

    def _net_of(self, state: dict) -> AAENet:
        """Rebuild a trained net from `net_state`."""
        # In the dtype of the training: buffers that are not stored are rounded by it.
        net = self._make_net(state["seed"], dtype_of(state["weights"]))
        load_arrays(net.module_, state["weights"])
        net.restore_history(state["history"])
        net.loss_ = state["loss"]
        return net


class BaseAAE(InferenceMixin, BaseGame):
    """Base of the autoencoders: encoder and decoder, and what shapes the code."""

    def _make_networks(self, schema: TableSchema) -> dict[str, nn.Module]:
        return {
            "encoder": make_encoder(self, schema, self.prior_),
            "decoder": make_decoder(self, schema),
            **make_opponents(self, self.prior_, self._n_classes),
        }
