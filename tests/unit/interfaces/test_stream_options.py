"""The command line of a stream, what it says of a batch, and its metrics."""

import re
import urllib.request
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from checkout import ROOT

from custseg_spark.engine.spark.streaming import KafkaTopic
from custseg_spark.errors import ConfigurationError, InputError
from custseg_spark.interfaces.cli.stream_arguments import StreamArguments, parse_stream
from custseg_spark.interfaces.cli.stream_metrics import StreamMetrics, line
from custseg_spark.pipeline.ingest import IngestSummary
from custseg_spark.pipeline.stream import BatchDone
from custseg_spark.pipeline.stream.arriving import Ingested
from custseg_spark.pipeline.stream.following import Worked
from custseg_spark.pipeline.stream.kernel import Updated

NOW = datetime(2019, 11, 29, 12, 0, 4, 200_000, tzinfo=UTC)
GUIDE = (ROOT / "docs" / "guides" / "streaming.md").read_text(encoding="utf-8")
TOPIC = "kafka://one:9092,two:9092/events"
BATCH = BatchDone(
    17,
    3,
    Ingested(
        IngestSummary(read=1204, accepted=1198, rejected=4, duplicates=2),
        (("landing/cut.csv.gz", "the file is cut off"),),
    ),
    Updated(310, 12, 31),
    as_of=date(2019, 11, 30),
    run_date=date(2019, 11, 29),
)
WORKED = Worked(BATCH, 2.1, datetime(2019, 11, 29, 12, tzinfo=UTC))


def parsed(*words: str) -> StreamArguments:
    return parse_stream("", list(words))


@pytest.fixture
def landing(tmp_path: Path) -> str:
    folder = tmp_path / "landing"
    folder.mkdir()
    return str(folder)


def test_a_folder_is_followed_and_keeps_its_place_in_the_lake(landing: str, tmp_path: Path) -> None:
    given = parsed(landing, "--mapping=ecommerce_events", f"--lake={tmp_path / 'lake'}")
    assert (given.kind, given.where, given.interval_s) == ("files", landing, 10.0)
    assert given.checkpoint == tmp_path / "lake" / "_streams" / "ecommerce_events"
    assert parsed(landing, "--mapping=ecommerce_events", "--once").interval_s is None
    assert parsed(landing, "--mapping=ecommerce_events", "--interval=2").interval_s == 2.0


def test_the_path_tells_what_is_there(landing: str) -> None:
    (Path(landing) / "_delta_log").mkdir()
    assert parsed(landing, "--mapping=ecommerce_events").kind == "delta"
    assert parsed(landing, "--mapping=ecommerce_events", "--format=files").kind == "files"
    given = parsed(f"--source=ecommerce_events={TOPIC}")
    assert (given.kind, given.topic) == ("kafka", ("one:9092,two:9092", "events"))
    assert parsed("s3a://shop/landing", "--mapping=ecommerce_events").kind == "files"


@pytest.mark.parametrize(
    ("words", "kind", "said"),
    [
        ((), ConfigurationError, "a stream reads one source"),
        (("a", "b"), ConfigurationError, "a stream reads one source, got 2"),
        (("nowhere",), InputError, "there is no folder nowhere"),
        (("kafka://one:9092",), ConfigurationError, "expected kafka://HOST:PORT"),
        (("kafka://one/a/b",), ConfigurationError, "expected kafka://HOST:PORT"),
        (("{landing}", "--interval=0"), ConfigurationError, "more than 0 seconds"),
        (("{landing}", "--kafka-options=x"), ConfigurationError, "is no Kafka topic"),
        ((TOPIC, "--kafka-options=nowhere"), ConfigurationError, "can't be read"),
        (("{landing}", "--set=stream.max_files=0"), ConfigurationError, "stream.max_files"),
    ],
)
def test_what_cannot_be_followed_is_said_before_spark_starts(
    landing: str, words: tuple[str, ...], kind: type[Exception], said: str
) -> None:
    mapping = ("--mapping=ecommerce_events",) if words else ("--config=presets/rfm.toml",)
    with pytest.raises(kind, match=said):
        parsed(*(word.format(landing=landing) for word in words), *mapping)


