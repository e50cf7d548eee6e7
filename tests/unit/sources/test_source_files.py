"""Source files as bytes, against what plain Python makes of the same bytes."""

import gzip
import random
from pathlib import Path

import pytest
from checkout import HEADER

from custseg_spark.core.events.spaced_text import Layout
from custseg_spark.engine.sources.discovery.files import list_files
from custseg_spark.engine.sources.formats import texts
from custseg_spark.engine.sources.formats.texts import (
    Cut,
    TextFacts,
    inspect_multiline,
    inspect_text,
)
from custseg_spark.errors import InputError


def _file(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def _as_one_by_one(content: bytes, facts: TextFacts, piece_bytes: int) -> None:
    """The cuts are a file's bytes, each as short as whole lines let it be, its row counted."""
    at, line_ends = 0, [n for n, byte in enumerate(content, 1) if byte == ord("\n")]
    for cut in facts.cuts:
        assert cut.start == at
        assert cut.first_row == 1 + sum(1 for end in line_ends if end <= at)
        long_enough = [end for end in line_ends if end - at >= piece_bytes]
        assert cut.end in (*long_enough, len(content))
        at = cut.end
    assert at == len(content)


@pytest.mark.parametrize("seed", range(5))
def test_lines_and_cuts_are_counted_as_one_by_one(tmp_path: Path, seed: int) -> None:
    random_ = random.Random(seed)
    pieces = ["\n", "\r\n", "a", "\r", "some text", "x" * 90]
    body = "".join(random_.choice(pieces) for _ in range(400))
    content = ("a,b\n" + body).encode()
    path = _file(tmp_path / "log.csv", content)
    lines = content.removesuffix(b"\n").split(b"\n")

    for piece_bytes in (1, 7, 64, 1_000, 1 << 20):
        facts = inspect_text(list_files(str(path))[0], Layout(), piece_bytes)
        assert facts.header == ("a", "b")
        assert facts.physical_records == len(lines)
        assert facts.blank == sum(1 for text in lines if not text.strip(b"\r"))
        _as_one_by_one(content, facts, piece_bytes)


def test_a_piece_ends_with_the_last_line_of_a_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(texts, "BLOCK_BYTES", 1_000)
    path = _file(tmp_path / "log.csv", (b"x" * 99 + b"\n") * 40)
    facts = inspect_text(list_files(str(path))[0], Layout(), 1_500)
    assert facts.cuts == (Cut(0, 2_000, 1), Cut(2_000, 4_000, 21))


def test_a_giant_line_is_one_record(tmp_path: Path) -> None:
    content = b"a\n" + b"y" * 5_000_000 + b"\n\n" + b"z"
    facts = inspect_text(list_files(str(_file(tmp_path / "x.csv", content)))[0], Layout(), 1 << 20)
    assert (facts.physical_records, facts.blank) == (4, 1)
    # What comes before it is too short for a piece.
    assert facts.cuts == (Cut(0, 5_000_004, 1), Cut(5_000_004, 5_000_005, 4))


def test_a_file_of_one_endless_line_has_no_header(tmp_path: Path) -> None:
    path = _file(tmp_path / "x.json", b'{"a": "' + b"y" * 3_000_000)
    facts = inspect_text(list_files(str(path))[0], Layout(), 1 << 20)
    assert facts.header == ()
    assert facts.header_problem == "the header can't be read: it is longer than 1,048,576 bytes"
    assert facts.physical_records == 1


@pytest.mark.parametrize(
    ("content", "header", "row", "problem"),
    [
        (b"a,b\n", ("a", "b"), 1, None),
        (b"a,b", ("a", "b"), 1, None),
        (b"\xef\xbb\xbfa,b\r\n", ("a", "b"), 1, None),
        (b"\n\r\n\na , b\n", ("a", "b"), 4, None),
        (b'"a","b ""c"",d"\n', ("a", 'b "c",d'), 1, None),
        (b"a,\n", ("a", ""), 1, None),
        (b"\n\n", (), 0, None),
        (b"a,b,a\n", ("a", "b", "a"), 1, "the header names column 'a' twice"),
        (b"a,\xfc\n", ("a", "�"), 1, "the header is not UTF-8"),
        (
            b"a,b\r1,2\r",
            ("a", "b"),
            1,
            "lines end in carriage returns only; convert them to line feeds",
        ),
    ],
)
def test_the_header_is_the_first_line_that_is_not_blank(
    tmp_path: Path, content: bytes, header: tuple[str, ...], row: int, problem: str | None
) -> None:
    path = _file(tmp_path / "log.csv", content)
    facts = inspect_text(list_files(str(path))[0], Layout(), 1 << 20)
    assert (facts.header, facts.header_row, facts.header_problem) == (header, row, problem)


@pytest.mark.parametrize("lost", [1, 8, 9, 50])
def test_a_truncated_gzip_is_an_error(tmp_path: Path, lost: int) -> None:
    text = "\n".join(str(random.Random(n).random()) for n in range(200))
    path = _file(tmp_path / "log.csv.gz", gzip.compress(text.encode())[:-lost])
    with pytest.raises(InputError, match=r"log\.csv\.gz: broken gzip file"):
        inspect_text(list_files(str(path))[0], Layout(), 64)


def test_garbage_behind_a_gzip_is_an_error(tmp_path: Path) -> None:
    path = _file(tmp_path / "log.csv.gz", gzip.compress(b"a,b\n") + b"garbage")
    with pytest.raises(InputError, match="broken gzip file"):
        inspect_text(list_files(str(path))[0], Layout(), 64)


@pytest.mark.parametrize(
    ("content", "records", "blank"),
    [
        (b"a,b\n1,2\n", 2, 0),
        (b"a,b\n1,2", 2, 0),
        (b'a,b\n"1\n\n",2\n\n\r\n3,4', 5, 2),
        (b'a,b\r\n"1\r\n""x""\r\n",2\r\n', 2, 0),
        (b'a,b\n"\n' + b"x\n" * 700_000 + b'",2\n3,4\n', 3, 0),
    ],
)
def test_a_multiline_record_ends_outside_quotes(
    tmp_path: Path, content: bytes, records: int, blank: int
) -> None:
    path = _file(tmp_path / "log.csv", content)
    facts = inspect_multiline(list_files(str(path))[0], Layout(), 1 << 20)
    assert (facts.physical_records, facts.blank) == (records, blank)


def test_an_unclosed_quote_is_found_where_it_opens(tmp_path: Path) -> None:
    content = b'a,b\n"1\n2",2\n' + b"3,4\n" * 400_000 + b'5,"6\n' + b"7,8\n" * 400_000
    path = _file(tmp_path / "log.csv", content)
    with pytest.raises(InputError, match="line 400004: a quote is opened and never closed"):
        inspect_multiline(list_files(str(path))[0], Layout(), 1 << 20)


def test_a_multiline_file_is_cut_between_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(texts, "BLOCK_BYTES", 16)
    record = b'"1\n\n",2\n'
    path = _file(tmp_path / "log.csv", b"a,b\n" + record * 10)
    facts = inspect_multiline(list_files(str(path))[0], Layout(), 20)
    content = path.read_bytes()
    assert b"".join(content[cut.start : cut.end] for cut in facts.cuts) == content
    assert len(facts.cuts) == 3
    for cut in facts.cuts[1:]:
        records, rest = divmod(cut.start - len(b"a,b\n"), len(record))
        assert (rest, cut.first_row) == (0, records + 2)


def test_a_compressed_file_is_not_cut(tmp_path: Path) -> None:
    path = _file(tmp_path / "log.csv.gz", gzip.compress(b"a,b\n1,2\n"))
    facts = inspect_text(list_files(str(path))[0], Layout(), 1)
    assert (facts.physical_records, facts.cuts) == (2, ())


def test_a_folder_is_listed_with_its_subfolders_and_reasons(tmp_path: Path) -> None:
    log = HEADER.encode()
    for name in ("b.csv", "a/c.csv", "_x.csv", ".y.csv", ".git/z.csv", "d.db-journal"):
        _file(tmp_path / name, log)
    _file(tmp_path / "e.csv", b"")
    _file(tmp_path / "f.db", b"SQLite format 3\x00" + bytes(100))
    _file(tmp_path / "g", gzip.compress(log))
    (tmp_path / "link.csv").symlink_to(tmp_path / "b.csv")

    found = {str(f.path.relative_to(tmp_path)): f for f in list_files(str(tmp_path))}

    kinds = {name: f.kind for name, f in found.items() if f.skipped_because is None}
    assert kinds == {
        "a/c.csv": "text",
        "b.csv": "text",
        "f.db": "sqlite",
        "g": "gzip",
        "link.csv": "text",
    }
    hidden = "hidden (its name, or its folder's, begins with . or _)"
    assert {name: f.skipped_because for name, f in found.items() if f.skipped_because} == {
        ".git/z.csv": hidden,
        ".y.csv": hidden,
        "_x.csv": hidden,
        "d.db-journal": "SQLite's side file; read with its database",
        "e.csv": "empty file",
    }
    assert found["link.csv"].sha256 == found["b.csv"].sha256


def test_a_glob_and_an_outright_name(tmp_path: Path) -> None:
    for name in ("2019-10-01.csv", "2019-10-02.csv", "2019-11-01.csv", "a[1].csv", "_x.csv"):
        _file(tmp_path / name, HEADER.encode())
    assert [f.path.name for f in list_files(f"{tmp_path}/2019-10-*.csv")] == [
        "2019-10-01.csv",
        "2019-10-02.csv",
    ]
    assert [f.path.name for f in list_files(f"{tmp_path}/a[1].csv")] == ["a[1].csv"]
    assert list_files(f"{tmp_path}/_x.csv")[0].skipped_because is None


def test_where_nothing_can_be_read_the_error_says_why(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"no readable file at {tmp_path}/none.*: no file matches"):
        list_files(f"{tmp_path}/none*.csv")
    with pytest.raises(InputError, match=f"at {tmp_path}/none: there is no such file or folder"):
        list_files(f"{tmp_path}/none")
    with pytest.raises(InputError, match=f"at {tmp_path}: the folder is empty"):
        list_files(str(tmp_path))
    _file(tmp_path / "empty.csv", b"")
    with pytest.raises(InputError, match=r"no readable file at .*\n  .*empty\.csv: empty file"):
        list_files(str(tmp_path))
    with pytest.raises(InputError, match=r"empty\.csv: empty file"):
        list_files(f"{tmp_path}/empty.csv")


def test_a_path_through_a_parent_folder_is_shortened(tmp_path: Path) -> None:
    _file(tmp_path / "log.csv", b"a,b\n1,2\n")
    (tmp_path / "beside").mkdir()
    [file] = list_files(str(tmp_path / "beside" / ".." / "log.csv"))
    assert file.path == (tmp_path / "log.csv").resolve()


def test_a_header_with_text_after_a_quote_is_told(tmp_path: Path) -> None:
    path = _file(tmp_path / "x.csv", b'"a"b,c\n1,2\n')
    facts = inspect_text(list_files(str(path))[0], Layout(), 1 << 20)
    assert facts.header_problem == "in the header text follows a closing quote"
