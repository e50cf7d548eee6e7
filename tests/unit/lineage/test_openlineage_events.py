"""OpenLineage events by file and by HTTP, valid by OpenLineage's own schemas."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from logging import WARNING
from pathlib import Path
from typing import Any

import pytest
from checkout import ROOT
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from custseg_spark.config.settings import Config, LakeConfig, LineageConfig
from custseg_spark.engine.lake.schemas import CUSTOMER_SEGMENTS, EVENTS
from custseg_spark.errors import ConfigurationError, InputError
from custseg_spark.outputs import lineage

SCHEMAS = [
    json.loads(path.read_text())
    for path in (ROOT / "tests" / "data" / "openlineage").glob("*.json")
]
REGISTRY: Registry[Any] = Registry().with_resources(
    (schema["$id"], Resource.from_contents(schema)) for schema in SCHEMAS
)
[EVENT] = [schema for schema in SCHEMAS if "OpenLineage.json" in schema["$id"]]
NOW = datetime(2024, 5, 1, 6, tzinfo=UTC)


def config(path: Path, **own: Any) -> Config:
    return replace(Config(), lake=LakeConfig(path=str(path / "lake")), lineage=LineageConfig(**own))


def run(config: Config, error: Exception | None = None) -> None:
    with lineage.reported("segment", config, ["logs/a.csv"], lambda: NOW) as written:
        written.tables_read = [EVENTS]
        if error:
            raise error
        written.run_date = date(2024, 5, 1)
        written.tables_written = {CUSTOMER_SEGMENTS: 4}
        written.others_written = {"postgresql://loader@host/reports/customer_segments": 4}


def timed(action: Callable[[], None]) -> float:
    begin = time.monotonic()
    action()
    return time.monotonic() - begin


def require_valid(events: Sequence[dict[str, Any]]) -> None:
    """Holds events, and each facet of theirs, to the schemas that they name."""
    for event in events:
        Draft202012Validator(EVENT, registry=REGISTRY).validate(event)
        holders = [event["run"], event["job"], *event["inputs"], *event["outputs"]]
        facets = [
            (name, facet)
            for holder in holders
            for key in ("facets", "inputFacets", "outputFacets")
            for name, facet in holder.get(key, {}).items()
        ]
        for name, facet in facets:
            # Of minor versions the newest, by the file's name.
            file = facet["_schemaURL"].partition("#")[0].rpartition("/")[2]
            [schema] = [each for each in SCHEMAS if each["$id"].endswith(f"/{file}")]
            Draft202012Validator(schema, registry=REGISTRY).validate({name: facet})


def of_file(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENLINEAGE_URL", "OPENLINEAGE_CONFIG", "OPENLINEAGE__TRANSPORT__TYPE"):
        monkeypatch.delenv(name, raising=False)


def test_a_run_is_a_start_and_a_completion_in_a_file(tmp_path: Path) -> None:
    run(config(tmp_path, file=str(tmp_path / "events.jsonl")))
    events = of_file(tmp_path / "events.jsonl")
    require_valid(events)
    assert [event["eventType"] for event in events] == ["START", "COMPLETE"]
    assert len({event["run"]["runId"] for event in events}) == 1
    start, end = events
    assert [each["name"] for each in start["inputs"]] == [str(Path("logs/a.csv").absolute())]
    assert end["inputs"][1]["name"] == f"{tmp_path}/lake/events"
    fields = [field["name"] for field in end["inputs"][1]["facets"]["schema"]["fields"]]
    assert fields == EVENTS.schema.names
    assert {each["name"]: each["outputFacets"]["outputStatistics"]["rowCount"]
            for each in end["outputs"]} == {
        f"{tmp_path}/lake/customer_segments": 4,
        "reports/customer_segments": 4,
    }  # fmt: skip
    assert end["run"]["facets"]["nominalTime"]["nominalStartTime"] == "2024-05-01T00:00:00Z"


def test_a_failure_is_told_without_secrets_and_still_raised(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        run(
            config(tmp_path, file=str(tmp_path / "events.jsonl")),
            InputError("no table by password=hunter2"),
        )
    events = of_file(tmp_path / "events.jsonl")
    require_valid(events)
    assert [event["eventType"] for event in events] == ["START", "FAIL"]
    assert "hunter2" not in (tmp_path / "events.jsonl").read_text()
    assert events[1]["outputs"] == []


def test_events_go_to_an_address_with_the_key_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENLINEAGE_API_KEY", "key-of-the-test")
    with server() as (url, received):
        run(config(tmp_path, url=url))
    require_valid([event for _, event in received])
    assert [event["eventType"] for _, event in received] == ["START", "COMPLETE"]
    assert {key for key, _ in received} == {"Bearer key-of-the-test"}


def test_openlineages_own_variables_do_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with server() as (url, received):
        monkeypatch.setenv("OPENLINEAGE_URL", url)
        run(config(tmp_path))
    assert len(received) == 2


def test_a_server_that_isnt_there_is_one_warning_and_costs_no_time(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as taken:
        # Bound without listening: nobody else takes the port, and no connection is accepted.
        taken.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{taken.getsockname()[1]}"
        seconds = timed(lambda: run(config(tmp_path, url=f"http://{host}/secret", timeout_s=30.0)))
    # With pauses and further tries it would be eighteen.
    assert seconds < 9
    [warning] = [record.getMessage() for record in caplog.records if record.levelno >= WARNING]
    assert warning.startswith(f"{host} got no OpenLineage event START and COMPLETE: ")
    assert "Connection refused" in warning
    assert warning.endswith("; what the command wrote is published nevertheless")


def test_a_server_that_never_answers_is_waited_for_no_longer_than_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"127.0.0.1:{silent.getsockname()[1]}"
        asked = config(tmp_path, url=f"http://{host}", timeout_s=0.5)
        seconds = timed(lambda: run(asked))
    # By OpenLineage's own timeout it would be five for each of six tries.
    assert 0.5 <= seconds < 5
    [warning] = [record.getMessage() for record in caplog.records if record.levelno >= WARNING]
    assert warning.startswith(f"{host} got no OpenLineage event START and COMPLETE: ")
    assert "no answer within 0.5 s" in warning


def test_a_failed_run_says_nothing_of_being_published(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        asked = config(tmp_path, url=url, timeout_s=0.1)
        with pytest.raises(InputError):
            run(asked, InputError("no table"))
    assert "START and FAIL" in caplog.text
    assert "published" not in caplog.text


def test_events_are_sent_in_order_while_the_command_works(tmp_path: Path) -> None:
    with (
        server() as (url, received),
        lineage.reported("segment", config(tmp_path, url=url), [], lambda: NOW),
    ):
        deadline = time.monotonic() + 60
        while not received and time.monotonic() < deadline:
            time.sleep(0.01)
        assert [event["eventType"] for _, event in received] == ["START"]
    assert [event["eventType"] for _, event in received] == ["START", "COMPLETE"]


def test_a_server_that_answers_with_an_error_is_asked_again(tmp_path: Path) -> None:
    with server(failures=1) as (url, received):
        run(config(tmp_path, url=url, timeout_s=60.0))
    assert [event["eventType"] for _, event in received] == ["START", "COMPLETE"]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://lineage.example:5000/api?key=hunter2", "lineage.example:5000"),
        ("https://me:hunter2@lineage.example/api", "lineage.example"),
    ],
)
def test_a_warning_names_the_host_alone(
    monkeypatch: pytest.MonkeyPatch, url: str, shown: str
) -> None:
    monkeypatch.setenv("OPENLINEAGE_URL", url)
    assert lineage._destination(LineageConfig()) == shown


def test_without_any_place_nothing_is_sent(tmp_path: Path) -> None:
    assert lineage._client(config(tmp_path).lineage) is None


def test_a_file_and_an_address_exclude_each_other() -> None:
    with pytest.raises(ConfigurationError, match=r"lineage\.url"):
        LineageConfig(file="a", url="http://127.0.0.1")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/data/events", ("file", "/data/events")),
        ("s3a://bucket/lake/events", ("s3a://bucket", "lake/events")),
        ("jdbc:postgresql://host:5432/shop", ("postgresql://host:5432", "shop")),
    ],
)
def test_datasets_are_named_by_their_places(path: str, expected: tuple[str, str]) -> None:
    assert lineage.named(path) == expected


@contextmanager
def server(failures: int = 0) -> Iterator[tuple[str, list[tuple[str, dict[str, Any]]]]]:
    """A server on this machine that keeps the events it gets, with their key.

    The first `failures` requests get a 503.
    """
    received: list[tuple[str, dict[str, Any]]] = []
    refused: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if len(refused) < failures:
                refused.append(503)
                self.send_response(503)
                self.end_headers()
                return
            received.append((self.headers.get("Authorization", ""), json.loads(body)))
            self.send_response(201)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as made:
        thread = threading.Thread(target=made.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{made.server_port}", received
        made.shutdown()
