"""Every message that the package raises or warns with is read by a test.

The check is of the source: a message counts as read if a string of the tests repeats 12
characters of it or more, and the other characters of that string, up to a wildcard of a
regular expression, do not contradict it. Texts that are put together elsewhere and only
handed to an error are not seen here.
"""

import ast
import hashlib
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from torch import distributions as D

import sklearn_aae
from sklearn_aae import AAETransformer, SemiSupervisedAAEClassifier
from sklearn_aae.inspection import PriorMatchDisplay
from sklearn_aae.metrics import aae_scorer, reconstruction_error
from sklearn_aae.persistence import RefusedFileError, load, save
from sklearn_aae.priors import Gaussian, as_prior
from sklearn_aae.report import main
from sklearn_aae.utils._container import NO_HASH

PACKAGE, TESTS = Path(sklearn_aae.__file__).parent, Path(__file__).parent
LEAST = 12
WILDCARD = re.compile(r"(?<!\\)(?:\.[*+]|[()\[\]|^$*+?{}])|\\[dwsDWS]|\0")


def texts(node):
    """Yield the texts of a node without docstrings, with NUL for what is filled in."""
    skipped = {id(n.value) for n in ast.walk(node) if isinstance(n, ast.Expr)}
    for n in ast.walk(node):
        if id(n) in skipped:
            continue
        if isinstance(n, ast.JoinedStr):
            parts = [v.value if isinstance(v, ast.Constant) else "\0" for v in n.values]
            skipped.update(map(id, n.values))
            yield "".join(parts)
        elif isinstance(n, ast.Constant) and isinstance(n.value, str):
            yield n.value


def messages(tree):
    """Yield line and pieces of each message that goes to an error or a warning."""
    raised = {id(n.exc) for n in ast.walk(tree) if isinstance(n, ast.Raise)}
    for n in ast.walk(tree):
        if not isinstance(n, ast.Call):
            continue
        name = getattr(n.func, "id", None) or getattr(n.func, "attr", "")
        if id(n) in raised or name == "warn" or name.endswith(("Error", "Warning")):
            found = [text for argument in n.args for text in texts(argument)]
            pieces = [piece for text in found for piece in text.split("\0") if piece]
            if any(" " in piece.strip() for piece in pieces):
                yield n.lineno, pieces


def shared(piece, read):
    """Return how many characters of a piece stand in a text that agrees with it.

    The text lies within the piece, or hangs over an end: what is filled in follows.
    A word alone, such as the name of a parameter, is no part of a message.
    """
    best = 0
    for i in range(1 - len(read), len(piece)):
        here = piece[max(i, 0) : i + len(read)]
        if here == read[max(-i, 0) : len(piece) - i] and " " in here:
            best = max(best, len(here))
    return best


@pytest.fixture(scope="module")
def reads():
    """What the tests match, cut at wildcards, by each run of four characters."""
    found = {}
    for path in TESTS.rglob("*.py"):
        for text in texts(ast.parse(path.read_text(encoding="utf-8"))):
            for part in WILDCARD.split(text):
                read = re.sub(r"\\(.)", r"\1", part)
                for i in range(len(read) - 3):
                    found.setdefault(read[i : i + 4], set()).add(read)
    return found


def is_read(pieces, reads):
    least = min(LEAST, max(len(piece) for piece in pieces if " " in piece.strip()))
    return any(
        shared(piece, read) >= least
        for piece in pieces
        if len(piece) >= least
        for i in range(0, len(piece) - 3, 4)
        for read in reads.get(piece[i : i + 4], ())
        if len(read) >= least
    )


def test_every_message_is_read(reads):
    unread = [
        f"{path.relative_to(PACKAGE)}:{line}: {'...'.join(pieces)}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for line, pieces in messages(ast.parse(path.read_text(encoding="utf-8")))
        if not is_read(pieces, reads)
    ]
    assert not unread, "No test matches:\n" + "\n".join(unread)


def test_the_check_tells_messages_apart(reads):
    tree = ast.parse(
        "raise ValueError(f'no test {n} has a wombat in {m}, or a quokka')"
    )
    [(_, pieces)] = messages(tree)
    of = {"wild": {"13 has a wombat in 5"}, " has": {"13 has a wombat in 5"}}
    assert is_read(pieces, of)
    assert not is_read(pieces, {" has": {"this has a wombat, it is said"}})
    assert not is_read(pieces, {" has": {" has a womb"}})


# --- messages that no other test reads ------------------------------------------------

X, Y = np.random.RandomState(0).normal(size=(30, 3)), np.arange(30) % 2
SMALL = {"hidden_layer_sizes": (4,), "max_iter": 1, "random_state": 0}


@pytest.fixture(scope="module")
def fitted():
    return AAETransformer(2, **SMALL).fit(X)


def test_scorers(fitted):
    with pytest.raises(
        TypeError, match=r"The metric needs an estimator with predict\."
    ):
        aae_scorer("clustering_accuracy")(fitted, X, Y)
    classifier = SemiSupervisedAAEClassifier(2, **SMALL).fit(X, Y)
    with pytest.raises(
        ValueError, match="metric compares clusters with labels: pass y"
    ):
        aae_scorer("clustering_accuracy")(classifier, X)
    with pytest.raises(TypeError, match=r"r\('inception_score'\) needs classifier=\."):
        aae_scorer("inception_score")


