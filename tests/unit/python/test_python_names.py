"""The public names: importing them is quick and starts nothing."""

from pathlib import Path

import pytest
from checkout import printed

import custseg_spark as cs

HEAVY = ("pyspark", "delta", "py4j", "polars", "pandas", "pyarrow", "numpy", "deltalake")
# A process of its own is slower than the import; the requirement is 0.3 seconds.
MOST_SECONDS = 0.3


def test_importing_the_package_loads_nothing(tmp_path: Path) -> None:
    code = f"""
import sys, time
before = time.process_time()
import custseg_spark as cs
print(time.process_time() - before)
print([name for name in {HEAVY!r} if name in sys.modules])
print(len(dir(cs)) > len(cs.__all__))
"""
    seconds, loaded, names = printed(code, tmp_path)
    assert float(seconds) < MOST_SECONDS
    assert (loaded, names) == ("[]", "True")


def test_every_public_name_is_there() -> None:
    for name in cs.__all__:
        assert getattr(cs, name).__name__
        assert name in dir(cs)
    with pytest.raises(AttributeError, match="no attribute 'segmnet'"):
        cs.segmnet  # noqa: B018
