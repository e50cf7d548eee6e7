"""The sections of a report in reading order."""

import dataclasses
from collections.abc import Collection

from custseg_spark.outputs.report import (
    affinity,
    changes,
    choice,
    events,
    memberships,
    outliers,
    rules,
    seasons,
    segments,
)
from custseg_spark.outputs.report.content import Content
from custseg_spark.outputs.report.section import Section


def sections(content: Content, drawn: Collection[str]) -> list[Section]:
    """Return all sections; they contain only pictures that were drawn."""
    candidates = [
        events.raw(content),
        segments.sizes(content),
        segments.profiles(content),
        *rules.rules(content),
        segments.plane(content),
        choice.selection(content),
        segments.rfm(content),
        affinity.bought(content),
        seasons.indices(content),
        *outliers.section(content),
        changes.migration(content),
        changes.drift(content),
        changes.lifetime_value(content),
        *choice.others(content),
        *memberships.section(content),
        choice.provenance(content),
    ]
    return [
        dataclasses.replace(s, pictures=[p for p in s.pictures if p.name in drawn])
        for s in candidates
    ]
