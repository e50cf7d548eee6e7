"""Places of this checkout, the pinned Spark's short-run settings, jobs as modules, literal logs.

Programs that tests start in processes of their own import it, as the tests do.
"""

import importlib.util
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]
SUPPORT = Path(__file__).parent
SHARED_DATA = ROOT.parent / "shared" / "data"

# Tests are short: the quick compiler and the simple collector halve the suite's time. Alone, that
# compiler has 48 MB for its code, and the whole suite fills them.
SHORT_RUN = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:ReservedCodeCacheSize=240m"
# The same for a program of Spark's in a process of its own; all else comes from its defaults.
SHORT_PROCESS = f"--conf=spark.driver.extraJavaOptions={SHORT_RUN}"

HEADER = (
    "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session"
)


def _package_folder(name: str) -> Path:
    """Locate a package without importing it."""
    found = importlib.util.find_spec(name)
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent


SPARK = _package_folder("pyspark")
# Hadoop's file system of S3, for tests only (scripts/s3_jars.sh); it fits one version of Hadoop.
S3_JARS = ROOT / ".jars-s3"
_HADOOP = next(SPARK.glob("jars/hadoop-client-api-*.jar")).stem.rpartition("-")[2]
HAS_S3 = (S3_JARS / f"org.apache.hadoop_hadoop-aws-{_HADOOP}.jar").exists()


def job(name: str) -> ModuleType:
    """Load `jobs/<name>.py` as a module: jobs are programs, not a package."""
    spec = importlib.util.spec_from_file_location(f"job_{name}", ROOT / "jobs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write_log(path: Path, lines: Sequence[str], header: str = HEADER) -> Path:
    """Write a log file of the `ecommerce_events` mapping from literal lines."""
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


def printed(code: str, folder: Path = ROOT) -> list[str]:
    """The lines that a Python program prints in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()
