"""The rows of `customer_segments`: customers placed by the models and the run before."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import pyarrow as pa

from custseg_spark.core.clustering.assignment import NamedClustering, segments
from custseg_spark.core.clustering.placing import PLACED_COLUMNS
from custseg_spark.core.clustering.scaling import FeatureSpace
from custseg_spark.core.segments.tenure import PREVIOUS_COLUMNS, with_tenure
from custseg_spark.engine.lake.schemas import CUSTOMER_SEGMENTS
from custseg_spark.engine.partitions import Side
from custseg_spark.pipeline.population import Population


@dataclass(frozen=True)
class SegmentRows:
    """Turns a bucket's customers, with their rows of a previous run, into rows."""

    space: FeatureSpace
    clusterings: tuple[NamedClustering, ...]
    prediction_timestamp: datetime
    run_date: date
    previous_run_date: date | None

    def __call__(self, sides: Sequence[pa.Table]) -> pa.Table:
        customers, *before = sides
        previous = before[0] if before else None
        rows = segments(
            customers,
            space=self.space,
            clusterings=self.clusterings,
            prediction_timestamp=self.prediction_timestamp,
            previous=previous,
        )
        rows = with_tenure(rows, previous, self.run_date, self.previous_run_date)
        return rows.select(CUSTOMER_SEGMENTS.file_schema.names)


def before(of: Population) -> list[Side]:
    """Return the side of the previous run's segments; empty without a previous run."""
    previous = of.past.previous
    if previous is None:
        return []
    lake = previous.lake or of.lake
    columns = tuple(dict.fromkeys([*PREVIOUS_COLUMNS, *PLACED_COLUMNS]))
    return [Side(lake, CUSTOMER_SEGMENTS, previous.run_date, columns)]
