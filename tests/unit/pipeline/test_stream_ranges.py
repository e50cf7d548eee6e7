"""`current_segments` in files by range: touched ranges alone are written, with all their rows."""

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from custseg_spark.core.clustering.assignment import NamedClustering
from custseg_spark.core.clustering.models import KMeans
from custseg_spark.core.clustering.preparation import Preparation, PreparedFeature
from custseg_spark.core.clustering.scaling import FeatureSpace, Scaler
from custseg_spark.core.clustering.scoring import ScoringModel
from custseg_spark.core.features.learned import Learned
from custseg_spark.core.features.levels import NO_LEVELS
from custseg_spark.core.features.scores import Cutoffs
from custseg_spark.core.sessions.buckets import BUCKETS, customer_bucket
from custseg_spark.core.sessions.parts import session_parts
from custseg_spark.engine.lake import commits
from custseg_spark.engine.lake.commits import Change
from custseg_spark.engine.lake.files import write_part
from custseg_spark.engine.lake.native import NativeLake
from custseg_spark.engine.lake.schemas import SESSIONS
from custseg_spark.engine.lake.stream_tables import CURRENT_SEGMENTS
from custseg_spark.engine.partitions.native_files import SessionBucket
from custseg_spark.pipeline.stream import native
from custseg_spark.pipeline.stream.kernel import CurrentKernel, Updated
from custseg_spark.pipeline.stream.native import RangesTask, WriteRanges, Written
from custseg_spark.pipeline.stream.published import PublishedModel

DAY, NEXT = date(2019, 10, 1), date(2019, 10, 2)
RANGES = 4
WIDTH = BUCKETS // RANGES
# Segments by the number of events: 1 or 5.
SPACE = FeatureSpace(
    Preparation((PreparedFeature("event_count", 0.0, "none", -np.inf, np.inf),), {}, None),
    Scaler(np.array([1.0])),
)
MODEL = ScoringModel(
    SPACE,
    NamedClustering("kmeans", KMeans(np.array([[1.0], [5.0]])), (1, 2), ("Few", "Many")),
    DAY,
    "standard",
    7,
)
PUBLISHED = PublishedModel("r1", DAY, MODEL, Learned(DAY, NO_LEVELS, Cutoffs()))
CUSTOMERS = [f"c{number}" for number in range(12)]


