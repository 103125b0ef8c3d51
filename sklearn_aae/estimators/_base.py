"""What all estimators of the family share: the five paragraphs of fit."""

import contextlib
import copy

import numpy as np
import torch
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import validate_data
from skorch.callbacks import EarlyStopping
from skorch.utils import noop

from sklearn_aae.estimators._inference import InferenceMixin
from sklearn_aae.estimators._labels import UNLABELLED, encode_labels, is_labels
from sklearn_aae.estimators._parameters import CONSTRAINTS
from sklearn_aae.estimators._recipes import learning_rates, make_recipe
from sklearn_aae.estimators._rows import Rows
from sklearn_aae.estimators._state import (
    StateMixin,
    load_arrays,
    to_arrays,
    unchanged_on_error,
)
from sklearn_aae.priors import PRIORS, Prior, as_prior
from sklearn_aae.tabular import TablePreprocessor, TableSchema, as_table, check_columns
from sklearn_aae.training import AAENet, Recipe
from sklearn_aae.utils._compat import check_sample_weight, fit_context
from sklearn_aae.utils._device import resolve_device, torch_threads
from sklearn_aae.utils._random import draw_seeds, seeded_scope

# Parameters that shape the networks: training on cannot change them.
SHAPING = (
    "n_components",
    "hidden_layer_sizes",
    "activation",
    "normalization",
    "posterior",
    "prior",
    "regularizer",
    "critic_hidden_layer_sizes",
    "reconstruction",
    "scale",
    "update",
    "encoder",
    "decoder",
)


