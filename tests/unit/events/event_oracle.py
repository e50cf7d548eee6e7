"""Validation of a log once more, row by row in plain Python, from what its rules say."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import NamedTuple

from event_cases import LATEST

from custseg_spark.core.mappings.mapping import SourceMapping

NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
ANY_DIGITS = Context(prec=2000)
CURRENCY = re.compile(r"([+-]?)[$€£¥](?=[+-]?[0-9])|(?<=[0-9])[$€£¥]$")
SCIENTIFIC = re.compile(r"[+-]?[0-9]([.,][0-9]+)?[eE]\+?[0-9]{2,3}", re.A)
WORDS_FOR_NOTHING = {"nan", "null", "none", "undefined", "\\n", "n/a", "#n/a", "<na>"}
REQUIRED_AMOUNT = "a number from 0, at most 14 digits before the point"


class Judged(NamedTuple):
    """What a record is: an event's values with its identity, or the codes and fields of reasons."""

    row: int
    values: tuple[object, ...] | None
    identity: tuple[object, ...] | None
    reasons: list[tuple[str, str]]


def split(line: str) -> list[str] | str:
    """The fields of a line, by hand; the code of a defect where its quotes are wrong."""
    fields, at = [], 0
    while True:
        if line[at : at + 1] == '"':
            field, at = "", at + 1
            while True:
                end = line.find('"', at)
                if end < 0:
                    return "wrong_field_count"
                field, at = field + line[at:end], end + 1
                if line[at : at + 1] != '"':
                    break
                field, at = field + '"', at + 1
            if line[at : at + 1] not in ("", ","):
                return "text_after_quote"
        else:
            end = line.find(",", at)
            end = len(line) if end < 0 else end
            field, at = line[at:end], end
            if '"' in line and "\r" in field:
                return "wrong_field_count"
        fields.append(field)
        if at >= len(line):
            return fields
        at += 1


def judged(content: bytes, mapping: SourceMapping) -> Iterator[Judged]:
    """Each record of a log that isn't blank, after its header, which is the first line."""
    lines = content.split(b"\n")
    header = lines[0].decode().rstrip("\r").split(",")
    for row, line in enumerate(lines[1:], start=2):
        line = line.rstrip(b"\r")
        if line:
            yield _judged(row, line, header, mapping)


def _judged(row: int, line: bytes, header: list[str], mapping: SourceMapping) -> Judged:
    try:
        text = line.decode()
    except UnicodeDecodeError:
        return Judged(row, None, None, [("invalid_utf8", "record")])
    if "\0" in text:
        return Judged(row, None, None, [("nul_byte", "record")])
    fields = split(text)
    if isinstance(fields, str):
        return Judged(row, None, None, [(fields, "record")])
    if len(fields) != len(header):
        return Judged(row, None, None, [("wrong_field_count", "record")])
    if [fields[0].strip(" ").lstrip("\ufeff"), *(f.strip(" ") for f in fields[1:])] == header:
        return Judged(row, None, None, [("repeated_header", "record")])
    record = {name: value.strip(" ") or None for name, value in zip(header, fields, strict=True)}
    for name in _KEPT:
        if (record[name] or "").lower() in WORDS_FOR_NOTHING:
            record[name] = None
    for name in _IDS:
        record[name] = re.sub(r"^([0-9]+)\.0+$", r"\1", record[name] or "", flags=re.A) or None
    return _by_rules(row, record, mapping)


def _time(text: str | None) -> datetime | None:
    if text is None or not re.fullmatch(r"[0-9-]{10} [0-9:]{8} (UTC|GMT)", text):
        return None
    try:
        return datetime.strptime(text[:19], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def _amount(text: str | None) -> tuple[Decimal | None, Decimal | None, str | None]:
    """The amount rounded and exact, and what is wrong with its text."""
    if text is None:
        return None, None, "not_a_number"
    if re.fullmatch("[+-]?(nan|inf|infinity)", text, re.IGNORECASE | re.ASCII):
        return None, None, "not_finite"
    text = CURRENCY.sub(r"\1", text, count=1)
    if not NUMBER.fullmatch(text):
        return None, None, "not_a_number"
    exact = Decimal(text)
    if abs(exact) >= Decimal("1e15"):
        return None, exact, "out_of_range"
    rounded = exact.quantize(Decimal("0.0001"), ROUND_HALF_EVEN, ANY_DIGITS)
    if abs(rounded) >= Decimal("1e14"):
        return None, exact, "out_of_range"
    return rounded, exact, None


def _by_rules(row: int, record: dict[str, str | None], mapping: SourceMapping) -> Judged:
    reasons: list[tuple[str, str]] = []
    at = _time(record["event_time"])
    if at is None:
        reasons.append(("unparseable_time", "event_time"))
    elif not datetime(1990, 1, 1, tzinfo=UTC) <= at <= LATEST:
        reasons.append(("time_out_of_range", "event_time"))
    if record["user_id"] is None:
        reasons.append(("missing_customer", "user_id"))
    kind = mapping.event_types.get((record["event_type"] or "").lower())
    if kind is None:
        reasons.append(("unknown_event_type", "event_type"))
    if not re.fullmatch("[+-]?[0-9]+", record["product_id"] or ""):
        reasons.append(("not_an_integer", "product_id"))
    reasons += [("lost_digits", n) for n in _IDS if SCIENTIFIC.fullmatch(record[n] or "")]
    price, exact, problem = _amount(record["price"])
    if exact is not None and exact < 0:
        problem = "negative"
    if problem:
        reasons.append((problem, "price"))
    if reasons:
        return Judged(row, None, None, reasons)
    others = {k: v for k, v in record.items() if k not in ("event_time", "event_type", "price")}
    values = (at, kind, price, *(others.get(c) for c in _KEPT))
    identity = (at, kind, exact, *((k, v) for k, v in sorted(others.items()) if v is not None))
    return Judged(row, values, identity, [])


_IDS = ("user_id", "product_id", "category_id", "user_session")
_KEPT = ("user_id", "product_id", "category_id", "category_code", "brand", "user_session")
