"""The page of what is promised names commands, files and tests that are there."""

import re

from checkout import ROOT

from custseg_spark.interfaces.cli.main import COMMANDS

PAGE = (ROOT / "docs" / "reference" / "coverage.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if line.startswith("| ") and not line.startswith("| promised")
]


def test_every_row_has_a_command_or_file_and_a_test_that_exist() -> None:
    assert len(ROWS) > 40
    for promised, shown, tested in ROWS:
        found = re.findall(r"`([^`]+)`", shown)
        assert found, promised
        for each in found:
            first, *rest = each.split()
            if first == "custseg":
                assert rest[0] in COMMANDS, each
            elif first == "make":
                assert re.search(rf"^{rest[0]}:", MAKEFILE, re.M), each
            elif first == "python":
                assert (ROOT / rest[0]).is_file(), each
            elif first != "import":
                assert (ROOT / first).exists(), each
        for path in tested.split(", "):
            assert (ROOT / path).is_file(), path


def test_every_command_is_promised() -> None:
    assert set(COMMANDS) == {name for name in COMMANDS if re.search(rf"`custseg {name}\b", PAGE)}
