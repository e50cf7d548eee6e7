"""Delimited text taken apart into records: ordinary ones, odd ones, and how they are numbered."""

import random
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from event_cases import COLUMNS, HEADER, line, log_text, records_of

from custseg_spark.core.events.lines import record_ends
from custseg_spark.core.events.odd_lines import fields_or_defect, lines_swallowed
from custseg_spark.core.events.records import Records
from custseg_spark.core.events.text import csv_records, line_records, multiline_csv_records

Row = tuple[int, tuple[str | None, ...]]
# Of the random texts, the lane of every change takes some.
SEEDS = [*range(3), *(pytest.param(seed, marks=pytest.mark.heavy) for seed in range(3, 10))]


def rows(records: Records) -> list[Row]:
    values = [tuple(v or None for v in row) for row in records.values.iter_rows()]
    return list(zip(records.rows.tolist(), values, strict=True))


def malformed(records: Records) -> list[tuple[int, str, str]]:
    return records.malformed.rows()


def small(content: bytes, *, header_row: int = 1, delimiter: str = ",") -> Records:
    return csv_records(content, ["a", "b"], delimiter=delimiter, first_row=1, header_row=header_row)


def test_each_line_is_a_record_but_for_the_header() -> None:
    records = small(b"a,b\n1,2\n,x y\n")
    assert rows(records) == [(2, ("1", "2")), (3, (None, "x y"))]
    assert (records.header, records.blank, records.physical) == (1, 0, 3)


@pytest.mark.parametrize(
    "content", [b"a,b\n1,2\n3,4", b"a,b\r\n1,2\r\n3,4\r\n", b"a,b\n1,2\n3,4\r"]
)
def test_line_ends_are_no_part_of_a_value(content: bytes) -> None:
    assert rows(small(content)) == [(2, ("1", "2")), (3, ("3", "4"))]


def test_blank_lines_are_counted_and_numbered() -> None:
    records = small(b"\n\r\na,b\n\n1,2\n\r\n\n", header_row=3)
    assert rows(records) == [(5, ("1", "2"))]
    assert (records.header, records.blank, records.physical) == (1, 5, 7)


def test_a_stretch_within_a_file_has_no_header() -> None:
    records = csv_records(b"1,2\n", ["a", "b"], delimiter=",", first_row=70, header_row=1)
    assert (rows(records), records.header) == ([(70, ("1", "2"))], 0)


@pytest.mark.parametrize("content", [b"", b"a,b", b"\n\n"])
def test_a_stretch_may_hold_no_record(content: bytes) -> None:
    records = small(content)
    assert rows(records) == malformed(records) == []


ODD = [
    (b'"x","y"', ("x", "y")),
    (b'"x, ""y""",', ('x, "y"', None)),
    (b'12" pipe,"z"', ('12" pipe', "z")),
    (b'"",1', (None, "1")),
    (b"x\ry,1", ("x\ry", "1")),
    ("Köln,ß".encode(), ("Köln", "ß")),
    (b'"a"b,c', "text_after_quote"),
    (b'"a" ,c', "text_after_quote"),
    (b'c,"a""b"c', "text_after_quote"),
    (b'"a,b"c', "text_after_quote"),
    (b'a"b"c,d', ('a"b"c', "d")),
    (b'"open,c', "wrong_field_count"),
    (b'x,"open', "wrong_field_count"),
    (b"x", "wrong_field_count"),
    (b" ", "wrong_field_count"),
    (b"x,y,z", "wrong_field_count"),
    (b"a\0,b", "nul_byte"),
    (b"\xfc,b", "invalid_utf8"),
    (b"a,b", "repeated_header"),
    (b" a , b", "repeated_header"),
    (b'"a","b"', "repeated_header"),
    (b"\xef\xbb\xbfa,b", "repeated_header"),
]


@pytest.mark.parametrize("number", range(len(ODD)))
@pytest.mark.parametrize("neighbours", [b"", b"1,2\n"], ids=["alone", "among others"])
def test_an_odd_line_is_read_exactly_or_refused(number: int, neighbours: bytes) -> None:
    odd, expected = ODD[number]
    records = small(b"a,b\n" + neighbours + odd + b"\n" + neighbours)
    row = 3 if neighbours else 2
    found = dict(rows(records))
    text = odd.decode(errors="replace")
    if isinstance(expected, str):
        assert malformed(records) == [(row, text, expected)]
    else:
        assert found[row] == expected
        at = np.flatnonzero(records.rows == row)
        assert records.raw_text(at) == [text]
    assert records.physical == row + bool(neighbours)


