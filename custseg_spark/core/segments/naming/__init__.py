"""Names of segments: archetypes matched with evidence, otherwise descriptive names."""

from custseg_spark.core.segments.naming.archetypes import SHARES, Archetype, Archetypes, Bar
from custseg_spark.core.segments.naming.matching import SegmentName, name_segments

__all__ = ["SHARES", "Archetype", "Archetypes", "Bar", "SegmentName", "name_segments"]
