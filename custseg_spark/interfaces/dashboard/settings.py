"""The settings of the dashboard, which are set once before its server starts."""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from custseg_spark.errors import ConfigurationError

PASSWORD_VARIABLE = "CUSTSEG_DASHBOARD_PASSWORD"
# The names of this machine.
LOCAL = ("127.0.0.1", "localhost", "::1")
# A short password can be guessed.
_SHORTEST_PASSWORD = 8


@dataclass(frozen=True)
class Settings:
    """The lake to show, and the password, if any.

    `is_local`: only requests of this machine, by its own names, are answered. `key` signs the
    cookies of this process: a restart asks for the password again.
    """

    lake: Path
    password: str | None = field(default=None, repr=False)
    is_local: bool = False
    key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)


_current: list[Settings] = []


def use(settings: Settings) -> None:
    """Set the settings of this process."""
    _current[:] = [settings]


def current() -> Settings:
    """Return the settings of this process. Raises ConfigurationError before `use`."""
    if not _current:
        raise ConfigurationError("the dashboard is started by custseg dashboard")
    return _current[0]


def password_of(environment: Mapping[str, str] = os.environ) -> str | None:
    """Return the password in the environment, or None.

    Raises ConfigurationError for a short one.
    """
    given = environment.get(PASSWORD_VARIABLE) or None
    if given is not None and len(given) < _SHORTEST_PASSWORD:
        raise ConfigurationError(
            f"{PASSWORD_VARIABLE}: expected {_SHORTEST_PASSWORD} characters at least"
        )
    return given
