"""Frames that come from users: told apart, and taken to Arrow as they are."""

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from custseg_spark.errors import InputError
from custseg_spark.interfaces.python.frames import library, to_arrow


def test_only_frames_are_frames() -> None:
    assert library(pd.DataFrame()) == "pandas"
    assert library(pl.LazyFrame()) == library(pl.DataFrame()) == "polars"
    assert library(pa.table({})) == "pyarrow"
    for other in ("log.csv", ["a", "b"], pd.Series([1]), pl.Series([1]), None):
        assert library(other) is None


def test_a_pandas_column_of_mixed_values_is_text() -> None:
    frame = pd.DataFrame({"InvoiceNo": [536365, "C536379", None], "Quantity": [6, -1, 2]})
    made = to_arrow(frame.set_index(pd.Index([9, 8, 7])))
    assert made.to_pydict() == {
        "InvoiceNo": ["536365", "C536379", None],
        "Quantity": [6, -1, 2],
    }


def test_names_that_no_mapping_can_mean_are_refused() -> None:
    with pytest.raises(InputError, match="column 3 has no text for its name"):
        to_arrow(pd.DataFrame({3: [1]}))
    with pytest.raises(InputError, match="'a' twice"):
        to_arrow(pd.DataFrame([[1, 2]], columns=["a", "a"]))
