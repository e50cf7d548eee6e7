"""The documents' export commands and SQL run as they stand."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from checkout import ROOT, SHORT_PROCESS, job, write_log
from ledger import reading
from postgresql_server import Server
from pyspark.sql import SparkSession

from custseg_spark.config.settings import LakeConfig
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.schemas import SEGMENT_PROFILES

KMEANS = (
    "--set=model.k=2",
    '--set=model.algorithms=["kmeans"]',
    "--set=model.stability.bootstraps=0",
    "--set=model.fit.starts=1",
    "--set=report.enabled=false",
)
VIEWS = ROOT / "conf" / "views.sql"
README = (ROOT / "README.md").read_text(encoding="utf-8")
GUIDES = ROOT / "docs" / "guides"


def test_the_export_commands_run(
    small_lake: Lake, postgresql: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    postgresql.query("postgres", "CREATE DATABASE reports")
    section = (GUIDES / "exports.md").read_text(encoding="utf-8")
    ours = {
        "--lake lake": f"--lake {small_lake.config.path}",
        "sqlite:///": f"sqlite:///{tmp_path}/",
        "csv:": f"csv:{tmp_path}/",
        "postgresql://loader@localhost/reports": postgresql.url("reports"),
    }
    commands = re.findall(r"^spark-submit jobs/(\w+)\.py (.*)$", section, re.M)
    for name, arguments in commands:
        for theirs, own in ours.items():
            arguments = arguments.replace(theirs, own)
        job(name).run(arguments.split())
    said = re.search(r"```\n(Campaign.*?)```", section, re.DOTALL)
    assert said is not None
    assert said[1] in capsys.readouterr().out
    assert len(commands) == 5
    assert postgresql.query("reports", "SELECT count(*) FROM customer_segments") == [(4,)]
    assert {p.name for p in tmp_path.iterdir()} == {"reports.db", "exports", "campaign"}
    campaign = {p.name for p in (tmp_path / "campaign").iterdir()}
    assert campaign == {"segment_changes.csv", "campaign_lift.csv"}


def test_the_documented_sql_runs_in_spark_sql(spark: SparkSession, tmp_path: Path) -> None:
    lines = [
        f"2019-10-0{1 + n % 3} 10:0{n % 10}:00 UTC,{kind},{n},2,a.b,c,{n + 1}.50,"
        f"{541312140 + n % 12},s{n}"
        for n, kind in enumerate(["view", "view", "cart", "purchase", "view"] * 12)
    ]
    bad = "2019-10-01 10:00:00 UTC,view,1,2,,,free,1,s"
    log = write_log(tmp_path / "log.csv", [*lines, bad])
    lake = f"--lake={tmp_path}/lake"
    source = f"--source=ecommerce_events={log}"
    job("segment").run([lake, source, "--run-date=2019-10-03", *KMEANS])
    job("segment").run([lake, "--skip-ingest", *KMEANS])
    profiles = reading(Lake(spark, LakeConfig(path=f"{tmp_path}/lake")))(SEGMENT_PROFILES)
    names = [row.segment_name for row in profiles if row.customers > 0]
    cookbook = (GUIDES / "sql.md").read_text(encoding="utf-8")
    queries = re.findall(r"```sql\n(.*?)```", README + cookbook, re.DOTALL)
    assert len(queries) >= 8
    (tmp_path / "queries.sql").write_text("\n".join(queries))
    spark_sql = (str(Path(sys.executable).parent / "spark-sql"), SHORT_PROCESS)
    done = subprocess.run(
        [*spark_sql, "-i", str(VIEWS), "-f", "queries.sql"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
    )
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in names)
    assert "(joined)" in done.stdout
    assert "not_a_number\tprice\t1\tfree" in done.stdout
    assert {p.name for p in tmp_path.iterdir()} == {"log.csv", "lake", "queries.sql"}
