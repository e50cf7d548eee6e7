"""Our job as a command, and what its tables say afterwards."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from deltalake import DeltaTable

from bench.clustering import Prepared

ROOT = Path(__file__).resolve().parent.parent.parent
PRESET = ROOT / "conf" / "presets" / "benchmark.toml"
DEFAULT = ROOT / "conf" / "local.toml"
ALGORITHM = "kmeans"


def command(log: Path, lake: Path, *, config: Path = PRESET, cores: int = 2) -> list[str]:
    """The shell's words for a run of `log` into `lake`; its report would stand beside the lake."""
    return [
        str(Path(sys.executable).with_name("spark-submit")),
        f"--master=local[{cores}]",
        str(ROOT / "jobs" / "segment.py"),
        f"--config={config}",
        f"--source=ecommerce_events={log}",
        f"--lake={lake}",
    ]


@dataclass(frozen=True)
class Published:
    """The last run of a lake: its seconds by stage, its chosen k and the model's preparation."""

    lake: Path
    seconds: Mapping[str, float]
    k: int
    prepared: tuple[Prepared, ...]

    def column(self, name: str) -> np.ndarray:
        """A column of `customer_features`; NaN for null."""
        return values(_read(self.lake / "customer_features", [name])[name])

    def labels(self) -> tuple[np.ndarray, np.ndarray]:
        """The customers' ids and clusters."""
        names = ["customer_id", "cluster", "algorithm"]
        table = _read(self.lake / "customer_segments", names)
        of_algorithm = table.filter(pa.compute.equal(table["algorithm"], ALGORITHM))
        return values(of_algorithm["customer_id"]), values(of_algorithm["cluster"])


def published(lake: Path) -> Published:
    """What the lake of one run holds."""
    run = DeltaTable(str(lake / "runs")).to_pandas().sort_values("run_date").iloc[-1]
    tried = DeltaTable(str(lake / "model_selection")).to_pandas()
    is_chosen = (
        tried["chosen"] & (tried["run_date"] == run["run_date"]) & (tried["algorithm"] == ALGORITHM)
    )
    model = lake / "models" / dict(run["models"])[ALGORITHM]
    manifest = json.loads((model / "manifest.json").read_text(encoding="utf-8"))
    return Published(
        lake,
        dict(run["stage_seconds"]),
        int(tried.loc[is_chosen, "k"].iloc[0]),
        tuple(_prepared(feature) for feature in manifest["features"]),
    )


def _prepared(feature: Mapping[str, Any]) -> Prepared:
    if feature["levels"]:
        raise SystemExit(f"{feature['name']}: the peers know no model.preparation.within_activity")
    return Prepared(**{name: value for name, value in feature.items() if name != "levels"})


def _read(path: Path, names: list[str]) -> pa.Table:
    return DeltaTable(str(path)).to_pyarrow_table(columns=names)


def values(column: pa.ChunkedArray) -> np.ndarray:
    """An array of a column: text as it is, numbers as doubles with NaN for null."""
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return np.asarray(column.to_numpy(zero_copy_only=False))
    return np.asarray(column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False))
