"""Configuration files shipped with the package."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path
from zipfile import ZipFile


def find(name: str) -> Path:
    """Return the file of that path, else the shipped one, such as `presets/rfm.toml`."""
    shipped = conf_dir() / name
    return shipped if not Path(name).exists() and shipped.is_file() else Path(name)


def source_folders(config: Path) -> list[Path]:
    """Return the folders of mappings: beside the configuration, `conf` here, shipped."""
    here = Path("conf") / "sources"
    beside = [] if _is_shipped(config) else [config.parent / "sources"]
    return list(dict.fromkeys([*beside, here, conf_dir() / "sources"]))


def written_sources(config: Path) -> Path:
    """Return the folder for new mappings: the first of `source_folders`."""
    return source_folders(config)[0]


def _is_shipped(config: Path) -> bool:
    return config.parent.absolute() in (conf_dir(), conf_dir() / "presets")


def conf_dir() -> Path:
    """Return the folder of shipped configuration: the wheel's copy, or the checkout's `conf`."""
    package = Path(__file__).parent.parent
    packaged = package / "conf"
    if packaged.is_dir():
        return packaged
    # With --py-files the wheel stays an archive, and its files have no path.
    if package.parent.is_file():
        return _unpacked(package.parent) / package.name / packaged.name
    return package.parent / "conf"


@cache
def _unpacked(wheel: Path) -> Path:
    """Unpack the wheel's configuration into a temporary folder, removed when the process ends."""
    folder = Path(tempfile.mkdtemp(prefix="custseg-conf-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with ZipFile(wheel) as archive:
        archive.extractall(folder, [n for n in archive.namelist() if n.endswith(".toml")])
    return folder
