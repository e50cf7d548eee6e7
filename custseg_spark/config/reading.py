"""Check the keys of a mapping for amounts, times and text."""

from collections import Counter

from custseg_spark.core.events.times import is_known_zone
from custseg_spark.core.mappings.mapping import WHITESPACE, SourceMapping
from custseg_spark.errors import ConfigurationError, nearest

_WORDS = {
    "unit_price_is": ("unit", "line_total"),
    "discount_is": ("amount", "share"),
    "timezone_gaps": ("refuse", "forward"),
    "timezone_folds": ("refuse", "earlier", "later"),
}
_DECIMALS = (".", ",")
_THOUSANDS = ("", ".", ",", " ", "'", "_")


def check_reading(mapping: SourceMapping, where: str) -> None:
    """Raise ConfigurationError for an unknown or contradictory word or sign."""
    for key, allowed in _WORDS.items():
        value = getattr(mapping, key)
        if value not in allowed:
            raise ConfigurationError(f"{where}: {key}: unknown '{value}'{nearest(value, allowed)}")
    _check_numbers(mapping, where)
    _check_layout(mapping, where)
    if not is_known_zone(mapping.timezone):
        raise ConfigurationError(
            f"{where}: timezone: unknown '{mapping.timezone}'; expected a name such as"
            " Europe/Berlin"
        )
    folded = {value.lower() for value in mapping.event_types}
    both = [value for value in mapping.ignored_event_types if value.lower() in folded]
    if both:
        raise ConfigurationError(
            f"{where}: '{both[0]}' is among event_types and ignored_event_types"
        )
    if mapping.ignored_event_types and "event_type" not in mapping.columns:
        raise ConfigurationError(f"{where}: ignored_event_types, but [columns] has no 'event_type'")


def _check_numbers(mapping: SourceMapping, where: str) -> None:
    for key, allowed in (("decimal", _DECIMALS), ("thousands", _THOUSANDS)):
        value = getattr(mapping, key)
        if value not in allowed:
            signs = ", ".join(f'"{sign}"' for sign in allowed)
            raise ConfigurationError(f"{where}: {key} must be one of {signs}, got '{value}'")
    if mapping.decimal == mapping.thousands:
        raise ConfigurationError(f"{where}: decimal and thousands are both '{mapping.decimal}'")
    needs = {"unit_price_is": "unit_price", "discount_is": "discount"}
    for key, column in needs.items():
        if getattr(mapping, key) != _WORDS[key][0] and column not in mapping.columns:
            raise ConfigurationError(f"{where}: {key}, but [columns] has no '{column}'")


def _check_layout(mapping: SourceMapping, where: str) -> None:
    names = mapping.columns_without_header
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ConfigurationError(f"{where}: columns_without_header has '{twice[0]}' twice")
    if names:
        for source in mapping.required_source_columns:
            if source not in names:
                raise ConfigurationError(
                    f"{where}: columns_without_header has no '{source}'{nearest(source, names)}"
                )
    if mapping.header_row < 0 or (names and mapping.header_row):
        raise ConfigurationError(
            f"{where}: header_row must be 1 or more, and not go with columns_without_header"
        )
    if mapping.widths and (min(mapping.widths) < 1 or mapping.multiline):
        raise ConfigurationError(f"{where}: widths must be 1 or more, without multiline")
    if names and mapping.widths and len(names) != len(mapping.widths):
        raise ConfigurationError(
            f"{where}: {len(names)} columns_without_header, {len(mapping.widths)} widths"
        )
    if mapping.delimiter != WHITESPACE and len(mapping.delimiter) != 1:
        raise ConfigurationError(
            f'{where}: delimiter must be one character or "{WHITESPACE}", got'
            f" '{mapping.delimiter}'"
        )
    if mapping.delimiter == WHITESPACE and mapping.multiline:
        raise ConfigurationError(f'{where}: delimiter = "{WHITESPACE}" and multiline')
