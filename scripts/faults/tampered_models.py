"""Published models that somebody has changed: each must be refused before any of it is loaded.

  python scripts/faults/tampered_models.py

Makes a small lake, changes a copy of its model in 26 ways and scores with each.
"""

import json
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from faults import small_lake

Tamper = Callable[[Path], object]
# Imported where Python's metadata is believed; then this file is there.
_CANARY = "canary_of_models"


def _metadata(model: Path, stage: str = "") -> Path:
    folder = next((model / "model" / "stages").glob(f"{stage}*")) if stage else model / "model"
    return next((folder / "metadata").glob("part-*"))


def _changed_metadata(stage: str, change: Mapping[str, Any]) -> Tamper:
    def tamper(model: Path) -> None:
        path = _metadata(model, stage)
        values = json.loads(path.read_text())
        parameters = {**values["paramMap"], **change.get("paramMap", {})}
        path.write_text(json.dumps({**values, **change, "paramMap": parameters}))

    return tamper


def _bytes(stage: str, content: bytes) -> Tamper:
    return lambda model: _metadata(model, stage).write_bytes(content)


def _manifest(change: Callable[[dict[str, Any]], object]) -> Tamper:
    def tamper(model: Path) -> None:
        path = model / "manifest.json"
        values = json.loads(path.read_text())
        change(values)
        path.write_text(json.dumps(values, sort_keys=True))

    return tamper


def _numbers_times(stage: str, factor: float) -> Tamper:
    """Multiplies the vectors of a stage's table: a rescaled scaler, moved centres."""

    def tamper(model: Path) -> None:
        folder = next((model / "model" / "stages").glob(f"{stage}*"))
        for path in (folder / "data").glob("*.parquet"):
            table = pq.read_table(path)
            rows = [_times(row, factor) for row in table.to_pylist()]
            pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path)
            path.with_name(f".{path.name}.crc").unlink(missing_ok=True)

    return tamper


def _times(value: Any, factor: float) -> Any:
    if isinstance(value, dict):
        return {k: _times(v, factor) for k, v in value.items()}
    if isinstance(value, list):
        return [_times(v, factor) for v in value]
    return value * factor if isinstance(value, float) else value


def _data(model: Path) -> Path:
    return next(next((model / "model" / "stages").glob("2_*")).glob("data/*.parquet"))


def _linked(model: Path) -> None:
    path = _data(model)
    other = model.with_name("elsewhere.parquet")
    path.rename(other)
    path.symlink_to(other)


_PYTHON = {"class": f"{_CANARY}.Model", "paramMap": {"language": "Python"}}
UNTOUCHED = "untouched"
TAMPERS: dict[str, Tamper] = {
    UNTOUCHED: lambda _: None,
    "a pipeline of Python": _changed_metadata("", _PYTHON),
    "a stage of Python": _changed_metadata("2_", _PYTHON),
    "a stage of a module": _changed_metadata("2_", {"class": f"{_CANARY}.Model"}),
    "a stage of Java's": _changed_metadata("2_", {"class": "java.lang.ProcessBuilder"}),
    "a stage of MLlib's": _changed_metadata(
        "2_", {"class": "org.apache.spark.ml.clustering.LocalLDAModel"}
    ),
    "garbage metadata": _bytes("2_", b"\xff\x00garbage"),
    "empty metadata": _bytes("", b""),
    "metadata nested deeply": _bytes("1_", b'{"a":' * 10_000),
    "no metadata": lambda model: _metadata(model).unlink(),
    "metadata twice": lambda model: shutil.copy(
        _metadata(model), _metadata(model).with_name("part-00001.txt")
    ),
    "a manifest nested 10,000 deep": lambda model: (model / "manifest.json").write_bytes(
        b"[" * 10_000 + b"]" * 10_000
    ),
    "a garbage manifest": lambda model: (model / "manifest.json").write_bytes(b"\xfe{"),
    "an empty manifest": lambda model: (model / "manifest.json").write_bytes(b""),
    "no manifest": lambda model: (model / "manifest.json").unlink(),
    "swapped segment ids": _manifest(lambda m: m["segment_ids"].reverse()),
    "changed names": _manifest(lambda m: m["segment_names"].__setitem__(0, "VIP")),
    "changed fences": _manifest(lambda m: m["features"][0].update(upper=1.0)),
    "changed priors": _manifest(lambda m: m["features"][0].update(null_value=0.5)),
    "features in another order": _manifest(lambda m: m["features"].reverse()),
    "another k": _manifest(lambda m: m.update(k=m["k"] + 1)),
    "another hash": _manifest(lambda m: m.update(model_sha256="0" * 64)),
    "a rescaled scaler": _numbers_times("1_", 10.0),
    "moved centres": _numbers_times("2_", 1.001),
    "a part file less": lambda model: _data(model).unlink(),
    "a part file more": lambda model: shutil.copy(
        _data(model), _data(model).with_name("part-9.parquet")
    ),
    "a link for a file": _linked,
}


def main() -> None:
    """Tries each; prints its exit code, which must be 3 unless untouched, and its message."""
    results = []
    with small_lake.scratch() as scratch:
        folder = Path(scratch)
        (folder / f"{_CANARY}.py").write_text(f"open({str(folder / 'ran')!r}, 'w').close()\n")
        sys.path.insert(0, str(folder))
        _, lake = small_lake.made(folder)
        for name, tamper in TAMPERS.items():
            copy = folder / "copy"
            shutil.copytree(lake, copy)
            [model] = (copy / "models").glob("**/kmeans-*")
            tamper(model)
            code, output = small_lake.run("score", f"--lake={copy}", "--run-date=2030-01-01",
                                        *small_lake.QUICK)  # fmt: skip
            expected = 0 if name == UNTOUCHED else 3
            is_right = code == expected and not (folder / "ran").exists()
            results.append(is_right)
            print(f"{'ok ' if is_right else 'BAD'} {name:<30} exit {code}  {output[-130:]}")
            shutil.rmtree(copy)
    small_lake.verdict(results, "models scored with if untouched, else refused and not loaded")


if __name__ == "__main__":
    main()
