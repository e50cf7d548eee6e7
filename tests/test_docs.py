"""The documents agree with the code, and the README's SQL runs."""

import dataclasses
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, SHORT_PROCESS, job, write_log
from postgresql_server import Server
from pyspark.sql import SparkSession

from custseg_spark.config.mappings import load_mapping
from custseg_spark.config.settings import Config, LakeConfig
from custseg_spark.core.mappings.mapping import EVENT_COLUMNS
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.schemas import SEGMENT_PROFILES
from custseg_spark.outputs.exports.frames import REPORTS
from custseg_spark.outputs.exports.frames.changes import SEGMENT_CHANGES
from custseg_spark.outputs.exports.frames.effects import CAMPAIGN_LIFT
from custseg_spark.pipeline.ingest import INGESTED
from custseg_spark.pipeline.segmentation import OUTPUTS

KMEANS = (
    "--set=model.k=2",
    '--set=model.algorithms=["kmeans"]',
    "--set=model.stability.bootstraps=3",
    "--set=report.enabled=false",
)
VIEWS = ROOT / "conf" / "views.sql"
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")


def sections(of: type, name: str = "") -> Iterator[tuple[str, list[dataclasses.Field[Any]]]]:
    """The sections of a configuration by name, each with its own keys."""
    fields = dataclasses.fields(of)
    groups = [field for field in fields if dataclasses.is_dataclass(field.type)]
    if name:
        yield name, [field for field in fields if field not in groups]
    for field in groups:
        yield from sections(field.type, f"{name}.{field.name}" if name else field.name)


def test_every_configuration_key_is_documented_in_its_section_with_its_default() -> None:
    found = dict(sections(Config))
    assert {"model", "model.preparation"} < found.keys()
    for section, keys in found.items():
        documented = re.split(r"\n##+ ", CONFIGURATION.split(f"# `[{section}]`")[1])[0]
        for key in keys:
            assert f"`{key.name}`" in documented, f"{section}.{key.name}"
            if isinstance(key.default, str):
                assert f'`"{key.default}"`' in documented, f"{section}.{key.name}"


def test_the_documented_mappings_are_valid(tmp_path: Path) -> None:
    examples = re.findall(r"```toml\n(.*?)```", CONFIGURATION, re.DOTALL)
    customers = []
    for example in examples:
        (tmp_path / "shop.toml").write_text(example)
        customers.append(load_mapping("shop", {}, [tmp_path]).columns["customer_id"])
    assert customers == ["visitor", "Client"]
    for column in EVENT_COLUMNS:
        assert f"`{column}`" in CONFIGURATION


def test_every_reason_code_is_documented() -> None:
    kernels = (ROOT / "custseg_spark" / "core").rglob("*.py")
    source = "".join(path.read_text(encoding="utf-8") for path in kernels)
    documented = set(re.findall(r"^\| `(\w+)` \| ", CONFIGURATION.split("# Why a record")[1], re.M))
    assert len(documented) == 18
    assert all(f'"{code}"' in source for code in documented)


def test_every_exported_column_is_documented() -> None:
    written = (ROOT / "docs" / "exports.md").read_text(encoding="utf-8")
    tables = [r.table for r in REPORTS.values()] + [SEGMENT_CHANGES, CAMPAIGN_LIFT]
    for table in tables:
        section = written.split(f"## `{table.name}`")[1].split("\n## ")[0]
        for column in table.ddl.replace("\n", " ").split(", "):
            assert f"`{column.split()[0]}`" in section, (table.name, column)


def test_the_readmes_export_commands_run(
    small_lake: Lake, postgresql: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    postgresql.query("postgres", "CREATE DATABASE reports")
    section = README.split("## Exports")[1].split("\n## ")[0]
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


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", README):
        assert (ROOT / target).exists(), target


def test_the_readmes_sql_runs_in_spark_sql(spark: SparkSession, tmp_path: Path) -> None:
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
    profiles = Lake(spark, LakeConfig(path=f"{tmp_path}/lake")).read(SEGMENT_PROFILES)
    names = [row.segment_name for row in profiles.where("customers > 0").collect()]
    queries = re.findall(r"```sql\n(.*?)```", README, re.DOTALL)
    assert len(queries) >= 5
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


def test_every_table_has_its_view() -> None:
    views = re.findall(r"VIEW (\w+) USING delta OPTIONS \(path 'lake/(\w+)'\);", VIEWS.read_text())
    assert {name for name, _ in views} == {t.name for t in (*INGESTED, *OUTPUTS)}
    assert all(name == folder for name, folder in views)
