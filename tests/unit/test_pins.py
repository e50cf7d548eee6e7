"""The packages that a fresh set-up installs are all that the project's files import."""

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("custseg_spark", "jobs", "scripts", "tests")


def pinned() -> set[str]:
    """The normalised names of requirements-dev.txt."""
    lines = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8").splitlines()
    return {re.sub(r"[-_.]+", "-", line.split("==")[0]).lower() for line in lines if "==" in line}


def imported(path: Path) -> Iterator[str]:
    """The top-level modules that a file imports anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.split(".")[0]


def test_every_installed_module_that_is_imported_has_a_pin() -> None:
    owners, pins = packages_distributions(), pinned()
    files = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    unpinned = {
        f"{path.relative_to(ROOT)}: {module}"
        for path in files
        for module in set(imported(path)) - sys.stdlib_module_names
        if module in owners
        and module != "custseg_spark"
        and not {re.sub(r"[-_.]+", "-", name).lower() for name in owners[module]} & pins
    }
    assert not unpinned
