"""Match a column's name to the canonical columns, with a confidence."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from custseg_spark.core.mappings.column_words import FIRST, ID_WORDS, NEUTRAL, NOUNS, PHRASES
from custseg_spark.core.mappings.telling_words import (
    CURRENCIES,
    NOT_BARE,
    OF_A_CUSTOMER,
    OF_A_SALE,
    OF_WHAT,
    TAXED,
    TAXES,
)
from custseg_spark.core.mappings.words import tells, words

# How a name fits: it is clear, or it is possible.
SAYS, MAY = "says", "may"


@dataclass(frozen=True)
class Name:
    """How a name fits a canonical column; `rank` counts from 0, the clearest.

    `is_bare`: only the noun of the thing, so that the values decide between id and title.
    """

    fit: str
    rank: int
    is_bare: bool = False


def named(canonical: str, name: str) -> Name | None:
    """Return how a column's name fits a canonical column or a line's price; None if it doesn't.

    Of a path such as `items.item_id`, the last part counts if the whole says nothing.
    """
    if not tells(words(name)):
        return None
    last = re.split(r"[./]", name)[-1] if _PATH.fullmatch(name) else name
    name_ = _named(canonical, words(name)) or _named(canonical, words(last))
    context = _CONTEXTS.get(canonical)
    if name_ or context is None:
        return name_
    found_words = words(last)
    if canonical in _PRICES and TAXED.intersection(found_words):
        context |= TAXED | TAXES
    rest = tuple(w for w in found_words if w not in context)
    return _named(canonical, rest) if rest else None


_PRICES = ("unit_price", "line_total")
# A path into nested values: items.item_id.
_PATH = re.compile(r"[\w$]+([./][\w$]+)+")
# Words that only name the owner of an amount or a property.
_CONTEXTS = {
    "category_id": OF_WHAT,
    "category_code": OF_WHAT,
    "brand": OF_WHAT,
    "unit_price": OF_WHAT | CURRENCIES,
    "line_total": CURRENCIES,
    "discount": OF_WHAT | CURRENCIES,
    "customer_id": OF_A_CUSTOMER,
    "quantity": OF_WHAT | OF_A_SALE,
}


def _named(canonical: str, name_words: tuple[str, ...]) -> Name | None:
    key = _key(name_words)
    if key in _phrases(FIRST.get(canonical, "")):
        return Name(SAYS, 0)
    noun = _by_noun(canonical, name_words)
    if noun:
        return noun
    says, may = PHRASES.get(canonical, ("", ""))
    rank = _phrases(says).get(key)
    if rank is not None:
        return Name(SAYS, _AFTER_NOUNS + rank)
    rank = _phrases(may).get(key)
    return None if rank is None else Name(MAY, rank)


# Phrases of ids come after nouns with a word for id.
_AFTER_NOUNS = 100


def _by_noun(canonical: str, name_words: tuple[str, ...]) -> Name | None:
    """Match nouns of one canonical column, alone or with a word for id."""
    nouns = _nouns().get(canonical, {})
    telling = [w for w in name_words if w not in NEUTRAL]
    ranks = [nouns[w] for w in telling if w in nouns]
    if not ranks or any(w not in nouns and w not in ID_WORDS for w in telling):
        return None
    has_id = any(w in ID_WORDS and w not in nouns for w in telling)
    if not has_id and all(w in NOT_BARE for w in telling):
        return None
    return Name(SAYS, 1 + min(ranks), is_bare=not has_id)


@cache
def _nouns() -> Mapping[str, Mapping[str, int]]:
    return {c: {w: n for n, w in enumerate(line.split())} for c, line in NOUNS.items()}


@cache
def _phrases(text: str) -> Mapping[tuple[str, ...], int]:
    """Return the keys of whole names in a list, with their positions."""
    ranks: dict[tuple[str, ...], int] = {}
    for rank, phrase in enumerate(p for p in text.split(",") if p.strip()):
        ranks.setdefault(_key(words(phrase)), rank)
    return ranks


def _key(name_words: tuple[str, ...]) -> tuple[str, ...]:
    """Return the significant words in one order; all words if none is significant."""
    telling = [w for w in name_words if w not in NEUTRAL]
    return tuple(sorted(telling or name_words))
