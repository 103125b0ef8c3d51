"""Models in ONNX, which run without this library, scikit-learn and torch."""

import decimal
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from scipy.sparse import issparse
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sklearn_aae.estimators import BaseModel
from sklearn_aae.estimators._gan import GANSampler
from sklearn_aae.persistence.onnx._names import name_inputs, unused
from sklearn_aae.tabular import as_table
from sklearn_aae.tabular._frames import as_frame
from sklearn_aae.utils._optional import import_optional
from sklearn_aae.utils._typing import TableLike

FEATURE = "sklearn_aae.persistence.to_onnx"

# Types of ONNX by the dtype of an array.
TYPES = {"bool": "Boolean", "float16": "Float16", "float32": "Float"}
TYPES |= {f"int{n}": f"Int{n}" for n in (8, 16, 32, 64)}
TYPES |= {f"uint{n}": f"UInt{n}" for n in (8, 16, 32, 64)}
# Types that scikit-learn's estimators have converters for, and of other floats.
USUAL = {"b": "Boolean", "i": "Int64", "u": "Int64", "f": "Double"}


def to_onnx(
    estimator: Any,
    X: TableLike | None = None,
    *,
    method: str = "predict",
    target_opset: int | dict[str, int] | None = None,
) -> Any:
    """Convert a fitted estimator to ONNX, to run without this library and torch.

    Parameters
    ----------
    estimator : estimator
        One of this library, or a pipeline of scikit-learn that holds some.

    X : {array-like, DataFrame} of shape (n_samples, n_features), default=None
        Some rows, which say names and types of the inputs: an array is one input of
        shape (n, n_features), of its dtype, a frame one input of shape (n, 1) for each
        column, of its name and type. Pictures are an input of flat rows. Not needed for
        ``method="inverse_transform"``.

    method : {"predict", "inverse_transform"}, default="predict"
        "predict" is all that the estimator answers about rows, by the names that
        skl2onnx has: codes are "variable"; labels of shape (n,) are "label" and their
        probabilities "probabilities"; of an outlier detector "label" and "scores", what
        `decision_function` returns, have shape (n, 1). "inverse_transform" makes rows
        of codes: an array, or for a table one output for each column. Of a
        `GANSampler`, codes of the prior become drawn rows.

    target_opset : int or dict, default=None
        Version of ONNX's operators, as skl2onnx takes it; 18 for None.

    Returns
    -------
    model : onnx.ModelProto
        Scales are taken in float64, networks answer in float32.

    Raises
    ------
    ImportError
        If skl2onnx or onnxscript is not installed.

    ValueError
        If ONNX lacks what the model needs: ``scale="quantile"``; scores of counts, and
        of priors such as mixtures; categories that are neither text nor numbers; a
        column without a name.

    See Also
    --------
    register_onnx : Lets ``skl2onnx.to_onnx`` convert the estimators.

    Notes
    -----
    In a frame's inputs a missing category is the text "nan", "NaN", "None", "<NA>",
    "NaT" or "", if that is no category itself, and a missing number is NaN. Inputs have
    the order and the names of the columns. An output that a column is called like gets
    an underscore behind its name, and so do "codes" of a table with such a column.

    Answers differ from those of the estimator, whose networks may have float64, by some
    1e-7 of the largest of them.

    Examples
    --------
    >>> import numpy as np
    >>> import onnxruntime
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_aae import AAETransformer
    >>> from sklearn_aae.persistence import to_onnx
    >>> X, _ = load_iris(return_X_y=True)
    >>> aae = AAETransformer(max_iter=1, random_state=0).fit(X)
    >>> model = to_onnx(aae, X)
    >>> session = onnxruntime.InferenceSession(model.SerializeToString())
    >>> (codes,) = session.run(["variable"], {"X": X})
    >>> bool(np.allclose(codes, aae.transform(X), atol=1e-5))
    True
    """
    convert = register_onnx()
    skl2onnx = import_optional("skl2onnx", feature=FEATURE, extra="onnx")
    if method not in ("predict", "inverse_transform"):
        raise ValueError(
            "The 'method' parameter of to_onnx must be 'predict' or "
            f"'inverse_transform'. Got {method!r} instead."
        )
    options = {"target_opset": 18 if target_opset is None else target_opset}
    if method == "inverse_transform" or isinstance(estimator, GANSampler):
        if not isinstance(estimator, BaseModel):
            raise ValueError(
                "method='inverse_transform' takes an estimator of sklearn_aae. Of a "
                f"{type(estimator).__name__}, pass the step that makes rows."
            )
        rows = convert.Decoding(estimator)
        columns = [name for name, _ in convert.outputs(rows)]
        _check_names(columns)
        kind = skl2onnx.common.data_types.FloatTensorType(
            [None, _code_width(estimator)]
        )
        codes = [(unused("codes", columns), kind)]
        return skl2onnx.to_onnx(rows, initial_types=codes, **options)
    if X is None:
        raise ValueError("to_onnx needs X: some rows, for the types of the inputs.")
    asked = {id(step): {convert.CODES: True} for step in _inner_steps(estimator)}
    inputs = _inputs(estimator, X)
    names = [name for name, _ in inputs]
    _check_names(names)
    model = skl2onnx.to_onnx(
        estimator, initial_types=inputs, options=asked or None, **options
    )
    name_inputs(model, names)
    return model


