"""A published model as MLflow's pyfunc: a frame of features in, segments out, without Spark.

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
    """What MLflow wraps: `predict` takes and gives frames of pandas."""

    def __init__(self, scoring: ScoringModel):
        self.scoring = scoring

    def predict(self, customers: pd.DataFrame, params: Any = None) -> pd.DataFrame:
        """A row a customer, in order: cluster, segment, distance, second segment, margin, reasons.

        Null features are as for a customer who lacks them. Raises InputError for a missing column.
        """
        missing = [name for name in self.scoring.columns if name not in customers.columns]
        if missing:
            raise InputError(f"the frame has no column {', '.join(missing)}")
        columns = {
            name: pa.Array.from_pandas(customers[name].astype("float64"))
            for name in self.scoring.columns
        }
        made = self.scoring.segments_of(pa.table(columns))
        segments: pd.DataFrame = made.drop_columns(["memberships"]).to_pandas()
        segments.index = customers.index
        return segments


def _load_pyfunc(path: str) -> SegmentModel:
    text = Path(path).read_text(encoding="utf-8")
    return SegmentModel(portable.parsed(text, path))
