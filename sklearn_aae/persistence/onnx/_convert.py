"""Converters and shape calculators of skl2onnx for the estimators of this library.

The columns of a table become cells by nodes that are written here (torch has no tensor
of text); what follows is exported by torch from the modules that answer themselves.
"""

import contextlib
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from skl2onnx import update_registered_converter
from skl2onnx.common.data_types import (
    DoubleTensorType,
    Float16TensorType,
    FloatTensorType,
    Int64TensorType,
    StringTensorType,
)
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from torch import nn

from sklearn_aae.estimators import BaseModel
from sklearn_aae.estimators._classifier import SemiSupervisedAAEClassifier
from sklearn_aae.estimators._conditional import ConditionalAAETransformer
from sklearn_aae.estimators._transformer import AAETransformer
from sklearn_aae.estimators.clustering._clusterer import AAEClusterer
from sklearn_aae.estimators.outliers._detector import AAEOutlierDetector
from sklearn_aae.persistence.onnx._answers import UNKNOWN, Answers, Rows
from sklearn_aae.utils._modes import plain_torch

# Text of a missing cell, unless it is a category.
MISSING = ("", "nan", "NaN", "None", "<NA>", "NaT")
DOUBLE = TensorProto.DOUBLE
FLOATS = Float16TensorType, FloatTensorType, DoubleTensorType
CODES = "codes"
# As a step before the last they are asked for codes, as the last one for labels.
SEVERAL = AAEClusterer, SemiSupervisedAAEClassifier


class Decoding(BaseEstimator):
    """Stands for the rows that a fitted estimator makes of codes."""

    def __init__(self, estimator):
        self.estimator = estimator


# --- outputs: what skl2onnx declares before it converts -------------------------------


def _label_type(labels: np.ndarray, shape: list):
    kind = np.asarray(labels.tolist()).dtype.kind
    return (StringTensorType if kind == "U" else Int64TensorType)(shape)


def outputs(model: Any, *, as_codes: bool = False) -> list[tuple[str, Any]]:
    """Return names and types of what an estimator answers."""
    if isinstance(model, Decoding):
        columns = model.estimator.columns_
        if columns.layout is None and not columns.typed:
            return [("variable", FloatTensorType([None, len(columns)]))]
        return [(str(c.name), _column_type(c)) for c in columns.columns]
    if isinstance(model, AAEOutlierDetector):
        label = Int64TensorType([None, 1])
        return [("label", label), ("scores", FloatTensorType([None, 1]))]
    if as_codes or isinstance(model, AAETransformer | ConditionalAAETransformer):
        return [("variable", FloatTensorType([None, model._n_features_out]))]
    clusters = isinstance(model, AAEClusterer)
    labels = np.arange(len(model.cluster_prior_)) if clusters else model.classes_
    probabilities = FloatTensorType([None, len(labels)])
    return [("label", _label_type(labels, [None])), ("probabilities", probabilities)]


def _column_type(column):
    """Return the type of a column that comes back."""
    if column.categories is None:
        return DoubleTensorType([None, 1])
    return _label_type(_keys(column), [None, 1])


def _keys(column) -> np.ndarray:
    """Return the categories of a column as text, whole numbers or floats."""
    keys = np.array([c.item() if hasattr(c, "item") else c for c in column.categories])
    if keys.dtype.kind == "b":
        return keys.astype(np.int64)
    if keys.dtype.kind in "iuU" or (keys.dtype.kind == "f"):
        return keys
    raise ValueError(
        f"Column {column.name!r} has categories such as {column.categories[0]!r}, "
        "which have no type in ONNX. Make them text or whole numbers before the fit."
    )


def _parse(scope, model, inputs, custom_parsers=None):
    """Declare the operator of an estimator, and its outputs."""
    inner = model.estimator if isinstance(model, Decoding) else model
    check_is_fitted(inner)
    operator = scope.declare_local_operator(_alias(type(model)), model)
    operator.inputs.extend(inputs)
    options = scope.get_options(model, {CODES: False}, fail=False)
    for name, kind in outputs(model, as_codes=bool(options.get(CODES))):
        operator.outputs.append(scope.declare_local_variable(name, kind))
    return list(operator.outputs)


def _shapes(operator) -> None:
    """Leave the shapes as they were declared."""


def _alias(kind: type) -> str:
    return f"SklearnAAE{kind.__name__}"


def register() -> None:
    """Let skl2onnx convert the estimators of this library."""
    for kind in (
        AAEClusterer,
        AAEOutlierDetector,
        AAETransformer,
        ConditionalAAETransformer,
        Decoding,
        SemiSupervisedAAEClassifier,
    ):
        options = {CODES: [False, True], "zipmap": [False, True, "columns"]}
        update_registered_converter(
            kind, _alias(kind), _shapes, _convert, parser=_parse, options=options
        )


# --- nodes ----------------------------------------------------------------------------


