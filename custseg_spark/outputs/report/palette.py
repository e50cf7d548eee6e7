"""Colours and markers, one per segment throughout a report, distinguishable by the colour-blind."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from custseg_spark.core.clustering.assigners import TOO_LITTLE_KNOWN_ID

# The colours of Okabe and Ito (2008) without black and yellow, which a light or dark page swallows.
# Then colours farthest from these and from each other in CIELAB, as seen with normal sight and by
# protanopes, deuteranopes and tritanopes (matrices of Machado et al. 2009). Markers and labels
# distinguish segments too.
COLOURS = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#56B4E9",
    "#CC79A7",
    "#99BB66",
    "#994433",
    "#8800FF",
    "#665566",
    "#DDAAAA",
    "#BB55FF",
)
_MARKERS = "osD^vP*X<>ph"


@dataclass(frozen=True)
class Theme:
    """A picture's colours.

    `diverging` is a colour map for z-scores whose middle is near the panel's colour. `strong`
    stands for many, the panel's colour for none.
    """

    panel: str
    ink: str
    faint: str
    diverging: str
    strong: str


LIGHT = Theme("#ffffff", "#1c2126", "#d5dade", "RdBu_r", "#0072B2")
DARK = Theme("#1b1f24", "#e4e8ec", "#3c444d", "berlin", "#56B4E9")


@dataclass(frozen=True)
class Style:
    """The colour and marker of a segment."""

    colour: str
    marker: str


# Grey, and the smallest of markers.
_LITTLE_KNOWN = Style("#8A9199", ".")


def styles(segment_ids: Iterable[int]) -> Mapping[int, Style]:
    """Return a style for each segment id: the same in every run, unless an older segment has it."""
    slot_of: dict[int, int] = {}
    ids = set(segment_ids)
    for segment_id in sorted(ids - {TOO_LITTLE_KNOWN_ID}):
        slots = range(segment_id - 1, segment_id - 1 + len(COLOURS))
        free = [s % len(COLOURS) for s in slots if s % len(COLOURS) not in slot_of.values()]
        slot_of[segment_id] = free[0] if free else (segment_id - 1) % len(COLOURS)
    styles_by_id = {i: Style(COLOURS[slot], _MARKERS[slot]) for i, slot in slot_of.items()}
    return styles_by_id | (
        {TOO_LITTLE_KNOWN_ID: _LITTLE_KNOWN} if TOO_LITTLE_KNOWN_ID in ids else {}
    )
