"""The corpus: logs of many shops and tools, written after their public documentation.

Each folder of `tests/corpus` has a log and `right.toml`: the right mapping, what the records come
to under it, and the lines that nobody can tell from the log alone. A guess has every other line
right, and none wrong.
"""

import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from custseg_spark.config.mappings import MappingFile, mapping_of
from custseg_spark.core.mappings import guessing, proposing, shapes
from custseg_spark.engine.sources import heads
from custseg_spark.engine.sources.discovery import files
from custseg_spark.errors import ConfigurationError
from custseg_spark.pipeline.preview import judge

CORPUS = Path(__file__).parent.parent.parent / "corpus"
LAYOUTS = sorted(folder.name for folder in CORPUS.iterdir())
NOW = datetime(2026, 1, 1, tzinfo=UTC)
TABLES = ("columns", "event_types", "returns")


def right_of(layout: str) -> Mapping[str, Any]:
    return tomllib.loads((CORPUS / layout / "right.toml").read_text(encoding="utf-8"))


def log_of(layout: str) -> Path:
    [log] = [path for path in (CORPUS / layout).iterdir() if path.name != "right.toml"]
    return log


def head_of(log: Path, mapping: MappingFile | None, folder: Path) -> heads.Head:
    [file] = files.list_files(str(log), hashes=False)
    return heads.head(file, mapping, folder)


def proposal(log: Path, folder: Path) -> str:
    """The text of the mapping file that preview proposes for a log."""
    head = head_of(log, None, folder)
    found = shapes.shapes(head.columns, head.rows)
    return proposing.mapping_file(head, found, guessing.guess(found))


def lines(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """A mapping's lines: keys, and the keys of its tables as table.key; lists without order."""
    flat = {key: value for key, value in mapping.items() if key not in TABLES}
    for table in TABLES:
        flat |= {f"{table}.{key}": value for key, value in mapping.get(table, {}).items()}
    return {k: sorted(v) if isinstance(v, list) else v for k, v in flat.items()}


def is_left_open(line: str, right: Mapping[str, Any]) -> bool:
    """Whether a line is one that the log alone can't tell."""
    kind = line.partition(".")[0]
    open_lines = right.get("not_sure", [])
    of_types = kind in ("event_types", "ignored_event_types") and "event_types" in open_lines
    return of_types or line.removeprefix("columns.") in open_lines


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_guess_has_no_wrong_line_and_leaves_open_only_what_it_says(
    layout: str, tmp_path: Path
) -> None:
    right = right_of(layout)
    text = proposal(log_of(layout), tmp_path)
    guessed, expected = lines(tomllib.loads(text)), lines(right["mapping"])
    optional = set(guessed.pop("optional_columns", []))
    assert optional <= {c.removeprefix("columns.") for c in expected}
    wrong = {
        k: (v, expected.get(k))
        for k, v in guessed.items()
        if v != expected.get(k) and not (k == "ignored_event_types" and is_left_open(k, right))
    }
    assert wrong == {}, text
    expected.pop("optional_columns", None)
    missing = {k for k in expected.keys() - guessed.keys() if not is_left_open(k, right)}
    assert missing == set(), text
    if right.get("not_sure"):
        assert "#? " in text, text


@pytest.mark.parametrize("layout", [name for name in LAYOUTS if "totals" in right_of(name)])
def test_the_right_mapping_has_the_right_totals(layout: str, tmp_path: Path) -> None:
    right = right_of(layout)
    mapping = mapping_of(right["mapping"], layout)
    judged = judge(head_of(log_of(layout), mapping, tmp_path), mapping, now=NOW)
    events, refused = pl.concat(judged.accepted), pl.concat(judged.refused)
    spent = pl.col("unit_price") * pl.col("quantity") - pl.col("discount")
    bought = events.filter(event_type="purchase")
    assert {
        "accepted": len(events),
        "refused": len(refused),
        "ignored": judged.ignored,
        "duplicates": judged.duplicates,
        "customers": events["customer_id"].n_unique(),
        "purchases": len(bought),
        "revenue": float(bought.select(spent.sum()).item() or 0),
    } == pytest.approx(
        {"refused": 0, "ignored": 0, "duplicates": 0, **right["totals"]}
        | {"revenue": float(right["totals"]["revenue"])}
    )


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_proposal_without_open_lines_is_a_whole_mapping(layout: str, tmp_path: Path) -> None:
    text = proposal(log_of(layout), tmp_path)
    try:
        mapping_of(tomllib.loads(text), layout)
    except ConfigurationError:
        assert right_of(layout).get("not_sure"), text
