"""A lake as it was at one moment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True)
class Moment:
    """Which run of each run date was published, None where that isn't fixed; tables' versions."""

    run_ids: Mapping[date, str | None] | None = None
    versions: Mapping[str, int] = field(default_factory=dict)
