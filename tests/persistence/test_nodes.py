"""Bytes of skops make objects; they call nothing, and set nothing of Python's own."""

import io
import json
import zipfile

import numpy as np
import pytest
from sklearn.metrics import accuracy_score
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skops.io import dumps

from sklearn_aae import AAETransformer
from sklearn_aae.persistence import RefusedFileError, load
from sklearn_aae.persistence._classes import full_name
from sklearn_aae.persistence._nodes import ASKED, NAMES, check_nodes
from sklearn_aae.persistence._versions import FORMAT, VERSIONS
from sklearn_aae.utils._container import write

PIPELINE = make_pipeline(StandardScaler(), AAETransformer(2))
SPLITS, SCORE = full_name(KFold), full_name(accuracy_score)


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


def holding(node):
    """Return the bytes of a pipeline that holds a node as its `verbose`."""
    return changed(lambda schema: schema["content"]["content"].update(verbose=node))


def saved(blob, path):
    manifest = {"format": FORMAT, "versions": VERSIONS, "skops": "skops"}
    with open(path, "wb") as file:
        write(file, manifest, {"skops": np.frombuffer(blob, np.uint8)})
    return path


def node(kind, name, **parts):
    module, _, name = name.rpartition(".")
    return {"__module__": module, "__class__": name, "__loader__": kind, **parts}


def plain(value):
    return node("JsonNode", "builtins.str", content=json.dumps(value))


def listed(*nodes, **parts):
    return node("ListNode", "builtins.list", content=[*nodes], **parts)


def paired(*nodes):
    return node("TupleNode", "builtins.tuple", content=[*nodes])


def mapped(content, keys=None, **parts):
    strings = listed(*[node("TypeNode", "builtins.str")] * len(content))
    parts |= {"content": content, "key_types": keys or strings}
    return node("DictNode", "builtins.dict", **parts)


def factory(of):
    parts = {"main": mapped({}), "default_factory": of}
    return node("DefaultDictNode", "collections.defaultdict", content=parts)


FUNCTION = node("FunctionNode", SCORE)
STATE = {"__sklearn_tags__": plain(1)}
# What a node of each kind has beside its name; any file does, where nothing is built.
PARTS = {
    "BytearrayNode": {"file": "schema.json"},
    "BytesNode": {"file": "schema.json"},
    "ConstructorFromReduceNode": {"content": paired(plain(3))},
    "DTypeNode": {"content": plain(1)},
    "DefaultDictNode": {"content": factory(plain(None))["content"]},
    "DictNode": {"content": {}, "key_types": listed()},
    "JsonNode": {"content": "1"},
    "ListNode": {"content": []},
    "LossNode": {"content": mapped({}), "__reduce__": {"args": paired(plain(7))}},
    "MaskedArrayNode": {"content": {"data": plain(1), "mask": plain(0)}},
    "NdArrayNode": {"type": "json", "content": [], "shape": paired(plain(0))},
    "PartialNode": {
        "content": dict.fromkeys(["func", "args", "kwds", "namespace"], plain(None))
    },
    "RandomGeneratorNode": {
        "content": {
            "bit_generator": mapped({"bit_generator": plain("PCG64")}),
            "seed_seq": mapped({}),
        }
    },
    "RandomStateNode": {"content": mapped({})},
    "SetNode": {"content": []},
    "SliceNode": {"content": {"start": "1", "stop": "2", "step": "1"}},
    "SparseMatrixNode": {"type": "scipy", "file": "schema.json"},
    "TreeNode": {"content": mapped({}), "__reduce__": {"args": paired()}},
    "TupleNode": {"content": []},
}


@pytest.fixture
def refused(tmp_path):
    """Return a function that asserts that bytes are refused, by `load` too."""

    def assert_refused(blob, message, **options):
        names = options.get("trusted", ())
        with pytest.raises(RefusedFileError, match=message):
            check_nodes(blob, names)
        with pytest.raises(RefusedFileError, match=message):
            load(saved(blob, tmp_path / "a.aae"), **options)

    return assert_refused


# --- what a kind of node does with a name ---------------------------------------------


