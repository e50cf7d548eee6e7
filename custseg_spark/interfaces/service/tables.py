"""Read a lake's tables for the service: customers, segments, runs."""

from datetime import date

from custseg_spark.core.segments.statuses import DIED
from custseg_spark.engine.lake.reader import LakeReader
from custseg_spark.engine.lake.rows import dicts_of
from custseg_spark.engine.lake.schemas import CUSTOMER_SEGMENTS, RUNS, SEGMENT_PROFILES
from custseg_spark.interfaces.service.flaws import RefusedError, flaw
from custseg_spark.interfaces.service.schemas import Customer, Run, Segment

_SEGMENT_COLUMNS = [name for name in SEGMENT_PROFILES.schema.names if name in Segment.model_fields]

# The most run dates in a refusal, the latest first.
_MOST_DATES = 5


def customer(reader: LakeReader, customer_id: str, day: date, algorithm: str) -> Customer | None:
    """Return a customer's segment on a run date; None for a customer who isn't in the run."""
    rows = dicts_of(reader.rows_of_customer(CUSTOMER_SEGMENTS, customer_id, day))
    row = next((row for row in rows if row["algorithm"] == algorithm), None)
    return Customer(**row, reasons=row["top_features"] or []) if row else None


def segments(reader: LakeReader, day: date, algorithm: str | None) -> list[Segment]:
    """Return the living segments of a run date, by algorithm and id."""
    rows = dicts_of(reader.rows(SEGMENT_PROFILES, _SEGMENT_COLUMNS, [day]))
    living = [
        Segment(**{**row, "actions": row["actions"] or []})
        for row in rows
        if row["status"] != DIED and algorithm in (None, row["algorithm"])
    ]
    return sorted(living, key=lambda s: (s.algorithm, s.segment_id))


def require_run(reader: LakeReader, day: date, algorithm: str | None) -> None:
    """Raise RefusedError if the lake has no run of the date, or the run lacks the algorithm."""
    algorithms = {run.run_date: run.algorithms for run in runs(reader)}
    if day not in algorithms:
        dates = ", ".join(map(str, list(algorithms)[:_MOST_DATES]))
        raise RefusedError([flaw("run_date", str(day), f"a run date of the lake: {dates}")], 404)
    names = algorithms[day]
    if algorithm is not None and names and algorithm not in names:
        expected = f"an algorithm of the run of {day}: {', '.join(names)}"
        raise RefusedError([flaw("algorithm", algorithm, expected)], 404)


def runs(reader: LakeReader) -> list[Run]:
    """Return the lake's runs, the latest first."""
    names = [n for n in RUNS.schema.names if n in Run.model_fields]
    rows = dicts_of(reader.rows(RUNS, [*names, "models"]))
    listed = [
        Run(
            **{name: row[name] for name in names if name != "warnings"},
            warnings=row["warnings"] or [],
            algorithms=sorted(row["models"] or {}),
        )
        for row in rows
    ]
    return sorted(listed, key=lambda run: run.run_date, reverse=True)
