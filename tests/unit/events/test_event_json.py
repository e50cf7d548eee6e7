"""JSON lines as records."""

import numpy as np
import pytest
from event_cases import codes_of, mapping, validated

from custseg_spark.core.events.json_lines import json_records
from custseg_spark.core.events.records import Records

OWN = mapping("purchase_history")


def records(*lines: str | bytes, end: bytes = b"\n") -> Records:
    raw = [text.encode() if isinstance(text, str) else text for text in lines]
    return json_records(b"".join(text + end for text in raw), OWN, first_row=1)


def test_numbers_stay_the_text_that_they_are() -> None:
    found = records(
        '{"mobile": 7000000001, "date": "2024-03-01", "amount": 12345678901234567.89}',
        '\ufeff{"amount": 1e400, "mobile": true, "store": null, "date": NaN}',
        end=b"\r\n",
    )
    assert found.values.columns == ["mobile", "date", "amount", "store"]
    assert found.values.rows() == [
        ("7000000001", "2024-03-01", "12345678901234567.89", None),
        ("true", "NaN", "1e400", None),
    ]


def test_keys_that_are_not_mapped_are_extras() -> None:
    found = records('{"mobile": 1, "till": " 4 ", "bag": {"b": [1], "a": 2}, "no": " ", "x": null}')
    assert found.extras is not None
    assert found.extras.to_list() == ['bag={"a": "2", "b": ["1"]}\x1ftill=4']


@pytest.mark.parametrize(
    ("line", "defect"),
    [
        ('{"mobile": "7000000001", "amount": 12.50', "invalid_json"),
        ("[1, 2]", "invalid_json"),
        ("<html>Bad Gateway</html>", "invalid_json"),
        ('{"mobile": "1", "mobile": "2"}', "invalid_json"),
        ('{"mobile": "1", "x": {"a": 1, "a": 2}}', "invalid_json"),
        ('{"mobile": "1", "date": ["2024-03-01"]}', "invalid_json"),
        ('{"mobile": "1", "purchases": []}', "invalid_json"),
        ("[" * 100_000, "invalid_json"),
        ('{"mobile": "7", "store": "a\\u0000b"}', "nul_byte"),
        ('{"mobile": "7", "store": "\\ud800"}', "invalid_utf8"),
        (b'{"mobile": "7", "store": "\xff"}', "invalid_utf8"),
        ('{"quarantined": "not JSON"}', "malformed_answer"),
    ],
    ids=range(12),
)
def test_a_line_that_is_no_record_is_malformed(line: str | bytes, defect: str) -> None:
    found = records('{"mobile": 1}', line)
    raw = line if isinstance(line, str) else line.decode(errors="replace")
    assert found.malformed.rows() == [(2, raw, defect)]
    assert found.physical == 2


def test_blank_lines_count_and_texts_stay() -> None:
    content = b'\n {"mobile": "x"} \n\r\n{"mobile": "y"}'
    found = json_records(content, OWN, first_row=11)
    assert (found.rows.tolist(), found.blank, found.physical) == ([12, 14], 2, 4)
    assert found.raw_text(np.array([1])) == ['{"mobile": "y"}']


def test_no_lines_are_no_records() -> None:
    assert records().physical == 0
    assert len(validated(records(), OWN).events) == 0


def test_records_are_events_or_refused() -> None:
    found = validated(
        records(
            '{"mobile": "7", "date": "2024-03-01", "amount": 5}',
            '{"mobile": "7", "date": "yesterday", "amount": NaN}',
            "{",
            '{"mobile": "7", "amount": -4, "date": "2024-03-01T00:00:00+01:00"}',
        ),
        OWN,
    )
    assert found.events["source_row"].to_list() == [1]
    assert codes_of(found) == {
        2: ["unparseable_time", "not_finite"],
        3: ["invalid_json"],
        4: ["negative"],
    }
