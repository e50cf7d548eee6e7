"""Turn arguments of the Python API into configurations and mappings."""

import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from custseg_spark.config import loading, shipped
from custseg_spark.config.mappings import MappingFile, mapping_of
from custseg_spark.config.mappings import load_mapping as find_mapping
from custseg_spark.config.settings import Config
from custseg_spark.config.typed import parse_date
from custseg_spark.errors import ConfigurationError

AnyPath = str | os.PathLike[str]
AnyMapping = str | os.PathLike[str] | Mapping[str, Any] | MappingFile
AnyConfig = str | os.PathLike[str] | Config | None


def load_config(
    file: AnyConfig = None,
    settings: Mapping[str, Any] | None = None,
    *,
    lake: AnyPath | None = None,
    run_date: date | str | None = None,
) -> Config:
    """Load the configuration of a TOML file; settings by dotted key override it.

    `file` is a path, one that is shipped (`presets/rfm.toml`), or a `Config`; without any, the
    defaults of docs/configuration.md. Raises ConfigurationError for an unknown key or value.

    >>> import custseg_spark as cs
    >>> cs.load_config("presets/rfm.toml", {"model.k": 4}).model.k
    4
    >>> cs.load_config(settings={"model.kk": 4})
    Traceback (most recent call last):
    custseg_spark.errors.ConfigurationError: settings: model: unknown key 'kk'; did you mean 'k'?
    """
    if isinstance(file, Config):
        config = loading.changed(file, settings or {})
    elif file is None:
        config = loading.changed(Config(), settings or {})
    else:
        config = loading.changed(loading.load(shipped.find(os.fspath(file))), settings or {})
    if lake is not None:
        config = replace(config, lake=replace(config.lake, path=os.fspath(lake), catalog=None))
    if run_date is not None:
        day = parse_date(run_date, "run_date") if isinstance(run_date, str) else run_date
        config = replace(config, run=replace(config.run, run_date=day))
    return config


def load_mapping(mapping: AnyMapping, **overrides: Any) -> MappingFile:
    """Load a mapping by its name, its file or its content as a dict; keyword arguments override it.

    A name is that of a file in `conf/sources`, of the current folder or shipped.

    >>> import custseg_spark as cs
    >>> cs.load_mapping("ecommerce_events").columns["customer_id"]
    'user_id'
    >>> shop = {"columns": {"customer_id": "who", "event_at": "when"}, "event_type": "purchase",
    ...         "event_at_formats": ["yyyy-MM-dd"]}
    >>> cs.load_mapping(shop, name="shop").name
    'shop'
    """
    if isinstance(mapping, MappingFile):
        return replace(mapping, **overrides) if overrides else mapping
    if isinstance(mapping, Mapping):
        name = str(overrides.pop("name", mapping.get("name", "python")))
        content = {key: value for key, value in mapping.items() if key != "name"}
        return mapping_of({**content, **overrides}, name)
    text = os.fspath(mapping)
    if text.endswith(".toml"):
        path = Path(text)
        if not path.is_file():
            raise ConfigurationError(f"there is no mapping file {path}")
        return find_mapping(path.stem, overrides, [path.parent])
    folders = [Path("conf") / "sources", shipped.conf_dir() / "sources"]
    return find_mapping(text, overrides, folders)
