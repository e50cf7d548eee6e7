"""Configuration files as text of TOML: every way in which one can't be read is the same error."""

import tomllib
from pathlib import Path
from typing import Any

from custseg_spark.errors import ConfigurationError

# Far beyond any configuration; a file without end must not fill the memory.
_MOST_BYTES = 1 << 22


def read(path: Path) -> dict[str, Any]:
    """Return the content of a TOML file.

    Raises ConfigurationError for one that is absent, unreadable, too large or not TOML.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except FileNotFoundError as error:
        raise ConfigurationError(f"configuration file not found: {path}") from error
    except OSError as error:
        raise ConfigurationError(f"{path} can't be read: {error.strerror}") from error
    except ValueError as error:
        raise ConfigurationError(f"{str(path)!r} is no path: {error}") from error
    if len(content) > _MOST_BYTES:
        raise ConfigurationError(f"{path} is longer than {_MOST_BYTES:,} bytes")
    return parse(content, str(path))


def parse(content: bytes, where: str) -> dict[str, Any]:
    """Parse TOML. Raises ConfigurationError where the text isn't TOML."""
    try:
        return tomllib.loads(content.decode())
    except RecursionError as error:
        raise ConfigurationError(f"{where} is not valid TOML: nested too deeply") from error
    # Also numbers of thousands of digits.
    except ValueError as error:
        raise ConfigurationError(f"{where} is not valid TOML: {error}") from error
