"""CSV files as they come: each form through the job, from a real file, with the ledger."""

import gzip
from pathlib import Path

import pytest
from checkout import HEADER, job
from ledger import (
    COLUMNS,
    IngestRun,
    Ledger,
    Read,
    RunJob,
    events,
    ingest_once,
    ledger,
    line,
    lines,
    log_text,
    reasons,
    record,
    utc,
)
from pyspark.sql import Row, SparkSession

from custseg_spark.config.settings import LakeConfig
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.schemas import EVENTS, INGEST_FILES, REJECTED_EVENTS
from custseg_spark.errors import InputError

ODD_NAMES = (
    "with blank.csv",
    "with[brackets].csv",
    "with{braces}.csv",
    "a,comma.csv",
    "a+plus.csv",
    "100%.csv",
    "not%20decoded.csv",
    "größe €.csv",
    "12:30.csv",
    "what?.csv",
    "all*.csv",
    "a#hash.csv",
    "text.bz2",
)


def _write_forms(folder: Path) -> None:
    """One file a form; sessions are named after the files, so that no event is in two."""
    names = ["quoted", "unclosed", "bom_crlf", "reordered", "blank", "joined", "bytes"]
    good = {name: lines(name, 3) for name in names}
    quoted = [
        line(user_session="quoted", brand='"Tom, ""Dick"" & Harry"'),
        ",".join(f'"{value}"' for value in record(user_session="quoted", price="1").values()),
        line(user_session="quoted", brand='12" pipe'),
        line(user_session="quoted", brand='""', price="2"),
    ]
    (folder / "quoted.csv").write_text(log_text([*good["quoted"], *quoted]))

    unclosed = [line(brand='"open'), line(user_session='"open'), line(event_time='"2019')]
    body = [good["unclosed"][0], *unclosed, *good["unclosed"][1:]]
    (folder / "unclosed.csv").write_text(log_text(body))

    crlf = log_text(good["bom_crlf"]).replace("\n", "\r\n").encode()
    (folder / "bom_crlf.csv").write_bytes(b"\xef\xbb\xbf" + crlf)

    for name in ("gzip.csv.gz", "gzip_as.csv", "text_as.csv.gz", "members.gz"):
        text = log_text(lines(name, 3)).encode()
        if name == "members.gz":
            packed = gzip.compress(text[:200]) + gzip.compress(text[200:])
        else:
            packed = gzip.compress(text) if name.startswith("gzip") else text
        (folder / name).write_bytes(packed)

    order = [*reversed(COLUMNS), "page", "note"]
    rows = [record(user_session="reordered", price=str(n)) for n in range(2)]
    body = [",".join([*(r[c] for c in reversed(COLUMNS)), "1", "x"]) for r in rows]
    (folder / "reordered.csv").write_text(log_text(body, ", ".join(order)))

    short = [c for c in COLUMNS if c not in ("brand", "category_code")]
    one = record(user_session="short")
    (folder / "short.csv").write_text(log_text([",".join(one[c] for c in short)], ",".join(short)))

    g = good["blank"]
    blank = f"\n\r\n{HEADER}\n\n{g[0]}\n\r\n\r\n{g[1]}\n\n{g[2]}"
    (folder / "blank_no_end.csv").write_text(blank, newline="")
    (folder / "blank_at_end.csv").write_text(
        log_text(lines("blank_at_end", 1)) + "\n\r\n\n", newline=""
    )
    (folder / "header_only.csv").write_text(HEADER)

    quoted_header = ",".join(f'"{name}"' for name in COLUMNS)
    joined = [good["joined"][0], HEADER, "\ufeff" + HEADER, quoted_header, *good["joined"][1:]]
    (folder / "joined.csv").write_text(log_text(joined, "\ufeff" + HEADER), encoding="utf-8")

    umlaut = line(brand="Müller", user_session="bytes")
    body = [umlaut, umlaut.replace("ü", "@"), *good["bytes"], line(brand="a@b"), line(brand="ab@")]
    raw = log_text(body).encode().replace(b"a@b", b"a\x00b").replace(b"@", b"\xfc")
    (folder / "bytes.csv").write_bytes(raw)

    for name in ODD_NAMES:
        (folder / name).write_text(log_text([line(user_session=name.replace(",", ""))]))

    (folder / "2019").mkdir()
    (folder / "2019" / "nested.csv").write_text(log_text(lines("nested", 1)))

    (folder / "_committed.csv").write_text(log_text(lines("hidden", 1)))
    (folder / ".hidden.csv").write_text(log_text(lines("hidden", 1)))
    (folder / "_temporary").mkdir()
    (folder / "_temporary" / "part.csv").write_text(log_text(lines("hidden", 1)))
    (folder / "empty.csv").write_bytes(b"")
    (folder / "README.txt").write_text("Logs, of the shop, Logs\nsee there\n")
    (folder / "LIESMICH.txt").write_bytes("Über die Protokolle\n".encode("latin-1"))
    (folder / "one_line.json").write_text('{"a": "' + "x" * 200_000 + '"}')
    (folder / "utf16.csv").write_bytes(log_text(lines("utf16", 1)).encode("utf-16"))
    (folder / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR")
    (folder / "parts.zip").write_bytes(b"PK\x03\x04\x14\x00\x00\x00")


@pytest.fixture(scope="module")
def forms(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> IngestRun:
    """One run over a folder of all forms, odd names among them."""
    folder = tmp_path_factory.mktemp("forms")
    _write_forms(folder)
    lake = tmp_path_factory.mktemp("lake")
    return ingest_once(spark, lake, folder, "--set", "ingest.max_rejected_share=0.5")


def test_the_ledger_adds_up_for_every_form(forms: IngestRun) -> None:
    assert forms.ledger == {
        "quoted.csv": Ledger(8, 1, 0, 7, 0, 0),
        "unclosed.csv": Ledger(7, 1, 0, 3, 3, 0),
        "bom_crlf.csv": Ledger(4, 1, 0, 3, 0, 0),
        "gzip.csv.gz": Ledger(4, 1, 0, 3, 0, 0),
        "gzip_as.csv": Ledger(4, 1, 0, 3, 0, 0),
        "text_as.csv.gz": Ledger(4, 1, 0, 3, 0, 0),
        "members.gz": Ledger(4, 1, 0, 3, 0, 0),
        "reordered.csv": Ledger(3, 1, 0, 2, 0, 0),
        "short.csv": Ledger(2, 1, 0, 1, 0, 0),
        "blank_no_end.csv": Ledger(10, 1, 6, 3, 0, 0),
        "blank_at_end.csv": Ledger(5, 1, 3, 1, 0, 0),
        "header_only.csv": Ledger(1, 1, 0, 0, 0, 0),
        "joined.csv": Ledger(7, 1, 0, 3, 3, 0),
        "bytes.csv": Ledger(8, 1, 0, 4, 3, 0),
        "nested.csv": Ledger(2, 1, 0, 1, 0, 0),
        **{name: Ledger(2, 1, 0, 1, 0, 0) for name in ODD_NAMES},
    }
    assert len(forms.events) == sum(entry.accepted for entry in forms.ledger.values())


def test_quotes_are_read_as_csv_has_them(forms: IngestRun) -> None:
    rows = forms.rows_of("quoted.csv")
    assert [rows[n].brand for n in (5, 6, 7, 8)] == [
        'Tom, "Dick" & Harry',
        "samsung",
        '12" pipe',
        None,
    ]
    assert rows[6].session_id == "quoted"


def test_an_unclosed_quote_spoils_its_own_line_only(forms: IngestRun) -> None:
    assert forms.codes_of("unclosed.csv") == {n: ["wrong_field_count"] for n in (3, 4, 5)}
    assert sorted(forms.rows_of("unclosed.csv")) == [2, 6, 7]


def test_columns_are_found_by_name(forms: IngestRun) -> None:
    row = forms.rows_of("reordered.csv")[3]
    found = (utc(row.event_at), row.event_type, row.product_id, row.customer_id, row.session_id)
    assert found == ("2019-10-01 00:00:00", "view", "1004856", "541312140", "reordered")
    assert (str(row.unit_price), row.brand) == ("1.0000", "samsung")
    short = forms.rows_of("short.csv")[2]
    assert (short.brand, short.category_code, short.session_id) == (None, None, "short")


def test_rows_are_numbered_as_an_editor_does(forms: IngestRun) -> None:
    assert sorted(forms.rows_of("blank_no_end.csv")) == [5, 8, 10]
    assert sorted(forms.rows_of("bom_crlf.csv")) == [2, 3, 4]
    assert sorted(forms.rows_of("members.gz")) == [2, 3, 4]


def test_carriage_returns_are_no_part_of_a_value(forms: IngestRun) -> None:
    assert {row.session_id for row in forms.rows_of("bom_crlf.csv").values()} == {"bom_crlf"}


def test_a_repeated_header_is_refused_with_or_without_quotes_and_mark(forms: IngestRun) -> None:
    assert forms.codes_of("joined.csv") == {n: ["repeated_header"] for n in (3, 4, 5)}
    assert forms.reasons["joined.csv", 3][0] == (
        "repeated_header",
        "record",
        HEADER,
        "a record, not the header again",
    )


def test_bytes_that_are_no_text_are_refused(forms: IngestRun) -> None:
    assert forms.codes_of("bytes.csv") == {
        3: ["invalid_utf8"],
        7: ["nul_byte"],
        8: ["invalid_utf8"],
    }
    assert forms.rows_of("bytes.csv")[2].brand == "Müller"
    # Arrow, as other readers of Delta, takes nothing but UTF-8.
    assert len(forms.read(REJECTED_EVENTS)) == len(forms.reasons)


def test_skipped_files_are_in_the_ledger_and_in_the_summary(forms: IngestRun) -> None:
    hidden = "hidden (its name, or its folder's, begins with . or _)"
    foreign = "its first line has none of the mapping's columns"
    binary = "binary content; expected CSV text, gzip, xz, JSON, XLSX, Parquet or SQLite"
    assert forms.skipped == {
        "_committed.csv": hidden,
        ".hidden.csv": hidden,
        "part.csv": hidden,
        "empty.csv": "empty file",
        "README.txt": foreign,
        "LIESMICH.txt": foreign,
        "one_line.json": foreign,
        "picture.png": foreign,
        "utf16.csv": "UTF-16 text; expected UTF-8",
        "parts.zip": binary,
    }
    for name, reason in forms.skipped.items():
        assert f"{name}: {reason}\n" in forms.output


def _number(row: Row) -> int:
    return int(row.product_id)


def test_every_row_knows_its_number_however_the_file_is_split(
    run_job: RunJob, read: Read, tmp_path: Path
) -> None:
    size = 4096
    text = bytearray(log_text([]).encode())
    numbers: list[int] = []
    rejected_rows: list[int] = []

    def add(chunk: str) -> None:
        text.extend(chunk.encode())

    def rows() -> int:
        return text.count(b"\n")

    def event(**values: str) -> str:
        numbers.append(rows() + 1)
        return line(product_id=str(rows() + 1), **values)

    def fill_to(position: int, end: str) -> None:
        """A good line that ends, its line end included, exactly at `position`."""
        one = event(brand="@")
        room = position - len(text) - len(one) - len(end) + 1
        assert room > 0
        add(one.replace("@", "b" * room) + end)

    for border in range(1, 30):
        while len(text) < border * size - 600:
            add(event() + ("\r\n" if rows() % 3 == 0 else "\n"))
            if rows() % 7 == 0:
                add("\n\r\n")
            if rows() % 11 == 0:
                rejected_rows.append(rows() + 1)
                add("broken\n")
        match border % 5:
            case 0:
                fill_to(border * size, "\n")
            case 1:
                fill_to(border * size + 1, "\n")
            case 2:
                fill_to(border * size + 1, "\r\n")
            case 3:
                fill_to(border * size, "\n")
                add("\n\n")
            case 4:
                fill_to(border * size - 1, "\n")
                add("\n")
    # One line over several splits: some hold no line's beginning at all.
    add(event(brand="x" * 3 * size) + "\n")
    add(event())
    log = tmp_path / "split.csv"
    log.write_bytes(bytes(text))

    run_job(
        *("ingest", "--source", f"ecommerce_events={log}"),
        *("--set", f"ingest.split_bytes={size}", "--set", "ingest.max_rejected_share=0.5"),
    )

    entry = ledger(read)["split.csv"]
    assert (entry.accepted, entry.rejected) == (len(numbers), len(rejected_rows))
    assert entry.physical == text.count(b"\n") + 1
    assert {row: _number(e) for (_, row), e in events(read).items()} == {n: n for n in numbers}
    assert sorted(row for _, row in reasons(read)) == rejected_rows


def test_files_named_outright_are_read_whatever_their_names(
    run_job: RunJob, read: Read, tmp_path: Path
) -> None:
    (tmp_path / "_export.csv").write_text(log_text(lines("a", 2)))
    (tmp_path / "day 1.csv").write_text(log_text(lines("b", 2)))
    (tmp_path / "day 2.csv").write_text(log_text(lines("c", 2)))
    (tmp_path / "other.csv").write_text(log_text(lines("d", 2)))

    run_job(
        *("ingest", "--source", f"ecommerce_events={tmp_path}/_export.csv"),
        *("--source", f"ecommerce_events={tmp_path}/day*.csv"),
    )

    entry = Ledger(3, 1, 0, 2, 0, 0)
    assert ledger(read) == {"_export.csv": entry, "day 1.csv": entry, "day 2.csv": entry}


@pytest.fixture(scope="module")
def empty_lake(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake for runs that must leave nothing in it."""
    lake = Lake(spark, LakeConfig(path=str(tmp_path_factory.mktemp("empty"))))
    lake.create([EVENTS, INGEST_FILES])
    return lake


BAD_HEADER = HEADER.replace("event_time", "event_tme")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(
            gzip.compress(log_text(lines("x", 500)).encode())[:-300],
            "broken gzip file",
            id="truncated gzip",
        ),
        pytest.param(
            log_text(lines("x", 2), BAD_HEADER).encode(),
            "row 1: the header has no column 'event_time'; did you mean 'event_tme'?",
            id="missing column",
        ),
        pytest.param(
            ("\n\n" + log_text([], HEADER + ",price")).encode(),
            "row 3: the header names column 'price' twice",
            id="duplicate column",
        ),
        pytest.param(
            log_text(lines("x", 2)).replace("\n", "\r").encode(),
            "row 1: lines end in carriage returns only; convert them to line feeds",
            id="carriage returns only",
        ),
        pytest.param(
            log_text(lines("x", 2)).encode("utf-16"),
            "UTF-16 text; expected UTF-8",
            id="utf-16",
        ),
        pytest.param(
            log_text(lines("x", 2)).encode("utf-16-le"),
            "binary content; expected CSV text, gzip, xz, JSON, XLSX, Parquet or SQLite",
            id="utf-16 without mark",
        ),
        pytest.param(
            log_text([], HEADER + ",größe").encode("latin-1"),
            "row 1: the header is not UTF-8",
            id="latin-1 header",
        ),
        pytest.param(b"", "empty file", id="empty"),
        pytest.param(b"\n\r\n", "the header has no column 'event_time'", id="blank lines only"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_and_nothing_is_published(
    empty_lake: Lake, tmp_path: Path, content: bytes, message: str
) -> None:
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_text(log_text(lines("good", 2)))
    bad.write_bytes(content)
    sources = ["--source", f"ecommerce_events={good}", "--source", f"ecommerce_events={bad}"]

    with pytest.raises(InputError) as caught:
        job("ingest").run(["--lake", empty_lake.config.path, *sources])

    assert caught.value.exit_code == 3
    assert str(bad) in str(caught.value)
    assert message in str(caught.value)
    assert not empty_lake.rows(EVENTS)
    assert not empty_lake.rows(INGEST_FILES)


def test_a_folder_of_nothing_but_other_files_is_an_error(empty_lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "README.txt").write_text("Read me\n")
    (tmp_path / "prices.csv").write_text("sku,amount\n1,2\n")

    with pytest.raises(InputError, match="none of its files can be read") as caught:
        job("ingest").run(
            ["--lake", empty_lake.config.path, "--source", f"ecommerce_events={tmp_path}"]
        )

    assert "prices.csv: its first line has none of the mapping's columns" in str(caught.value)


MULTILINE = ("--set", "sources.ecommerce_events.multiline=true")


def test_a_multiline_mapping_reads_line_breaks_in_quotes(
    run_job: RunJob, read: Read, tmp_path: Path
) -> None:
    body = [
        line(brand='"two\nlines"'),
        line(brand='"say ""so""\n"', price="1"),
        "",
        line(brand='"",x'),
        HEADER,
        line(brand="@", price="2"),
        line(brand="�", price="3"),
        "1,2",
        line(brand="last", price="4"),
    ]
    first = log_text(body).encode().replace(b"@", b"\xff")
    (tmp_path / "first.csv").write_bytes(first)
    second = log_text([line(brand='"Köln\n�"', user_session="second")]).replace("\n", "\r\n")
    (tmp_path / "second.csv").write_bytes(b"\xef\xbb\xbf" + second.encode())
    (tmp_path / "third.csv").write_bytes(gzip.compress(log_text(lines("third", 2)).encode()))

    run_job(
        *("ingest", "--source", f"ecommerce_events={tmp_path}"),
        *(*MULTILINE, "--set", "ingest.max_rejected_share=0.6"),
    )

    assert ledger(read) == {
        "first.csv": Ledger(10, 1, 1, 4, 4, 0),
        "second.csv": Ledger(2, 1, 0, 1, 0, 0),
        "third.csv": Ledger(3, 1, 0, 2, 0, 0),
    }
    brands = {key: row.brand for key, row in events(read).items()}
    assert brands["first.csv", 2] == "two\nlines"
    assert brands["first.csv", 3] == 'say "so"\n'
    # What stands there is valid, whatever put it there.
    assert brands["first.csv", 8] == "�"
    assert brands["second.csv", 2] == "Köln\n�"
    assert {row: found[0].code for (_, row), found in reasons(read).items()} == {
        5: "wrong_field_count",
        6: "repeated_header",
        7: "invalid_utf8",
        9: "wrong_field_count",
    }


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ([line(), line(brand='"open'), *lines("x", 5)], "line 3: a quote is opened and never"),
        (
            [line(), line(brand='5" pipe'), line(), line(brand='6" pipe'), line()],
            "the bytes hold 3 records, the parser found 5; the file may have changed while it was"
            " read, or a quote stands inside a value",
        ),
    ],
)
def test_a_multiline_file_with_a_stray_quote_is_refused_whole(
    empty_lake: Lake, tmp_path: Path, body: list[str], message: str
) -> None:
    log = tmp_path / "stray.csv"
    log.write_text(log_text(body))

    with pytest.raises(InputError) as caught:
        job("ingest").run(
            ["--lake", empty_lake.config.path, "--source", f"ecommerce_events={log}", *MULTILINE]
        )

    assert f"{log}" in str(caught.value)
    assert message in str(caught.value)
    assert not empty_lake.rows(EVENTS)
