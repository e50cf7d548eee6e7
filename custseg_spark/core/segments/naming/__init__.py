"""Names: RFM groups for customers, archetypes and descriptive names for segments."""

from custseg_spark.core.segments.naming.archetypes import (
    Archetype,
    Archetypes,
    find,
    load_archetypes,
)
from custseg_spark.core.segments.naming.matching import SegmentName, name_segments
from custseg_spark.core.segments.naming.rfm import PROSPECTS, rfm_group, with_rfm_group

__all__ = [
    "PROSPECTS",
    "Archetype",
    "Archetypes",
    "SegmentName",
    "find",
    "load_archetypes",
    "name_segments",
    "rfm_group",
    "with_rfm_group",
]
