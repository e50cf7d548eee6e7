"""RFM groups: a name for every score code, without gaps or overlaps."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import pyarrow as pa

from custseg_spark.core.features.exact import Ints
from custseg_spark.errors import ConfigurationError

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
# An error names at most so many codes.
_MOST_NAMED = 3
_SCORES = ("r", "f", "m")

Code = tuple[int, int, int]


@dataclass(frozen=True)
class RfmGroups:
    """The groups of all score codes: scores run from 1 to `bins`.

    `names` begin with PROSPECTS, who never bought. `places` are the positions of the other codes'
    names, by recency, frequency and monetary score, the last varying fastest.
    """

    bins: int
    names: tuple[str, ...]
    places: tuple[int, ...]

    def of(self, r: Ints, f: Ints, m: Ints) -> pa.Array:
        """Return the group of each score code as text."""
        code = ((r - 1) * self.bins + f - 1) * self.bins + m - 1
        bought = np.array(self.places)[np.where(r == 0, 0, code)]
        places = np.where(r == 0, 0, bought).astype(np.int32)
        return pa.DictionaryArray.from_arrays(places, pa.array(self.names)).cast(pa.string())


@dataclass(frozen=True)
class RfmBox:
    """Score codes with one group: each score from its first to its last value."""

    group: str
    r: tuple[int, int]
    f: tuple[int, int]
    m: tuple[int, int]

    def codes(self) -> Iterator[Code]:
        """All codes of the box."""
        yield from product(*(range(low, high + 1) for low, high in (self.r, self.f, self.m)))


def standard_groups(bins: int = 5) -> RfmGroups:
    """Return the groups of five bins; for another number its scores are stretched to 1 to 5."""

    def group(r: int, f: int, m: int) -> str:
        r5, f5, m5 = (_of_five(score, bins) for score in (r, f, m))
        return _GROUPS[r5][(f5 + m5 + 1) // 2 - 1]

    return _total(bins, {code: group(*code) for code in _codes(bins)})


def own_groups(boxes: Sequence[RfmBox], bins: int, where: str) -> RfmGroups:
    """Return groups from a configuration's boxes. Errors name `where`.

    Raises ConfigurationError for codes with no box or two.
    """
    groups: dict[Code, str] = {}
    twice: list[str] = []
    for box in boxes:
        for code in box.codes():
            if code in groups:
                twice.append(f"{_code_text(code)} ('{groups[code]}' and '{box.group}')")
            groups[code] = box.group
    missing = [_code_text(code) for code in _codes(bins) if code not in groups]
    for flaw, codes in (("more than one group", twice), ("no group", missing)):
        if codes:
            shown, more = codes[:_MOST_NAMED], len(codes) - _MOST_NAMED
            others = f" and {more} more codes" if more > 0 else ""
            raise ConfigurationError(
                f"{where}: {flaw} for {', '.join(shown)}{others}; every code from"
                f" {_code_text((1, 1, 1))} to {_code_text((bins, bins, bins))} needs exactly one"
            )
    return _total(bins, groups)


def rfm_group(r: int, f: int, m: int) -> str:
    """Return the standard group of a score code; `Prospects` for non-buyers (all scores 0)."""
    scores = (np.array([score]) for score in (r, f, m))
    name: str = standard_groups().of(*scores)[0].as_py()
    return name


def _total(bins: int, groups: dict[Code, str]) -> RfmGroups:
    names = (PROSPECTS, *dict.fromkeys(groups[code] for code in _codes(bins)))
    return RfmGroups(bins, names, tuple(names.index(groups[code]) for code in _codes(bins)))


def _codes(bins: int) -> list[Code]:
    scores = range(1, bins + 1)
    return [(r, f, m) for r in scores for f in scores for m in scores]


def _of_five(score: int, bins: int) -> int:
    """Return a score of 1 to `bins` on the scale of 1 to 5; the ends stay, halves go up."""
    return 1 + (8 * (score - 1) + bins - 1) // (2 * (bins - 1))


def _code_text(code: Code) -> str:
    return " ".join(f"{name}={score}" for name, score in zip(_SCORES, code, strict=True))
