"""`segment_seasons` of a run, from session parts and their segments."""

from collections.abc import Sequence
from datetime import date

import polars as pl
import pyarrow as pa

from custseg_spark.core.insights import seasons
from custseg_spark.core.insights.purchases import LABEL_COLUMNS
from custseg_spark.engine.lake.insight_tables import SEGMENT_SEASONS
from custseg_spark.engine.lake.schemas import CUSTOMER_SEGMENTS, SESSIONS
from custseg_spark.engine.partitions import Side, map_sides
from custseg_spark.pipeline.population import Population
from custseg_spark.progress import Progress


def write(of: Population, progress: Progress) -> None:
    """Add the run's indices as far as the log is long enough, if the configuration wants them."""
    if not of.config.seasons.enabled:
        return
    with progress.stage("seasons of segments") as stage:
        lake, day = of.publication.lake, of.run_date
        sides = [
            Side(lake, SESSIONS, day, seasons.PART_COLUMNS),
            Side(lake, CUSTOMER_SEGMENTS, day, LABEL_COLUMNS),
        ]
        results = map_sides(sides, _daily, of.groups)
        first = min((begin for begin, _ in results if begin is not None), default=None)
        if first is None:
            return
        rows = seasons.indices(seasons.added(frame for _, frame in results), first, day)
        stage.rows = len(rows)
        of.publication.append_to_each({SEGMENT_SEASONS: _rows(of, rows)})


def _daily(sides: Sequence[pa.Table]) -> tuple[date | None, pl.DataFrame]:
    """Return a bucket's first day with an event, and its purchases by day."""
    parts, labels = sides
    first = pl.Series(pl.from_arrow(parts["session_date"])).min()
    return first if isinstance(first, date) else None, seasons.daily(parts, labels)


def _rows(of: Population, rows: pl.DataFrame) -> pa.Table:
    keys = {"run_date": of.run_date, "run_id": of.publication.run_id}
    whole = rows.with_columns(pl.lit(value).alias(name) for name, value in keys.items())
    return whole.select(SEGMENT_SEASONS.schema.names).to_arrow().cast(SEGMENT_SEASONS.schema)
