"""The file of archetypes: names of segments, what speaks for them, what to do about them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from custseg_spark.config import toml_files
from custseg_spark.config.typed import typed
from custseg_spark.core.segments.naming.archetypes import (
    SHARES,
    Archetype,
    Archetypes,
    Bar,
    Descriptive,
    Words,
)
from custseg_spark.errors import ConfigurationError, nearest

_TABLES = ("archetype", "words", "descriptive")


def find(name: str, folders: Sequence[Path]) -> Path:
    """The file `name` in the first of `folders` that has it; ConfigurationError where none has."""
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    names = {path.name for folder in folders for path in folder.glob("*.toml")}
    raise ConfigurationError(f"naming.archetypes: no file '{name}'{nearest(name, names)}")


def load_archetypes(path: Path, features: Collection[str]) -> Archetypes:
    """Return the archetypes of a TOML file; `features` are the names of all features.

    Raises ConfigurationError for an unknown key or feature, a value of the wrong type, a name
    used twice, a weight of zero.
    """
    tree = toml_files.read(path)
    for key in tree:
        if key not in _TABLES:
            raise ConfigurationError(f"{path}: unknown key '{key}'{nearest(key, _TABLES)}")
    archetypes = tuple(
        _archetype(entry, f"{path}: archetype {number}", features)
        for number, entry in enumerate(_list_of_tables(tree, path), start=1)
    )
    _check_names(archetypes, path)
    words = _words(tree.get("words", {}), f"{path}: words", features)
    where = f"{path}: descriptive"
    descriptive = typed(Descriptive, _table(tree.get("descriptive", {}), where), where)
    return Archetypes(archetypes, words, descriptive)


def _list_of_tables(tree: Mapping[str, Any], path: Path) -> list[Any]:
    entries = tree.get("archetype")
    if not isinstance(entries, list) or not entries:
        raise ConfigurationError(f"{path}: expected one [[archetype]] at least")
    return entries


def _archetype(entry: Any, where: str, features: Collection[str]) -> Archetype:
    table = _table(entry, where)
    if isinstance(table.get("name"), str):
        where += f" '{table['name']}'"
    archetype = typed(Archetype, table, where)
    if not archetype.name.strip() or not archetype.actions or not archetype.weights:
        raise ConfigurationError(f"{where}: expected a name, one action and one weight at least")
    bars = {n: _bar(v, n, where, features) for n, v in _table(table.get("bars", {}), where).items()}
    archetype = replace(archetype, bars=bars)
    for feature, weight in archetype.weights.items():
        _checked_feature(feature, features, where)
        # A bool is an int to Python.
        if isinstance(weight, bool) or not isinstance(weight, int | float):
            raise ConfigurationError(f"{where}: {feature}: expected a number, got {weight!r}")
        if weight == 0:
            raise ConfigurationError(f"{where}: {feature}: expected a weight, got {weight}")
    return archetype


def _bar(value: Any, name: str, where: str, features: Collection[str]) -> Bar:
    """Return a bar of the file. Raises ConfigurationError for an unknown figure or no limit."""
    _checked_feature(name, [*features, *SHARES], f"{where}: bars")
    limits = _table(value, f"{where}: bars: {name}")
    bar = typed(Bar, limits, f"{where}: bars: {name}")
    if bar.is_empty:
        raise ConfigurationError(
            f"{where}: bars: {name}: expected a limit: at_least, at_most, at_least_of_mean or"
            " at_most_of_mean"
        )
    return bar


def _words(table: Any, where: str, features: Collection[str]) -> dict[str, Words]:
    words = {}
    for feature, value in _table(table, where).items():
        _checked_feature(feature, features, where)
        words[feature] = typed(Words, _table(value, f"{where}: {feature}"), f"{where}: {feature}")
    return words


def _checked_feature(feature: str, features: Collection[str], where: str) -> str:
    if feature not in features:
        raise ConfigurationError(
            f"{where}: unknown feature '{feature}'{nearest(feature, features)}"
        )
    return feature


def _table(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"{where}: expected a table, got {value!r}")
    return value


def _check_names(archetypes: Sequence[Archetype], path: Path) -> None:
    seen: set[str] = set()
    for archetype in archetypes:
        folded = archetype.name.casefold()
        if folded in seen:
            raise ConfigurationError(f"{path}: two archetypes are named '{archetype.name}'")
        seen.add(folded)
