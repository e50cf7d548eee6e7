"""The scoring service over a lake of literal rows: the same segments, clear refusals, reloads."""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import python_lake
from python_lake import NOW

import custseg_spark as cs
from custseg_spark.core.features.learned import Learned
from custseg_spark.core.features.levels import NO_LEVELS
from custseg_spark.core.features.scores import Cutoffs
from custseg_spark.engine.lake.schemas import RUNS
from custseg_spark.errors import ConfigurationError
from custseg_spark.interfaces.service import serve
from custseg_spark.interfaces.service.limits import KEYS_VARIABLE, Limits, keys_of

pytest.importorskip("prometheus_client", reason="the extra [serve]")
testclient = pytest.importorskip("fastapi.testclient")

KEY = "a-key-of-many-characters"
WHOLE = {"customer_id": "a", "features": {"monetary": 900.0, "frequency": 12, "event_count": 40}}


def learn(root: Path, day: date) -> None:
    text = Learned(day, NO_LEVELS, Cutoffs()).as_json()
    (root / "models" / f"run_date={day}" / f"learned-{python_lake.RUN_IDS[day]}.json").write_text(
        text
    )


def client_of(root: Path, **limits: Any) -> Any:
    from custseg_spark.interfaces.service.app import make_app

    return testclient.TestClient(make_app(root, Limits(**limits)))


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("service") / "lake"
    python_lake.make(root)
    learn(root, NOW)
    return root


@pytest.fixture(scope="module")
def client(lake: Path) -> Iterator[Any]:
    with client_of(lake) as made:
        yield made


def event(**more: Any) -> dict[str, Any]:
    return {
        "customer_id": "z",
        "event_at": "2024-04-30T10:00:00Z",
        "event_type": "purchase",
        "unit_price": 9.5,
        **more,
    }


def flaws(answer: Any) -> list[tuple[Any, ...]]:
    return [(f["row"], f["field"], f["value"]) for f in answer.json()["detail"]]


def test_features_are_scored_as_python_does(client: Any, lake: Path) -> None:
    result = cs.open_lake(lake).run()
    features = result.lake.table("customer_features", run_date=NOW).sort("customer_id")
    expected = cs.score(features, model=result)
    names = ["monetary", "frequency", "event_count"]
    rows = features.with_columns(pl.col(names).cast(pl.Float64)).rows(named=True)
    request = [
        {"customer_id": row["customer_id"], "features": {name: row[name] for name in names}}
        for row in rows
    ]
    answer = client.post("/score/features", json={"customers": request})
    assert answer.status_code == 200
    assert answer.json()["model"] == {
        "run_date": "2024-05-01",
        "algorithm": "kmeans",
        "fitted_on": "2024-05-01",
    }
    for made, row in zip(answer.json()["customers"], expected.rows(named=True), strict=True):
        assert made.pop("reasons") == row["top_features"]
        assert made.pop("second_segment_name") == python_lake.NAMES[row["second_segment_id"]]
        assert made == {name: row.get(name) for name in made}


def test_a_feature_that_is_missing_or_no_number_is_named_with_its_row(client: Any) -> None:
    lacking = {"features": {"monetary": 1.0, "event_count": 2}}
    answer = client.post("/score/features", json={"customers": [WHOLE, lacking]})
    assert (answer.status_code, flaws(answer)) == (422, [(2, "frequency", None)])
    assert answer.json()["detail"][0]["expected"].startswith("a number, or null")
    text = {"features": {**WHOLE["features"], "monetary": "lots"}}
    answer = client.post("/score/features", json={"customers": [WHOLE, text]})
    assert (answer.status_code, flaws(answer)) == (422, [(2, "monetary", "lots")])
    answer = client.post("/score/features", content=b'{"customers": [')
    assert answer.status_code == 422
    answer = client.post("/score/features", json={"customers": [WHOLE], "algorithm": "kmean"})
    assert answer.status_code == 404
    assert "did you mean 'kmeans'" in answer.text


