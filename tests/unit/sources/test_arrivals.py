"""Files that a stream has seen: by name, each with its hash, or with why it can't be read."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from custseg_spark.engine.sources.arrivals import of_files

AT = datetime(2024, 5, 9, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Row:
    """A row of Spark's listing."""

    path: str
    modificationTime: datetime = AT  # noqa: N815


@pytest.mark.parametrize("name", ["b.csv", "with blank.csv", "10%25.csv", "ü#1?.csv"])
def test_a_file_is_found_whatever_it_is_called(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("a,b\n1,2\n")
    [found] = of_files([Row(f"file:{tmp_path / name}")])
    assert found.file is not None
    assert (found.name, found.file.kind, found.at) == (str(tmp_path / name), "text", AT)
    assert len(found.file.sha256) == 64


def test_files_come_by_name_and_remote_ones_as_their_uri(tmp_path: Path) -> None:
    for name in ("b.csv", "a.csv"):
        (tmp_path / name).write_text("a\n")
    rows = [Row(f"file:{tmp_path}/b.csv"), Row("s3a://shop/z.csv"), Row(f"file://{tmp_path}/a.csv")]
    found = of_files(rows)
    assert [each.name for each in found] == [
        f"{tmp_path}/a.csv",
        f"{tmp_path}/b.csv",
        "s3a://shop/z.csv",
    ]
    assert [each.path for each in found] == [None, None, "s3a://shop/z.csv"]


def test_what_cannot_be_read_says_why(tmp_path: Path) -> None:
    (tmp_path / "b.bin").write_bytes(b"\x7fELF\x00\x01")
    gone, binary = of_files([Row(f"file:{tmp_path}/b.bin"), Row(f"file:{tmp_path}/a.csv")])
    assert binary.file is not None
    assert "binary content" in (binary.file.skipped_because or "")
    assert gone.file is not None
    assert "No such file" in (gone.file.skipped_because or "")
