"""Nets: from a model's specification to what trains, and to what answers."""

import torch
from skorch.callbacks import EarlyStopping
from skorch.utils import noop

from sklearn_aae.estimators._data import TrainingData
from sklearn_aae.estimators._games import learning_rates
from sklearn_aae.estimators._model import FittedModel, answering
from sklearn_aae.estimators._parameters import as_callbacks
from sklearn_aae.estimators._spec import ModelSpec
from sklearn_aae.estimators._state import dtype_of, load_arrays, load_optimizers
from sklearn_aae.nn import ColumnHeads
from sklearn_aae.training import AAENet, Recipe
from sklearn_aae.utils._device import resolve_device
from sklearn_aae.utils._random import seeded_scope


def build_net(
    estimator, spec: ModelSpec, data: TrainingData, seed: int, dtype: torch.dtype
) -> AAENet:
    """Build an untrained net on its device."""
    device = resolve_device(estimator.device).torch_device
    with seeded_scope(seed):
        recipe = Recipe(spec.make_networks(), spec.phases, estimator.update)
        recipe = recipe.to(device, dtype)
    net = AAENet(
        recipe,
        seed=seed,
        lr=estimator.learning_rate,
        learning_rates=learning_rates(estimator, spec.phases, spec.unit),
        schedule=estimator.learning_rate_schedule,
        total_variance=data.schema.total_variance,
        callbacks=callbacks_of(estimator),
        record_steps=estimator.compile,
        device=device,
        verbose=0,  # what the fit tells, it tells for all its nets
    )
    return net.initialize()


def load_net(estimator, spec: ModelSpec, data: TrainingData, state: dict) -> AAENet:
    """Rebuild a trained net from `net_state`."""
    # In the dtype of the training: buffers that are not stored are rounded by it.
    net = build_net(estimator, spec, data, state["seed"], dtype_of(state["weights"]))
    load_arrays(net.module_, state["weights"])
    net.restore_history(state["history"])
    net.loss_ = state["loss"]
    load_optimizers(net, state)
    return net


def callbacks_of(estimator) -> list:
    """Return the user's callbacks, and the one that stops early."""
    callbacks = as_callbacks(estimator)
    if estimator.early_stopping:
        stop = EarlyStopping(
            patience=estimator.n_iter_no_change,
            threshold=estimator.tol,
            threshold_mode="abs",
            load_best=True,
            sink=noop,
        )
        callbacks.append(("early_stopping", stop))
    return callbacks


def fitted_model(
    estimator, spec: ModelSpec, net: AAENet, data: TrainingData, part: int
) -> FittedModel:
    """Return what a trained net answers by."""
    dtype = resolve_device(estimator.device).inference_dtype
    there = net.module_.networks
    answers = {name: held for name, held in spec.answers.items() if name in there}
    networks = {name: answering(net, name, dtype) for name in answers}
    counts = [column.category_counts for column in data.columns.columns]
    for network in networks.values():
        for module in network.modules():
            if isinstance(module, ColumnHeads):
                module.rule_out_unseen(counts)
    return FittedModel(
        net,
        networks,
        answers,
        spec.fitted_prior(net) if spec.fitted_prior else spec.prior,
        data.columns,
        data.preprocessor,
        part=part,
    )
