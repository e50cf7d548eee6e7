"""Find runs of later dates that were made from an older version of the run before them."""

from datetime import date

from custseg_spark.engine.lake.columns import RUN_ID
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.publication import RunPublication
from custseg_spark.engine.lake.schemas import RUNS, SEGMENT_PROFILES


def outdated(lake: Lake, publication: RunPublication) -> str | None:
    """Name the first later run that doesn't follow from this one; None if all do.

    If a date is run again with the same segments, later runs stay valid. `lake` shows the lake when
    this run began.
    """
    run_dates = lake.rows(RUNS, ["run_date"])["run_date"].to_pylist()
    later = [day for day in run_dates if day > publication.run_date]
    if not later:
        return None
    day = publication.run_date
    if publication.superseded is not None and _profiles(lake, day) == _profiles(
        publication.lake, day
    ):
        return None
    return (
        f"the run of {min(later)} was made before this one: make it again, and those after it, for"
        " their moves, segment_since and previous_segment_id to follow from here"
    )


def _profiles(lake: Lake, day: date) -> list[str]:
    """Return the segments of a date in a fixed order, without the run's id."""
    names = [name for name in SEGMENT_PROFILES.schema.names if name != RUN_ID]
    # As text, in which a missing number equals itself.
    return sorted(map(repr, lake.rows(SEGMENT_PROFILES, names, [day]).to_pylist()))
