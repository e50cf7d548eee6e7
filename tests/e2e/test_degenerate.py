"""Logs at the edge of what can be segmented: a clear outcome each."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from checkout import write_log
from ledger import Read

from custseg_spark.engine.lake.schemas import (
    CLV_MODELS,
    CUSTOMER_FEATURES,
    CUSTOMER_SEGMENTS,
    MODEL_SELECTION,
    RUNS,
    SEGMENT_PROFILES,
)
from custseg_spark.errors import InputError

QUICK = (
    "--set=model.selection.k_max=4",
    "--set=model.fit.starts=1",
    "--set=model.stability.bootstraps=3",
)
KMEANS = '--set=model.algorithms=["kmeans"]'
NO_REPORT = "--set=report.enabled=false"


def lines(customer: int, count: int, *, kind: str = "view", day: int = 1) -> list[str]:
    return [
        f"2021-03-{day:02d} 10:{n:02d}:00 UTC,{kind},{n % 5},{n % 3},,,{n + 1}.00,{customer},"
        f"s{customer}"
        for n in range(count)
    ]


def segment(run_job: Callable[..., None], folder: Path, log: Sequence[str], *more: str) -> None:
    source = write_log(folder / "log.csv", log)
    run_job("segment", f"--source=ecommerce_events={source}", *QUICK, KMEANS, *more)


def test_without_a_purchase_there_are_segments_and_no_lifetime_values(
    run_job: Callable[..., None], read: Read, tmp_path: Path
) -> None:
    log = [x for c in range(40) for x in lines(c, 1 + c % 7, day=1 + c % 9)]
    segment(run_job, tmp_path, log)
    features = read(CUSTOMER_FEATURES)
    assert {(r.clv_12m, r.p_alive) for r in features} == {(None, None)}
    assert len(read(CUSTOMER_SEGMENTS)) == 40
    assert {r.revenue_share for r in read(SEGMENT_PROFILES)} == {0.0}
    [model] = read(CLV_MODELS)
    assert (model.buyers, model.converged) == (0, False)
    assert "nobody bought" in model.why
    [report] = (tmp_path / "reports").rglob("cluster_report.md")
    assert "nobody bought" in report.read_text()


@pytest.mark.parametrize("customers", [1, 12], ids=["one customer", "identical customers"])
def test_identical_customers_are_an_error(
    run_job: Callable[..., None], read: Read, tmp_path: Path, customers: int
) -> None:
    log = [x for c in range(customers) for x in lines(c, 3)]
    with pytest.raises(InputError, match=r"can't be told apart: every feature .* constant"):
        segment(run_job, tmp_path, log)
    assert read(RUNS) == []


def test_with_fewer_distinct_customers_than_k_there_are_as_many_segments(
    run_job: Callable[..., None], read: Read, tmp_path: Path
) -> None:
    log = [x for c in range(30) for x in lines(c, 2 + 10 * (c % 3))]
    segment(run_job, tmp_path, log, "--set=model.k=5", NO_REPORT)
    [tried] = read(MODEL_SELECTION)
    assert (tried.k, tried.chosen) == (3, True)
    [run] = read(RUNS)
    assert run.warnings == ["k = 5 was asked for, but there are only 3 distinct customers"]
    sizes = Counter(r.segment_id for r in read(CUSTOMER_SEGMENTS))
    assert list(sizes.values()) == [10, 10, 10]


def test_a_log_of_one_day_is_segmented(
    run_job: Callable[..., None], read: Read, tmp_path: Path
) -> None:
    log = [x for c in range(40) for x in lines(c, 1 + c % 9)]
    log += [x for c in range(0, 40, 4) for x in lines(c, 2, kind="purchase")]
    segment(run_job, tmp_path, log, NO_REPORT)
    assert len(read(CUSTOMER_SEGMENTS)) == 40
    [run] = read(RUNS)
    assert {"days_since_first_event", "active_span_days"} & set(run.left_out) != set()
