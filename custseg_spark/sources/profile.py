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

# What a profile can fill; the rest of an event (ids, dates, provenance) is ours to set. The net
# amount isn't kept: it tells whether the other amounts are what they seem.
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
    "net_amount",
    "session_id",
    "order_id",
    "store",
)
# The same for a source of customer profiles.
CUSTOMER_COLUMNS = (
    "customer_id",
    "name",
    "age",
    "income",
    "gender",
    "education",
    "occupation",
    "zip_code",
)
FILLS = {"events": CANONICAL_COLUMNS, "customers": CUSTOMER_COLUMNS}
CLEANINGS = ("standard", "strict")
DUPLICATES = ("drop", "keep")
_REQUIRED = {"events": ("event_at", "customer_id"), "customers": ("customer_id",)}


@dataclass(frozen=True)
class Returns:
    """What makes a purchase a return: how its order id begins, a quantity or net amount below 0."""

    order_id_prefix: str = ""
    negative_quantity: bool = False
    negative_net_amount: bool = False


@dataclass(frozen=True)
class Profile:
    """How one kind of source is read. `columns` maps canonical names to the source's.

    `fills` is the table that its records go to. `event_type` is what every record is, where no
    column says it. `whole_numbers` are columns whose 17850.0 means 17850. `record_is_order`: a
    record without an order id is an order of its own. `nested` names the key of a JSON array's
    objects under which their records are. `amount_tolerance` is how far a net amount may be from
    what price, quantity and discount make of it.
    """

    name: str
    columns: Mapping[str, str]
    fills: str = "events"
    event_at_formats: tuple[str, ...] = ()
    event_types: Mapping[str, str] = field(default_factory=dict)
    event_type: str = ""
    returns: Returns = Returns()
    cleaning: str = "standard"
    duplicates: str = "drop"
    description: str = ""
    table: str = ""
    delimiter: str = ","
    multiline: bool = False
    nested: str = ""
    record_is_order: bool = False
    integer_columns: tuple[str, ...] = ()
    whole_numbers: tuple[str, ...] = ()
    optional_columns: tuple[str, ...] = ()
    amount_tolerance: float = 0.01
    max_rejected_share: float | None = None
    path: tuple[str, ...] = field(default=(), compare=False)

    def hash(self) -> str:
        """A hash of the mapping itself: the same file under another mapping is other input."""
        mapping = {k: v for k, v in asdict(self).items() if k not in _NO_MAPPING_KEYS}
        return hashlib.sha256(json.dumps(mapping, sort_keys=True).encode()).hexdigest()

    def limit(self, usual: float) -> float:
        """The share of its records that may be refused: its own, or the usual one."""
        return usual if self.max_rejected_share is None else self.max_rejected_share

    @property
    def canonical(self) -> tuple[str, ...]:
        """The canonical columns of the table that it fills."""
        return FILLS[self.fills]

    @property
    def required_source_columns(self) -> tuple[str, ...]:
        """The source columns that a file must have."""
        return tuple(s for c, s in self.columns.items() if c not in self.optional_columns)


# What doesn't change what a record becomes.
_NO_MAPPING_KEYS = {"description", "path", "max_rejected_share"}


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
    return profile_of(_laid_over(tree, overrides), name)


def profile_of(tree: Mapping[str, Any], name: str) -> Profile:
    """The checked profile of a mapping file's content. Raises as `load_profile`."""
    where = f"source {name}"
    profile = typed(Profile, {**tree, "name": name}, where)
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
    words = (("fills", FILLS), ("cleaning", CLEANINGS), ("duplicates", DUPLICATES))
    for key, known in words:
        value = getattr(profile, key)
        if value not in known:
            raise ConfigurationError(f"{where}: {key}: unknown '{value}'{nearest(value, known)}")
    _check_columns(profile, where)
    if profile.fills == "events":
        _check_event_types(profile, where)
        _check_formats(profile, where)
    if len(profile.delimiter) != 1:
        raise ConfigurationError(f"{where}: delimiter must be one character")
    share = profile.max_rejected_share
    if share is not None and not 0 <= share <= 1:
        raise ConfigurationError(f"{where}: max_rejected_share must be from 0 to 1, got {share}")
    if not 0 <= profile.amount_tolerance < float("inf"):
        raise ConfigurationError(
            f"{where}: amount_tolerance must be 0 or more, got {profile.amount_tolerance}"
        )


def _check_columns(profile: Profile, where: str) -> None:
    """Columns are canonical ones, and what the other keys speak of is mapped."""
    numbers = (*profile.integer_columns, *profile.whole_numbers)
    for column in (*profile.columns, *numbers, *profile.optional_columns):
        if column not in profile.canonical:
            raise ConfigurationError(
                f"{where}: unknown canonical column '{column}'{nearest(column, profile.canonical)}"
            )
    of_returns = {
        "order_id": bool(profile.returns.order_id_prefix),
        "quantity": profile.returns.negative_quantity,
        "net_amount": profile.returns.negative_net_amount,
    }
    needed = [
        *_REQUIRED[profile.fills],
        *numbers,
        *(column for column, asked in of_returns.items() if asked),
    ]
    # It only confirms what the price says.
    needed += ["unit_price"] if "net_amount" in profile.columns else []
    for column in needed:
        if column not in profile.columns:
            raise ConfigurationError(f"{where}: [columns] has no '{column}'")
    for key, source in profile.columns.items():
        if not isinstance(source, str):
            raise ConfigurationError(f"{where}: [columns] {key}: expected text, got {source!r}")


def _check_event_types(profile: Profile, where: str) -> None:
    """A record's type comes from a column, or is the same for all; not both."""
    given = {f"event type '{value}' maps to": kind for value, kind in profile.event_types.items()}
    if profile.event_type:
        given["event_type is"] = profile.event_type
    for said, canonical in given.items():
        if canonical not in EVENT_TYPES:
            raise ConfigurationError(
                f"{where}: {said} unknown '{canonical}'{nearest(str(canonical), EVENT_TYPES)}"
            )
    by_column = "event_type" in profile.columns
    if by_column and profile.event_type:
        raise ConfigurationError(
            f'{where}: event_type = "{profile.event_type}" and [columns] event_type exclude each'
            " other"
        )
    if by_column and not profile.event_types:
        raise ConfigurationError(f"{where}: [event_types] names no value")
    if not by_column and not profile.event_type:
        raise ConfigurationError(
            f"{where}: [columns] has no 'event_type'; where every record is of one type, say"
            ' event_type = "purchase"'
        )


def _check_formats(profile: Profile, where: str) -> None:
    if not profile.event_at_formats:
        raise ConfigurationError(f"{where}: event_at_formats names no format")
    for pattern in profile.event_at_formats:
        try:
            time_pattern(pattern)
        except ValueError as error:
            raise ConfigurationError(f"{where}: event_at_formats: unknown {error}") from error
