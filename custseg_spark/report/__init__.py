"""The report of a run: its tables as Markdown, HTML, pictures and CSV."""

import re
import tempfile
from datetime import date
from pathlib import Path

from custseg_spark.config import Config
from custseg_spark.errors import ConfigurationError
from custseg_spark.report import pages, reading
from custseg_spark.report.palette import DARK, LIGHT
from custseg_spark.report.pictures import PICTURES, draw
from custseg_spark.tables import Lake

HTML, MARKDOWN, CSV = "cluster_report.html", "cluster_report.md", "cluster_selection_comparison.csv"
_REMOTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")


def folder(config: Config) -> Path:
    """The folder of the reports: `report.path`, else `reports` beside the lake's folder.

    Raises ConfigurationError for a place that isn't on this machine.
    """
    if config.report.path is not None:
        return _local(config.report.path)
    return _local(config.lake.path).absolute().parent / "reports"


def _local(place: str) -> Path:
    path = re.sub(r"^file:(//(localhost)?)?(?=/)", "", place)
    if _REMOTE.match(path):
        raise ConfigurationError(
            f"reports are written to this machine, not to {place}; give a folder by --reports DIR"
        )
    return Path(path)


def write(lake: Lake, run_date: date | None, reports: Path) -> list[Path]:
    """Writes the report of a run date (None: the latest) to `reports`/<run date>; its files.

    Reads tables and computes nothing anew; equal tables give equal bytes. An older report is
    replaced file by file once the new one is whole. InputError if there is no such run.
    """
    day = reading.run_date_of(lake, run_date)
    content = reading.content(lake, day)
    light, dark = draw(content, LIGHT), draw(content, DARK)
    files = {
        HTML: pages.html(content, light, dark).encode(),
        MARKDOWN: pages.markdown(content, light).encode(),
        CSV: pages.selection_csv(content).encode(),
        **{f"{name}.png": png for name, png in light.items()},
    }
    return _replace(reports / day.isoformat(), files)


def _replace(target: Path, files: dict[str, bytes]) -> list[Path]:
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as beside:
        for name, data in files.items():
            (Path(beside) / name).write_bytes(data)
        for name in files:
            (Path(beside) / name).replace(target / name)
    # A picture of an earlier report that this run has nothing to draw for.
    for name in {f"{p}.png" for p in PICTURES}.difference(files):
        (target / name).unlink(missing_ok=True)
    return [target / name for name in files]
