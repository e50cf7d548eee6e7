"""The public names: importing is quick, starts nothing, and what needs no Spark needs none."""

import subprocess
import sys
from pathlib import Path

import pytest
from checkout import ROOT
from without_spark import WITHOUT_SPARK

import custseg_spark as cs

HEAVY = ("pyspark", "delta", "py4j", "polars", "pandas", "pyarrow", "numpy", "deltalake")
# A process of its own is slower than the import; the requirement is 0.3 seconds.
MOST_SECONDS = 0.3


def run(code: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_the_package_loads_nothing(tmp_path: Path) -> None:
    code = f"""
import sys, time
before = time.process_time()
import custseg_spark as cs
print(time.process_time() - before)
print([name for name in {HEAVY!r} if name in sys.modules])
print(len(dir(cs)) > len(cs.__all__))
"""
    seconds, loaded, names = run(code, tmp_path).splitlines()
    assert float(seconds) < MOST_SECONDS
    assert (loaded, names) == ("[]", "True")


def test_every_public_name_is_there() -> None:
    for name in cs.__all__:
        assert getattr(cs, name).__name__
        assert name in dir(cs)
    with pytest.raises(AttributeError, match="no attribute 'segmnet'"):
        cs.segmnet  # noqa: B018


def test_what_needs_no_spark_works_where_there_is_none(tmp_path: Path) -> None:
    code = f"""{WITHOUT_SPARK}
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
    said = run(code, tmp_path).splitlines()
    assert said == ["['High-Value']", "there is no lake at lake: none of its tables is there"]
