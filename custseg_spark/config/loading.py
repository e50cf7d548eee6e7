"""Loads a configuration: a TOML file, and `section.key=value` overrides laid over it.

An unknown section or key, or a value of the wrong type, is an error that names the
file or option, what was expected and the nearest valid key.
"""

import dataclasses
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from custseg_spark.config import toml_files
from custseg_spark.config.model import MOVED
from custseg_spark.config.places import require_open
from custseg_spark.config.settings import Config
from custseg_spark.config.typed import typed
from custseg_spark.errors import ConfigurationError
from custseg_spark.paths import is_remote
from custseg_spark.redaction import STARS, is_secret_name, redacted


def load(path: Path, overrides: Sequence[str] = ()) -> Config:
    """Return the configuration of a TOML file, with `section.key=value` overrides laid over it.

    Raises ConfigurationError for a missing or malformed file, and as `build` does.
    """
    tree = toml_files.read(path)
    for override in overrides:
        _lay_over(tree, override)
    # Whoever mistyped an option shouldn't look for it in the file.
    return build(tree, where=" ".join([str(path), *map(_shown, overrides)]))


def _shown(override: str) -> str:
    """Return an option without secrets: of a key that is called one no value at all, as it may hold
    spaces."""
    key, separator, _ = override.partition("=")
    is_secret = separator and is_secret_name(key.strip())
    return f"--set {key}={STARS}" if is_secret else f"--set {redacted(override)}"


def changed(config: Config, settings: Mapping[str, Any], where: str = "settings") -> Config:
    """The configuration with values by dotted key (`model.k`) laid over it. Raises as `build`."""
    tree = dataclasses.asdict(config)
    for key, value in settings.items():
        *sections, leaf = key.split(".")
        branch: Any = tree
        for section in sections:
            branch = branch.setdefault(section, {}) if isinstance(branch, dict) else None
        if not sections or not isinstance(branch, dict):
            raise ConfigurationError(f"{where}: '{key}': expected section.key")
        branch[leaf] = value
    return build(tree, where)


def build(tree: Mapping[str, Any], where: str) -> Config:
    """Return a checked Config of nested mappings; `where` says in errors where they came from."""
    sections = dict(tree)
    sources = sections.pop("sources", {})
    if not isinstance(sources, Mapping):
        raise ConfigurationError(f"{where}: 'sources' must be a table of mappings")
    for name, source in sources.items():
        if not isinstance(source, Mapping):
            raise ConfigurationError(
                f"{where}: sources: expected a table of settings for '{name}', got {source!r}"
            )
        _check_secrets(source, f"{where}: sources: {name}")
    _refuse_moved(sections, where)
    config = typed(Config, sections, where)
    return dataclasses.replace(config, sources=sources)


def _check_secrets(source: Mapping[str, Any], where: str) -> None:
    """The ledger keeps a path with each file, so a password in it would be kept, too."""
    paths = source.get("path", ())
    for path in [paths] if isinstance(paths, str) else paths:
        if isinstance(path, str) and is_remote(path):
            require_open(path, where)


def _refuse_moved(sections: Mapping[str, Any], where: str) -> None:
    """ConfigurationError for a key of 0.1 that is in a group now."""
    model = sections.get("model")
    for key in model if isinstance(model, Mapping) else ():
        new = MOVED.get(f"model.{key}")
        if new:
            raise ConfigurationError(f"{where}: model.{key} is {new} now")


def _lay_over(tree: dict[str, Any], override: str) -> None:
    key, separator, text = override.partition("=")
    *sections, leaf = key.strip().split(".")
    if not separator or not sections or not leaf:
        raise ConfigurationError(f"{_shown(override)}: expected section.key=value")
    for section in sections:
        branch = tree.setdefault(section, {})
        if not isinstance(branch, dict):
            raise ConfigurationError(f"{_shown(override)}: '{section}' is not a section")
        tree = branch
    try:
        tree[leaf] = _toml_value(text.strip())
    except RecursionError as error:
        raise ConfigurationError(f"--set {key}: its value is nested too deeply") from error


def _toml_value(text: str) -> Any:
    """Return a TOML value where the text is one (`8`, `true`, `["a"]`), else the text itself."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except ValueError:
        return text
