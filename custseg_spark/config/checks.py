"""What a section's values must be, and the errors that say so."""

from collections.abc import Sequence

from custseg_spark.errors import ConfigurationError, nearest


def require(holds: bool, key: str, expected: str, section: object) -> None:
    """Raises ConfigurationError for the dotted `key`, a field of `section`, unless `holds`."""
    if not holds:
        value = getattr(section, key.rpartition(".")[2])
        raise ConfigurationError(f"{key}: expected {expected}, got {value}")


def require_word(word: str, known: Sequence[str], key: str) -> None:
    """Raises ConfigurationError for a value that is none of the known words."""
    if word not in known:
        raise ConfigurationError(f"{key}: unknown '{word}'{nearest(word, known)}")
