"""mlflow logs and loads models, in its default format and with their signature."""

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_aae import AAEClusterer, AAETransformer, SemiSupervisedAAEClassifier
from sklearn_aae.persistence import TRUSTED_TYPES

mlflow = pytest.importorskip("mlflow", minversion="3")
pytestmark = pytest.mark.filterwarnings("ignore")  # its own, of its dependencies

SMALL = {"hidden_layer_sizes": (8,), "max_iter": 2, "random_state": 0}
FRAME = pd.DataFrame(
    {
        "x": np.sin(np.arange(60.0)),
        "holes": [1.0, 2.0, None, 4.0] * 15,
        "text": ["u", "v", "w"] * 20,
    }
)
Y = np.where(FRAME["x"] > 0, "high", "low")
MODELS = [
    SemiSupervisedAAEClassifier(2, **SMALL),
    AAEClusterer(2, n_init=1, **SMALL),
    make_pipeline(FunctionTransformer(), AAETransformer(2, **SMALL)),
]


@pytest.fixture(scope="module")
def tracking(tmp_path_factory):
    """Let mlflow keep runs and models in a folder of their own."""
    folder = tmp_path_factory.mktemp("mlflow")
    mlflow.set_tracking_uri(f"sqlite:///{folder}/runs.db")
    place = mlflow.create_experiment("e", f"file://{folder}/artifacts")
    mlflow.set_experiment(experiment_id=place)


@pytest.mark.usefixtures("tracking")
@pytest.mark.parametrize("model", MODELS, ids=lambda m: type(m).__name__)
def test_models_go_through_mlflow(model):
    model.fit(FRAME, Y)
    predicts = hasattr(model, "predict")
    ask = "predict" if predicts else "transform"
    expected = getattr(model, ask)(FRAME)
    with mlflow.start_run():
        logged = mlflow.sklearn.log_model(
            model,
            name="model",
            signature=mlflow.models.infer_signature(FRAME, expected),
            skops_trusted_types=TRUSTED_TYPES,
            pip_requirements=[],
        )
    loaded = mlflow.sklearn.load_model(logged.model_uri)
    assert np.array_equal(getattr(loaded, ask)(FRAME), expected)
    assert logged.signature.inputs.input_names() == list(FRAME)
    if predicts:
        served = mlflow.pyfunc.load_model(logged.model_uri)
        assert np.array_equal(served.predict(FRAME), expected)
