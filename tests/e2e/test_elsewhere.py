"""Sources, lake and reports that aren't on this machine: the same as here, through S3."""

import gzip
import hashlib
import io
import json
import lzma
import random
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from checkout import HAS_S3, HEADER, SUPPORT, job
from pyspark.sql import SparkSession
from s3_server import Bucket, started

from custseg_spark.config.mappings import load_mapping
from custseg_spark.config.settings import LakeConfig
from custseg_spark.config.shipped import conf_dir
from custseg_spark.core.events.spaced_text import Layout
from custseg_spark.engine.lake.columns import Table
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.schemas import (
    CUSTOMER_SEGMENTS,
    CUSTOMERS,
    EVENTS,
    INGEST_FILES,
    REJECTED_EVENTS,
    SEGMENT_PROFILES,
    SESSIONS,
)
from custseg_spark.engine.sources.discovery import files, remote
from custseg_spark.engine.sources.formats import parquet, remote_text, texts
from custseg_spark.errors import InputError
from custseg_spark.interfaces.cli import preview as check
from custseg_spark.paths import Remote

DAY = date(2019, 10, 4)
QUICK = (
    f"--run-date={DAY}",
    "--set=model.k=2",
    '--set=model.algorithms=["kmeans"]',
    "--set=model.stability.bootstraps=0",
    "--set=clv.enabled=false",
    # Splits smaller than the files: row numbers must hold over their borders.
    "--set=ingest.split_bytes=700",
    "--set=ingest.max_rejected_share=0.2",
)
SHIPPED = conf_dir() / "sources"
pytestmark = pytest.mark.skipif(
    not HAS_S3, reason="no file system of S3 for this Hadoop (scripts/s3_jars.sh)"
)


@pytest.fixture(scope="module")
def bucket(spark: SparkSession) -> Iterator[Bucket]:
    with started(spark) as made:
        yield made


def line(n: int) -> str:
    kind = ("view", "view", "cart", "purchase", "view")[n % 5]
    price = "free" if n % 31 == 0 else f"{n % 17 + 1}.50"
    at = f"2019-10-0{1 + n % 3} 1{n % 9}:0{n % 10}:00 UTC"
    return f"{at},{kind},{n % 40},{n % 4},a.b,c,{price},{541312140 + n % 13},s{n % 26}"


def log(first: int, last: int) -> bytes:
    return "\n".join([HEADER, *map(line, range(first, last))]).encode() + b"\n"


def database(path: Path, first: int, last: int) -> bytes:
    with closing(sqlite3.connect(path)) as connection:
        columns = ", ".join(f"{c} TEXT" for c in HEADER.split(","))
        connection.execute(f"CREATE TABLE Ecommerce_data ({columns})")
        rows = [line(n).split(",") for n in range(first, last)]
        connection.executemany("INSERT INTO Ecommerce_data VALUES (?,?,?,?,?,?,?,?,?)", rows)
        connection.commit()
    return path.read_bytes()


def table(first: int, last: int) -> bytes:
    names, cells = HEADER.split(","), [line(n).split(",") for n in range(first, last)]
    return parquet_bytes(dict(zip(names, zip(*cells, strict=True), strict=True)))


def parquet_bytes(columns: dict[str, object]) -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.table(columns), stream, row_group_size=8)
    return stream.getvalue()


def objects(first: int, last: int) -> list[dict[str, str]]:
    names = HEADER.split(",")
    return [dict(zip(names, line(n).split(","), strict=True)) for n in range(first, last)]


CUSTOMERS_FILE = parquet_bytes(
    {"mobile": list(range(541312140, 541312150)), "age": [20.0 + n for n in range(10)]}
)