@pytest.mark.parametrize("kind", [*NAMES, "LossNode"])
def test_a_trusted_class_is_not_called_by_any_kind(kind, refused):
    blob = holding(node(kind, SPLITS, **PARTS[kind]))
    refused(blob, f"It would call {SPLITS}, by {kind}, to make a part")
    check_nodes(blob, {SPLITS})


@pytest.mark.parametrize("kind", ["ConstructorFromReduceNode", "ObjectNode"])
def test_a_trusted_function_is_not_called(kind, refused):
    blob = holding(node(kind, SCORE, content=paired()))
    refused(blob, f"It would call {SCORE}, by {kind}")


# Of trees skops itself asks whether they are trusted.
@pytest.mark.parametrize("kind", ["DTypeNode", "PartialNode", "SparseMatrixNode"])
def test_a_kind_makes_nothing_in_the_name_of_a_trusted_class(kind, refused):
    blob, made = holding(node(kind, SPLITS, **PARTS[kind])), ASKED[kind][0]
    refused(blob, f"Its {kind} makes {made}, not .* pass it in trusted")
    refused(blob, f"Its {kind} makes {made}", trusted=[SPLITS])
    check_nodes(blob, {made})


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("DTypeNode", "numpy.dtype"),
        ("OperatorFuncNode", "operator.attrgetter"),
        ("OperatorFuncNode", "operator.itemgetter"),
        ("OperatorFuncNode", "operator.methodcaller"),
        ("PartialNode", "functools.partial"),
        ("QuantileForestNode", "quantile_forest._quantile_forest_fast.QuantileForest"),
        ("SparseMatrixNode", "scipy.sparse._csr.csr_matrix"),
        ("SparseMatrixNode", "scipy.sparse._dia.dia_array"),
        ("TreeNode", "sklearn.tree._tree.Tree"),
    ],
)
def test_what_is_asked_about(kind, name):
    blob = holding(node(kind, name))
    with pytest.raises(RefusedFileError, match=f"Its {kind} makes {name}, not trusted"):
        check_nodes(blob, {SPLITS})
    check_nodes(blob, {name})


def test_a_method_is_asked_about():
    blob = holding(node("MethodNode", SPLITS, content={"func": "split"}))
    with pytest.raises(RefusedFileError, match=f"Its MethodNode makes {SPLITS}.split"):
        check_nodes(blob, {SPLITS})
    check_nodes(blob, {f"{SPLITS}.split"})


def test_kinds_that_are_not_known_are_refused(refused):
    def repeat(schema):  # skops would take the pipeline itself for it
        verbose = {"__loader__": "CachedNode", "__id__": schema["__id__"]}
        verbose |= {"__module__": "builtins", "__class__": "str"}
        schema["content"]["content"]["verbose"] = verbose

    refused(changed(repeat), "It has a CachedNode, a kind of node that is not known")


def test_names_that_the_caller_trusts_may_be_called(tmp_path):
    made = node("ConstructorFromReduceNode", SPLITS, content=paired(plain(4)))
    path = saved(holding(made), tmp_path / "a.aae")
    with pytest.raises(RefusedFileError, match=f"It would call {SPLITS}"):
        load(path)
    for trusted in (SPLITS, KFold):  # also of our own list
        assert load(path, trusted=[trusted]).verbose.n_splits == 4


# --- attributes -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (mapped(STATE), "It would set the attribute __sklearn_tags__ of an object of "),
        (plain({"__sklearn_tags__": 1}), "It would set the state .* by JsonNode"),
        (listed(paired(plain("__x__"), plain(1))), "the state .* by ListNode"),
        (paired(paired(plain("__x__"), plain(1))), "the state .* by TupleNode"),
    ],
    ids=["dict", "json", "list", "tuple"],
)
def test_attributes_of_python_are_not_set(state, message, refused):
    blob = holding(node("ObjectNode", SPLITS, content=state))
    refused(blob, message)
    check_nodes(blob, {SPLITS})


def test_attributes_of_python_are_not_set_on_losses(refused):
    parts = {"content": mapped(STATE), "__reduce__": {"args": paired()}}
    loss = node("LossNode", "sklearn._loss._loss.CyHalfSquaredError", **parts)
    refused(holding(loss), "It would set the attribute __sklearn_tags__")


