"""Errors that a user is meant to read; each knows the exit code of its job."""

import difflib
import os
from collections.abc import Iterable, Sequence

from custseg_spark.redaction import redacted

_MOST_NAMED = 30


class CustsegError(Exception):
    """Base of all errors for users; shown without a traceback.

    Its message is redacted, because it may quote an option, a URL, or a database's message.
    """

    exit_code = 1

    def __init__(self, *parts: object) -> None:
        """Take the arguments of any exception."""
        super().__init__(*(redacted(p, os.environ) if isinstance(p, str) else p for p in parts))


class ConfigurationError(CustsegError):
    """An invalid option, mapping, key or value."""

    exit_code = 2


class InputError(CustsegError):
    """A source that can't be read, or doesn't match its mapping."""

    exit_code = 3


class TargetError(CustsegError):
    """A place to export to that can't be reached or written, or holds something else."""

    exit_code = 3


class RejectedShareError(CustsegError):
    """More records of a source were refused than its mapping allows; nothing was published."""

    exit_code = 4


class GateError(CustsegError):
    """A lake that isn't fit to be segmented; nothing was changed."""

    exit_code = 4


class ConflictError(CustsegError):
    """Another run wrote the same table at the same time."""

    exit_code = 5


class ResourceError(CustsegError):
    """Memory or disk ran out, or Spark lost its workers."""

    exit_code = 6


def require(holds: bool, key: str, expected: str, section: object) -> None:
    """Raise ConfigurationError for the dotted `key`, a field of `section`, unless `holds`."""
    if not holds:
        value = getattr(section, key.rpartition(".")[2])
        raise ConfigurationError(f"{key}: expected {expected}, got {value}")


def require_word(word: str, allowed: Sequence[str], key: str) -> None:
    """Raise ConfigurationError for an unknown word."""
    if word not in allowed:
        raise ConfigurationError(f"{key}: unknown '{word}'{nearest(word, allowed)}")


def nearest(word: str, names: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` for the nearest known word, else the list of known words."""
    words = sorted(names)
    close = closest(word, words)
    if close:
        return f"; did you mean '{close}'?"
    more = ", …" if len(words) > _MOST_NAMED else ""
    return f"; known: {', '.join(words[:_MOST_NAMED])}{more}" if words else ""


def closest(word: str, names: Iterable[str]) -> str | None:
    """Return the known word nearest to `word`, ignoring case; None if none is near."""
    folded = {w.lower(): w for w in sorted(names)}
    close = difflib.get_close_matches(word.lower(), folded, n=1, cutoff=0.6)
    return folded[close[0]] if close else None