def register_onnx() -> ModuleType:
    """Let skl2onnx convert the estimators of this library, alone and in pipelines.

    ``skl2onnx.to_onnx(pipeline, X)`` then works, as `to_onnx` does, but it replaces in
    names of inputs what is no letter or digit by "_". An `AAEClusterer` or
    `SemiSupervisedAAEClassifier` that is no last step is to be asked for its codes:
    ``options={id(step): {"codes": True}}``, which `to_onnx` does by itself.

    Returns
    -------
    converters : module
        Those that were registered.

    Raises
    ------
    ImportError
        If skl2onnx or onnxscript is not installed.

    Examples
    --------
    >>> import skl2onnx
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_aae import AAETransformer
    >>> from sklearn_aae.persistence import register_onnx
    >>> X, y = load_iris(return_X_y=True)
    >>> aae = AAETransformer(max_iter=1, random_state=0)
    >>> pipeline = make_pipeline(aae, LogisticRegression()).fit(X, y)
    >>> _ = register_onnx()
    >>> model = skl2onnx.to_onnx(pipeline, X, target_opset=18)
    >>> [output.name for output in model.graph.output]
    ['output_label', 'output_probability']
    """
    for package in ("skl2onnx", "onnxscript"):
        import_optional(package, feature=FEATURE, extra="onnx")
    from sklearn_aae.persistence.onnx import _convert

    _convert.register()
    return _convert


def _check_names(names: list[str]) -> None:
    """Raise ValueError if a column has a name that ONNX cannot hold."""
    if "" in names:
        raise ValueError(
            "A column has the name '', and ONNX has no value without a name. Name it "
            "before the fit."
        )


def _code_width(estimator) -> int:
    """Return the number of columns of what is decoded."""
    found = getattr(estimator, "_n_features_out", None)
    return estimator.prior_.n_components if found is None else found


def _inner_steps(estimator) -> Iterator:
    """Yield the steps before the last one that have several answers."""
    convert = register_onnx()
    if not isinstance(estimator, Pipeline):
        return
    *inner, last = (step for _, step in estimator.steps)
    for step in inner:
        yield from _inner_steps(step)
        if isinstance(step, convert.SEVERAL):
            yield step
    yield from _inner_steps(last)


def _inputs(estimator, X) -> list[tuple]:
    """Return names and types of the inputs that rows stand for."""
    types = import_optional("skl2onnx.common.data_types", feature=FEATURE, extra="onnx")
    while isinstance(estimator, Pipeline):
        estimator = estimator[0]
    ours = isinstance(estimator, BaseModel)
    if ours:
        check_is_fitted(estimator)
        images = estimator._data.images
        X = X if images is None else images.read(X)
    X = as_table(X)
    frame = as_frame(X)
    if frame is not None:
        columns = [(str(cells.name), cells) for cells in frame.iter_columns()]
        return [(name, _column_type(types, cells, name)) for name, cells in columns]
    if issparse(X):
        X = X[:1].toarray()  # rows of an ONNX model are dense
    X = np.asarray(X)
    if X.ndim != 2:
        raise ValueError(
            f"X must be rows, of shape (n_samples, n_features). Got shape {X.shape}."
        )
    name = USUAL.get(X.dtype.kind)
    if ours or X.dtype == np.float32:
        name = TYPES.get(X.dtype.name, name)
    if name is None:
        raise ValueError(
            f"X is an array of dtype {X.dtype}, which has no type in ONNX. Pass a "
            "frame, whose columns have types of their own."
        )
    return [("X", getattr(types, f"{name}TensorType")([None, X.shape[1]]))]


def _column_type(types, cells: nw.Series, name: str):
    """Return the type of the input that a column stands for."""
    kind, known = cells.dtype, cells.drop_nulls()
    first = known[0] if len(known) else 0.0
    if isinstance(first, str):
        found = "String"
    elif isinstance(first, bool | np.bool_):
        found = "Boolean"
    elif isinstance(first, int | np.integer) and len(known) == len(cells):
        found = "Int64"
    elif isinstance(first, int | float | np.number | decimal.Decimal):
        found = "Float" if kind == nw.Float32() else "Double"
    else:
        raise ValueError(
            f"Column {name!r} holds values such as {first!r}, which have no type in "
            "ONNX. Make them text or numbers before the fit."
        )
    return getattr(types, f"{found}TensorType")([None, 1])
