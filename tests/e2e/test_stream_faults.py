"""A stream in processes of its own: killed and started again, and from a real Kafka broker."""

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import kafka_broker
import pytest
import stream_lake
from checkout import HEADER, ROOT, SHORT_PROCESS
from ledger import record

from custseg_spark.engine.lake.native import NativeLake
from custseg_spark.engine.lake.schemas import REJECTED_EVENTS

pytestmark = pytest.mark.heavy


def test_a_stream_that_is_killed_loses_and_doubles_nothing(tmp_path: Path) -> None:
    words = ("--moments=2", "--steps=4", "--files=3", "--events=3000", f"--work={tmp_path}")
    done = subprocess.run(
        [sys.executable, "-m", "faults.stream_kills", *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'scripts'}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 faults" in done.stdout


def message(**values: str) -> str:
    return json.dumps(dict(zip(HEADER.split(","), record(**values).values(), strict=True)))


@pytest.mark.skipif(not kafka_broker.HAS_KAFKA, reason="scripts/kafka_jars.sh makes .jars-kafka")
def test_messages_of_a_topic_become_segments(tmp_path: Path) -> None:
    lake, options = tmp_path / "lake", tmp_path / "client.properties"
    options.write_text("security.protocol=PLAINTEXT\n")
    model = stream_lake.publish(lake, date(2019, 9, 30), "r1")
    views = [
        message(
            event_time=f"2019-10-01 10:{n:02}:00 UTC", user_id=str(n % 3), user_session=str(n % 3)
        )
        for n in range(30)
    ]
    with kafka_broker.started(tmp_path / "kafka") as broker:
        broker.create("events", 2)
        command = [
            *(str(Path(sys.executable).parent / "spark-submit"), SHORT_PROCESS),
            *("--jars", kafka_broker.source_jars()),
            *("jobs/stream.py", f"kafka://{broker.url}/events", "--mapping=ecommerce_events"),
            *("--once", f"--lake={lake}", f"--kafka-options={options}"),
            "--set=stream.max_records=8",
        ]

        def stream() -> str:
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout + done.stderr
            return done.stdout

        # Twice the same, no JSON, a list, a record without its customer.
        broker.send("events", [*views, views[0], "no json", "[1]", message(user_id="")])
        said = stream()
        assert said.count("batch ") >= 3
        broker.send("events", [message(event_time="2019-10-01 12:00:00 UTC", user_id="4")])
        assert "1 records = 1 accepted" in stream()
        assert stream() == ""
    assert len(stream_lake.events(lake)) == 31
    rejected = NativeLake(lake).read(REJECTED_EVENTS, ["raw_record", "source_file"]).to_pylist()
    assert {"[1]", "no json"} < {row["raw_record"] for row in rejected}
    assert len(rejected) == 3
    assert all(row["source_file"].startswith("kafka://") for row in rejected)
    found = stream_lake.current(lake).select(stream_lake.WORTH_COMPARING).rows()
    assert found == stream_lake.expected(lake, model, date(2019, 10, 2))
