"""The clock, which no other module reads."""

from datetime import UTC, datetime


def now() -> datetime:
    """Return the time of ingest: no other time of the clock reaches a table."""
    return datetime.now(UTC)
