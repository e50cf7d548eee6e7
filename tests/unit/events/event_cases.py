"""Mappings, good records and shorthands of the tests of events."""

import tomllib
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from custseg_spark.core.events.records import Records
from custseg_spark.core.events.text import csv_records
from custseg_spark.core.events.validation import ValidatedEvents, validate_events
from custseg_spark.core.mappings.mapping import Returns, SourceMapping

SOURCES = Path(__file__).parents[3] / "conf" / "sources"
LATEST = datetime(2026, 1, 2, tzinfo=UTC)
GOOD = {
    "event_time": "2019-10-01 00:00:00 UTC",
    "event_type": "view",
    "product_id": "1004856",
    "category_id": "2053013555631882655",
    "category_code": "electronics.smartphone",
    "brand": "samsung",
    "price": "130.76",
    "user_id": "541312140",
    "user_session": "s1",
}
COLUMNS = tuple(GOOD)
HEADER = ",".join(COLUMNS)


def mapping(name: str = "ecommerce_events", **changed: Any) -> SourceMapping:
    """A shipped mapping, some of its keys changed."""
    tree = tomllib.loads((SOURCES / f"{name}.toml").read_text())
    tree.pop("max_rejected_share", None)
    tree["returns"] = Returns(**tree.get("returns", {}))
    frozen = {k: tuple(v) if isinstance(v, list) else v for k, v in tree.items()}
    return SourceMapping(name=name, **{**frozen, **changed})


ECOMMERCE = mapping()


def line(**values: str) -> str:
    """A good line of a log, with the given values instead."""
    assert values.keys() <= GOOD.keys()
    return ",".join((GOOD | values).values())


def log_text(body: Iterable[str], header: str = HEADER) -> bytes:
    return "".join(f"{text}\n" for text in (header, *body)).encode()


def records_of(
    content: bytes, columns: Iterable[str] = COLUMNS, *, delimiter: str = ",", first_row: int = 1
) -> Records:
    """The records of a log whose first line is its header."""
    return csv_records(
        content, list(columns), delimiter=delimiter, first_row=first_row, header_row=1
    )


def validated(records: Records, by: SourceMapping = ECOMMERCE) -> ValidatedEvents:
    return validate_events(records, by, source_file="log.csv", file_id="f1", latest=LATEST)


def events_of(*lines: str, by: SourceMapping = ECOMMERCE, header: str = HEADER) -> ValidatedEvents:
    """What becomes of the lines of a log; the first is row 2."""
    return validated(records_of(log_text(lines, header), header.split(",")), by)


def reasons_of(found: ValidatedEvents) -> dict[int, list[tuple[str, str, str | None, str]]]:
    """By row, code, field, value and expectation of each reason."""
    rows = found.rejected.select("source_row", "reasons").iter_rows()
    return {row: [tuple(reason.values()) for reason in reasons] for row, reasons in rows}


def codes_of(found: ValidatedEvents) -> dict[int, list[str]]:
    return {row: [code for code, *_ in reasons] for row, reasons in reasons_of(found).items()}
