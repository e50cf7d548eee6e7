"""Split a column's name into words: `InvoiceNo`, `visitorid`, `Kundennummer`, `用户ID`."""

import re
import unicodedata
from functools import cache, lru_cache

from custseg_spark.core.mappings.column_words import ID_WORDS, NEUTRAL, NOUNS, PHRASES
from custseg_spark.core.mappings.telling_words import (
    OTHER_AMOUNTS,
    OTHER_THINGS,
    OTHER_TIMES,
    RECORDINGS,
    STATES,
)

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
# A change of script separates words: 用户ID.
_SCRIPT = re.compile(r"(?<=[^\x00-\x7f])(?=[a-z0-9])|(?<=[a-z0-9])(?=[^\x00-\x7f])")
_SHORTEST_PART = 2


@lru_cache(maxsize=1 << 14)
def words(name: str) -> tuple[str, ...]:
    """Return the words of a name in lower case, without accents, compounds split."""
    spaced = _CAMEL.sub(" ", name)
    plain = _without_accents(spaced.casefold())
    parts = [p for p in re.split(r"[\W_]+", _SCRIPT.sub(" ", plain)) if p]
    return tuple(w for part in parts for w in _parts(part))


def tells(name_words: tuple[str, ...]) -> bool:
    """Whether any word of a name is in the vocabulary of column names."""
    return any(w in _vocabulary() for w in name_words)


def _without_accents(text: str) -> str:
    """Remove the marks of Latin letters; other scripts stay."""
    plain = "".join(_plain(letter) for letter in text)
    return plain.replace("ß", "ss").replace("ł", "l").replace("ø", "o").replace("æ", "ae")


def _plain(letter: str) -> str:
    return unicodedata.normalize("NFKD", letter)[0] if letter < "\u0250" else letter


@cache
def _parts(word: str) -> tuple[str, ...]:
    """Split a word into as few known words as possible; else return the word."""
    if word in _vocabulary() or word.isdigit():
        return (word,)
    parts = _split(word)
    return parts or (word,)


@cache
def _split(word: str) -> tuple[str, ...]:
    vocabulary = _vocabulary()
    ways = [
        (word[:at], *rest)
        for at in range(_SHORTEST_PART, len(word) - _SHORTEST_PART + 1)
        if word[:at] in vocabulary and (rest := _rest(word[at:]))
    ]
    return min(ways, key=len, default=())


def _rest(word: str) -> tuple[str, ...]:
    return (word,) if word in _vocabulary() else _split(word)


@cache
def _vocabulary() -> frozenset[str]:
    """Return the words that names are composed of; none with one letter."""
    nouns = {w for line in NOUNS.values() for w in line.split()}
    phrases = {
        w for tiers in PHRASES.values() for tier in tiers for w in re.split(r"[,\s]+", tier) if w
    }
    others = (
        OTHER_TIMES
        | RECORDINGS
        | OTHER_AMOUNTS
        | OTHER_THINGS
        | STATES
        | {"datum", "bestell", "waren"}
    )
    every = nouns | phrases | others | ID_WORDS | NEUTRAL
    return frozenset(w for w in every if len(w) >= _SHORTEST_PART or w > "\u0250")