def test_a_long_value_is_a_value() -> None:
    long = "x" * 300_000
    assert rows(small(f'a,b\n"{long}",1\n'.encode())) == [(2, (long, "1"))]


@pytest.mark.parametrize("delimiter", [";", "\t", "|", "¦"])
def test_values_may_be_separated_by_other_characters(delimiter: str) -> None:
    text = f"a{delimiter}b\n1,5{delimiter}2\n3{delimiter}4{delimiter}5\n"
    records = small(text.encode(), delimiter=delimiter)
    assert rows(records) == [(2, ("1,5", "2"))]
    assert [code for *_, code in malformed(records)] == ["wrong_field_count"]


def test_a_file_may_have_one_column() -> None:
    content = b'a\n1\n\n"2"\nx,y\n'
    records = csv_records(content, ["a"], delimiter=",", first_row=1, header_row=1)
    assert rows(records) == [(2, ("1",)), (4, ("2",))]
    assert (records.blank, malformed(records)) == (1, [(5, "x,y", "wrong_field_count")])


def test_quoted_values_of_a_multiline_file_hold_line_breaks() -> None:
    content = b'a,b\r\n"two\r\nlines",1\r\n\r\n"say ""so""\n",2\nx\xff,"\n"\nlast,4'
    records = multiline_csv_records(content, ["a", "b"], delimiter=",", first_row=1, header_row=1)
    assert rows(records) == [
        (2, ("two\nlines", "1")),
        (4, ('say "so"\n', "2")),
        (6, ("last", "4")),
    ]
    assert malformed(records) == [(5, 'x\ufffd,"\n"', "invalid_utf8")]
    assert (records.blank, records.physical) == (1, 6)
    assert records.raw_text(np.array([0])) == ['"two\nlines",1']


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b'x,1\n5" pipe,2\ny,3\n6" pipe,4\nz,5\n', 3),
        (b'x,1\n5" \xff,2\n6" pipe,4\n', 2),
        # What is wrong with a record of several lines isn't its quotes.
        (b'"two\nlines",1,2\n', 1),
        (b'"two\n\xff",1\n', 1),
    ],
)
def test_lines_between_stray_quotes_are_not_lost_as_one_record(content: bytes, found: int) -> None:
    records = multiline_csv_records(content, ["a", "b"], delimiter=",", first_row=2, header_row=1)
    assert len(records.malformed) == found


def test_lines_of_another_reader_are_read_as_those_of_a_file() -> None:
    body = [HEADER, line(), "", line(brand='"x"') + "\r", "broken", line(brand="ü")]
    found = line_records(pa.array(body), np.arange(1, 7), COLUMNS, delimiter=",", header_row=1)
    whole = records_of(log_text(body[1:]))
    assert (rows(found), malformed(found)) == (rows(whole), malformed(whole))
    assert (found.header, found.blank, found.physical) == (1, 1, 6)


def test_lines_of_another_reader_may_be_no_text() -> None:
    lines = pa.array([b"1,\xfc", b"3,4"]).view(pa.string())
    found = line_records(lines, np.array([8, 9]), ["a", "b"], delimiter=",")
    assert (rows(found), malformed(found)) == (
        [(9, ("3", "4"))],
        [(8, "1,\ufffd", "invalid_utf8")],
    )


ALPHABET = ["a", "b", ",", ",", '"', '"', "\n", "\n", "\r", "\r\n", "\0", "ü", "\ufeff", " "]
BYTES = [c.encode() for c in ALPHABET] + [b"\xff", b"a,b\n", b"1,2\n", b'"x","y"\n']


def random_text(chance: random.Random) -> bytes:
    return b"".join(chance.choices(BYTES, k=chance.randrange(60)))


