"""Small random frames: what goes in comes back, or one clear error says why not."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sklearn_aae import AAETransformer
from sklearn_aae.tabular import TableColumns

NUMBER = st.floats(-1e6, 1e6, allow_subnormal=False)
TEXT = st.text(max_size=3)
KINDS = {
    "number": (st.one_of(st.none(), NUMBER), "float64"),
    "single": (st.floats(-1e3, 1e3, width=32), "float32"),
    "count": (st.integers(-5, 5), "int64"),
    "byte": (st.integers(0, 255), "uint8"),
    "hole": (st.one_of(st.none(), st.integers(-5, 5)), "Int64"),
    "text": (st.one_of(st.none(), TEXT), object),
    "kind": (st.one_of(st.none(), st.sampled_from("abc")), "category"),
    "flag": (st.booleans(), "bool"),
}


@st.composite
def frames(draw):
    """Draw a frame of one to five columns, of any kinds."""
    n = draw(st.integers(2, 9))
    kinds = draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=5))
    columns = {}
    for j, kind in enumerate(kinds):
        cell, dtype = KINDS[kind]
        cells = draw(st.lists(cell, min_size=n, max_size=n))
        columns[f"{kind}{j}"] = pd.Series(cells, dtype=dtype)
    return pd.DataFrame(columns)


def assert_equal_where_seen(back, frame):
    assert back.dtypes.equals(frame.dtypes)
    for name in frame:
        seen = frame[name].notna()
        found, truth = back[name][seen].tolist(), frame[name][seen].tolist()
        assert found == truth, name


@settings(max_examples=150, deadline=None)
@given(frames())
def test_cells_come_back(frame):
    columns = TableColumns.learn(frame, "from_dtype")
    rows = columns.encode(frame)
    columns = columns.with_ranges_of(rows)
    seen = frame.notna().to_numpy()
    np.testing.assert_array_equal(~np.isnan(rows), seen)
    for j in range(len(columns)):  # a hole comes back as something of its column
        known = rows[:, j][seen[:, j]]
        rows[~seen[:, j], j] = known[0] if len(known) else 0.0
    assert_equal_where_seen(columns.decode(rows, clip=True), frame)


SLOW = [HealthCheck.too_slow]


@settings(max_examples=25, deadline=None, suppress_health_check=SLOW)
@given(frames())
def test_a_model_fits_or_says_why_not(frame):
    sizes = {"hidden_layer_sizes": (4,), "critic_hidden_layer_sizes": (4,)}
    model = AAETransformer(2, max_iter=1, random_state=0, **sizes)
    if (frame.nunique() <= 1).all():
        with pytest.raises(ValueError, match="constant"):
            model.fit(frame)
        return
    model.fit(frame)
    assert np.isfinite(model.transform(frame)).all()
    for back in (model.reconstruct(frame), model.sample(3, random_state=0)):
        assert back.dtypes.equals(frame.dtypes)