def test_events_are_scored_as_their_features_are(client: Any) -> None:
    events = [event(), event(event_at="2024-04-29T23:00:00+02:00", unit_price="890.50")]
    late = event(customer_id="y", event_at="2024-05-01T00:00:00")
    answer = client.post("/score/events", json={"events": [*events, events[0], late]})
    assert answer.status_code == 200, answer.text
    assert answer.json()["without_events"] == ["y"]
    [made] = answer.json()["customers"]
    values = {"monetary": 900.0, "frequency": 2, "event_count": 2}
    by_features = client.post(
        "/score/features", json={"customers": [{"customer_id": "z", "features": values}]}
    ).json()["customers"]
    assert [made] == by_features
    later = client.post("/score/events", json={"events": [late], "as_of": "2024-05-02"})
    assert [c["customer_id"] for c in later.json()["customers"]] == ["y"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"event_type": "buy"}, "event_type"),
        ({"event_at": "today"}, "event_at"),
        ({"event_at": "2999-01-01T00:00:00Z"}, "event_at"),
        ({"unit_price": -1}, "unit_price"),
        ({"unit_price": "1e999"}, "unit_price"),
        ({"customer_id": " "}, "customer_id"),
        ({"customer_id": None}, "customer_id"),
        ({"colour": "red"}, "colour"),
        ({"quantity": 1.5}, "quantity"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_event_that_ingest_would_refuse_is_named_with_its_row(
    client: Any, change: dict[str, Any], field: str
) -> None:
    answer = client.post("/score/events", json={"events": [event(), event(**change)]})
    assert answer.status_code == 422, answer.text
    assert [(f["row"], f["field"]) for f in answer.json()["detail"]] == [(2, field)]
    assert answer.json()["detail"][0]["expected"]


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/score/events", b'{"events": []}', ("events", "[]", "at least 1 item")),
        ("/score/events", b'{"events": [{', ("body", None, "JSON: Expecting property name")),
        ("/score/events", b'"hello"', ("body", "hello", "a JSON object, with Content-Type")),
        ("/score/events", b"{}", ("events", None, "a value: the field is required")),
        ("/score/features", b'{"customers": [{}]}', ("features", None, "a value: the field")),
        ("/score/feature", b"{}", ("path", "/score/feature", "one of /score/features, /score")),
        ("/segments", b"{}", ("method", "POST", "GET")),
    ],
    ids=["empty list", "cut", "no object", "no list", "no features", "path", "method"],
)
def test_a_request_of_another_form_is_told_what_was_expected(
    client: Any, path: str, body: bytes, said: tuple[str, str | None, str]
) -> None:
    answer = client.post(path, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (404, 405, 422)
    [found] = answer.json()["detail"]
    assert (found["field"], found["value"]) == said[:2]
    assert found["expected"].startswith(said[2]), found


def test_tables_are_read_by_date_and_algorithm(client: Any) -> None:
    found = client.get("/customers/a").json()
    assert (found["segment_id"], found["run_date"], found["margin"]) == (1, "2024-05-01", 1.5)
    assert found["reasons"] == ["monetary", "frequency"]
    before = client.get("/customers/a", params={"run_date": "2024-04-01"}).json()
    assert before["segment_name"] == "Window Shoppers"
    for path in ("/customers/x", "/customers/a?run_date=2020-01-01", "/customers/a?algorithm=b"):
        answer = client.get(path)
        assert (answer.status_code, len(answer.json()["detail"])) == (404, 1)
    segments = client.get("/segments").json()
    assert [(s["segment_id"], s["customers"]) for s in segments] == [(1, 2), (2, 2)]
    other = client.get("/segments", params={"algorithm": "other"})
    assert (other.status_code, flaws(other)) == (404, [(None, "algorithm", "other")])
    other = client.get("/segments", params={"run_date": "2020-01-01"})
    assert (other.status_code, flaws(other)) == (404, [(None, "run_date", "2020-01-01")])
    assert other.json()["detail"][0]["expected"].endswith("the lake: 2024-05-01, 2024-04-01")
    runs = client.get("/runs").json()
    assert [run["run_date"] for run in runs] == ["2024-05-01", "2024-04-01"]
    assert runs[0]["algorithms"] == ["kmeans"]
    assert client.get("/segments", params={"run_date": "May"}).status_code == 422


@pytest.mark.parametrize(
    ("path", "field", "value", "hint"),
    [
        ("/segments?run_dat=2024-04-01", "run_dat", "2024-04-01", "; did you mean 'run_date'?"),
        ("/segments?Algorithm=kmeans", "Algorithm", "kmeans", "; did you mean 'algorithm'?"),
        ("/segments?x=1", "x", "1", "; known: algorithm, run_date"),
        ("/customers/a?rundate=2024-04-01", "rundate", "2024-04-01", "; did you mean 'run_date'?"),
        ("/customers/a?customer_id=b", "customer_id", "b", "; known: algorithm, run_date"),
        ("/runs?run_date=2024-04-01", "run_date", "2024-04-01", ""),
    ],
)
def test_a_parameter_that_a_path_does_not_have_is_refused_with_the_nearest(
    client: Any, path: str, field: str, value: str, hint: str
) -> None:
    answer = client.get(path)
    assert answer.status_code == 422
    expected = f"no parameter of this name{hint}"
    flaw = {"row": None, "field": field, "value": value, "expected": expected}
    assert answer.json() == {"detail": [flaw]}


@pytest.mark.parametrize("path", ["/health?probe=1", "/ready?probe=", "/metrics?name=x"])
def test_probes_may_add_parameters(client: Any, path: str) -> None:
    assert client.get(path).status_code == 200


def test_a_parameter_of_scoring_belongs_into_the_body(client: Any) -> None:
    events = client.post("/score/events?as_of=2024-05-02", json={"events": [event()]})
    assert (events.status_code, flaws(events)) == (422, [(None, "as_of", "2024-05-02")])
    features = client.post("/score/features?algorithm=x&top=3", json={"customers": [WHOLE]})
    said = [(None, "algorithm", "x"), (None, "top", "3")]
    assert (features.status_code, flaws(features)) == (422, said)


def test_the_description_lists_each_parameter_and_its_refusal(client: Any) -> None:
    for path, methods in client.get("/openapi.json").json()["paths"].items():
        for method, operation in methods.items():
            listed = {p["name"] for p in operation.get("parameters", ()) if p["in"] == "query"}
            tables = ("/segments", "/customers/{customer_id}")
            assert listed == ({"run_date", "algorithm"} if path in tables else set()), path
            assert "422" in operation["responses"], (path, method)


def test_a_lake_without_a_run_is_healthy_but_not_ready_until_there_is_one(tmp_path: Path) -> None:
    with client_of(tmp_path, reload_seconds=3600) as client:
        assert client.get("/health").json() == {"ready": False, "run_date": None}
        assert client.get("/ready").status_code == 503
        answer = client.post("/score/features", json={"customers": [WHOLE]})
        assert (answer.status_code, flaws(answer)) == (503, [(None, "lake", None)])
        python_lake.make(tmp_path)
        assert client.app.state.latest.refresh()
        assert client.get("/ready").json() == {"ready": True, "run_date": "2024-05-01"}
        answer = client.post("/score/events", json={"events": [event()]})
        assert (answer.status_code, answer.json()["detail"][0]["field"]) == (409, "model")


def test_a_newer_run_takes_over_and_a_broken_one_changes_nothing(tmp_path: Path) -> None:
    native = python_lake.make(tmp_path)
    with client_of(tmp_path, reload_seconds=3600) as client:
        latest = client.app.state.latest
        assert latest.refresh() is False
        newer = date(2024, 6, 1)
        python_lake.add(native, RUNS, [python_lake.run(newer)], run_id="b")
        assert latest.refresh() is False
        assert latest.failures == 1
        assert client.get("/ready").json()["run_date"] == "2024-05-01"
        folder = tmp_path / "models" / f"run_date={newer}" / "kmeans-1"
        folder.mkdir(parents=True)
        (folder / "scoring.json").write_text(python_lake.MODEL.read_text())
        assert latest.refresh() is True
        assert client.get("/ready").json()["run_date"] == "2024-06-01"
        said = client.get("/metrics").text
        assert "custseg_reloads 2.0" in said
        assert "custseg_reload_failures 1.0" in said


def test_requests_beyond_the_limits_are_refused(lake: Path) -> None:
    with client_of(lake, body_bytes=2_000, customers=1, events=1) as client:
        many = client.post("/score/features", json={"customers": [WHOLE, WHOLE]})
        assert (many.status_code, flaws(many)) == (413, [(None, "customers", "2")])
        many = client.post("/score/events", json={"events": [event(), event()]})
        assert many.status_code == 413
        large = client.post("/score/features", content=b" " * 2_001)
        assert (large.status_code, flaws(large)) == (413, [(None, "body", None)])

        def streamed() -> Iterator[bytes]:
            yield from [b" " * 1_000] * 3

        assert client.post("/score/features", content=streamed()).status_code == 413


def test_without_a_key_only_the_state_is_told(lake: Path) -> None:
    with client_of(lake, keys=frozenset({KEY, "another-key-of-many"})) as client:
        for path in ("/health", "/ready", "/metrics"):
            assert client.get(path).status_code == 200
        for headers in ({}, {"X-API-Key": "guess"}, {"X-API-Key": KEY[:-1]}):
            assert client.get("/segments", headers=headers).status_code == 401
        assert client.get("/openapi.json").status_code == 401
        assert client.get("/segments", headers={"X-API-Key": KEY}).status_code == 200


def test_keys_come_from_the_environment() -> None:
    assert keys_of({KEYS_VARIABLE: f" {KEY}, ,another-key-of-many"}) == {KEY, "another-key-of-many"}
    assert keys_of({}) == frozenset()
    with pytest.raises(ConfigurationError, match="16 characters"):
        keys_of({KEYS_VARIABLE: "short"})
    assert KEY not in repr(Limits(keys=frozenset({KEY})))


def test_it_serves_others_only_with_keys_or_when_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KEYS_VARIABLE, raising=False)
    with pytest.raises(ConfigurationError, match=r"reached from elsewhere: set CUSTSEG_API_KEYS"):
        serve.run(["--host", "0.0.0.0"])
    with pytest.raises(ConfigurationError, match="expected a folder"):
        serve.run(["--lake", "s3://bucket/lake"])


def test_metrics_have_a_series_a_path_whatever_the_customer(client: Any) -> None:
    for customer in ("a", "b", "nobody"):
        client.get(f"/customers/{customer}")
    client.get("/nowhere/at/all")
    said = client.get("/metrics").text
    series = re.findall(r'custseg_requests_total{method="GET",path="(.*?)",status="(\d+)"}', said)
    assert ("/customers/{customer_id}", "200") in series
    assert ("/customers/{customer_id}", "404") in series
    assert ("unknown", "404") in series
    assert "custseg_request_seconds_bucket" in said