def _whole(parts: Sequence[Records]) -> tuple[list[Row], list[tuple[int, str, str]], int, int]:
    return (
        [row for part in parts for row in rows(part)],
        [row for part in parts for row in malformed(part)],
        sum(part.blank for part in parts),
        sum(part.physical for part in parts),
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_a_line_is_read_alone_as_among_others(seed: int) -> None:
    """Alone, each line takes its own way; together, one odd line must not change the others."""
    chance = random.Random(seed)
    for _ in range(60):
        content = random_text(chance)
        lines = content.split(b"\n")
        pieces = [piece + b"\n" for piece in lines[:-1]] + ([lines[-1]] if lines[-1] else [])
        alone = [
            csv_records(piece, ["a", "b"], delimiter=",", first_row=row, header_row=1)
            for row, piece in enumerate(pieces, start=1)
        ]
        together = small(content)
        assert _whole([together]) == _whole(alone), (seed, content)
        assert together.physical == len(pieces)


LETTERS = ["a", "B", " ", "ü", "|", ";", "'", "\\", "#", "\t", "1", "\x1f", "\u2028", "", ",", '"']


def random_value(chance: random.Random) -> str:
    """A value as a writer sets it that quotes every text, or as one that doesn't care."""
    text = "".join(chance.choices(LETTERS, k=3))
    match chance.randrange(4):
        case 0:
            return '"' + text.replace('"', '""') + '"'
        case 1:
            return '"' + text.replace('"', "") + '"'
        case 2:
            return text
        case _:
            return text.replace('"', "").replace(",", "")


def one_by_one(lines: Sequence[bytes]) -> tuple[list[Row], list[tuple[int, str, str]]]:
    """The records and the malformed ones among lines, by the reader of single records alone."""
    good, bad = [], []
    for row, line_bytes in enumerate(lines, start=1):
        kept = line_bytes.rstrip(b"\r")
        found = fields_or_defect(kept, ["a", "b"], ",") if kept else None
        if isinstance(found, str):
            text = kept.decode(errors="replace")
            bad += [(row, text, found)] * lines_swallowed(kept, ",")
        elif found:
            good.append((row, tuple(value or None for value in found)))
    return good, bad


@pytest.mark.parametrize("seed", SEEDS)
def test_all_ways_of_reading_agree_with_the_reader_of_single_records(seed: int) -> None:
    chance = random.Random(2000 + seed)
    for _ in range(60):
        pairs = [(random_value(chance), random_value(chance)) for _ in range(9)]
        lines = [",".join(pair).encode() for pair in pairs]
        for content in (b"\n".join(lines) + b"\n", random_text(chance)):
            records = small(content, header_row=0)
            found = (rows(records), malformed(records))
            assert found == one_by_one(content.split(b"\n")), (seed, content)


@pytest.mark.parametrize("seed", SEEDS[:5])
def test_a_multiline_record_is_read_alone_as_among_others(seed: int) -> None:
    chance = random.Random(3000 + seed)
    for _ in range(60):
        pairs = [(random_value(chance), random_value(chance)) for _ in range(6)]
        pairs += [('"two\nlines"', "x"), ("y", '"\n"')]
        chance.shuffle(pairs)
        content = "".join(",".join(pair) + "\n" for pair in pairs).encode()
        ends = record_ends(content, multiline=True).tolist()
        pieces = [content[a:b] for a, b in zip([0, *(e + 1 for e in ends)], ends, strict=False)]
        records = multiline_csv_records(
            content, ["a", "b"], delimiter=",", first_row=1, header_row=0
        )
        found = (rows(records), malformed(records))
        assert found == one_by_one(pieces), (seed, content)
        # A malformed record stands there once for each line that it would swallow.
        bad_rows = [row for row, *_ in malformed(records)]
        assert records.physical == len(pieces) + len(bad_rows) - len(set(bad_rows))


@pytest.mark.parametrize("seed", SEEDS)
def test_records_are_numbered_in_order_and_keep_their_text(seed: int) -> None:
    chance = random.Random(1000 + seed)
    for _ in range(60):
        content = random_text(chance).replace(b"\r\n", b"\n")
        records = small(content)
        texts = records.raw_text(np.arange(len(records.rows)))
        lines = [text.rstrip(b"\r").decode(errors="replace") for text in content.split(b"\n")]
        assert texts == [lines[row - 1] for row in records.rows.tolist()], (seed, content)
        assert (np.diff(records.rows) > 0).all()
