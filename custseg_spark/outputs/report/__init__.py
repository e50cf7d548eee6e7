"""The report of a run: its tables as Markdown, HTML, pictures and CSV.

Spark is imported where it is needed: a lake in a folder is reported on without it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pyarrow as pa

from custseg_spark import scratch
from custseg_spark.config.settings import Config, LakeConfig
from custseg_spark.engine.lake.columns import Table
from custseg_spark.engine.lake.schemas import BY_RUN
from custseg_spark.engine.permissions import withheld
from custseg_spark.outputs.report import pages, reading
from custseg_spark.outputs.report.content import Content
from custseg_spark.outputs.report.palette import DARK, LIGHT
from custseg_spark.outputs.report.pictures import PICTURES, draw
from custseg_spark.paths import Place, Remote, place

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from custseg_spark.engine.lake.lake import Lake

R = TypeVar("R")

# One task reads each of them.
_BUCKETS = 4
HTML, MARKDOWN, CSV = "cluster_report.html", "cluster_report.md", "cluster_selection_comparison.csv"


def folder(config: Config) -> Place:
    """Return the folder of the reports: `report.path`, else the one beside the lake."""
    return place(config.report.path) if config.report.path is not None else beside(config.lake)


def beside(lake: LakeConfig) -> Place:
    """Return the reports' folder beside the lake.

    It is `reports`, or in it a folder of the lake's name, unless that is `lake`. So two lakes in
    one folder don't overwrite each other's reports.
    """
    named = place(lake.path)
    folder = named if isinstance(named, Remote) else named.absolute()
    reports = folder.parent / "reports"
    is_usual = lake.catalog is not None or folder.parent == folder or folder.name == "lake"
    return reports if is_usual else reports / folder.name


def write(lake: "Lake", run_date: date | None, reports: Place) -> Sequence[Place]:
    """Write the report of a run date (None: the latest) to `reports`/<run date>; return its files.

    The report only reads tables, and equal tables give equal bytes. An older report is replaced
    file by file once the new one is complete. Raises InputError if there is no such run.
    """
    lake = lake.at_one_moment(BY_RUN)
    day = reading.run_date_of(lake, run_date)
    content = reading.content(lake, day, _Portions(lake).map)
    target = reports / day.isoformat()
    if isinstance(target, Remote):
        return _replace_remote(lake.spark, target, files(content))
    return write_here(content, target, lake.config.umask)


def files(content: Content) -> dict[str, bytes]:
    """Return the report's files by name."""
    light, dark = draw(content, LIGHT), draw(content, DARK)
    return {
        HTML: pages.html(content, light, dark).encode(),
        MARKDOWN: pages.markdown(content, light).encode(),
        CSV: pages.selection_csv(content).encode(),
        **{f"{name}.png": png for name, png in light.items()},
    }


def write_here(content: Content, target: Path, umask: str) -> list[Path]:
    """Write a report into a folder of this machine, by the umask; return its files."""
    contents = files(content)
    with withheld(umask):
        return _replace(target, contents)


@dataclass(frozen=True)
class _Portions:
    lake: "Lake"

    def map(
        self, table: Table, day: date, kernel: Callable[[pa.Table], R], columns: Sequence[str]
    ) -> list[R]:
        from custseg_spark.engine.partitions import customer_buckets

        return customer_buckets(self.lake, table, day, _BUCKETS).map(kernel, columns)


def _replace_remote(spark: "SparkSession", target: Remote, files: dict[str, bytes]) -> list[Remote]:
    from custseg_spark.engine.spark.file_systems import remove_remote, write_remote

    for name, data in files.items():
        write_remote(spark, target / name, data)
    for name in _not_drawn(files):
        remove_remote(spark, target / name)
    return [target / name for name in files]


def _replace(target: Path, files: dict[str, bytes]) -> list[Path]:
    target.mkdir(parents=True, exist_ok=True)
    with scratch.folder(f".{target.name}-", target.parent) as beside:
        for name, data in files.items():
            (beside / name).write_bytes(data)
        for name in files:
            (beside / name).replace(target / name)
    for name in _not_drawn(files):
        (target / name).unlink(missing_ok=True)
    return [target / name for name in files]


def _not_drawn(files: dict[str, bytes]) -> set[str]:
    """Return the names of pictures that this run can't draw but an earlier report may have."""
    return {f"{p}.png" for p in PICTURES}.difference(files)
