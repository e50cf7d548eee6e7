"""Compressed files that unpack to far more than a log does, and records without end."""

import gzip
import lzma
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from custseg_spark.config.mappings import mapping_of
from custseg_spark.core.events.spaced_text import Layout
from custseg_spark.engine.sources.discovery.files import list_files
from custseg_spark.engine.sources.formats import limits, texts
from custseg_spark.engine.sources.formats.texts import chunks, inspect_multiline, inspect_text
from custseg_spark.engine.sources.http.mobiles import mobiles
from custseg_spark.errors import InputError

CUSTOMERS = mapping_of({"fills": "customers", "columns": {"customer_id": "mobile"}}, "customers")
Compress = Callable[[bytes], bytes]
KINDS = [gzip.compress, lzma.compress]


def packed(folder: Path, compress: Compress, content: bytes) -> Path:
    path = folder / "log.csv.x"
    path.write_bytes(compress(content))
    return path


@pytest.mark.parametrize("compress", KINDS, ids=["gzip", "xz"])
def test_what_unpacks_to_far_more_is_refused_whoever_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compress: Compress
) -> None:
    path = packed(tmp_path, compress, b"mobile,b\n" + b"1,2\n" * 1_500_000)
    [file] = list_files(str(path))
    assert inspect_text(file, Layout(), 1 << 20).physical_records == 1_500_001
    monkeypatch.setattr(limits, "HARMLESS_BYTES", 1 << 20)
    for reading in (
        lambda: inspect_text(file, Layout(), 1 << 20),
        lambda: inspect_multiline(file, Layout(), 1 << 20),
        lambda: list(chunks(file, 1 << 20, multiline=False)),
        lambda: list(mobiles(file, CUSTOMERS)),
    ):
        with pytest.raises(InputError, match=r"log\.csv\.x unpacks to more than 200 times its"):
            reading()


@pytest.mark.parametrize("compress", KINDS, ids=["gzip", "xz"])
def test_more_than_a_file_may_hold_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compress: Compress
) -> None:
    [file] = list_files(str(packed(tmp_path, compress, os.urandom(500_000))))
    monkeypatch.setattr(limits, "MOST_BYTES", 400_000)
    with pytest.raises(InputError, match="more than 400,000 bytes; cut it into several files"):
        inspect_text(file, Layout(), 1 << 20)


def test_a_record_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = b"mobile,b\n" + b"1" * 9_000_000
    [file] = list_files(str(packed(tmp_path, gzip.compress, content)))
    assert [c for c, _ in chunks(file, 1 << 20, multiline=False)] == [content[:9], content[9:]]
    monkeypatch.setattr(texts, "LONGEST_RECORD", 1 << 20)
    with pytest.raises(InputError, match="a record of more than 1,048,576 bytes"):
        list(chunks(file, 1 << 20, multiline=False))


def test_whose_purchases_to_ask_for_is_read_of_every_kind(tmp_path: Path) -> None:
    content = '\ufeffmobile,name\r\n"7",Ann\r\n+8.0,"Jon\nJr."\r\nx,Bob\r\n'.encode()
    for compress in (bytes, *KINDS):
        [file] = list_files(str(packed(tmp_path, compress, content)))
        assert list(mobiles(file, CUSTOMERS)) == ["7", "+8"]


def test_a_name_that_is_no_text_is_passed_over_with_its_bytes_escaped(tmp_path: Path) -> None:
    (tmp_path / "good.csv").write_text("a\n1\n")
    for name in (b"caf\xe9.csv", b".hid\xff.csv"):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_text("a\n1\n")
    hidden, bad, good = list_files(str(tmp_path))
    assert good.skipped_because is None
    assert bad.name == f"{tmp_path}/caf\\udce9.csv"
    assert bad.skipped_because == "its name isn't UTF-8; rename it"
    assert hidden.name == f"{tmp_path}/.hid\\udcff.csv"
    with pytest.raises(InputError, match=r"caf\\udce9\.csv: its name isn't UTF-8"):
        list_files(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.csv"))
