"""The file `.env`: variables for this project's commands, in the usual KEY=VALUE lines.

Only names that the project or its databases' own tools read are taken, and what the environment
already has goes before. Nothing is expanded or executed.
"""

import re
from collections.abc import Mapping, MutableMapping
from pathlib import Path

from custseg_spark.errors import ConfigurationError

NAME = ".env"
# Ours, Snowflake's, PostgreSQL's (libpq), and those of MLflow and OpenLineage.
PREFIXES = ("CUSTSEG_", "SNOWFLAKE_", "PG", "MLFLOW_", "OPENLINEAGE_")
_LINE = re.compile(r"^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*$")
_QUOTED = re.compile(r"""^(?:"((?:[^"\\]|\\.)*)"|'([^']*)')\s*(?:#.*)?$""")
_ESCAPES = {"n": "\n", "t": "\t", '"': '"', "\\": "\\", "$": "$"}


def load(folder: Path, environment: MutableMapping[str, str]) -> list[str]:
    """Add a folder's `.env` to the environment; the names that were added. None without a file.

    Raises ConfigurationError for a line that is none, quoting no value.
    """
    path = folder / NAME
    if not path.is_file():
        return []
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} can't be read: {type(error).__name__}") from error
    added = []
    for name, value in parsed(text, str(path)).items():
        if name.startswith(PREFIXES) and name not in environment:
            environment[name] = value
            added.append(name)
    return added


def parsed(text: str, where: str) -> Mapping[str, str]:
    """Return the variables of a file's text; the last of a name counts."""
    variables = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.match(line)
        if match is None:
            raise ConfigurationError(f"{where}, line {number}: expected NAME=VALUE")
        variables[match[1]] = _value(match[2], f"{where}, line {number} ({match[1]})")
    return variables


def _value(text: str, where: str) -> str:
    """Return a value: quoted, in single quotes as it stands, or bare up to ` #`."""
    if text[:1] not in ('"', "'"):
        return re.split(r"(?:^|\s)#", text, maxsplit=1)[0].rstrip()
    match = _QUOTED.match(text)
    if match is None:
        raise ConfigurationError(f"{where}: a quote isn't closed")
    if match[2] is not None:
        return match[2]
    return re.sub(r"\\(.)", lambda escape: _ESCAPES.get(escape[1], escape[0]), match[1])