def test_displays():
    with pytest.raises(TypeError, match=r"Display.* needs an estimator with .*prior_"):
        PriorMatchDisplay.from_estimator(PCA(2).fit(X), X)
    pipeline = make_pipeline(AAETransformer(2, **SMALL)).fit(X)
    with pytest.raises(TypeError, match=r"Pass the step that is the autoencoder, such"):
        PriorMatchDisplay.from_estimator(pipeline, X)


def test_input_noise():
    model = AAETransformer(2, input_noise=1.0, noise_type="salt_and_pepper", **SMALL)
    with pytest.raises(
        ValueError,
        match=r"input_noise=1\.0 is the share of a row that noise_type='salt",
    ):
        model.fit(X)


def test_a_critic_without_a_bound():
    model = AAETransformer(
        2, adversarial_loss="wasserstein", gradient_penalty=0.0, **SMALL
    )
    with pytest.warns(UserWarning, match="without a gradient penalty has no bound"):
        model.fit(X)


def test_pixels_far_from_those_of_fit():
    model = AAETransformer(2, image_shape=(8, 8), max_iter=1)
    pictures = np.random.RandomState(0).uniform(size=(20, 64))
    model.fit(pictures)
    with pytest.raises(ValueError, match="and those of the training pictures were num"):
        model.transform(255 * pictures)


def test_the_command(tmp_path, capsys):
    file = tmp_path / "table.csv"
    with pytest.raises(SystemExit):
        main([str(file), "--columns", "0"])
    assert "0 is not at least 1" in capsys.readouterr().err
    pd.DataFrame(X, columns=list("abc")).to_csv(file, index=False)
    assert main([str(file), "--drop", "wombat"]) == 2
    assert "There is no column 'wombat'. There are a, b, c." in capsys.readouterr().err
    pd.DataFrame(X[:5], columns=list("abc")).to_csv(file, index=False)
    assert main([str(file)]) == 2
    assert "has 5 rows and 3 columns to learn from; at" in capsys.readouterr().err


def test_metrics():
    with pytest.raises(
        ValueError, match=r"compares rows one by one, but X has shape \(30, 3\) and X_r"
    ):
        reconstruction_error(X, X[:9])


def test_densities_and_priors(fitted):
    posterior = fitted.encoder_(torch.zeros(3, 3, dtype=torch.float64))
    with pytest.raises(
        NotImplementedError, match="A deterministic posterior has no de"
    ):
        posterior.log_prob(torch.zeros(3, 2))
    with pytest.raises(
        NotImplementedError, match="The swiss roll has no density in cl"
    ):
        as_prior("swiss_roll", 2)(None).log_prob(torch.zeros(3, 2))
    with pytest.raises(NotImplementedError, match="A callable prior has no density"):
        as_prior(lambda n, rng: rng.normal(size=(n, 2)), 2)(None).log_prob(X[:, :2])
    with pytest.raises(
        ValueError, match="must be over vectors of n_components=2 or ov"
    ):
        as_prior(D.Normal(torch.zeros(3), 1.0), 2)
    with pytest.raises(
        ValueError, match="The prior has 3 dimensions but n_components="
    ):
        as_prior(Gaussian(3), 2)


def test_scales_of_pictures():
    model = AAETransformer(2, image_shape=(8, 8), scale="quantile", max_iter=1)
    with pytest.raises(ValueError, match="scale='quantile' is of no use with image_sh"):
        model.fit(np.zeros((20, 64)))


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A file of a model with a column of two kinds: its manifest and arrays."""
    path = tmp_path_factory.mktemp("saved") / "m"
    frame = pd.DataFrame({"x": X[:, 0], "kind": ["a", "b"] * 15})
    save(AAETransformer(2, **SMALL).fit(frame), path)
    return path.read_bytes()


def no_version(manifest):
    manifest["versions"]["sklearn-aae"] = "new"


def fewer_categories(manifest):
    state = manifest["estimator"]["object"]["state"]["dict"]["_data"]["dict"]
    columns = state["columns"]["object"]["state"]["dict"]["columns"]
    columns[1]["dict"]["categories"]["tuple"].pop()


FORGED = [
    (no_version, "Its manifest has no version where one should be"),
    (fewer_categories, "Its columns have fewer categories than it says"),
]


@pytest.mark.parametrize(("change", "message"), FORGED)
def test_forged_files(change, message, saved, tmp_path, forge):
    forged = forge(saved, lambda manifest, arrays: change(manifest))
    (tmp_path / "m").write_bytes(forged)
    with pytest.raises(RefusedFileError, match=message):
        load(tmp_path / "m")


def test_what_no_file_can_hold(fitted, tmp_path):
    model = clone(fitted).set_params(prior=lambda n, rng: rng.normal(size=(n, 2)))
    with pytest.raises(
        TypeError,
        match=r"prior is <.* of type .*function, which a file cannot hold. Le",
    ):
        save(model, tmp_path / "m")


def test_other_files(saved, tmp_path):
    (tmp_path / "m").write_bytes(b"a text" * 50)
    with pytest.raises(
        RefusedFileError, match="It is no file of sklearn_aae, or its be"
    ):
        load(tmp_path / "m")
    other = saved.replace(b'"manifest":', b'"Manifest":', 1)
    digest = re.search(rb'"sha256":"(\w{64})"', other)
    zeros = other[: digest.start(1)] + NO_HASH + other[digest.end(1) :]
    renewed = hashlib.sha256(zeros).hexdigest().encode()
    (tmp_path / "m").write_bytes(zeros.replace(NO_HASH, renewed, 1))
    with pytest.raises(RefusedFileError, match="Its header has other texts than a man"):
        load(tmp_path / "m")
