"""A lake with a published run and nothing else, and what a stream into it must come to."""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import python_lake

from custseg_spark.core.clustering import portable
from custseg_spark.core.clustering.assignment import NamedClustering
from custseg_spark.core.clustering.models import KMeans
from custseg_spark.core.clustering.preparation import Preparation, PreparedFeature
from custseg_spark.core.clustering.scaling import FeatureSpace, Scaler
from custseg_spark.core.clustering.scoring import ScoringModel
from custseg_spark.core.features import learned
from custseg_spark.core.features.learned import Learned
from custseg_spark.core.features.levels import NO_LEVELS
from custseg_spark.core.features.scores import Cutoffs
from custseg_spark.engine.lake import commits
from custseg_spark.engine.lake.files import write_parts
from custseg_spark.engine.lake.native import NativeLake
from custseg_spark.engine.lake.schemas import CUSTOMER_SEGMENTS, EVENTS, RUNS, SESSIONS
from custseg_spark.engine.lake.stream_tables import CURRENT_SEGMENTS
from custseg_spark.engine.model_files import digest
from custseg_spark.pipeline.in_memory import features_of_events

SPACE = FeatureSpace(
    Preparation(
        tuple(
            PreparedFeature(name, 0.0, "log1p", -np.inf, np.inf)
            for name in ("event_count", "monetary")
        ),
        {},
        None,
    ),
    Scaler(np.array([1.0, 0.5])),
)
IDS, NAMES = (3, 1, 2), ("Window Shoppers", "Loyal", "High-Value")
CENTRES = np.array([[0.7, 0.0], [1.6, 1.0], [2.2, 3.0]])
# Where the same segments are by a newer model.
MOVED = CENTRES + np.array([0.4, 0.2])


def model(centres: np.ndarray, day: date) -> ScoringModel:
    """A model of three segments."""
    named = NamedClustering("kmeans", KMeans(centres), IDS, NAMES)
    return ScoringModel(SPACE, named, day, "standard", 7)


def publish(root: Path, day: date, run_id: str, centres: np.ndarray = CENTRES) -> ScoringModel:
    """Publishes a run that has only a model."""
    lake, made = NativeLake(root), model(centres, day)
    text = portable.document(made).text
    folder = root / "models" / f"run_date={day}"
    (folder / "kmeans-1").mkdir(parents=True)
    (folder / "kmeans-1" / portable.FILE_NAME).write_text(text)
    knows = Learned(day, NO_LEVELS, Cutoffs())
    (folder / learned.file_name(run_id)).write_text(knows.as_json())
    lake.create([RUNS, CUSTOMER_SEGMENTS])
    row: Mapping[str, Any] = {
        "run_date": day,
        "run_id": run_id,
        "fitted_on": day,
        "config": json.dumps({"model": {"algorithms": ["kmeans"]}}),
        "models": {"kmeans": f"run_date={day}/kmeans-1"},
        "model_hashes": {"kmeans": digest({portable.FILE_NAME: text.encode()})},
    }
    files = write_parts(
        python_lake.table_of(RUNS, [row]), RUNS, lake.folder(RUNS), run_id=run_id, task=0
    )
    commits.append(lake, RUNS, files, read_version=lake.version(RUNS))
    return made


def events(root: Path) -> pl.DataFrame:
    """The lake's events, by id."""
    return pl.DataFrame(pl.from_arrow(NativeLake(root).read(EVENTS))).sort("event_id")


def sessions(root: Path) -> pl.DataFrame:
    """The lake's session parts, in one order."""
    rows = pl.DataFrame(pl.from_arrow(NativeLake(root).read(SESSIONS)))
    return rows.sort("customer_id", "session_date", "session_id", "first_event_at")


def current(root: Path) -> pl.DataFrame:
    """The lake's current segments, by customer."""
    rows = pl.DataFrame(pl.from_arrow(NativeLake(root).read(CURRENT_SEGMENTS)))
    return rows.sort("customer_id")


def expected(root: Path, of: ScoringModel, as_of: date) -> list[tuple[Any, ...]]:
    """Customer, segment, distance, runner-up and margin, of all the lake's events at once."""
    features = features_of_events(
        events(root), as_of=as_of, learned=Learned(of.fitted_on, NO_LEVELS, Cutoffs())
    )
    found = of.segments_of(features)
    columns = [features["customer_id"], *(found[name] for name in WORTH_COMPARING[1:])]
    return list(zip(*(column.to_pylist() for column in columns), strict=True))


WORTH_COMPARING: Sequence[str] = (
    "customer_id",
    "segment_id",
    "distance",
    "second_segment_id",
    "margin",
)