class Graph:
    """Adds nodes to a model that skl2onnx builds.

    Parameters
    ----------
    scope, container : object
        Of skl2onnx.
    """

    def __init__(self, scope, container):
        self.scope, self.container = scope, container

    def name(self, stem: str = "aae") -> str:
        """Return a name that is not in use."""
        return self.scope.get_unique_variable_name(stem)

    def node(
        self, kind: str, *inputs: str, output: str | None = None, **options
    ) -> str:
        """Add a node of one output; return its name."""
        output = self.name() if output is None else output
        self.container.add_node(
            kind,
            list(inputs),
            [output],
            name=self.scope.get_unique_operator_name(kind),
            **options,
        )
        return output

    def constant(self, values: np.ndarray) -> str:
        """Add numbers or text; return their name."""
        name, values = self.name(), np.asarray(values)
        if values.dtype.kind == "U":
            content = [text.encode() for text in values.ravel().tolist()]
            kind = TensorProto.STRING
        else:
            content = values.ravel().tolist()
            kind = helper.np_dtype_to_tensor_dtype(values.dtype)
        self.container.add_initializer(name, kind, list(values.shape), content)
        return name

    def cast(self, x: str, kind: int, output: str | None = None) -> str:
        """Add a change of type."""
        return self.node("Cast", x, output=output, to=kind, op_version=13)

    def lookup(self, x: str, output: str | None = None, **table) -> str:
        """Add a table of keys and values."""
        options = {"op_domain": "ai.onnx.ml", "op_version": 2}
        return self.node("LabelEncoder", x, output=output, **options, **table)

    def module(self, module: nn.Module, x: str, width: int) -> str:
        """Add what a module of torch computes of (B, width) of float64."""
        model = _exported(module, width, self.container.target_opset)
        names = {model.graph.input[0].name: x}
        for tensor in model.graph.initializer:
            names[tensor.name] = self.constant(numpy_helper.to_array(tensor))
        for node in model.graph.node:
            for output in node.output:
                names[output] = self.name() if output else ""
            kind, inputs = node.op_type, [i for i in node.input if i]
            if kind == "Clip" and len(inputs) < len(node.input):
                # skl2onnx cannot sort a node that leaves out an input.
                kind = "Min" if node.input[1] == "" else kind
            self.container.add_node(
                kind,
                [names[i] for i in inputs],
                [names[o] for o in node.output],
                op_domain=node.domain,
                op_version=self.container.target_opset,
                name=self.scope.get_unique_operator_name(kind),
                **{a.name: helper.get_attribute_value(a) for a in node.attribute},
            )
        return names[model.graph.output[0].name]


def _exported(module: nn.Module, width: int, opset: int) -> onnx.ModelProto:
    """Return what torch exports of a module that takes (B, width) of float64."""
    rows = torch.zeros(2, width, dtype=torch.float64)
    sizes = {0: torch.export.Dim("n_samples")}
    try:
        with plain_torch(), _quiet(), torch.no_grad():
            program = torch.onnx.export(
                module.eval().requires_grad_(False),
                (rows,),
                dynamo=True,
                dynamic_shapes=(sizes,),
                opset_version=opset,
                verbose=False,
            )
    except Exception as error:
        reason = str(error.__cause__ or error).strip().splitlines()
        raise ValueError(
            "torch cannot export this model to ONNX: "
            f"{reason[-1] if reason else type(error).__name__} Scores of counts, and "
            "of priors other than Gaussian, Laplace and uniform, need functions that "
            "ONNX lacks; codes and labels do not need them."
        ) from error
    return program.model_proto


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Let torch's exporter say nothing of its own steps."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(None):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


# --- from columns to cells, and from answers to outputs -------------------------------


def _cells(graph: Graph, operator, columns) -> str:
    """Return the cells of a table, (B, d) of float64."""
    inputs = operator.inputs
    widths = [
        variable.type.shape[1] if variable.type.shape else 1 for variable in inputs
    ]
    d = len(columns)
    if sum(width or d for width in widths) != d:
        raise ValueError(
            f"The model was fitted on {d} columns, and X has "
            f"{sum(width or d for width in widths)}."
        )
    if not any(columns.n_categories):
        parts = [graph.cast(variable.full_name, DOUBLE) for variable in inputs]
        if len(parts) == 1:
            return parts[0]
        return graph.node("Concat", *parts, axis=1, op_version=13)
    parts, j = [], 0
    for variable, width in zip(inputs, widths, strict=True):
        for i in range(width or d):
            at = graph.constant(np.array([i], dtype=np.int64))
            options = {"axis": 1, "op_version": 13}
            cell = graph.node("Gather", variable.full_name, at, **options)
            parts.append(_codes(graph, cell, variable.type, columns[j]))
            j += 1
    return graph.node("Concat", *parts, axis=1, op_version=13)


