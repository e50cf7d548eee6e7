"""A published model as MLflow's pyfunc: it turns a frame of features into segments without Spark.

MLflow calls `_load_pyfunc` with the model's document (`scoring.json`); nothing is unpickled.
"""

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from custseg_spark.core.clustering import portable
from custseg_spark.core.clustering.scoring import ScoringModel
from custseg_spark.errors import InputError


class SegmentModel:
    """The model that MLflow wraps: `predict` takes and returns frames of pandas."""

    def __init__(self, scoring: ScoringModel):
        self.scoring = scoring

    def predict(self, customers: pd.DataFrame, params: Any = None) -> pd.DataFrame:
        """Return a row per customer, in order, as `ScoringModel.segments_of` without memberships.

        Null features count as missing. Raises InputError for a missing column.
        """
        missing = [name for name in self.scoring.columns if name not in customers.columns]
        if missing:
            raise InputError(f"the frame has no column {', '.join(missing)}")
        columns = {
            name: pa.Array.from_pandas(customers[name].astype("float64"))
            for name in self.scoring.columns
        }
        table = self.scoring.segments_of(pa.table(columns))
        segments: pd.DataFrame = table.drop_columns(["memberships"]).to_pandas()
        segments.index = customers.index
        return segments


def _load_pyfunc(path: str) -> SegmentModel:
    text = Path(path).read_text(encoding="utf-8")
    return SegmentModel(portable.parsed(text, path))
