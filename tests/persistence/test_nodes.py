"""Bytes of skops make objects; they call nothing, and set nothing of Python's own."""

import io
import json
import zipfile

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skops.io import dumps

from sklearn_aae import AAETransformer
from sklearn_aae.persistence import RefusedFileError, load, save
from sklearn_aae.persistence._nodes import check_nodes
from sklearn_aae.persistence._versions import FORMAT, VERSIONS
from sklearn_aae.utils._container import write

PIPELINE = make_pipeline(StandardScaler(), AAETransformer(2))


def changed(change):
    """Return the bytes of a pipeline whose schema was changed."""
    old = zipfile.ZipFile(io.BytesIO(dumps(PIPELINE)))
    schema = json.loads(old.read("schema.json"))
    change(schema)
    new = io.BytesIO()
    with zipfile.ZipFile(new, "w") as file:
        for name in old.namelist():
            data = old.read(name)
            file.writestr(name, json.dumps(schema) if name == "schema.json" else data)
    return new.getvalue()


def saved(blob, path):
    manifest = {"format": FORMAT, "versions": VERSIONS, "skops": "skops"}
    with open(path, "wb") as file:
        write(file, manifest, {"skops": np.frombuffer(blob, np.uint8)})
    return path


def call_a_metric(schema):
    schema.update(
        __class__="accuracy_score",
        __module__="sklearn.metrics._classification",
        __loader__="ConstructorFromReduceNode",
    )


def call_an_estimator(schema):
    schema.update(__loader__="ConstructorFromReduceNode")


def fill_a_list(schema):
    schema.update(__loader__="ListNode", content=[])


def set_an_attribute_of_python(schema):
    content = schema["content"]["content"]
    content["__slots__"] = content["verbose"]
    keys = schema["content"]["key_types"]["content"]
    keys.append(keys[0])


def make_a_key(schema):
    kinds = schema["content"]["key_types"]["content"]
    kinds[0] = {
        "__class__": "StandardScaler",
        "__module__": "sklearn.preprocessing._data",
        "__loader__": "TypeNode",
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (call_a_metric, "It would call sklearn.metrics._classification.accuracy_score"),
        (call_an_estimator, "It would call sklearn.pipeline.Pipeline, by Constructor"),
        (fill_a_list, "It would call sklearn.pipeline.Pipeline, by ListNode"),
        (set_an_attribute_of_python, "It would set the attribute __slots__"),
        (make_a_key, r"A key of a dict would be made by sklearn\..*StandardScaler"),
    ],
)
def test_what_would_be_more_than_objects_is_refused(change, message, tmp_path):
    blob = changed(change)
    with pytest.raises(RefusedFileError, match=message):
        check_nodes(blob, ())
    with pytest.raises(RefusedFileError):  # by that, or by skops before it
        load(saved(blob, tmp_path / "a.aae"))


def test_nodes_that_lack_something_are_refused(tmp_path):
    # Where skops does not look for any.
    blob = changed(lambda schema: schema.update(more={"__loader__": "DictNode"}))
    with pytest.raises(RefusedFileError, match="skops cannot read it: KeyError"):
        load(saved(blob, tmp_path / "a.aae"))


def test_names_that_the_caller_trusts_may_be_called():
    check_nodes(changed(call_an_estimator), {"sklearn.pipeline.Pipeline"})


def test_plain_bytes_are_loaded(tmp_path):
    blob = changed(lambda schema: None)
    check_nodes(blob, ())
    assert str(load(saved(blob, tmp_path / "a.aae"))) == str(PIPELINE)
    save(PIPELINE, tmp_path / "b.aae")
    assert str(load(tmp_path / "b.aae")) == str(PIPELINE)