def events(customers: Collection[str], views: int, day: date) -> pl.DataFrame:
    at = [datetime(day.year, day.month, day.day, 9, minute, tzinfo=UTC) for minute in range(views)]
    rows = [
        (customer, "view", "p", "k", "b", f"s{day}", None, moment, Decimal(10), 1, Decimal(0))
        for customer in customers
        for moment in at
    ]
    schema = {
        **dict.fromkeys(("customer_id", "event_type", "product_id", "category_id"), pl.String),
        **dict.fromkeys(("brand", "session_id", "order_id"), pl.String),
        "event_at": pl.Datetime("us", "UTC"),
        "unit_price": pl.Decimal(18, 4),
        "quantity": pl.Int64,
        "discount": pl.Decimal(18, 4),
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def add_sessions(lake: NativeLake, customers: Collection[str], views: int, day: date) -> None:
    parts = session_parts(events(customers, views, day))
    file = write_part(parts, SESSIONS, lake.folder(SESSIONS), day, run_id="i", task=0)
    commits.append(lake, SESSIONS, [file], read_version=lake.version(SESSIONS))


def tasks(lake: NativeLake, run_id: str = "s") -> list[RangesTask]:
    """Two tasks over four ranges, for everybody."""
    parts, current = tuple(lake.files(SESSIONS)), tuple(lake.files(CURRENT_SEGMENTS))
    folder, half = lake.folder(SESSIONS), BUCKETS // 2
    spans = [(0, half), (half, BUCKETS)]
    sessions = [SessionBucket(folder, parts, low, high) for low, high in spans]
    return [RangesTask(lake.root, run_id, WIDTH, s, current, None) for s in sessions]


def kernel(as_of: date = NEXT) -> CurrentKernel:
    return CurrentKernel(PUBLISHED, as_of, 0.0)


def committed(lake: NativeLake, written: list[Written], number: int) -> None:
    adds = [file for one in written for file in one.files]
    version = lake.version(CURRENT_SEGMENTS)
    change = Change(CURRENT_SEGMENTS, version, adds, transaction=("stream-x", number))
    commits.commit(lake, replace(change, replaces_all=True))


@pytest.fixture
def lake(tmp_path: Path) -> NativeLake:
    """A lake with a row of everybody."""
    lake = NativeLake(tmp_path / "lake")
    lake.create([SESSIONS, CURRENT_SEGMENTS])
    add_sessions(lake, CUSTOMERS, 1, DAY)
    committed(lake, [WriteRanges(kernel())(task) for task in tasks(lake)], 0)
    return lake


def segments(lake: NativeLake) -> dict[str, int]:
    rows = lake.read(CURRENT_SEGMENTS, ["customer_id", "segment_id"]).to_pylist()
    assert len({row["customer_id"] for row in rows}) == len(rows)
    return {row["customer_id"]: row["segment_id"] for row in rows}


def test_everybody_is_in_a_file_of_the_own_range(lake: NativeLake) -> None:
    assert segments(lake) == dict.fromkeys(CUSTOMERS, 1)
    held = native.shared(lake)
    assert held is not None
    assert (held.as_of, held.model_run_id, held.ranges) == (NEXT, "r1", RANGES)
    for number, file in held.files.items():
        ids = lake.read_files(CURRENT_SEGMENTS, [file], ["customer_id"])["customer_id"]
        of_file = customer_bucket(pl.Series("id", ids)).cast(pl.Int64) // WIDTH
        assert set(of_file) == {number}


def test_touched_customers_change_the_files_of_their_ranges_alone(lake: NativeLake) -> None:
    touched = pl.Series(["c3", "new"])
    add_sessions(lake, ["c3", "new"], 4, DAY)
    held = native.shared(lake)
    [*found] = [t for task in tasks(lake) for t in native.touched_only(task, held, touched)]
    written = [WriteRanges(kernel())(task) for task in found]
    numbers = set((customer_bucket(touched).cast(pl.Int64) // WIDTH).to_list())
    assert {file.path for task in found for file in task.files} == {
        held.files[number].path for number in numbers
    }
    assert sum((one.updated for one in written), Updated()) == Updated(2, 1, 0)
    adds = [file for one in written for file in one.files]
    assert len(adds) == len(numbers)
    native.commit(lake, lake.version(CURRENT_SEGMENTS), adds, found, ("stream-x", 1))
    assert segments(lake) == {**dict.fromkeys(CUSTOMERS, 1), "c3": 2, "new": 2}


def test_a_batch_is_done_once_it_is_committed(lake: NativeLake) -> None:
    assert native.is_done(lake, ("stream-x", 0))
    assert not native.is_done(lake, ("stream-x", 1))
    assert not native.is_done(lake, ("stream-of-another-checkpoint", 0))


def test_rows_of_two_dates_are_to_be_written_anew(lake: NativeLake) -> None:
    add_sessions(lake, ["c3"], 4, NEXT)
    [task, *_] = [
        t
        for t in (
            native.touched_only(t, native.shared(lake), pl.Series(["c3"])) for t in tasks(lake)
        )
        for t in t
    ]
    later = WriteRanges(kernel(date(2019, 10, 3)))(task)
    native.commit(lake, lake.version(CURRENT_SEGMENTS), list(later.files), [task], ("stream-x", 1))
    assert native.shared(lake) is None


def test_a_file_that_another_program_wrote_has_no_range(lake: NativeLake) -> None:
    rows = lake.read(CURRENT_SEGMENTS)
    folder = lake.folder(CURRENT_SEGMENTS)
    file = write_part(rows, CURRENT_SEGMENTS, folder, None, run_id="o", task=0)
    version = lake.version(CURRENT_SEGMENTS)
    commits.replace_all(lake, CURRENT_SEGMENTS, [file], read_version=version)
    assert native.shared(lake) is None
    # Everybody's rows find their ranges again.
    committed(lake, [WriteRanges(kernel())(task) for task in tasks(lake, "t")], 1)
    assert native.shared(lake) is not None
    assert segments(lake) == dict.fromkeys(CUSTOMERS, 1)
