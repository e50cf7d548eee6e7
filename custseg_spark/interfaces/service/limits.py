"""What the service allows: how large a request may be, who may ask, how often it looks for runs."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from custseg_spark.errors import ConfigurationError

KEYS_VARIABLE = "CUSTSEG_API_KEYS"
# A short key can be guessed.
_SHORTEST_KEY = 16


@dataclass(frozen=True)
class Limits:
    """Bounds of a request, and seconds between two looks for a new run.

    `keys`: who may ask; empty: everybody who reaches the service.
    """

    body_bytes: int = 8_000_000
    customers: int = 10_000
    events: int = 20_000
    seconds: float = 30.0
    reload_seconds: float = 5.0
    keys: frozenset[str] = field(default_factory=frozenset, repr=False)


def keys_of(environment: Mapping[str, str] = os.environ) -> frozenset[str]:
    """The API keys in the environment, parted by commas. ConfigurationError for a short one."""
    keys = [key.strip() for key in environment.get(KEYS_VARIABLE, "").split(",")]
    given = frozenset(key for key in keys if key)
    if any(len(key) < _SHORTEST_KEY for key in given):
        raise ConfigurationError(
            f"{KEYS_VARIABLE}: expected keys of {_SHORTEST_KEY} characters at least"
        )
    return given
