"""Drop records of event types that the mapping ignores, before any rule."""

from dataclasses import replace

import numpy as np

from custseg_spark.core.events.records import Ints, Records
from custseg_spark.core.mappings.mapping import SourceMapping


def without_ignored(records: Records, mapping: SourceMapping) -> Records:
    """Return the records without ignored event types; malformed ones have no type and stay."""
    ignored = [value.lower() for value in mapping.ignored_event_types]
    source = mapping.columns.get("event_type")
    if not ignored or source not in records.values.columns:
        return records
    folded = records.values[source].str.strip_chars(" ").str.to_lowercase()
    is_ignored = folded.is_in(ignored).fill_null(False)
    if not is_ignored.any():
        return records
    kept = ~is_ignored
    at = np.flatnonzero(kept.to_numpy())

    def raw_text(positions: Ints) -> list[str]:
        return records.raw_text(at[positions])

    return replace(
        records,
        values=records.values.filter(kept),
        rows=records.rows[at],
        raw_text=raw_text,
        extras=None if records.extras is None else records.extras.filter(kept),
    )