@pytest.fixture(scope="module")
def logs(bucket: Bucket, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of every kind of log, and the same under `logs/` in the bucket; beside it
    `customers`, of their attributes."""
    folder = tmp_path_factory.mktemp("elsewhere")
    contents = {
        "2019/a b.csv": log(0, 60),
        "2019/b.csv": log(60, 90).replace(b"\n", b"\r\n"),
        "c.csv.gz": gzip.compress(log(90, 120)),
        "d.csv": gzip.compress(log(120, 140)),
        "e.csv.xz": lzma.compress(log(140, 160)),
        "f.db": database(folder / "f.db", 160, 180),
        "2019/g h.parquet": table(200, 215),
        "g.parquet": table(215, 230),
        "h.jsonl": "\n".join(map(json.dumps, objects(230, 250))).encode(),
        "i.json": json.dumps(objects(250, 260)).encode(),
        "_hidden.csv": log(180, 200),
        "notes.txt": b"not a log\n",
        "empty.csv": b"",
    }
    named = {f"logs/{name}": content for name, content in contents.items()}
    for name, content in {**named, "customers/customers.parquet": CUSTOMERS_FILE}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
        bucket.put(name, content)
    return folder / "logs"


def sources(root: str) -> list[str]:
    return [f"--source=ecommerce_events={root}/logs", f"--source=customers={root}/customers"]


@pytest.fixture(scope="module")
def both(spark: SparkSession, bucket: Bucket, logs: Path) -> tuple[Lake, Lake]:
    """The lakes that one job makes of the two."""
    here, there = str(logs.parent / "lake"), bucket.uri("lake")
    job("segment").run([f"--lake={here}", *sources(str(logs.parent)), *QUICK])
    job("segment").run([f"--lake={there}", *sources("s3a://shop"), *QUICK])
    return Lake(spark, LakeConfig(path=here)), Lake(spark, LakeConfig(path=there))


def rows(lake: Lake, table: Table, columns: Sequence[str] | None = None) -> list[str]:
    return sorted(map(repr, lake.rows(table, columns).to_pylist()))


def test_a_remote_log_gives_the_same_tables_as_one_here(both: tuple[Lake, Lake]) -> None:
    here, there = both
    assert len(here.rows(EVENTS)) == len(there.rows(EVENTS)) == 232
    for table, columns in (
        (EVENTS, ("event_id", "source_row", "customer_id", "event_at", "unit_price")),
        (REJECTED_EVENTS, ("source_row", "raw_record", "reasons")),
        (CUSTOMER_SEGMENTS, ("customer_id", "segment_id", "segment_name", "distance")),
        (CUSTOMERS, ("customer_id", "age", "source_row")),
    ):
        assert rows(here, table, columns) == rows(there, table, columns)
    assert rows(here, SESSIONS) == rows(there, SESSIONS)
    others = [n for n in SEGMENT_PROFILES.schema.names if n not in ("features", "run_id")]
    assert rows(here, SEGMENT_PROFILES, others) == rows(there, SEGMENT_PROFILES, others)


def test_the_ledger_has_the_same_numbers_under_the_uris(
    both: tuple[Lake, Lake], logs: Path, bucket: Bucket
) -> None:
    ledgers = []
    for lake, root in zip(both, (f"{logs.parent}/", bucket.uri()), strict=True):
        others = {"file_id", "sha256", "ingested_at"}
        names = [name for name in INGEST_FILES.schema.names if name not in others]
        found = {row.pop("source_file"): row for row in lake.rows(INGEST_FILES, names).to_pylist()}
        assert all(name.startswith(root) for name in found)
        ledgers.append({name.removeprefix(root): row for name, row in found.items()})
    assert ledgers[0] == ledgers[1]
    assert len(ledgers[1]) == 14


@pytest.mark.heavy
def test_a_catalog_with_a_hive_metastore_gives_the_same_segments_and_exports(
    both: tuple[Lake, Lake], logs: Path, tmp_path: Path
) -> None:
    catalog = ("--set=lake.catalog=spark_catalog.shop", f"--set=lake.path={tmp_path}/shop")
    program = str(SUPPORT / "catalog_process.py")
    done = subprocess.run(
        [sys.executable, program, str(tmp_path), *catalog, *sources(str(logs.parent)), *QUICK],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    segments = both[0].rows(CUSTOMER_SEGMENTS).sort_by("customer_id").to_pylist()
    said = done.stdout.splitlines()
    assert [line for line in said if line.startswith("segment ")] == [
        f"segment {s['customer_id']} {s['segment_id']} {s['segment_name']}" for s in segments
    ]
    assert f"MANAGED events {len(both[0].rows(EVENTS))}" in said
    assert "MANAGED runs 1" in said
    assert "MANAGED customers 10" in said
    made = {"metastore", "warehouse", "shop", "reports", "exports"}
    assert {p.name for p in tmp_path.iterdir()} == made
    assert {p.name for p in (tmp_path / "shop").iterdir()} == {"models"}
    job("export").run([f"--lake={both[0].config.path}", f"--to=csv:{tmp_path}/other"])
    exported = {p.name: p.read_bytes() for p in (tmp_path / "exports").iterdir()}
    assert exported == {p.name: p.read_bytes() for p in (tmp_path / "other").iterdir()}


def test_models_and_report_are_in_the_bucket(both: tuple[Lake, Lake], bucket: Bucket) -> None:
    models = bucket.keys(f"lake/models/run_date={DAY}/")
    assert any(key.endswith("/manifest.json") for key in models)
    report = {key.rpartition("/")[2] for key in bucket.keys(f"reports/{DAY}/")}
    local = Path(both[0].config.path).parent / "reports" / str(DAY)
    assert report == {p.name for p in local.iterdir()}
    assert (
        bucket.get(f"reports/{DAY}/cluster_selection_comparison.csv")
        == (local / "cluster_selection_comparison.csv").read_bytes()
    )


def test_a_csv_export_goes_to_the_bucket(small_lake: Lake, bucket: Bucket, tmp_path: Path) -> None:
    folder = tmp_path / "exports"
    for to in (str(folder), bucket.uri("exports")):
        tables = "--tables=segment_metrics"
        job("export").run([f"--lake={small_lake.config.path}", f"--to=csv:{to}", tables])
    written = {p.name: p.read_bytes() for p in folder.iterdir()}
    assert set(written) == {"segment_metrics.csv", "evaluation_metrics.json"}
    assert {key: bucket.get(f"exports/{key}") for key in written} == written
    manifest = json.loads(bucket.get("exports/_manifest.json"))
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in written.items()}
    assert manifest == {"sha256": hashes}


def test_a_second_run_reads_no_file_again_and_scores_with_the_saved_model(
    both: tuple[Lake, Lake], bucket: Bucket, capsys: pytest.CaptureFixture[str]
) -> None:
    _, there = both
    before = there.version(EVENTS)
    lake = f"--lake={bucket.uri('lake')}"
    job("ingest").run([lake, *sources("s3a://shop"), QUICK[5], QUICK[6]])
    assert "11 files already in the ledger: nothing to add" in capsys.readouterr().out
    assert there.version(EVENTS) == before
    score = [f"--model-date={DAY}", "--set=report.enabled=false", "--run-date=2019-10-05"]
    job("score").run([lake, *score, '--set=model.algorithms=["kmeans"]', "--set=clv.enabled=false"])
    assert f"asked for the models of {DAY}" in capsys.readouterr().out


def test_the_gate_sees_the_same(
    both: tuple[Lake, Lake], capsys: pytest.CaptureFixture[str]
) -> None:
    for lake in both:
        job("gate").run([f"--lake={lake.config.path}", f"--run-date={DAY}"])
    one, other = capsys.readouterr().out.splitlines()
    assert one == other


def test_a_glob_takes_the_matching_files(spark: SparkSession, logs: Path, bucket: Bucket) -> None:
    found = remote.list_files(spark, bucket.uri("logs/2019/*.csv"))
    assert [str(f.path) for f in found] == [
        bucket.uri("logs/2019/a b.csv"),
        bucket.uri("logs/2019/b.csv"),
    ]
    [outright] = remote.list_files(spark, bucket.uri("logs/_hidden.csv"))
    assert outright.skipped_because is None


def test_a_remote_file_is_checked_against_its_mapping(
    logs: Path, bucket: Bucket, capsys: pytest.CaptureFixture[str]
) -> None:
    said = []
    for root in (str(logs), bucket.uri("logs")):
        check.run(["ecommerce_events", f"{root}/2019/b.csv"])
        said.append(capsys.readouterr().out.replace(root, ""))
    assert said[0] == said[1]
    assert "30" in said[1]


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("s3a://shop/none.csv", "no readable file at s3a://shop/none.csv"),
        ("s3a://shop/logs/_*", "no readable file at .*\n.*_hidden.csv: hidden"),
        ("nosuch://shop/x.csv", "nosuch://shop/x.csv can't be read: No FileSystem for scheme"),
    ],
)
def test_a_missing_source_is_an_error(
    spark: SparkSession, logs: Path, uri: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        remote.list_files(spark, uri)


def test_sparks_counts_agree_with_the_bytes(
    spark: SparkSession, bucket: Bucket, tmp_path: Path
) -> None:
    random_ = random.Random(7)
    pieces = [b"\n", b"\r\n", b"a", b"\r", b"some text", b"\xff", b"\x00", b"x" * 90]
    contents = {f"{n}.csv": b"a,b\n" + b"".join(random_.choices(pieces, k=60)) for n in range(12)}
    contents |= {
        "mark.csv": b"\xef\xbb\xbfa,b\n1,2\n",
        "blank first.csv": b"\n\r\n" * 40 + b"a,b\n1,2",
        "blank.csv": b"\n\n\n",
        "late.csv.gz": gzip.compress(b"\n" * 90 + b"a,b\n" + b"1,2\n" * 40),
    }
    uris = [bucket.put(f"odd/{name}", content) for name, content in contents.items()]
    listed = [f for uri in uris for f in remote.list_files(spark, uri)]
    brought = [remote.bring(spark, f, tmp_path) for f in listed]
    counted = remote_text.count_lines(spark, brought, Layout(), 64)
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        [here] = files.list_files(str(tmp_path / name))
        expected = replace(
            texts.inspect_text(here, Layout(), 64),
            cuts=(),
            rows_before=rows_before(content, 64 if here.kind == "text" else len(content)),
        )
        assert counted[Remote(bucket.uri(f"odd/{name}"))] == expected, name


def rows_before(content: bytes, split_bytes: int) -> tuple[int, ...]:
    """The lines that begin before or at each split's beginning: earlier splits hold them."""
    starts = range(split_bytes, len(content), split_bytes)
    return (0, *(content[:at].count(b"\n") + 1 for at in starts))


def test_of_remote_parquet_only_the_footer_comes_here(
    spark: SparkSession, bucket: Bucket, tmp_path: Path
) -> None:
    [listed] = remote.list_files(spark, bucket.put("wide/x.parquet", table(0, 90)))
    file = remote.bring(spark, listed, tmp_path)
    [copied] = tmp_path.iterdir()
    assert copied.stat().st_size < file.bytes / 2
    found = parquet.inspect(file, "id", load_mapping("ecommerce_events", {}, [SHIPPED]))
    assert isinstance(found, parquet.ParquetFile)
    assert (found.physical_records, found.schema.names) == (90, HEADER.split(","))


def test_damaged_parquet_is_named(spark: SparkSession, bucket: Bucket, tmp_path: Path) -> None:
    [listed] = remote.list_files(spark, bucket.put("broken/x.parquet", table(0, 9)[:-9]))
    file = remote.bring(spark, listed, tmp_path)
    with pytest.raises(InputError, match=r"broken/x\.parquet: the Parquet file is damaged"):
        parquet.inspect(file, "id", load_mapping("ecommerce_events", {}, [SHIPPED]))


def test_a_broken_gzip_is_an_unreadable_input(
    spark: SparkSession, bucket: Bucket, tmp_path: Path
) -> None:
    whole = gzip.compress(random.Random(1).randbytes(20_000))
    [file] = remote.list_files(spark, bucket.put("broken/x.csv.gz", whole[:-500]))
    with pytest.raises(InputError, match=r"broken/x\.csv\.gz: can't be read: Unexpected end"):
        remote_text.count_lines(spark, [remote.bring(spark, file, tmp_path)], Layout(), 1 << 20)