def test_a_source_of_customers_is_no_stream(landing: str) -> None:
    with pytest.raises(ConfigurationError, match="fills customers, a stream events"):
        parsed(landing, "--mapping=customers")


def test_options_of_kafka_come_from_a_file_of_its_own_kind(tmp_path: Path) -> None:
    file = tmp_path / "client.properties"
    file.write_text("# of the shop\nsecurity.protocol=SASL_SSL\n\nsasl.jaas.config=a b=c;\n")
    given = parsed(TOPIC, "--mapping=ecommerce_events", f"--kafka-options={file}")
    topic = KafkaTopic(*given.topic, 500, given.kafka_options)
    assert topic.reader_options() == {
        "kafka.security.protocol": "SASL_SSL",
        "kafka.sasl.jaas.config": "a b=c;",
        "kafka.bootstrap.servers": "one:9092,two:9092",
        "subscribe": "events",
        "startingOffsets": "earliest",
        "maxOffsetsPerTrigger": "500",
        "failOnDataLoss": "true",
    }
    # Passwords are among them.
    assert "SASL" not in repr(topic)
    file.write_text("security.protocol\n")
    with pytest.raises(ConfigurationError, match="line 1: expected NAME=VALUE"):
        parsed(TOPIC, "--mapping=ecommerce_events", f"--kafka-options={file}")


def test_a_batch_is_a_line_and_one_more_for_each_file_passed_over() -> None:
    batch, passed = line(WORKED, NOW).splitlines()
    assert f"```\n{batch}\n```" in GUIDE
    assert passed == "  passed over landing/cut.csv.gz: the file is cut off"
    nobody = Worked(
        BatchDone(0, 1, Ingested(), why_not="no run has published a model yet"), 0.5, None
    )
    assert "no segments: no run has published a model yet; 0.5 s" in line(nobody, NOW)
    assert line(Worked(BatchDone(3, 1, Ingested(), is_known=True), 0.1, None), NOW) == (
        "batch 3: done before"
    )


def text_of(file: Path) -> dict[str, float]:
    lines = (one for one in file.read_text().splitlines() if not one.startswith("#"))
    return {name: float(value) for name, _, value in (one.rpartition(" ") for one in lines)}


def test_batches_add_up_in_the_metrics(tmp_path: Path) -> None:
    file = tmp_path / "stream.prom"
    metrics = StreamMetrics(file, None, "127.0.0.1")
    metrics.tell(WORKED, NOW)
    metrics.tell(WORKED, NOW)
    found = text_of(file)
    expected: dict[str, Any] = {
        "batches_total": 2,
        'records_total{outcome="accepted"}': 2 * 1198,
        'records_total{outcome="rejected"}': 8,
        "files_passed_over_total": 2,
        "customers_total": 620,
        "segment_changes_total": 24,
        "held_customers": 31,
        "last_batch": 17,
        "lag_seconds": 4.2,
        "records_per_second": 1204 / 2.1,
        "as_of_seconds": datetime(2019, 11, 30, tzinfo=UTC).timestamp(),
        "done_at_seconds": NOW.timestamp(),
    }
    assert {name: found[f"custseg_stream_{name}"] for name in expected} == expected
    names = {name.partition("{")[0] for name in found}
    # The library's own: when a counter began.
    names = {name for name in names if not name.endswith("_created")}
    assert {name for name in names if f"`{name}" not in GUIDE} == set()


def test_the_guides_commands_are_streams(landing: str, tmp_path: Path) -> None:
    commands = re.findall(r"^spark-submit jobs/stream\.py landing/ (.*)$", GUIDE, re.M)
    assert commands
    for words in commands:
        given = parsed(landing, *words.split())
        assert (given.kind, given.config.lake.path) == ("files", "lake")


def test_prometheus_may_ask_at_a_port(free_tcp_port: int) -> None:
    StreamMetrics(None, free_tcp_port, "127.0.0.1").tell(WORKED, NOW)
    with urllib.request.urlopen(f"http://127.0.0.1:{free_tcp_port}/metrics", timeout=5) as answer:
        assert b"custseg_stream_batches_total 1.0" in answer.read()
