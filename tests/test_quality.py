"""Each rule of ingest: what passes, and what is refused with which reason, through the job."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from custseg_spark.engine.sources.times import parsed_time, time_expression
from ledger import IngestRun, Ledger, Reason, ingest_once, line, log_text, utc
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from custseg_spark.engine.lake.schemas import INGEST_FILES

TIME_FORMAT = "yyyy-MM-dd HH:mm:ss z"
TIME_RANGE = "from 1990-01-01 to a day after ingest"
TYPES = "view, cart, purchase"
MONEY = "a number from 0, at most 14 digits before the point"


def _in(days: float) -> str:
    return f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%d %H:%M:%S} UTC"


@dataclass(frozen=True)
class Refused:
    """A record with one value wrong, and the reason."""

    column: str
    text: str
    code: str
    expected: str

    @property
    def reason(self) -> Reason:
        value = self.text.strip(" ") or None
        return Reason(self.code, self.column, value, self.expected)


def _refused(column: str, code: str, expected: str, *texts: str) -> list[Refused]:
    return [Refused(column, text, code, expected) for text in texts]


REFUSED = [
    *_refused(
        "event_time",
        "unparseable_time",
        TIME_FORMAT,
        *("", "now", "epoch", "today", "12:30", "2019", "2019-10-01", "1569888000"),
        *("2019-13-01 00:00:00 UTC", "2019-02-30 00:00:00 UTC", "2019-02-29 00:00:00 UTC"),
        *("2019-10-01 24:00:00 UTC", "2019-10-01 00:00:60 UTC", "2019-10-01 00:60:00 UTC"),
        *("2019-10-01 00:00:00", "2019-10-01T00:00:00Z", "2019-10-01 00:00:00.5 UTC"),
        *("2019-10-01 00:00:00 PST", "2019-10-01 00:00:00 UTC+3", "2019-10-01 00:00:00 +03:00"),
        *("2019-10-1 00:00:00 UTC", "12019-10-01 00:00:00 UTC", "-2019-10-01 00:00:00 UTC"),
        *("2019-10-01 00:00:00 UTCx", "2019-10-01  00:00:00 UTC", "٢٠١٩-10-01 00:00:00 UTC"),
    ),
    *_refused(
        "event_time",
        "time_out_of_range",
        TIME_RANGE,
        *("1989-12-31 23:59:59 UTC", "0001-01-01 00:00:00 UTC", "9999-12-31 23:59:59 UTC"),
        *("1970-01-01 00:00:00 UTC", _in(2)),
    ),
    *_refused(
        "event_type", "unknown_event_type", TYPES, "", "  ", "viewed", "remove_from_cart", "null"
    ),
    *_refused("user_id", "missing_customer", "an id", "", "   "),
    *_refused(
        "product_id",
        "not_an_integer",
        "an integer",
        *("", "abc", "12a", "1.0", "1e3", "0x1F", "1 2", "NaN", "-", "12\u2028"),
    ),
    *_refused(
        "price", "not_a_number", MONEY, "", "free", "1.2.3", "€5", "1 000", "0x10", "1e", "."
    ),
    *_refused("price", "not_a_number", MONEY, "1d", "1f", "12.5L", "1_000", "--1", "١٢"),
    *_refused("price", "not_finite", MONEY, "NaN", "nan", "Infinity", "-Infinity", "inf", "+INF"),
    *_refused("price", "negative", MONEY, "-1", "-0.01", "-1e400", "-99999999999999999999"),
    *_refused(
        "price",
        "out_of_range",
        MONEY,
        *("1e400", "100000000000000", "1e14", "99999999999999.99995", "1" + "0" * 40),
    ),
]

# The text of a price, what it becomes, and whether that counts as rounded.
PRICES = [
    ("0", "0.0000", False),
    ("-0.00", "0.0000", False),
    ("+5", "5.0000", False),
    (" 7.5 ", "7.5000", False),
    ("007", "7.0000", False),
    (".5", "0.5000", False),
    ("5.", "5.0000", False),
    ("1e3", "1000.0000", False),
    ("1E-4", "0.0001", False),
    ("1.0e+05", "100000.0000", False),
    ("33.20000", "33.2000", False),
    ("99999999999999.9999", "99999999999999.9999", False),
    ("99999999999999.99994", "99999999999999.9999", True),
    ("12.989999771", "12.9900", True),
    ("12.9899997711182", "12.9900", True),
    ("0.00005", "0.0000", True),
    ("0.00015", "0.0002", True),
    ("0.00025", "0.0002", True),
    ("0.000250001", "0.0003", True),
    ("1e-9", "0.0000", True),
]

TYPES_ACCEPTED = [(" VIEW ", "view"), ("Cart", "cart"), ("PURCHASE", "purchase")]
TIMES_ACCEPTED = [
    ("1990-01-01 00:00:00 UTC", datetime(1990, 1, 1)),
    ("2019-10-27 02:30:00 GMT", datetime(2019, 10, 27, 2, 30)),
    ("2020-02-29 23:59:59 UTC", datetime(2020, 2, 29, 23, 59, 59)),
    ("  2019-10-01 12:00:00 UTC ", datetime(2019, 10, 1, 12)),
]
IDS_ACCEPTED = ["9223372036854775808", "2053013552259662003", "007", "-5", "+5"]

SEVERAL = line(event_time="now", event_type="x", user_id="", product_id="p", price="free")
WRONG_WIDTH = [line() + ",", line().rpartition(",")[0], "x", " ", ",,,,,,,,", "a" * 50]


@dataclass(frozen=True)
class Rules:
    """The run over every case, and the row at which each kind of case begins."""

    run: IngestRun
    refused: int
    prices: int
    types: int
    times: int
    ids: int
    rest: int


def _several(texts: Sequence[str], column: str) -> list[str]:
    return [line(**{column: text, "user_session": f"s-{column}"}) for text in texts]


@pytest.fixture(scope="module")
def rules(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Rules:
    groups = [
        [line(**{case.column: case.text}) for case in REFUSED],
        [
            line(price=text, product_id=str(n), user_session="p")
            for n, (text, _, _) in enumerate(PRICES)
        ],
        _several([text for text, _ in TYPES_ACCEPTED], "event_type"),
        _several([text for text, _ in TIMES_ACCEPTED], "event_time"),
        _several(IDS_ACCEPTED, "product_id"),
        [SEVERAL, *WRONG_WIDTH, line(category_id="", category_code="", brand="", user_session="")],
    ]
    starts = [2 + sum(map(len, groups[:n])) for n in range(len(groups))]
    log = tmp_path_factory.mktemp("rules") / "rules.csv"
    log.write_text(log_text(text for group in groups for text in group), encoding="utf-8")
    lake = tmp_path_factory.mktemp("lake")
    run = ingest_once(spark, lake, log, "--set", "ingest.max_rejected_share=1")
    return Rules(run, *starts)


# Numbered ids: a text may hold the clock, and two workers must collect the same tests.
@pytest.mark.parametrize(
    "number", range(len(REFUSED)), ids=lambda n: f"{REFUSED[n].column}-{REFUSED[n].code}-{n}"
)
def test_a_wrong_value_is_refused_with_its_reason(rules: Rules, number: int) -> None:
    assert rules.run.reasons["rules.csv", rules.refused + number] == [REFUSED[number].reason]


def test_prices_are_exact_or_rounded_half_even_and_counted(rules: Rules) -> None:
    rows = rules.run.rows_of("rules.csv")
    found = [rows[rules.prices + n].unit_price for n in range(len(PRICES))]
    assert found == [Decimal(price) for _, price, _ in PRICES]
    rounded = rules.run.read(INGEST_FILES).collect()[0].rounded
    assert rounded == 8 == sum(is_rounded for _, _, is_rounded in PRICES)


def test_event_types_are_trimmed_and_folded(rules: Rules) -> None:
    rows = rules.run.rows_of("rules.csv")
    found = [rows[rules.types + n].event_type for n in range(len(TYPES_ACCEPTED))]
    assert found == [kind for _, kind in TYPES_ACCEPTED]


def test_times_are_read_as_utc(rules: Rules) -> None:
    rows = rules.run.rows_of("rules.csv")
    found = [rows[rules.times + n] for n in range(len(TIMES_ACCEPTED))]
    assert [row.event_date for row in found] == [at.date() for _, at in TIMES_ACCEPTED]
    assert [utc(row.event_at) for row in found] == [str(at) for _, at in TIMES_ACCEPTED]


def test_ids_stay_as_they_are_written(rules: Rules) -> None:
    rows = rules.run.rows_of("rules.csv")
    assert [rows[rules.ids + n].product_id for n in range(len(IDS_ACCEPTED))] == IDS_ACCEPTED


def test_every_reason_of_a_record_is_listed(rules: Rules) -> None:
    assert rules.run.reasons["rules.csv", rules.rest] == [
        Reason("unparseable_time", "event_time", "now", TIME_FORMAT),
        Reason("missing_customer", "user_id", None, "an id"),
        Reason("unknown_event_type", "event_type", "x", TYPES),
        Reason("not_an_integer", "product_id", "p", "an integer"),
        Reason("not_a_number", "price", "free", MONEY),
    ]


def test_a_wrong_number_of_fields_is_the_only_reason(rules: Rules) -> None:
    first = rules.rest + 1
    for number, text in enumerate(WRONG_WIDTH):
        found = rules.run.reasons["rules.csv", first + number]
        if text == ",,,,,,,,":
            assert [reason.code for reason in found] == [
                "unparseable_time",
                "missing_customer",
                "unknown_event_type",
                "not_an_integer",
                "not_a_number",
            ]
        else:
            assert found == [Reason("wrong_field_count", "record", text, "9 fields")]


def test_optional_values_may_be_missing(rules: Rules) -> None:
    row = rules.run.rows_of("rules.csv")[rules.rest + 1 + len(WRONG_WIDTH)]
    assert (row.category_id, row.category_code, row.brand, row.session_id) == (None,) * 4


def test_the_ledger_counts_every_rule(rules: Rules) -> None:
    good = len(PRICES) + len(TYPES_ACCEPTED) + len(TIMES_ACCEPTED) + len(IDS_ACCEPTED) + 1
    bad = len(REFUSED) + 1 + len(WRONG_WIDTH)
    assert rules.run.ledger == {"rules.csv": Ledger(1 + good + bad, 1, 0, good, bad, 0)}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("yyyy-MM-dd HH:mm:ss z", r"^\d{4}\-\d{2}\-\d{2}\ \d{2}:\d{2}:\d{2}\ (UTC|GMT)\z"),
        ("d.M.yy H:mm", r"^\d{1,2}\.\d{1,2}\.\d{2}\ \d{1,2}:\d{2}\z"),
        (
            "yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
            r"^\d{4}\-\d{2}\-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}(Z|[+-]\d{2}:\d{2})\z",
        ),
    ],
)
def test_a_time_expression_becomes_a_strict_expression(pattern: str, expected: str) -> None:
    assert time_expression(pattern) == expected


@pytest.mark.parametrize("pattern", ["dd MMM yyyy", "yyyy-MM-dd hh:mm a", "yyyy-MM-dd 'at' HH:mm"])
def test_a_letter_that_is_not_strict_is_no_pattern(pattern: str) -> None:
    with pytest.raises(ValueError, match="known: "):
        time_expression(pattern)


def test_counts_since_1970_are_times_of_their_unit_alone(spark: SparkSession) -> None:
    texts = ["1569888000", "1569888000123", "-1569888000", "15698880000", "1569888000.5", "now"]
    frame = spark.createDataFrame([(t,) for t in texts], "text string").select(
        *[
            F.date_format(parsed_time(F.col("text"), unit), "yyyy-MM-dd HH:mm:ss.SSS")
            for unit in ("unix_s", "unix_ms")
        ]
    )
    assert [tuple(row) for row in frame.collect()] == [
        ("2019-10-01 00:00:00.000", None),
        (None, "2019-10-01 00:00:00.123"),
        *[(None, None)] * 4,
    ]