class BaseAAE(InferenceMixin, StateMixin, BaseEstimator):
    """Base of the autoencoders; a subclass adds methods and may change the recipe.

    Its one hook is ``_make_recipe(schema)``: the networks and phases of the model.
    """

    _parameter_constraints = CONSTRAINTS
    _doc_link_module = "sklearn_aae"

    def __init__(
        self,
        n_components=2,
        *,
        hidden_layer_sizes=(256, 256),
        activation="relu",
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
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    # --- fit: validate, prepare, build, train, set -------------------------------

    @fit_context
    def fit(self, X, y=None, sample_weight=None, *, X_val=None, y_val=None):
        """Train the model.

        Ctrl-C ends the training and keeps the model as it is then. If `fit` fails, an
        earlier fit stays as it was.

        Parameters
        ----------
        X : {array-like, DataFrame, torch.Tensor} of shape (n_samples, n_features)
            Training rows: numbers, none missing.

        y : array-like of shape (n_samples,), default=None
            Class labels, -1 or None for unlabelled rows. Used where the prior has
            components ("gaussian_mixture", "swiss_roll"): each class then gets one, and
            the critic is told the label (paper, section 2.3). Ignored otherwise, and
            where y holds numbers to predict.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows. An integer weight counts like repeated rows.

        X_val : array-like of shape (n_val, n_features), default=None
            Rows that judge the training (`history_`, `early_stopping`).

        y_val : array-like of shape (n_val,), default=None
            Labels of `X_val`.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If a parameter or the data are unfit, or a loss becomes infinite.
        """
        with unchanged_on_error(self):
            warm = self.warm_start and hasattr(self, "net_")
            seed, *seeds = draw_seeds(self.random_state, 1 + self.n_init)
            rows, judges = self._prepare(
                X, y, sample_weight, X_val, y_val, seed=seed, keep=warm
            )
            if warm:
                nets = [self._train_on(rows, judges, self.max_iter)]
            else:
                nets = [self._train(rows, judges, seed) for seed in seeds]
            self._set_fitted(min(nets, key=lambda net: net.loss_))
        return self

    @fit_context
    def partial_fit(self, X, y=None, sample_weight=None):
        """Train on a chunk of rows: one pass, at a constant learning rate.

        The first chunk fixes the columns and their scales.

        Parameters
        ----------
        X : {array-like, DataFrame, torch.Tensor} of shape (n_samples, n_features)
            Rows.

        y : array-like of shape (n_samples,), default=None
            See `fit`. The first chunk fixes the classes.

        sample_weight : array-like of shape (n_samples,), default=None
            See `fit`.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            As `fit`, and if ``early_stopping=True``.
        """
        if self.early_stopping:
            raise ValueError(
                "partial_fit does not support early_stopping=True: it sees one chunk "
                "at a time. Use fit, or early_stopping=False."
            )
        with unchanged_on_error(self):
            keep = hasattr(self, "net_")
            seed, start = draw_seeds(self.random_state, 2)
            rows, judges = self._prepare(X, y, sample_weight, seed=seed, keep=keep)
            if keep:
                net = self._train_on(rows, judges, 1, schedule="constant")
            else:
                net = self._train(rows, judges, start, epochs=1, schedule="constant")
            self._set_fitted(net)
        return self

    def _prepare(
        self, X, y, sample_weight, X_val=None, y_val=None, *, seed: int, keep: bool
    ) -> tuple[Rows, Rows | None]:
        """Validate and scale the rows; return those to train on and those to judge by.

        `keep` holds on to the columns, scales and classes of the earlier fit.
        """
        rows = self._check_rows(X, y, sample_weight, keep=keep)
        judges = None
        if X_val is not None:
            judges = self._check_rows(X_val, y_val, None, keep=True)
        elif self.early_stopping:
            rows, judges = rows.split(self.validation_fraction, seed)
        if not keep:
            preprocessor = TablePreprocessor(self.scale, seed)
            self.preprocessor_ = preprocessor.fit(rows.X, sample_weight=rows.weight)
            shares = rows.class_shares(len(getattr(self, "classes_", ())))
            self.prior_ = as_prior(self.prior, self.n_components, shares)
            self._fit_params = dict(self.get_params(deep=False))
            self._class_shares = shares
        else:
            self._check_shape_kept()
        for part in (rows, judges):
            if part is not None:
                part.X = self.preprocessor_.transform(part.X)
        self._check_range(rows.X)
        return rows, judges

    def _check_rows(self, X, y, sample_weight, *, keep: bool) -> Rows:
        """Validate rows, labels and weights."""
        X = as_table(X)
        check_columns(X, type(self).__name__)
        X = validate_data(
            self,
            X,
            dtype=[np.float64, np.float32],
            ensure_min_samples=2,
            reset=not keep,
        )
        codes = self._check_labels(y, len(X), keep=keep)
        if sample_weight is None:
            return Rows(X, codes)
        weight = check_sample_weight(sample_weight, X)
        return Rows(X, codes, weight)[weight > 0]

    def _conditional(self) -> bool:
        """Whether the prior has components to give to classes."""
        if isinstance(self.prior, str):
            return PRIORS[self.prior].conditional
        return isinstance(self.prior, Prior) and self.prior.n_classes is not None

    def _check_labels(self, y, n_samples: int, *, keep: bool) -> np.ndarray | None:
        """Return the class numbers of y, if the prior has a use for them."""
        if not keep:
            self.__dict__.pop("classes_", None)
        if y is None or not self._conditional() or not is_labels(y):
            # A critic that knows labels sees rows without them as unlabelled.
            told = hasattr(self, "classes_")
            return np.full(n_samples, UNLABELLED) if told else None
        if len(y) != n_samples:
            raise ValueError(
                f"X and y must have as many rows: X has {n_samples}, y has {len(y)}."
            )
        codes, classes = encode_labels(y)
        if not keep:
            if not len(classes):
                return None
            self.classes_ = classes
            return codes
        if not hasattr(self, "classes_"):
            return None
        unknown = set(classes) - set(self.classes_)
        if unknown:
            raise ValueError(
                f"y has labels that the first fit did not see: {sorted(unknown)}."
            )
        places = np.append(np.searchsorted(self.classes_, classes), -1)
        return places[codes]

    def _check_shape_kept(self) -> None:
        """Raise ValueError if a parameter that shapes the networks has changed."""
        for name in SHAPING:
            before, now = self._fit_params[name], getattr(self, name)
            if before is not now and before != now:
                raise ValueError(
                    f"The fitted networks have {name}={before!r}, so training on with "
                    f"{name}={now!r} is impossible. Set warm_start=False, or clone the "
                    "estimator, to start anew."
                )

    def _check_range(self, X: np.ndarray) -> None:
        """Raise ValueError if a likelihood over [0, 1] meets other cells."""
        if self.reconstruction == "bernoulli" and (X.min() < 0 or X.max() > 1):
            raise ValueError(
                f"reconstruction='bernoulli' needs columns within [0, 1]; after scale="
                f"{self.scale!r} they span [{X.min():.3g}, {X.max():.3g}]. Use "
                "scale='minmax'."
            )

    def _make_recipe(self, schema: TableSchema) -> Recipe:
        """Return the networks and phases of this model."""
        n_classes = 0 if self._class_shares is None else len(self._class_shares)
        return make_recipe(self, schema, self.prior_, n_classes)

    def _make_net(self, seed: int, dtype: torch.dtype) -> AAENet:
        """Build an untrained net on its device."""
        device = resolve_device(self.device).torch_device
        schema = self.preprocessor_.schema_
        with seeded_scope(seed):
            recipe = self._make_recipe(schema).to(device, dtype)
        net = AAENet(
            recipe,
            seed=seed,
            lr=self.learning_rate,
            learning_rates=learning_rates(self),
            schedule=self.learning_rate_schedule,
            total_variance=schema.total_variance,
            max_epochs=self.max_iter,
            callbacks=self._callbacks(),
            device=device,
            verbose=int(self.verbose),
        )
        return net.initialize()

    def _callbacks(self) -> list:
        """Return the user's callbacks, and the one that stops early."""
        callbacks = list(self.callbacks or ())
        if self.early_stopping:
            stop = EarlyStopping(
                patience=self.n_iter_no_change,
                threshold=self.tol,
                threshold_mode="abs",
                load_best=True,
                sink=noop,
            )
            callbacks.append(("early_stopping", stop))
        return callbacks

    def _train(
        self, rows: Rows, judges: Rows | None, seed: int, epochs=None, schedule=None
    ) -> AAENet:
        """Train a new net on scaled rows."""
        device = resolve_device(self.device)
        dtype = device.training_dtype(full_batch=len(rows) <= self.batch_size)
        net = self._make_net(seed, dtype)
        return self._run(net, rows, judges, epochs or self.max_iter, schedule)

    def _train_on(
        self, rows: Rows, judges: Rows | None, epochs: int, schedule=None
    ) -> AAENet:
        """Train the fitted net on; if that fails, its weights are put back."""
        net, before = self.net_, self.net_.snapshot()
        net.set_callbacks(self._callbacks())
        net.lr, net.learning_rates = self.learning_rate, learning_rates(self)
        try:
            return self._run(net, rows, judges, epochs, schedule)
        except BaseException:
            net.restore(before)
            raise

    def _run(
        self, net: AAENet, rows: Rows, judges: Rows | None, epochs: int, schedule
    ) -> AAENet:
        """Train a net for some epochs and judge it."""
        weight = next(net.module_.parameters())
        place = (weight.device, weight.dtype)
        batches = rows.batches(self.prior_, self.batch_size, net.seed, *place)
        net.max_epochs = epochs
        net.schedule = schedule or self.learning_rate_schedule
        held = judges and judges.judges(self.prior_, net.seed, *place)
        net.train_split = None if held is None else lambda data, y=None: (data, held)
        with self._training_scope(net, batches):
            net.partial_fit(batches)
            if held is None:
                held = rows.judges(self.prior_, net.seed, *place)
            net.loss_ = net.judge(held)
        net.train_split = None
        return net

    @contextlib.contextmanager
    def _training_scope(self, net: AAENet, batches):
        """Choose the threads; lend the user's own modules a seeded generator."""
        size = sum(p.numel() for p in net.module_.parameters())
        own = self.encoder is not None or self.decoder is not None
        seeded = seeded_scope(net.seed) if own else contextlib.nullcontext()
        with torch_threads(6.0 * size * batches.batch_size), seeded:
            yield

    def _set_fitted(self, net: AAENet) -> None:
        """Set the attributes that answer."""
        device = resolve_device(self.device)
        self.net_ = net
        self.history_ = net.finished_history()
        self.n_iter_ = len(self.history_)
        self.loss_ = net.loss_
        for name in ("encoder", "decoder"):
            network = copy.deepcopy(net.module_.networks[name])
            network.to(device.inference_dtype).eval().requires_grad_(False)
            setattr(self, f"{name}_", network)

    # --- state --------------------------------------------------------------------

    def _get_state(self) -> dict:
        """Return the networks as plain arrays, with what rebuilds them."""
        return {
            "weights": to_arrays(self.net_.module_),
            "history": [dict(line) for line in self.history_],
            "seed": self.net_.seed,
            "loss": self.net_.loss_,
        }

    def _set_state(self, state: dict) -> None:
        """Rebuild the networks from `_get_state`, on this machine's device."""
        params = dict(self._fit_params)
        try:
            resolve_device(params["device"])
        except ValueError:
            params["device"] = "cpu"
        fitted = clone(type(self)(**params))
        for name in ("preprocessor_", "_class_shares"):
            setattr(fitted, name, getattr(self, name))
        fitted.prior_ = as_prior(
            params["prior"], params["n_components"], self._class_shares
        )
        net = fitted._make_net(state["seed"], torch.float32)
        load_arrays(net.module_, state["weights"])
        net.restore_history(state["history"])
        net.loss_ = state["loss"]
        fitted._set_fitted(net)
        for name in ("net_", "encoder_", "decoder_", "prior_"):
            setattr(self, name, getattr(fitted, name))
