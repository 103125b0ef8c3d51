"""Damaged, changed, forged and newer files are refused: nothing of them is run."""

import copy
import io
import json
import os
import random
import tracemalloc

import numpy as np
import pytest
import torch

from sklearn_aae import AAETransformer, priors
from sklearn_aae.persistence import RefusedFileError, load, save
from sklearn_aae.utils._container import read

RAN = []


class Canary:
    """Remembers whether it was made or called."""

    def __new__(cls, *args):
        RAN.append("new")
        return super().__new__(cls)

    def __setstate__(self, state):
        RAN.append("setstate")


def canary(*args):
    RAN.append("call")


@pytest.fixture(scope="module")
def whole(make, tmp_path_factory):
    """Return the bytes of a saved model."""
    path = tmp_path_factory.mktemp("saved") / "model.aae"
    model = make("AAETransformer", "pandas", prior=priors.Gaussian(2))
    save(model, path)
    return path.read_bytes()


@pytest.fixture
def refuse(tmp_path, monkeypatch):
    """Return a function that loads bytes, which must be refused without a trace."""
    monkeypatch.chdir(tmp_path)
    os.mkdir("there")

    def loaded(blob, match="is not loaded", spare=2**20):
        (tmp_path / "there" / "m").write_bytes(blob)
        RAN.clear()
        tracemalloc.start()
        try:
            with pytest.raises(RefusedFileError, match=match) as refused:
                load("there/m")
            assert tracemalloc.get_traced_memory()[1] <= 2 * len(blob) + spare
            assert "allocate" not in str(refused.value)  # torch's memory is not traced
        finally:
            tracemalloc.stop()
        assert not RAN
        assert [path.name for path in tmp_path.rglob("*")] == ["there", "m"]

    return loaded


def nodes(node, at=()):
    """Yield the place of each value in a manifest."""
    yield at
    if not isinstance(node, dict | list):
        return
    for key, value in node.items() if isinstance(node, dict) else enumerate(node):
        yield from nodes(value, (*at, key))


def put(manifest, at, value):
    """Set the value at a place of a manifest."""
    for key in at[:-1]:
        manifest = manifest[key]
    manifest[at[-1]] = value


def find(manifest, *names):
    """Return the place whose last keys are these."""
    found = [at for at in nodes(manifest) if at[-len(names) :] == names]
    return found[0]


def test_a_forged_file_that_is_not_changed_loads(whole, tmp_path, forge):
    (tmp_path / "m").write_bytes(forge(whole, lambda manifest, arrays: None))
    assert isinstance(load(tmp_path / "m"), AAETransformer)


# --- 300 mutated files ----------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_a_changed_bit(seed, whole, refuse):
    rng = random.Random(seed)
    for _ in range(25):
        blob = bytearray(whole)
        place = rng.randrange(len(blob)) if rng.random() < 0.7 else rng.randrange(200)
        blob[place] ^= 1 << rng.randrange(8)
        refuse(bytes(blob))


def test_a_file_that_is_cut_off_or_too_long(whole, refuse):
    rng = random.Random(0)
    for n in [0, 1, 7, 8, 9, 50, 98, 99, *rng.sample(range(len(whole)), 30)]:
        refuse(whole[:n])
    for more in (b"\0", b" ", whole, b"\n" * 4096):
        refuse(whole + more)
    refuse(whole[1:])
    refuse(bytes(len(whole)))
    refuse(b"PK\x03\x04" + whole)


FOREIGN = [
    {"object": {"class": "posix.system", "state": None}},
    {"object": {"class": "builtins.eval", "state": {"dict": {}}}},
    {"object": {"class": f"{__name__}.Canary", "state": {"dict": {"a": 1}}}},
    {"object": {"class": "__main__.Canary", "state": {"dict": {}}}},
    {"object": {"class": ["sklearn_aae.AAETransformer"], "state": None}},
    {"object": {"class": "numpy.log1p", "state": None}},
    {"object": {"class": "sklearn_aae.AAETransformer", "state": [1]}},
    {"object": {"class": "sklearn_aae.AAETransformer"}},
    {"named": f"{__name__}.canary"},
    {"named": "os.system"},
    {"named": "torch.load"},
    {"named": 3},
    {"array": "../../../../etc/passwd"},
    {"array": "/dev/zero"},
    {"tensor": ["/dev/zero", True]},
    {"again": 10**6},
    {"again": -1},
    {"again": True},
    {"pickle": "gASVHgAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOUjAJpZJSFlFKULg=="},
    {"listed": {"dtype": "<U999999999", "shape": [1], "values": ["a"]}},
    {"listed": {"dtype": "object", "shape": [2**61], "values": []}},
    {"listed": {"dtype": "object", "shape": [-1], "values": [1]}},
    {"listed": {"dtype": "V8", "shape": [1], "values": [1]}},
    {"listed": {"dtype": "i4,(1000000000,)f8", "shape": [1], "values": [1]}},
    {"size": "a"},
    {"device": "a device"},
    {"decimal": "one"},
    {"datetime": "yesterday"},
    {"bytes": "xyz"},
    {"float": "1e400"},
    {"dtype": "load"},
    {"slice": [1]},
    {"pairs": [[1]]},
    {"tuple": [1], "list": [1]},
    {},
]


