"""One small Spark session for the whole run, and a way to run jobs in it.

Nothing here imports Spark before a test asks for it: the unit tests run without.
"""

import gc
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from checkout import (
    HAS_S3,
    HEADER,
    ROOT,
    S3_JARS,
    SHARED_DATA,
    SHORT_PROCESS,
    SHORT_RUN,
    job,
    write_log,
)

if TYPE_CHECKING:
    from postgresql_server import Server
    from pyspark.sql import Row, SparkSession

    from custseg_spark.engine.lake.columns import Table
    from custseg_spark.engine.lake.lake import Lake

__all__ = ["HEADER", "ROOT", "SHARED_DATA", "SHORT_PROCESS", "SHORT_RUN", "job", "write_log"]

# A driver of the system's packages, for exports by JDBC.
MARIADB = Path("/usr/share/java/mariadb-java-client.jar")
UNIT = Path(__file__).parent / "unit"

_TEST_SETTINGS = {
    "spark.driver.extraJavaOptions": SHORT_RUN,
    "spark.driver.memory": "2g",
    "spark.master": "local[2]",
    # A handful of rows needs no more; the determinism tests set their own.
    "spark.sql.shuffle.partitions": "2",
    "spark.databricks.delta.snapshotPartitions": "1",
    # Delta keeps each table that was ever read for an hour, with the plans of its snapshots: those
    # of a few hundred tests' tables fill the heap, and the collector does the rest.
    "spark.databricks.delta.delta.log.cacheSize": "20",
    # In another time zone than UTC Delta reads a table's whole log anew after each commit, to
    # compare it with what the commit says.
    "spark.databricks.delta.allFilesInCrc.verificationMode.forceOnNonUTC.enabled": "false",
    # Plans of a handful of rows run once: to compile them takes longer than to interpret them. Jobs
    # in processes of their own compile, as in production.
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    # VACUUM lists a table's folder in so many tasks: 10,000 by default.
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "2",
    # Nobody looks at them, and the plans of a whole run fill the heap.
    "spark.sql.ui.retainedExecutions": "1",
    "spark.ui.retainedJobs": "10",
    "spark.ui.retainedStages": "10",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}


def _further_classes() -> str:
    """What the tests need beyond this venv's Spark."""
    jars = [f"{S3_JARS}/*"] if HAS_S3 else []
    return ":".join([*jars, *([str(MARIADB)] if MARIADB.exists() else [])])


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Refuses a unit test that asks for Spark: what needs it stands beside `unit`."""
    for item in items:
        if UNIT in item.path.parents and "spark" in getattr(item, "fixturenames", ()):
            raise pytest.UsageError(f"{item.nodeid}: a unit test has no Spark session")


@pytest.fixture(autouse=True)
def _without_spark(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a unit test no JVM starts, and the session of other tests isn't there."""
    if UNIT not in request.path.parents:
        return

    def refused(*_: object, **__: object) -> None:
        pytest.fail("a unit test has no Spark session")

    # Where the program is looked for that starts a JVM.
    monkeypatch.setenv("SPARK_HOME", str(UNIT / "no-spark"))
    if "pyspark.sql" in sys.modules:
        session = sys.modules["pyspark.sql"].SparkSession
        for name in ("getOrCreate", "create"):
            monkeypatch.setattr(session.Builder, name, refused)
        monkeypatch.setattr(session, "getActiveSession", refused)


@pytest.fixture(scope="session")
def spark() -> "Iterator[SparkSession]":
    from pyspark.sql import SparkSession

    from custseg_spark.engine.spark.session import get_session

    # Read when the session starts; a pytest of a venv that isn't active would get another python.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder
    with tempfile.TemporaryDirectory(prefix="custseg-tests-") as folder:
        for key, value in _TEST_SETTINGS.items():
            builder = builder.config(key, value)
        with pytest.MonkeyPatch.context() as patch:
            # Behind all else: in front of it they would make Java refuse its archive of classes.
            patch.setenv("SPARK_DIST_CLASSPATH", _further_classes())
            builder.config("spark.local.dir", folder).getOrCreate()
        session = get_session("tests")
        # What there is now stays: the collections look only at what came since.
        gc.freeze()
        yield session
        session.stop()


@pytest.fixture(autouse=True)
def _released(request: pytest.FixtureRequest) -> Iterator[None]:
    """Frames in cycles hold their plans in the JVM until Python collects them, which in a process
    of this size it hardly does by itself: the heap was full half-way through the suite, also with
    a collection a file. It takes fifty milliseconds, so tests without Spark have none."""
    yield
    if "spark" in request.fixturenames:
        gc.collect()


@pytest.fixture
def lake_dir(tmp_path: Path) -> Path:
    return tmp_path / "lake"


@pytest.fixture
def read(spark: "SparkSession", lake_dir: Path) -> "Callable[[Table], list[Row]]":
    """Reads the rows of a table of the test's lake."""
    from ledger import reading

    from custseg_spark.config.settings import LakeConfig
    from custseg_spark.engine.lake.lake import Lake

    return reading(Lake(spark, LakeConfig(path=str(lake_dir))))


@pytest.fixture
def run_job(spark: "SparkSession", lake_dir: Path) -> Callable[..., None]:
    """Runs `jobs/<name>.py` in this session, on the test's lake, with further arguments.

    Errors come out as exceptions; tests/e2e/test_cli.py checks what a shell sees.
    """

    def run(name: str, *arguments: str) -> None:
        job(name).run(["--lake", str(lake_dir), *arguments])

    return run


@pytest.fixture(scope="session")
def small_lake(spark: "SparkSession", tmp_path_factory: pytest.TempPathFactory) -> "Lake":
    """The lake of tests/support/literal_lake.py, which tests only read."""
    import literal_lake

    from custseg_spark.config.settings import LakeConfig
    from custseg_spark.engine.lake.lake import Lake

    made = Lake(spark, LakeConfig(path=str(tmp_path_factory.mktemp("literal") / "lake")))
    literal_lake.make(made)
    return made


@pytest.fixture(scope="session")
def built_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, built of a copy: setuptools leaves a folder `build` behind."""
    source, out = (tmp_path_factory.mktemp(name) for name in ("source", "wheel"))
    for name in ("custseg_spark", "conf"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", str(out), str(source)], check=True)
    return next(out.glob("*.whl"))


@pytest.fixture(scope="session")
def postgresql() -> "Iterator[Server]":
    """A server for the whole run; a test makes a database of its own in it."""
    from postgresql_server import binaries, started

    programs = binaries()
    if programs is None:
        pytest.skip("PostgreSQL isn't installed (Debian: apt-get install postgresql)")
    with started(programs) as server:
        yield server
