"""`score`, `predict` and `transform` of the Python API over frames of each library."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from checkout import ROOT
from polars.testing import assert_frame_equal

import custseg_spark as cs

MODEL = cs.load_model(ROOT / "tests" / "data" / "scoring.json")
CUSTOMERS = pl.DataFrame(
    {
        "customer_id": ["a", "b", "c"],
        "frequency": [12, 0, None],
        "event_count": [40, 3, 1],
        "monetary": [900.0, None, 0.5],
        "town": ["X", "Y", None],
    }
)
SEGMENTS = [(0, 1, "High-Value", 2), (1, 2, "Window Shoppers", 1), (1, 2, "Window Shoppers", 1)]


def found(frame: pl.DataFrame) -> list[tuple[Any, ...]]:
    names = ["cluster", "segment_id", "segment_name", "second_segment_id"]
    return frame.select(names).rows()


def test_a_polars_frame_is_scored_row_by_row() -> None:
    made = cs.score(CUSTOMERS, model=MODEL)
    assert found(made) == SEGMENTS
    assert made["customer_id"].to_list() == ["a", "b", "c"]
    assert made.columns == [
        "customer_id",
        "cluster",
        "segment_id",
        "segment_name",
        "distance",
        "second_segment_id",
        "margin",
        "top_features",
    ]
    one = CUSTOMERS[1:2]
    assert_frame_equal(cs.score(one, model=MODEL), made[1:2])


def test_distances_are_those_of_the_space() -> None:
    made = cs.score(CUSTOMERS[:1], model=MODEL).row(0, named=True)
    point = np.array([np.log1p(900) / 2, np.log1p(12)])
    own, other = (float(np.linalg.norm(point - c)) for c in MODEL.cluster_centers_)
    assert made["distance"] == pytest.approx(own, rel=1e-12)
    assert made["margin"] == pytest.approx(other - own, rel=1e-12)
    np.testing.assert_allclose(MODEL.transform(CUSTOMERS[:1]), [point])


@pytest.mark.parametrize("library", ["lazy", "pandas", "arrow", "dict"])
def test_each_library_gives_the_same_segments(library: str) -> None:
    frames = {
        "lazy": CUSTOMERS.lazy(),
        "pandas": CUSTOMERS.to_pandas(),
        "arrow": CUSTOMERS.to_arrow(),
        "dict": CUSTOMERS.to_dict(as_series=False),
    }
    made = cs.score(frames[library], model=MODEL)
    kinds = {"pandas": pd.DataFrame, "arrow": pa.Table}
    assert isinstance(made, kinds.get(library, pl.DataFrame))
    assert_frame_equal(pl.DataFrame(made), cs.score(CUSTOMERS, model=MODEL), check_dtypes=False)


def test_a_pandas_frame_keeps_its_index() -> None:
    frame = CUSTOMERS.to_pandas().drop(columns="customer_id").set_index(pd.Index([7, 3, 5]))
    made = cs.score(frame, model=MODEL)
    assert made.index.tolist() == [7, 3, 5]
    assert made.columns[0] == "cluster"
    assert made.loc[7, "segment_name"] == "High-Value"


def test_it_is_used_like_an_estimator_of_scikit_learn() -> None:
    names = MODEL.feature_names_in_.tolist()
    assert names == ["monetary", "frequency", "event_count"]
    assert MODEL.n_features_in_ == 3
    array = CUSTOMERS.select(names).to_numpy()
    assert np.isnan(array[1, 0])
    assert MODEL.predict(array).tolist() == [0, 1, 1]
    np.testing.assert_array_equal(MODEL.transform(array), MODEL.transform(CUSTOMERS))
    assert MODEL.predict(array[:0]).tolist() == []
    assert MODEL.cluster_centers_.shape == (2, 2)


def test_decimals_and_texts_of_numbers_are_told_apart() -> None:
    exact = CUSTOMERS.with_columns(pl.col("monetary").cast(pl.Decimal(28, 4)))
    assert_frame_equal(cs.score(exact, model=MODEL), cs.score(CUSTOMERS, model=MODEL))
    with pytest.raises(cs.InputError, match=r"^row 1: monetary is '900.0'; expected a finite num"):
        cs.score(CUSTOMERS.with_columns(pl.col("monetary").cast(pl.String)), model=MODEL)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (pl.lit(float("inf")).alias("monetary"), "row 1: monetary is inf; expected a finite"),
        (pl.lit(True).alias("frequency"), "row 1: frequency is True; expected a finite number"),
        (
            pl.Series("frequency", ["", None, "x"]),
            "row 1: frequency is ''; expected a finite number",
        ),
    ],
    ids=["infinite", "flag", "text"],
)
def test_a_value_that_is_no_number_is_named_with_its_row(change: Any, said: str) -> None:
    with pytest.raises(cs.InputError, match=said):
        cs.score(CUSTOMERS.with_columns(change), model=MODEL)


def test_a_missing_column_is_named_with_the_nearest() -> None:
    with pytest.raises(cs.InputError, match=r"no column 'monetary'.*did you mean 'money'"):
        cs.score(CUSTOMERS.rename({"monetary": "money"}), model=MODEL)
    with pytest.raises(cs.InputError, match=r"customers x 3 features .*got shape \(4, 2\)"):
        MODEL.predict(np.zeros((4, 2)))
    with pytest.raises(cs.InputError, match="expected a frame"):
        cs.score(["a"], model=MODEL)


def test_columns_without_a_value_are_filled_as_the_model_was_taught() -> None:
    nothing = CUSTOMERS.with_columns(monetary=None, frequency=None)
    assert cs.score(nothing, model=MODEL)["cluster"].to_list() == [1, 1, 1]
    assert cs.score(CUSTOMERS[:0], model=MODEL).height == 0


def test_a_model_is_saved_and_loaded(tmp_path: Path) -> None:
    MODEL.save(tmp_path / "scoring.json")
    for path in (tmp_path, tmp_path / "scoring.json"):
        assert found(cs.score(CUSTOMERS, model=path)) == SEGMENTS
    with pytest.raises(cs.InputError, match="can't be read as a model"):
        cs.load_model(tmp_path / "none.json")
    with pytest.raises(cs.ConfigurationError, match="model: expected a Model"):
        cs.score(CUSTOMERS, model=7)