def test_forged_content(whole, refuse, forge):
    """Each foreign node, put in the place of three others."""
    rng = random.Random(0)
    manifest = read(io.BytesIO(whole))[0]
    places = [at for at in nodes(manifest["estimator"]) if len(at) >= 3]
    ends = ("class", "state", "object", "dict", "tuple", "array", "listed", "shape")
    places = [at for at in places if at[-1] not in (*ends, "dtype", "values", "named")]
    for node in FOREIGN:
        for at in rng.sample(places, 3):

            def change(manifest, arrays, at=at, node=node):
                put(manifest, ("estimator", *at), copy.deepcopy(node))

            refuse(forge(whole, change))


HUGE = [
    (("n_components",), 10**12),
    (("n_components",), 3),
    ((), "x"),
    (("hidden_layer_sizes", "tuple", 0), 10**9),
    (("hidden_layer_sizes", "tuple"), [10**9] * 20),
    (("critic_hidden_layer_sizes", "tuple", 0), 10**15),
    (("prior", "object", "state", "dict", "n_components"), 10**12),
    (("posterior",), "gaussian"),
    (("activation",), "none such"),
    (("encoder",), {"named": "torch.nn.Linear"}),
    (("normalization",), None),
]


@pytest.mark.parametrize(("at", "value"), HUGE, ids=str)
def test_sizes_that_the_file_does_not_have(at, value, whole, refuse, forge):
    def change(manifest, arrays):
        params = find(manifest, "_data", "dict", "params", "dict")
        put(manifest, find(manifest, *at) if "object" in at else (*params, *at), value)

    refuse(forge(whole, change))


def test_a_table_that_is_larger_than_the_weights(whole, refuse, forge):
    def change(manifest, arrays):
        at = find(manifest, "schema_", "object", "state", "dict", "n_categories")
        put(manifest, (*at, "tuple", 0), 10**10)

    refuse(forge(whole, change))


def test_weights_that_are_missing_or_too_many(whole, refuse, forge):
    for name in ("networks.encoder.head.norm", "networks.critic"):

        def drop(manifest, arrays, name=name):
            at = find(manifest, "weights", "dict")
            weights = manifest
            for key in at:
                weights = weights[key]
            for key in [key for key in weights if key.startswith(name)]:
                del arrays[weights.pop(key)["array"]]

        refuse(forge(whole, drop))
    refuse(forge(whole, lambda m, arrays: arrays.update(more=np.zeros(3))), "Nothing")


HEADERS = [
    ("shape", [2**62, 2**62]),
    ("shape", [10**9]),
    ("shape", [-1]),
    ("shape", [2.0]),
    ("shape", None),
    ("dtype", "F128"),
    ("dtype", ["F64"]),
    ("data_offsets", [0, 2**63]),
    ("data_offsets", [-8, 0]),
    ("data_offsets", "00"),
    ("path", "/etc/passwd"),
]


def with_hash(text, rest):
    """Return a file of a header and bytes, with the right hash."""
    import hashlib

    text += b" " * (-len(text) % 8)
    blob = bytearray(len(text).to_bytes(8, "little") + text + rest)
    at = blob.index(b"0" * 64)
    blob[at : at + 64] = hashlib.sha256(blob).hexdigest().encode()
    return bytes(blob)


def parts(blob):
    """Return the header of a file, without its hash, and the bytes behind it."""
    n = int.from_bytes(blob[:8], "little")
    header = json.loads(blob[8 : 8 + n])
    header["__metadata__"]["sha256"] = "0" * 64
    return header, blob[8 + n :]


@pytest.mark.parametrize(("key", "value"), HEADERS, ids=str)
def test_arrays_that_are_not_there(key, value, whole, refuse):
    for at in (1, -1):
        header, rest = parts(whole)
        header[list(header)[at]][key] = value
        text = json.dumps(header, separators=(",", ":")).encode()
        refuse(with_hash(text, rest), "Array '")


