"""Seeded mutations of real records, run through validation: the ledger must always add up.

`python tests/unit/events/event_mutations.py 100000` runs that many, without a JVM.
"""

import random
import sys
from collections.abc import Sequence

import numpy as np
import polars as pl
from event_cases import COLUMNS, HEADER, line, validated

from custseg_spark.core.events.records import Records
from custseg_spark.core.events.text import csv_records
from custseg_spark.core.events.validation import ValidatedEvents

RECORDS_A_LOG = 20
NASTY_VALUES = [
    *("", " ", "now", "-1", "1e400", "NaN", "1e3", "12.989999771", "99999999999999.99995", "٣"),
    *("2019-02-30 00:00:00 UTC", "9999-12-31 23:59:59 UTC", "1970-01-01 00:00:00 GMT", "-", "+5"),
    *('"', '""', '"x', 'x"', '"a"b', "\x1f", "\x1f ", "\ufeff", "\u2028", "0" * 400, "1" * 41),
    *("view", "VIEW", "remove_from_cart", "1.0", "007", "null", "\\N", "2019-10-01 00:00:60 UTC"),
]
NASTY_BYTES = [b",", b'"', b"\n", b"\r", b"\r\n", b"\0", b"\xff", b"\xc3", b"\xef\xbb\xbf", b" "]


def real_records(chance: random.Random) -> list[str]:
    prices = ["130.76", "0", "7.5", "33.20", "1099.99"]
    return [
        line(
            event_time=f"2019-10-{chance.randrange(1, 31):02} 10:00:{chance.randrange(60):02} UTC",
            event_type=chance.choice(["view", "cart", "purchase"]),
            price=chance.choice(prices),
            brand=chance.choice(["", "samsung", "Größe €"]),
            user_session=chance.choice(["s1", "s2", ""]),
        )
        for _ in range(RECORDS_A_LOG)
    ]


def mutated(record: str, chance: random.Random) -> bytes:
    """A record with one thing changed: a value, some bytes, its end, the whole."""
    raw = record.encode()
    at = chance.randrange(len(raw))
    match chance.randrange(6):
        case 0 | 1:
            values = record.split(",")
            values[chance.randrange(len(values))] = chance.choice(NASTY_VALUES)
            return ",".join(values).encode()
        case 2:
            return raw[:at] + chance.choice(NASTY_BYTES) + raw[at:]
        case 3:
            return raw[:at] + bytes([chance.randrange(256)]) + raw[at + 1 :]
        case 4:
            return raw[:at] + raw[chance.randrange(at, len(raw)) :]
        case _:
            return chance.choice([b"", b"\r", HEADER.encode(), raw + b"\n" + raw, raw[:at]])


def log_of_mutations(chance: random.Random) -> bytes:
    records = [mutated(record, chance) for record in real_records(chance)]
    end = chance.choice([b"\n", b"\n", b"\r\n"])
    whole = end.join([HEADER.encode(), *records])
    return whole + end if chance.random() < 0.8 else whole


def _part(content: bytes, first_row: int) -> tuple[Records, ValidatedEvents]:
    records = csv_records(content, COLUMNS, delimiter=",", first_row=first_row, header_row=1)
    return records, validated(records)


def check(content: bytes, chance: random.Random) -> None:
    """The ledger of a log adds up, and a log in two parts is the same log."""
    lines = content.split(b"\n")
    physical = len(lines) - (not lines[-1])
    whole = _part(content, 1)
    _check_ledger([whole], physical)
    cut = chance.randrange(1, len(lines))
    head, tail = (b"\n".join(part) for part in (lines[:cut], lines[cut:]))
    parts = [_part(head + b"\n", 1), _part(tail, cut + 1)]
    _check_ledger(parts, physical)
    for name in ("events", "rejected"):
        of_parts = pl.concat([getattr(found, name) for _, found in parts])
        assert of_parts.equals(getattr(whole[1], name)), name


def _check_ledger(parts: Sequence[tuple[Records, ValidatedEvents]], physical: int) -> None:
    counted = 0
    for records, found in parts:
        counted += len(found.events) + len(found.rejected) + records.header + records.blank
        assert found.rejected["reasons"].list.len().fill_null(0).min() != 0
        assert len(found.events) == len(found.id_high) == len(found.id_low) == len(found.rounded)
        assert (np.diff(found.events["source_row"].to_numpy()) > 0).all()
    assert counted == physical


def run(mutations: int, seed: int = 7) -> None:
    """Checks so many mutations of real records; names the log's seed where one fails."""
    for number in range(-(-mutations // RECORDS_A_LOG)):
        chance = random.Random(f"{seed} {number}")
        content = log_of_mutations(chance)
        try:
            check(content, chance)
        except Exception as error:
            raise AssertionError(f"log {number} of seed {seed}: {content!r}") from error


if __name__ == "__main__":
    run(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
