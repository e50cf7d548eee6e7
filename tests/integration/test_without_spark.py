"""What needs no Spark works where there is none: in processes in which importing it is an error."""

from pathlib import Path

import dashboard_lake
import pytest
import python_lake
from checkout import ROOT, printed
from python_lake import NOW
from without_spark import WITHOUT_SPARK

from custseg_spark.core.features.learned import Learned
from custseg_spark.core.features.levels import NO_LEVELS
from custseg_spark.core.features.scores import Cutoffs


def said(code: str, folder: Path = ROOT) -> list[str]:
    """The lines that a program prints where Spark can't be imported."""
    return printed(f"{WITHOUT_SPARK}\n{code}", folder)


def test_core_is_imported() -> None:
    files = (ROOT / "custseg_spark" / "core").rglob("*.py")
    names = [".".join(file.relative_to(ROOT).with_suffix("").parts) for file in sorted(files)]
    modules = [name.removesuffix(".__init__") for name in names]
    assert len(modules) > 50
    said(f"import importlib\nfor module in {modules!r}: importlib.import_module(module)")


def test_a_lake_is_read_and_written(tmp_path: Path) -> None:
    code = f"""
from pathlib import Path
import pyarrow as pa
from custseg_spark.engine.lake import commits, runs
from custseg_spark.engine.lake.files import write_parts
from custseg_spark.engine.lake.native import NativeLake
from custseg_spark.engine.lake.schemas import INGEST_FILES as table

lake = NativeLake(Path({str(tmp_path)!r}))
lake.create([table])
with runs.run_lock(lake, [table], "a"):
    rows = pa.Table.from_pylist([{{"file_id": "f", "accepted": 3}}], schema=table.schema)
    files = write_parts(rows, table, lake.folder(table), run_id="a", task=0)
    commits.append(lake, table, files, read_version=0)
print(lake.read(table, ["file_id", "accepted"]).to_pylist())
"""
    assert said(code) == ["[{'file_id': 'f', 'accepted': 3}]"]


def test_customers_are_scored_and_lakes_opened(tmp_path: Path) -> None:
    code = f"""
import custseg_spark as cs
import polars as pl
model = cs.load_model({str(ROOT / "tests" / "data" / "scoring.json")!r})
customers = pl.DataFrame({{"monetary": [900.0], "frequency": [12], "event_count": [40]}})
print(cs.score(customers, model=model)["segment_name"].to_list())
try:
    cs.open_lake("lake")
except cs.InputError as error:
    print(error)
cs.Segmentation, cs.Lake, cs.load_mapping("online_retail"), cs.load_config()
"""
    no_lake = "there is no lake at lake: none of its tables is there"
    assert said(code, tmp_path) == ["['High-Value']", no_lake]


def test_the_service_scores(tmp_path: Path) -> None:
    pytest.importorskip("prometheus_client", reason="the extra [serve]")
    lake = tmp_path / "lake"
    python_lake.make(lake)
    learned = f"learned-{python_lake.RUN_IDS[NOW]}.json"
    text = Learned(NOW, NO_LEVELS, Cutoffs()).as_json()
    (lake / "models" / f"run_date={NOW}" / learned).write_text(text)
    features = {"monetary": 900.0, "frequency": 12, "event_count": 40}
    event = {
        "customer_id": "z",
        "event_at": "2024-04-30T10:00:00Z",
        "event_type": "purchase",
        "unit_price": 9.5,
    }
    code = f"""
from pathlib import Path
from fastapi.testclient import TestClient
from custseg_spark.interfaces.service.app import make_app
from custseg_spark.interfaces.service.limits import Limits
from custseg_spark.interfaces.cli.main import command
assert command("serve").run
customers = [{{"customer_id": "a", "features": {features!r}}}]
with TestClient(make_app(Path({str(lake)!r}), Limits())) as client:
    scored = client.post("/score/features", json={{"customers": customers}}).json()
    print(scored["customers"][0]["segment_name"])
    events = client.post("/score/events", json={{"events": [{event!r}]}})
    print(events.status_code)
"""
    assert said(code) == ["High-Value", "200"]


def test_the_dashboard_shows(tmp_path: Path) -> None:
    pytest.importorskip("streamlit", reason="the extra [dashboard]")
    lake = tmp_path / "lake"
    dashboard_lake.make(lake)
    code = f"""
from pathlib import Path
from starlette.testclient import TestClient
from custseg_spark.interfaces.cli.main import command
from custseg_spark.interfaces.dashboard import server
from custseg_spark.interfaces.dashboard.pages.registry import PAGES
from custseg_spark.interfaces.dashboard.settings import Settings
assert command("dashboard").run and PAGES
client = TestClient(server.make_endpoint(Settings(Path({str(lake)!r}))))
asked = {{"run_date": "2024-05-01", "algorithm": "kmeans"}}
print(client.get("/customers.csv", params=asked).status_code)
"""
    assert said(code) == ["200"]