def _codes(graph: Graph, cell: str, kind, column) -> str:
    """Return the cells of a column, (B, 1) of float64."""
    if column.categories is None:
        return graph.cast(cell, DOUBLE)
    keys = _keys(column)
    codes = np.arange(len(keys), dtype=np.float32).tolist()
    if isinstance(kind, StringTensorType):
        texts = [str(key) for key in keys.tolist()]
        missing = [text for text in MISSING if text not in texts]
        found = graph.lookup(
            cell,
            keys_strings=texts + missing,
            values_floats=codes + [float("nan")] * len(missing),
            default_float=UNKNOWN,
        )
        return graph.cast(found, DOUBLE)
    if keys.dtype.kind == "U":
        raise ValueError(
            f"Column {column.name!r} holds text categories, and the input of the model "
            f"is {type(kind).__name__}. Pass an X with text in that column."
        )
    if not isinstance(kind, FLOATS):
        cell = graph.cast(cell, TensorProto.INT64)
        table = {"keys_int64s": keys.astype(np.int64).tolist()}
        found = graph.lookup(cell, values_floats=codes, default_float=UNKNOWN, **table)
        return graph.cast(found, DOUBLE)
    if len(np.unique(keys.astype(np.float32))) < len(keys):
        raise ValueError(
            f"Column {column.name!r} has categories that float32, by which ONNX looks "
            "numbers up, cannot tell apart. Make them text before the fit."
        )
    number = graph.cast(cell, TensorProto.FLOAT)
    table = {"keys_floats": keys.astype(np.float32).tolist()}
    found = graph.lookup(number, values_floats=codes, default_float=UNKNOWN, **table)
    nan = graph.constant(np.array([np.nan], dtype=np.float32))
    known = graph.node("IsNaN", number, op_version=13)
    return graph.cast(graph.node("Where", known, nan, found, op_version=16), DOUBLE)


def _convert(scope, operator, container) -> None:
    """Add the nodes of an estimator to a model."""
    graph, model = Graph(scope, container), operator.raw_operator
    names = [output.full_name for output in operator.outputs]
    if isinstance(model, Decoding):
        return _convert_rows(graph, operator, model.estimator)
    columns = model.columns_
    cells = _cells(graph, operator, columns)
    if isinstance(model, AAEOutlierDetector):
        return _convert_scores(graph, cells, model, names)
    if len(names) == 1:
        codes = graph.module(Answers(model, "transform"), cells, len(columns))
        graph.cast(codes, TensorProto.FLOAT, output=names[0])
        return None
    p = graph.module(Answers(model, "probabilities"), cells, len(columns))
    graph.cast(p, TensorProto.FLOAT, output=names[1])
    best = graph.node("ArgMax", p, axis=1, keepdims=0, op_version=13)
    if isinstance(model, AAEClusterer):
        graph.node("Identity", best, output=names[0], op_version=13)
        return None
    labels = np.asarray(model.classes_.tolist())
    labels = graph.constant(labels if labels.dtype.kind == "U" else labels.astype(int))
    graph.node("Gather", labels, best, output=names[0], axis=0, op_version=13)
    return None


def _convert_scores(graph: Graph, cells: str, model, names: list[str]) -> None:
    """Add scores above the threshold, and -1 where they are below 0."""
    surprise = graph.module(Answers(model, "surprise"), cells, len(model.columns_))
    offset = graph.constant(np.array(-model.offset_))
    decision = graph.node("Sub", offset, surprise, op_version=13)
    shape = graph.constant(np.array([-1, 1], dtype=np.int64))
    decision = graph.node("Reshape", decision, shape, op_version=13)
    graph.cast(decision, TensorProto.FLOAT, output=names[1])
    zero, one = graph.constant(np.array(0.0)), graph.constant(np.array(1))
    below = graph.node("Less", decision, zero, op_version=13)
    minus = graph.constant(np.array(-1))
    graph.node("Where", below, minus, one, output=names[0], op_version=16)


def _convert_rows(graph: Graph, operator, model: BaseModel) -> None:
    """Add rows of codes: one output, or one for each column of a table."""
    names = [output.full_name for output in operator.outputs]
    codes = graph.cast(operator.inputs[0].full_name, DOUBLE)
    rows = graph.module(Rows(model), codes, operator.inputs[0].type.shape[1])
    columns = model.columns_
    if columns.layout is None and not columns.typed:
        graph.cast(rows, TensorProto.FLOAT, output=names[0])
        return
    for j, (name, column) in enumerate(zip(names, columns.columns, strict=True)):
        at = graph.constant(np.array([j], dtype=np.int64))
        if column.categories is None:
            graph.node("Gather", rows, at, output=name, axis=1, op_version=13)
            continue
        cell = graph.node("Gather", rows, at, axis=1, op_version=13)
        code = graph.cast(cell, TensorProto.INT64)
        keys = graph.constant(_keys(column))
        graph.node("Gather", keys, code, output=name, axis=0, op_version=13)
