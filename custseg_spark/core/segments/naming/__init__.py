"""Names of segments: archetypes matched with evidence, otherwise descriptive names."""

from custseg_spark.core.segments.naming.archetypes import Archetype, Archetypes
from custseg_spark.core.segments.naming.matching import SegmentName, name_segments

__all__ = ["Archetype", "Archetypes", "SegmentName", "name_segments"]
