"""The limits of the service: size of requests, keys, and the interval of looking for runs."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from custseg_spark.errors import ConfigurationError

KEYS_VARIABLE = "CUSTSEG_API_KEYS"
# A short key can be guessed.
_SHORTEST_KEY = 16


@dataclass(frozen=True)
class Limits:
    """The bounds of a request, and the seconds between two looks for a new run.

    `keys` are the valid keys; without any, everybody who reaches the service may ask.
    """

    body_bytes: int = 8_000_000
    customers: int = 10_000
    events: int = 20_000
    seconds: float = 30.0
    reload_seconds: float = 5.0
    keys: frozenset[str] = field(default_factory=frozenset, repr=False)


def keys_of(environment: Mapping[str, str] = os.environ) -> frozenset[str]:
    """Return the API keys in the environment, separated by commas.

    ConfigurationError for a short one.
    """
    keys = [key.strip() for key in environment.get(KEYS_VARIABLE, "").split(",")]
    given = frozenset(key for key in keys if key)
    if any(len(key) < _SHORTEST_KEY for key in given):
        raise ConfigurationError(
            f"{KEYS_VARIABLE}: expected keys of {_SHORTEST_KEY} characters at least"
        )
    return given
