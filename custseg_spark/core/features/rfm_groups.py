"""RFM groups: a name for every score code, without gaps or overlaps."""

import numpy as np
import pyarrow as pa

from custseg_spark.core.features.exact import Ints

PROSPECTS = "Prospects"

# Rows: recency score; columns: the rounded mean of frequency and monetary score, 1 to 5. The
# vocabulary is that of Shopify's RFM customer groups.
_GROUPS = {
    1: ("Dormant", "Dormant", "At Risk", "Previously Loyal", "Previously Loyal"),
    2: ("Almost Lost", "Almost Lost", "At Risk", "At Risk", "Previously Loyal"),
    3: ("Promising", "Needs Attention", "Needs Attention", "Active", "Loyal"),
    4: ("New", "Promising", "Active", "Loyal", "Champions"),
    5: ("New", "Promising", "Active", "Loyal", "Champions"),
}
_NAMES = (PROSPECTS, *(name for r in sorted(_GROUPS) for name in _GROUPS[r]))


def rfm_group(r: int, f: int, m: int) -> str:
    """Return the group of a score code; `Prospects` for non-buyers (all scores 0)."""
    scores = (np.array([score]) for score in (r, f, m))
    name: str = rfm_groups(*scores)[0].as_py()
    return name


def rfm_groups(r: Ints, f: Ints, m: Ints) -> pa.Array:
    """Return the group of each score code as text."""
    place = np.where(r == 0, 0, (r - 1) * 5 + (f + m + 1) // 2)
    return pa.DictionaryArray.from_arrays(place.astype(np.int8), pa.array(_NAMES)).cast(pa.string())
