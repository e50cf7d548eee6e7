"""The rules of RFM scores from their section, and the file of a group map of one's own."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from custseg_spark.config import toml_files
from custseg_spark.config.rfm import RfmConfig
from custseg_spark.core.features.rfm_groups import (
    PROSPECTS,
    RfmBox,
    RfmGroups,
    own_groups,
    standard_groups,
)
from custseg_spark.core.features.rfm_rules import RfmRules
from custseg_spark.errors import ConfigurationError, nearest

_KEYS = ("name", "r", "f", "m")


def rfm_rules(config: RfmConfig) -> RfmRules:
    """The rules of a section. Raises ConfigurationError for a map that can't be read, or that
    has a hole or an overlap."""
    groups = standard_groups(config.bins)
    if config.groups is not None:
        groups = load_groups(Path(config.groups), config.bins)
    # By its shortest text, so that 9.99 is 9.99.
    money = tuple(Decimal(str(amount)) for amount in config.m_breaks)
    return RfmRules(config.bins, config.r_breaks, config.f_breaks, money, groups)


def load_groups(path: Path, bins: int) -> RfmGroups:
    """Return the groups of a TOML file for scores from 1 to `bins`. Raises ConfigurationError."""
    tree = toml_files.read(path)
    entries = tree.get("group")
    for key in tree:
        if key != "group":
            raise ConfigurationError(f"{path}: unknown key '{key}'{nearest(key, ['group'])}")
    if not isinstance(entries, list) or not entries:
        raise ConfigurationError(f"{path}: expected one [[group]] at least")
    boxes = [
        _box(entry, f"{path}: group {number}", bins) for number, entry in enumerate(entries, 1)
    ]
    return own_groups(boxes, bins, str(path))


def _box(entry: Any, where: str, bins: int) -> RfmBox:
    if not isinstance(entry, Mapping):
        raise ConfigurationError(f"{where}: expected a table, got {entry!r}")
    for key in entry:
        if key not in _KEYS:
            raise ConfigurationError(f"{where}: unknown key '{key}'{nearest(key, _KEYS)}")
    name = entry.get("name")
    if not isinstance(name, str) or not name.strip():
        raise ConfigurationError(f"{where}: expected a name, got {name!r}")
    if name == PROSPECTS:
        raise ConfigurationError(f"{where}: '{PROSPECTS}' are those who never bought")
    r, f, m = (_scores(entry.get(key), f"{where} '{name}': {key}", bins) for key in "rfm")
    return RfmBox(name, r, f, m)


def _scores(value: Any, where: str, bins: int) -> tuple[int, int]:
    """Return a score, or the first and the last one; all of them where none is named."""
    if value is None:
        return 1, bins
    ends = value if isinstance(value, list) else [value]
    is_whole = all(type(end) is int for end in ends)
    if not is_whole or len(ends) not in (1, 2) or not 1 <= ends[0] <= ends[-1] <= bins:
        raise ConfigurationError(
            f"{where}: expected a score from 1 to {bins}, or [first, last], got {value!r}"
        )
    return ends[0], ends[-1]
