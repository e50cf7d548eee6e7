"""The process that reads an upload for its curves: features of a sample of its customers.

It works in the upload's folder, where `upload` is the file and `conf/sources/upload.toml` its
mapping, and writes `sample.parquet`.
"""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from custseg_spark.config.mappings import load_mapping
from custseg_spark.engine.foreign_errors import translated
from custseg_spark.engine.sources.discovery import files
from custseg_spark.interfaces import clock
from custseg_spark.interfaces.dashboard.trying.desk import MAPPING, SAMPLE
from custseg_spark.interfaces.dashboard.trying.mending import explained
from custseg_spark.interfaces.dashboard.trying.uploads import Upload
from custseg_spark.pipeline.sampled_features import sampled_features


def main(folder: Path) -> int:
    """Write the sample of an upload's folder; the exit code is that of `custseg ingest`."""
    about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
    upload = Upload(folder.name, about["name"], about["kind"], about["bytes"], folder)
    try:
        _read(folder)
    # Panics of libraries in Rust aren't subclasses of Exception.
    except BaseException as error:
        ours = translated(error)
        if ours is None:
            raise
        print(f"error: {explained(upload, ours)}", file=sys.stderr)
        return ours.exit_code
    return 0


def _read(folder: Path) -> None:
    mapping = load_mapping(MAPPING, {}, [folder / "conf" / "sources"])
    [file] = files.list_files(str(folder / "upload"), hashes=False)
    with TemporaryDirectory(prefix="custseg-reading-", dir=folder) as staging:
        sample = sampled_features(file, mapping, Path(staging), now=clock.now(), tell=_report_share)
    part = folder / "sample.part"
    sample.write(part)
    part.replace(folder / SAMPLE)


def _report_share(read: int, whole: int) -> None:
    print(f"read {100 * read // max(1, whole)} %", flush=True)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
