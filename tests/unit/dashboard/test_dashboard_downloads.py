"""Downloads: the rows of the table, safe for spreadsheets, and nothing for who asks wrongly."""

import csv
import io
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from dashboard_lake import CUSTOMERS, FORMULA, MARKUP
from starlette.testclient import TestClient

from custseg_spark.interfaces.dashboard.endpoint import make_endpoint
from custseg_spark.interfaces.dashboard.settings import Settings

RUN = {"run_date": "2024-05-01", "algorithm": "kmeans"}


@pytest.fixture(scope="module")
def client(shown_lake: Path) -> Any:
    return TestClient(make_endpoint(Settings(shown_lake)))


def rows(client: Any, **asked: Any) -> list[dict[str, str]]:
    answer = client.get("/customers.csv", params={**RUN, **asked})
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_a_csv_has_every_customer_of_the_run(client: Any) -> None:
    now = {customer: str(ids[1]) for customer, ids in CUSTOMERS.items() if ids[1]}
    found = {row["customer_id"]: row["segment_id"] for row in rows(client)}
    # A spreadsheet would compute it.
    now[f"'{FORMULA}"] = now.pop(FORMULA)
    assert found == now


def test_a_csv_of_one_segment_has_its_customers(client: Any) -> None:
    found = rows(client, segment_id=1)
    assert sorted(row["customer_id"] for row in found) == ["512345678", "512345679"]
    assert {row["segment_name"] for row in found} == {"High-Value"}
    assert {row["top_features"] for row in found} == {"monetary; frequency"}


def test_a_parquet_file_has_the_values_as_they_are(client: Any) -> None:
    answer = client.get("/customers.parquet", params=RUN)
    table = pq.read_table(io.BytesIO(answer.content))
    assert sorted(table["customer_id"].to_pylist()) == sorted(c for c in CUSTOMERS if c != "gone")
    assert {FORMULA, MARKUP} <= set(table["customer_id"].to_pylist())
    assert table["top_features"].to_pylist()[0] == ["monetary", "frequency"]


def test_the_file_is_named_after_what_is_in_it(client: Any) -> None:
    answer = client.get("/customers.csv", params={**RUN, "segment_id": 2})
    assert answer.headers["content-disposition"] == (
        'attachment; filename="customer_segments_2024-05-01_kmeans_segment_2.csv"'
    )


@pytest.mark.parametrize(
    ("asked", "status", "said"),
    [
        ({"run_date": "2030-01-01"}, 404, "has no algorithm"),
        ({"run_date": "../../etc"}, 422, "run_date"),
        ({"algorithm": "kmean"}, 404, "did you mean 'kmeans'?"),
        ({"algorithm": "'; DROP TABLE x; --"}, 404, "has no algorithm"),
        ({"segment_id": "99"}, 404, "has no segment 99"),
        ({"segment_id": "1 OR 1=1"}, 422, "segment_id"),
    ],
    ids=["no run", "a path", "mistyped", "sql", "no segment", "a condition"],
)
def test_who_asks_wrongly_is_told(client: Any, asked: Any, status: int, said: str) -> None:
    answer = client.get("/customers.csv", params={**RUN, **asked})
    assert answer.status_code == status
    assert said in answer.text
