"""From a generated log to customers' features and points, by the kernels alone."""

import contextlib
import importlib.util
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from custseg_spark.config.mappings import load_mapping
from custseg_spark.core.clustering import preparation
from custseg_spark.core.clustering.buckets import numbers
from custseg_spark.core.clustering.preparation import EVIDENCE, Rules
from custseg_spark.core.clustering.scaling import FeatureSpace, Scaler
from custseg_spark.core.events.copies import repeated
from custseg_spark.core.events.text import csv_records
from custseg_spark.core.events.validation import validate_events
from custseg_spark.core.features import registry
from custseg_spark.core.features.customers import customer_features
from custseg_spark.core.features.levels import Levels
from custseg_spark.core.sessions.levels import category_sums, price_levels
from custseg_spark.core.sessions.parts import session_parts

ROOT = Path(__file__).parents[2]
_LATEST = datetime(2100, 1, 1, tzinfo=UTC)


def generator() -> ModuleType:
    """The module scripts/generate_events.py, as a module of its own each time."""
    spec = importlib.util.spec_from_file_location(
        "generate_events_here", ROOT / "scripts" / "generate_events.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@dataclass(frozen=True)
class Log:
    """A log's session parts and price levels; `types` are the planted ones by customer id."""

    parts: pa.Table
    levels: Levels
    types: Mapping[str, str]

    def features(self, as_of: date) -> pa.Table:
        """The features of all customers seen before a date, by id."""
        return customer_features(self.parts, as_of=as_of, levels=self.levels)


def read(folder: Path, mapping: str = "ecommerce_events") -> Log:
    """The log `log.csv` of a folder, with its `truth.csv` (customer_id, planted_type)."""
    content = (folder / "log.csv").read_bytes()
    header, _, lines = content.partition(b"\n")
    records = csv_records(
        lines, header.decode().split(","), delimiter=",", first_row=2, header_row=1
    )
    source = load_mapping(mapping, {}, [ROOT / "conf" / "sources"]).for_kernels()
    validated = validate_events(records, source, source_file="log.csv", file_id="f", latest=_LATEST)
    is_copy = repeated(validated.id_high, validated.id_low)
    events = validated.events.filter(pl.Series(~is_copy))
    parts = [
        _dated(session_parts(of_day), day)
        for (day,), of_day in events.group_by("event_date", maintain_order=True)
    ]
    truth = pl.read_csv(folder / "truth.csv", schema_overrides={"customer_id": pl.String})
    types = dict(truth.select("customer_id", "planted_type").iter_rows())
    return Log(pa.concat_tables(parts), Levels(*price_levels(category_sums(events))), types)


def _dated(parts: pa.Table, day: object) -> pa.Table:
    days = pa.repeat(pa.scalar(day, pa.date32()), len(parts))
    return parts.append_column("session_date", days)


@contextlib.contextmanager
def generated(arguments: Sequence[str], types: Mapping[str, tuple[float, ...]] | None = None,
              spread: np.ndarray | None = None) -> Iterator[Log]:  # fmt: skip
    """A log of scripts/generate_events.py, with its types and spread, or others."""
    module: Any = generator()
    if types is not None:
        module.TYPES = dict(types)
    if spread is not None:
        module.SPREAD = spread
    with tempfile.TemporaryDirectory() as folder:
        files = ["--out", f"{folder}/log.csv", "--truth", f"{folder}/truth.csv"]
        module.generate(module.parse_arguments([*arguments, *files]))
        yield read(Path(folder))


def space_of(customers: pa.Table, min_events: int = 20) -> FeatureSpace:
    """The default space, learned from the customers with enough events."""
    informed = customers.filter(pa.array(numbers(customers[EVIDENCE]) >= min_events))
    features = preparation.choose_features((), registry.all_features(()))
    names = dict.fromkeys([*(f.name for f in features), EVIDENCE])
    columns = {name: numbers(informed[name]) for name in names}
    prepared = preparation.learn(columns, features, Rules())
    matrix = preparation.matrix(prepared, columns)
    return FeatureSpace(prepared, Scaler(1 / matrix.std(axis=0, ddof=1)))


def informed(customers: pa.Table, min_events: int = 20) -> pa.Table:
    """The customers with enough events."""
    return customers.filter(pa.array(numbers(customers[EVIDENCE]) >= min_events))