@pytest.mark.parametrize(
    "state", [None, plain(None), paired(), mapped({"a": plain(1)})], ids=range(4)
)
def test_objects_have_a_state_or_none(state):
    check_nodes(holding(node("ObjectNode", SPLITS, content=state)), ())


# --- what is called later -------------------------------------------------------------


@pytest.mark.parametrize("kind", ["FunctionNode", "TypeNode"])
def test_keys_are_made_by_plain_types(kind, refused):
    name = SCORE if kind == "FunctionNode" else SPLITS
    blob = holding(mapped({"a": plain(1)}, listed(node(kind, name))))
    refused(blob, f"A key of a dict would be made by {name}")


def test_keys_are_not_made_by_what_a_trusted_type_calls():
    partial = node("PartialNode", "functools.partial", **PARTS["PartialNode"])
    blob = holding(mapped({"a": plain(1)}, listed(partial)))
    with pytest.raises(RefusedFileError, match="A key of a dict would be made by func"):
        check_nodes(blob, {"functools.partial"})


def test_types_of_keys_are_a_list(refused):
    blob = holding(mapped({"a": plain(1)}, paired(node("TypeNode", "builtins.str"))))
    refused(blob, "Types of keys of a dict would be made by TupleNode")


def test_a_defaultdict_calls_plain_types(refused):
    refused(holding(factory(FUNCTION)), f"A defaultdict would call {SCORE}")
    refused(holding(factory(node("TypeNode", SPLITS))), "A defaultdict would call ")
    check_nodes(holding(factory(FUNCTION)), {SCORE})
    # Of an old protocol of skops another function may stand in it than its name says.
    old = node("FunctionNode", "builtins.list", content={"function": "accuracy_score"})
    with pytest.raises(RefusedFileError, match="A defaultdict would call builtins"):
        check_nodes(holding(factory(old)), ())


def test_losses_have_the_module_that_an_earlier_scikit_learn_gave_them():
    loss = node("LossNode", "_loss.CyHalfBinomialLoss", **PARTS["LossNode"])
    check_nodes(holding(loss), ())


# --- nodes that stand for others ------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (
            mapped(STATE, __id__=7),
            node("ObjectNode", SPLITS, content=mapped({}, __id__=7)),
            "It would set the attribute __sklearn_tags__",
        ),
        (
            listed(FUNCTION, __id__=7),
            mapped({"a": plain(1)}, listed(node("TypeNode", "builtins.str"), __id__=7)),
            "A key of a dict would be made by",
        ),
        (
            {**FUNCTION, "__id__": 7},
            factory({**plain(None), "__id__": 7}),
            "A defaultdict would call",
        ),
    ],
    ids=["state", "keys", "factory"],
)
def test_an_earlier_node_of_the_same_id_is_looked_at(first, second, message, refused):
    check_nodes(holding(paired(second)), ())
    refused(holding(paired(first, second)), message)


def test_an_earlier_type_of_keys_of_the_same_id_is_looked_at(refused):
    keys = listed(node("TypeNode", "builtins.str", __id__=7))
    second = mapped({"a": plain(1)}, keys)
    check_nodes(holding(paired(second)), ())
    blob = holding(paired({**FUNCTION, "__id__": 7}, second))
    refused(blob, f"A key of a dict would be made by {SCORE}")


def test_draws_go_on_as_a_dict_says(refused):
    tuples = paired(plain("MT19937"), listed(), plain(700))
    state = node("RandomStateNode", "numpy.random.mtrand.RandomState", content=tuples)
    refused(holding(state), "drawn as a TupleNode says")


def test_nodes_that_lack_something_are_refused(tmp_path):
    # Where skops does not look for any.
    blob = changed(lambda schema: schema.update(more={"__loader__": "DictNode"}))
    with pytest.raises(RefusedFileError, match="skops cannot read it: KeyError"):
        load(saved(blob, tmp_path / "a.aae"))


def test_plain_bytes_are_loaded(tmp_path):
    blob = changed(lambda schema: None)
    check_nodes(blob, ())
    assert str(load(saved(blob, tmp_path / "a.aae"))) == str(PIPELINE)
