"""What is printed and written: Markdown tables that read well as text, too."""

import os
import platform
import subprocess
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

_PACKAGES = (
    *("pyspark", "delta-spark", "pandas", "polars", "duckdb", "scikit-learn", "numpy", "pyarrow"),
)
GIB = 2**30


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table with its columns aligned: the first to the left, numbers to the right."""
    widths = [max(len(cell) for cell in column) for column in zip(headers, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        first, *others = zip(cells, widths, strict=True)
        padded = [first[0].ljust(first[1]), *[cell.rjust(width) for cell, width in others]]
        return f"| {' | '.join(padded)} |"

    rule = ["-" * max(widths[0], 3), *["-" * (max(width, 3) - 1) + ":" for width in widths[1:]]]
    return "\n".join([line(headers), f"| {' | '.join(rule)} |", *[line(row) for row in rows]])


def seconds(values: Sequence[float]) -> str:
    """Seconds of one or several runs: 12.3, 11.9."""
    return ", ".join(f"{value:,.1f}" for value in values)


def gib(values: Sequence[int]) -> str:
    """The highest of several peaks in GiB: 2.31."""
    return f"{max(values) / GIB:.2f}"


def ratios(ones: Sequence[float], others: Sequence[float]) -> str:
    """Pair by pair, how many times as long as the other one took."""
    return ", ".join(f"{one / other:.2f}" for one, other in zip(ones, others, strict=False))


def machine() -> str:
    """The machine and the versions, as a list."""
    model = next(
        line.partition(":")[2].strip()
        for line in [*Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines(), "model name:"]
        if line.startswith("model name")
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    return "\n".join(
        [
            f"* {model or platform.machine()}, {len(os.sched_getaffinity(0))} cores,"
            f" {memory:.0f} GiB of memory;"
            f" {platform.system()} {platform.release().partition('-')[0]}",
            f"* {_java()}, Python {platform.python_version()}",
            f"* {packages}",
        ]
    )


def _java() -> str:
    """The Java that Spark takes, in its own words."""
    home = os.environ.get("JAVA_HOME")
    program = Path(home, "bin", "java") if home else "java"
    done = subprocess.run([program, "-version"], capture_output=True, text=True, check=False)
    return (done.stderr or done.stdout).splitlines()[0]
