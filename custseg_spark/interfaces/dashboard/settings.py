"""What the dashboard was started with; set once, before its server starts."""

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
    """The lake that is shown, and the password that is asked for; None: none is.

    `is_local`: only this machine is answered, by its own names. `key` signs the cookies of this
    process: a restart asks for the password again.
    """

    lake: Path
    password: str | None = field(default=None, repr=False)
    is_local: bool = False
    key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)


_held: list[Settings] = []


def use(settings: Settings) -> None:
    """Sets what pages and routes of this process read."""
    _held[:] = [settings]


def current() -> Settings:
    """What this process was started with. Raises ConfigurationError before that."""
    if not _held:
        raise ConfigurationError("the dashboard is started by custseg dashboard")
    return _held[0]


def password_of(environment: Mapping[str, str] = os.environ) -> str | None:
    """The password in the environment, None without one. ConfigurationError for a short one."""
    given = environment.get(PASSWORD_VARIABLE) or None
    if given is not None and len(given) < _SHORTEST_PASSWORD:
        raise ConfigurationError(
            f"{PASSWORD_VARIABLE}: expected {_SHORTEST_PASSWORD} characters at least"
        )
    return given
