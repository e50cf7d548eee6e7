"""A profile: the mapping file that says how a source's columns become the canonical ones."""

import hashlib
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from custseg_spark.config import typed
from custseg_spark.errors import ConfigurationError, nearest
from custseg_spark.schemas import EVENT_TYPES
from custseg_spark.sources.times import time_pattern

# What a profile can fill; the rest of an event (ids, dates, provenance) is ours to set.
CANONICAL_COLUMNS = (
    "event_at",
    "event_type",
    "customer_id",
    "product_id",
    "category_id",
    "category_code",
    "brand",
    "unit_price",
    "quantity",
    "discount",
    "session_id",
    "order_id",
    "store",
)
_REQUIRED = ("event_at", "event_type", "customer_id")


@dataclass(frozen=True)
class Profile:
    """How one kind of source is read. `columns` maps canonical names to the source's."""

    name: str
    columns: Mapping[str, str]
    event_types: Mapping[str, str]
    event_at_formats: tuple[str, ...]
    description: str = ""
    table: str = ""
    delimiter: str = ","
    multiline: bool = False
    integer_columns: tuple[str, ...] = ()
    optional_columns: tuple[str, ...] = ()
    max_rejected_share: float | None = None
    path: tuple[str, ...] = field(default=(), compare=False)

    def hash(self) -> str:
        """A hash of the mapping itself: the same file under another mapping is other input."""
        mapping = {k: v for k, v in asdict(self).items() if k in _MAPPING_KEYS}
        return hashlib.sha256(json.dumps(mapping, sort_keys=True).encode()).hexdigest()

    @property
    def required_source_columns(self) -> tuple[str, ...]:
        """The source columns that a file must have."""
        return tuple(s for c, s in self.columns.items() if c not in self.optional_columns)


# `description`, `path` and the rejection limit don't change what a record becomes.
_MAPPING_KEYS = {
    "name",
    "columns",
    "event_types",
    "event_at_formats",
    "table",
    "delimiter",
    "multiline",
    "integer_columns",
    "optional_columns",
}


def load_profile(name: str, overrides: Mapping[str, Any], folders: Sequence[Path]) -> Profile:
    """The profile `name` from the first of `folders` that has it, with overrides laid over it.

    Raises ConfigurationError for an unknown profile, key, canonical column or event type.
    """
    for folder in folders:
        path = folder / f"{name}.toml"
        if path.is_file():
            break
    else:
        known = {p.stem for folder in folders for p in folder.glob("*.toml")}
        raise ConfigurationError(f"unknown profile '{name}'{nearest(name, known)}")
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} is not valid TOML: {error}") from error
    where = f"source {name}"
    profile = typed(Profile, {**_laid_over(tree, overrides), "name": name}, where)
    _check(profile, where)
    return profile


def _laid_over(tree: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """The profile's keys with the overrides; of a table such as `columns` single keys."""
    merged = {**tree, **overrides}
    for key, value in overrides.items():
        base = tree.get(key)
        if isinstance(base, Mapping) and isinstance(value, Mapping):
            merged[key] = {**base, **value}
    return merged


def _check(profile: Profile, where: str) -> None:
    named = (*profile.columns, *profile.integer_columns, *profile.optional_columns)
    for column in named:
        if column not in CANONICAL_COLUMNS:
            raise ConfigurationError(
                f"{where}: unknown canonical column '{column}'{nearest(column, CANONICAL_COLUMNS)}"
            )
    for column in (*_REQUIRED, *profile.integer_columns):
        if column not in profile.columns:
            raise ConfigurationError(f"{where}: [columns] has no '{column}'")
    for value, canonical in profile.event_types.items():
        if canonical not in EVENT_TYPES:
            raise ConfigurationError(
                f"{where}: event type '{value}' maps to unknown '{canonical}'"
                f"{nearest(str(canonical), EVENT_TYPES)}"
            )
    for key, source in profile.columns.items():
        if not isinstance(source, str):
            raise ConfigurationError(f"{where}: [columns] {key}: expected text, got {source!r}")
    if not profile.event_at_formats:
        raise ConfigurationError(f"{where}: event_at_formats names no format")
    for pattern in profile.event_at_formats:
        try:
            time_pattern(pattern)
        except ValueError as error:
            raise ConfigurationError(f"{where}: event_at_formats: unknown {error}") from error
    if len(profile.delimiter) != 1:
        raise ConfigurationError(f"{where}: delimiter must be one character")
    share = profile.max_rejected_share
    if share is not None and not 0 <= share <= 1:
        raise ConfigurationError(f"{where}: max_rejected_share must be from 0 to 1, got {share}")
