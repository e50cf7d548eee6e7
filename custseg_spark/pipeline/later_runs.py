"""Runs of later dates that were made from an earlier state of the run before them."""

from datetime import date

from custseg_spark.engine.lake.columns import RUN_ID
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.publication import RunPublication
from custseg_spark.engine.lake.schemas import RUNS, SEGMENT_PROFILES


def outdated(lake: Lake, own: RunPublication) -> str | None:
    """Say which later run doesn't follow from this one; None where all do, or there is none.

    A date that is made again with the same segments leaves the later runs what they are. `lake`
    shows what was published when the run began.
    """
    run_dates = lake.rows(RUNS, ["run_date"])["run_date"].to_pylist()
    later = [day for day in run_dates if day > own.run_date]
    if not later:
        return None
    day = own.run_date
    if own.superseded is not None and _profiles(lake, day) == _profiles(own.lake, day):
        return None
    return (
        f"the run of {min(later)} was made before this one: make it again, and those after it, for"
        " their moves, segment_since and previous_segment_id to follow from here"
    )


def _profiles(lake: Lake, day: date) -> list[str]:
    """The segments of a date in a fixed order, whichever run made them."""
    names = [name for name in SEGMENT_PROFILES.schema.names if name != RUN_ID]
    # As text, in which a missing number equals itself.
    return sorted(map(repr, lake.rows(SEGMENT_PROFILES, names, [day]).to_pylist()))
