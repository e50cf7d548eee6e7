"""Mapping files: how a source's columns become the canonical ones, and where the source is."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from custseg_spark.config import toml_files
from custseg_spark.config.jdbc import Jdbc, check_url
from custseg_spark.config.places import require_open
from custseg_spark.config.reading import check_reading
from custseg_spark.config.typed import typed
from custseg_spark.core.events.schema import EVENT_TYPES
from custseg_spark.core.mappings.mapping import FILLS, SourceMapping
from custseg_spark.core.mappings.time_patterns import time_expression
from custseg_spark.errors import ConfigurationError, nearest
from custseg_spark.paths import is_database, is_remote

CLEANINGS = ("standard", "strict")
DUPLICATES = ("drop", "keep")
_REQUIRED = {"events": ("event_at", "customer_id"), "customers": ("customer_id",)}


@dataclass(frozen=True)
class MappingFile(SourceMapping):
    """A mapping with what its file says of the place that it reads.

    `jdbc` says how a database's table is read. `max_rejected_share` is the share of its records
    that may be refused; None: the usual one.
    """

    max_rejected_share: float | None = None
    jdbc: Jdbc = field(default_factory=Jdbc)
    path: tuple[str, ...] = field(default=(), compare=False)

    def hash(self) -> str:
        """A hash of the mapping itself: the same file under another mapping is other input."""
        mapping = {k: v for k, v in asdict(self).items() if k not in _NO_MAPPING_KEYS}
        return hashlib.sha256(json.dumps(mapping, sort_keys=True).encode()).hexdigest()

    def for_kernels(self) -> SourceMapping:
        """What a record becomes, without the place that it is read from."""
        names = [f.name for f in fields(SourceMapping)]
        return SourceMapping(**{name: getattr(self, name) for name in names})

    def limit(self, usual: float) -> float:
        """Return the share of its records that may be refused: its own, or the usual one."""
        return usual if self.max_rejected_share is None else self.max_rejected_share


# What doesn't change what a record becomes.
_NO_MAPPING_KEYS = {"description", "path", "max_rejected_share", "jdbc"}


def load_mapping(name: str, overrides: Mapping[str, Any], folders: Sequence[Path]) -> MappingFile:
    """The mapping `name` from the first of `folders` that has it, with overrides laid over it.

    Raises ConfigurationError for an unknown mapping, key, canonical column or event type.
    """
    _check_name(name)
    for folder in folders:
        path = folder / f"{name}.toml"
        if path.is_file():
            break
    else:
        available = {p.stem for folder in folders for p in folder.glob("*.toml")}
        raise ConfigurationError(f"unknown mapping '{name}'{nearest(name, available)}")
    return mapping_of(_laid_over(toml_files.read(path), overrides), name)


def _check_name(name: str) -> None:
    """A mapping's name is that of a file in the folders of mappings, never a way out of these."""
    if not name.isprintable() or name.startswith(".") or set(name) & set("/\\"):
        raise ConfigurationError(
            f"a mapping's name is the name of its file without .toml, not a path: {name!r}"
        )


def mapping_of(tree: Mapping[str, Any], name: str) -> MappingFile:
    """Return the checked mapping of a mapping file's content. Raises as `load_mapping`."""
    where = f"source {name}"
    mapping = typed(MappingFile, {**tree, "name": name}, where)
    _check(mapping, where)
    return mapping


def _laid_over(tree: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return the mapping's keys with the overrides; of a table such as `columns` single keys."""
    merged = {**tree, **overrides}
    for key, value in overrides.items():
        base = tree.get(key)
        if isinstance(base, Mapping) and isinstance(value, Mapping):
            merged[key] = {**base, **value}
    return merged


def _check(mapping: MappingFile, where: str) -> None:
    words = (("fills", FILLS), ("cleaning", CLEANINGS), ("duplicates", DUPLICATES))
    for key, allowed in words:
        value = getattr(mapping, key)
        if value not in allowed:
            raise ConfigurationError(f"{where}: {key}: unknown '{value}'{nearest(value, allowed)}")
    mapping.jdbc.check(where)
    for path in mapping.path:
        if is_database(path):
            check_url(path, where)
        elif is_remote(path):
            require_open(path, where)
    _check_columns(mapping, where)
    if mapping.fills == "events":
        _check_event_types(mapping, where)
        _check_formats(mapping, where)
    check_reading(mapping, where)
    share = mapping.max_rejected_share
    if share is not None and not 0 <= share <= 1:
        raise ConfigurationError(f"{where}: max_rejected_share must be from 0 to 1, got {share}")
    if not 0 <= mapping.amount_tolerance < float("inf"):
        raise ConfigurationError(
            f"{where}: amount_tolerance must be 0 or more, got {mapping.amount_tolerance}"
        )


def _check_columns(mapping: MappingFile, where: str) -> None:
    """Columns are canonical ones, and what the other keys speak of is mapped."""
    numbers = (*mapping.integer_columns, *mapping.whole_numbers)
    for column in (*mapping.columns, *numbers, *mapping.optional_columns):
        if column not in mapping.canonical:
            raise ConfigurationError(
                f"{where}: unknown canonical column '{column}'{nearest(column, mapping.canonical)}"
            )
    of_returns = {
        "order_id": bool(mapping.returns.order_id_prefix),
        "quantity": mapping.returns.negative_quantity,
        "net_amount": mapping.returns.negative_net_amount,
    }
    needed = [
        *_REQUIRED[mapping.fills],
        *numbers,
        *(column for column, is_used in of_returns.items() if is_used),
    ]
    # It only confirms what the price says.
    needed += ["unit_price"] if "net_amount" in mapping.columns else []
    for column in needed:
        if column not in mapping.columns:
            raise ConfigurationError(f"{where}: [columns] has no '{column}'")
    for key, source in mapping.columns.items():
        if not isinstance(source, str):
            raise ConfigurationError(f"{where}: [columns] {key}: expected text, got {source!r}")


def _check_event_types(mapping: MappingFile, where: str) -> None:
    """A record's type comes from a column, or is the same for all; not both."""
    given = {f"event type '{value}' maps to": kind for value, kind in mapping.event_types.items()}
    if mapping.event_type:
        given["event_type is"] = mapping.event_type
    for origin, canonical in given.items():
        if canonical not in EVENT_TYPES:
            raise ConfigurationError(
                f"{where}: {origin} unknown '{canonical}'{nearest(str(canonical), EVENT_TYPES)}"
            )
    by_column = "event_type" in mapping.columns
    if by_column and mapping.event_type:
        raise ConfigurationError(
            f'{where}: event_type = "{mapping.event_type}" and [columns] event_type exclude each'
            " other"
        )
    if by_column and not mapping.event_types:
        raise ConfigurationError(f"{where}: [event_types] names no value")
    if not by_column and not mapping.event_type:
        raise ConfigurationError(
            f"{where}: [columns] has no 'event_type'; where every record is of one type, say"
            ' event_type = "purchase"'
        )


def _check_formats(mapping: MappingFile, where: str) -> None:
    if not mapping.event_at_formats:
        raise ConfigurationError(f"{where}: event_at_formats names no format")
    for pattern in mapping.event_at_formats:
        try:
            time_expression(pattern)
        except ValueError as error:
            raise ConfigurationError(f"{where}: event_at_formats: unknown {error}") from error
