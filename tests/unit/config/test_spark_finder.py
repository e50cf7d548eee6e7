"""pyspark's spark-submit by its full path, without an activated environment."""

import subprocess
import sys
from pathlib import Path

import pytest
from spark_conf import with_own_python

FINDER = Path(sys.executable).parent / "find-spark-home"


@pytest.mark.skipif(not FINDER.is_file(), reason="pyspark's scripts aren't beside this Python")
def test_spark_is_looked_for_by_the_environments_own_python(tmp_path: Path) -> None:
    script = with_own_python(FINDER.read_text(), sys.executable)
    assert with_own_python(script, sys.executable) == script
    (tmp_path / "find-spark-home").write_text(script)
    (tmp_path / "find_spark_home.py").write_text("import sys; print(sys.executable)")
    submit = tmp_path / "spark-submit"
    submit.write_text('source "$(dirname "$0")"/find-spark-home; echo "$SPARK_HOME"')
    ran = subprocess.run(
        ["/bin/bash", submit], env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True
    )
    assert ran.stdout.strip() == sys.executable, ran.stderr