def test_broken_json(whole, refuse):
    header, rest = parts(whole)
    text = json.dumps(header, separators=(",", ":"))
    start = text[: text.index(",")]
    manifest = header["__metadata__"]["manifest"]
    for broken in (
        text.replace('"shape"', "'shape'", 1),
        text + text,
        text.replace('"F64"', "NaN", 1),
        text[:-1] + "," + text[-300:],  # names that are there twice
        start + ',"manifest":' + "[" * 100_000 + "}}",
        start + ',"manifest":"{}","path":"/etc/passwd"}}',
        start + ',"manifest":7}}',
        start + "}}",
        start + '},"a":3}',
        start + ',"manifest":"' + "[" * 5000 + "]" * 5000 + '"}}',
        start + ',"manifest":"[]"}}',
        start + ',"manifest":"' + "9" * 5000 + '"}}',
    ):
        refuse(with_hash(broken.encode(), rest))
    for deep in ("[" * 900 + "]" * 900, '{"tuple":[' * 400 + "]}" * 400):
        manifest = json.loads(header["__metadata__"]["manifest"])
        cut = json.dumps({**manifest, "estimator": 0})[:-2] + deep + "}"
        texts = {"sha256": "0" * 64, "manifest": cut}
        forged = json.dumps({"__metadata__": texts}, separators=(",", ":"))
        refuse(with_hash(forged.encode(), b""))


MANIFESTS = [
    ({"format": 2}, "newer than this one"),
    ({"format": "1"}, "which format"),
    ({"format": True}, "which format"),
    ({"versions": {}}, "which versions"),
    ({"versions": None}, "which versions"),
    ({"more": 1}, "unknown parts: ..estimator., .more."),
    ({"skops": "skops"}, "unknown parts"),
    ({"estimator": 3}, "Nothing uses its array"),
    ({"estimator": {"object": {"class": "torch.nn.ReLU", "state": None}}}, "Nothing"),
]


@pytest.mark.parametrize(("change", "message"), MANIFESTS, ids=str)
def test_other_manifests(change, message, whole, refuse, forge):
    refuse(forge(whole, lambda manifest, arrays: manifest | change), message)


def test_what_is_no_estimator(whole, refuse, forge):
    def change(manifest, arrays):
        arrays.clear()
        return manifest | {"estimator": [1, 2]}

    refuse(forge(whole, change), "It holds no estimator")


@pytest.mark.parametrize(
    ("package", "number", "message"),
    [
        ("sklearn-aae", "999.0.0", "saved by sklearn_aae 999.0.0 .* Install the newer"),
        ("sklearn-aae", "new", "no version"),
        ("numpy", 3, "no version"),
    ],
)
def test_newer_and_unknown_versions(package, number, message, whole, refuse, forge):
    def change(manifest, arrays):
        manifest["versions"][package] = number

    refuse(forge(whole, change), message)


def test_a_large_file_takes_twice_its_size_at_most(make, tmp_path, refuse, forge):
    model = make("AAETransformer")
    model.extra_ = np.zeros(2**20)  # 8 MB
    save(model, tmp_path / "m")
    blob = (tmp_path / "m").read_bytes()
    (tmp_path / "m").unlink()
    refuse(blob[:-1], spare=0)
    refuse(blob[:-1] + b"x", spare=0)

    for place in (("tuple", 0), ()):  # of two layers, or a number for one

        def change(manifest, arrays, place=place):
            params = find(manifest, "_data", "dict", "params", "dict")
            put(manifest, (*params, "hidden_layer_sizes", *place), 10**9)

        refuse(forge(blob, change), "more weights than it holds", spare=0)


# --- what a file of skops may hold ----------------------------------------------------


@pytest.mark.filterwarnings("ignore:.*canary', which load does not trust")
def test_forged_pipelines(make, tmp_path, refuse, forge):
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    step = FunctionTransformer(canary)
    save(make_pipeline(step, make("AAETransformer")), tmp_path / "m")
    blob = (tmp_path / "m").read_bytes()
    (tmp_path / "m").unlink()
    refuse(blob, "canary: none of the types that are trusted", spare=2**21)

    def cut(manifest, arrays):
        arrays["skops"] = arrays["skops"][:-100]

    refuse(forge(blob, cut), "skops cannot read it", spare=2**21)
    refuse(forge(blob, lambda m, a: m | {"skops": "other"}), "no bytes of skops")


def test_a_layout_calls_nothing_but_dtypes():
    from sklearn_aae.tabular._dtypes import library, make_polars

    with pytest.raises(ValueError, match="polars has no dtype 'read_csv'"):
        make_polars({"name": "read_csv", "source": "/etc/passwd"})
    with pytest.raises(ValueError, match="no frames of 'antigravity'"):
        library("antigravity")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("n_classes", 10**8, "out its tensors"),
        ("n_classes", 4, " other tensors"),
        ("n_components", 10**8, " other tensors"),
    ],
)
def test_a_prior_that_is_larger_than_the_file(
    key, value, message, tmp_path, refuse, forge
):
    save(AAETransformer(prior=priors.GaussianMixture(2, 3)), tmp_path / "m")
    blob = (tmp_path / "m").read_bytes()
    (tmp_path / "m").unlink()
    with torch.device("meta"):  # what torch imports for it is no memory of a file
        priors.GaussianMixture(2, 3)

    def change(manifest, arrays):
        at = find(manifest, "prior", "object", "state", "dict", key)
        put(manifest, at, value)

    refuse(forge(blob, change), f"GaussianMixture with{message}")
