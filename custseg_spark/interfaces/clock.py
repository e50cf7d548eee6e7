"""The clock, which is read here and nowhere else."""

from datetime import UTC, datetime


def now() -> datetime:
    """The moment of ingest: the only look at the clock that reaches a table."""
    return datetime.now(UTC)
