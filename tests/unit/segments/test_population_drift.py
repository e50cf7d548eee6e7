"""Population stability indices, held to plain numpy."""

import math
from collections.abc import Sequence

import numpy as np
import pytest

from custseg_spark.core.segments.drift import (
    Bin,
    Drift,
    DriftRules,
    bin_counts,
    deciles,
    feature_drift,
    needs_refit,
    share_drift,
)

RULES = DriftRules(watch=0.1, refit=0.25)
NAN = float("nan")


def drifts_of(
    before: dict[str, Sequence[float]], now: dict[str, Sequence[float]], buckets: int = 1
) -> list[Drift]:
    """The drift of each feature (NaN for null), counted over buckets of customers."""
    runs = [[np.array(v, dtype=float) for v in run.values()] for run in (before, now)]
    edges = [deciles(column) for column in runs[0]]
    counts = [
        sum(bin_counts([c[n::buckets] for c in columns], edges) for n in range(buckets))
        for columns in runs
    ]
    return feature_drift(list(before), edges, *counts, RULES)


def drift_of(
    before: dict[str, Sequence[float]], now: dict[str, Sequence[float]]
) -> dict[str, Drift]:
    return {drift.name: drift for drift in drifts_of(before, now)}


def oracle(before: Sequence[float], now: Sequence[float]) -> float:
    """The index from the definition: sort, cut into tenths, count one value at a time."""
    before, now = ([float(v) for v in values] for values in (before, now))
    had = sorted(v for v in before if not math.isnan(v))
    edges = sorted({had[math.ceil(j * len(had) / 10) - 1] for j in range(1, 10)}) if had else []

    def place(value: float) -> object:
        if math.isnan(value):
            return "null"
        if len(set(had)) == 1:
            return (value > had[0]) - (value < had[0])
        return sum(value > edge for edge in edges)

    places = [[place(v) for v in values] for values in (before, now)]
    total = 0.0
    for one in set(places[0] + places[1]):
        e, a = (max(own.count(one), 0.5) / len(own) for own in places)
        total += (a - e) * math.log(a / e)
    return total


def test_indices_are_those_of_the_definition() -> None:
    """On ties, nulls, constants, values of one run only, and runs of different size."""
    rng = np.random.default_rng(5)
    n, m = 997, 1_403
    before = {
        "normal": rng.normal(size=n),
        "moved": rng.normal(size=n),
        "zeros": rng.poisson(0.15, n),
        "counts": rng.poisson(2.0, n),
        "at_the_top": np.minimum(rng.random(n) * 2, 1.0),
        "half_null": np.where(rng.random(n) < 0.5, NAN, rng.random(n)),
        "all_null": np.full(n, NAN),
        "null_before": np.full(n, NAN),
        "constant": np.full(n, 3.0),
        "was_constant": np.full(n, 3.0),
        "two_values": rng.integers(0, 2, n),
    }
    now = {
        "normal": rng.normal(size=m),
        "moved": rng.normal(0.8, 1.5, m),
        "zeros": rng.poisson(0.4, m),
        "counts": rng.poisson(2.1, m),
        "at_the_top": np.minimum(rng.random(m) * 1.5, 1.2),
        "half_null": np.where(rng.random(m) < 0.7, NAN, rng.random(m)),
        "all_null": np.full(m, NAN),
        "null_before": rng.random(m),
        "constant": np.full(m, 3.0),
        "was_constant": rng.integers(2, 5, m),
        "two_values": np.full(m, 1),
    }
    found = drift_of(before, now)
    assert list(found) == list(before)
    for name, drift in found.items():
        assert drift.psi == pytest.approx(oracle(before[name], now[name]), rel=1e-12), name
        assert sum(b.share for b in drift.bins) == pytest.approx(1.0)
        assert sum(b.previous_share for b in drift.bins) == pytest.approx(1.0)
    assert found["normal"].verdict == found["constant"].verdict == "same"
    assert found["constant"].psi == found["all_null"].psi == 0
    assert found["moved"].verdict == found["null_before"].verdict == "refit"
    assert found["zeros"].verdict == "watch"


def test_equal_deciles_are_one_bin_and_nulls_their_own() -> None:
    before = {"orders": [0.0] * 8 + [1.0, 2.0] + [NAN] * 2}
    now = {"orders": [0.0] * 4 + [5.0] * 4 + [NAN] * 2}
    assert drift_of(before, now)["orders"].bins == (
        Bin(0.0, 8 / 12, 0.4),
        Bin(1.0, 1 / 12, 0.0),
        Bin(math.inf, 1 / 12, 0.4),
        Bin(None, 2 / 12, 0.2),
    )


def test_an_empty_bin_counts_as_half_a_customer() -> None:
    drift = drift_of({"x": [1.0] * 10}, {"x": [1.0] * 6 + [2.0] * 4})["x"]
    at_one = (0.6 - 1.0) * math.log(0.6 / 1.0)
    above = (0.4 - 0.05) * math.log(0.4 / 0.05)
    assert drift.psi == pytest.approx(at_one + above, rel=1e-12)


def test_the_same_customers_have_not_drifted() -> None:
    values = {"x": np.random.default_rng(1).lognormal(size=500)}
    assert drift_of(values, values)["x"] == Drift(
        "feature", "x", 0.0, "same", drift_of(values, values)["x"].bins
    )


@pytest.mark.parametrize("buckets", [2, 7])
def test_buckets_change_nothing(buckets: int) -> None:
    rng = np.random.default_rng(2)
    before, now = ({"x": rng.random(300)} for _ in range(2))
    assert drifts_of(before, now, buckets) == drifts_of(before, now)


def test_without_customers_in_a_run_there_is_no_drift() -> None:
    some: dict[str, Sequence[float]] = {"x": [1.0]}
    none: dict[str, Sequence[float]] = {"x": []}
    assert drifts_of(none, some) == drifts_of(some, none) == drifts_of(none, none) == []


def test_segments_drift_by_their_shares_of_customers() -> None:
    drift = share_drift("kmeans", {1: 50, 2: 50}, {1: 80, 2: 120}, RULES)
    expected = (0.4 - 0.5) * math.log(0.4 / 0.5) + (0.6 - 0.5) * math.log(0.6 / 0.5)
    assert (drift.kind, drift.name, drift.verdict) == ("segments", "kmeans", "same")
    assert drift.psi == pytest.approx(expected, rel=1e-12)
    assert drift.bins == (Bin(1.0, 0.5, 0.4), Bin(2.0, 0.5, 0.6))


def test_a_segment_that_is_born_or_has_died_counts_as_half_a_customer() -> None:
    drift = share_drift("kmeans", {1: 60, 2: 40}, {1: 30, 3: 20}, RULES)
    died = (0.5 / 50 - 0.4) * math.log(0.5 / 50 / 0.4)
    born = (0.4 - 0.5 / 100) * math.log(0.4 / (0.5 / 100))
    assert drift.psi == pytest.approx(died + born, rel=1e-12)
    assert drift.bins[2] == Bin(3.0, 0.0, 0.4)
    assert drift.verdict == "refit"


def test_verdicts_change_at_the_configured_limits() -> None:
    def verdict(watch: float, refit: float) -> str:
        limits = DriftRules(watch, refit)
        return share_drift("kmeans", {1: 1, 2: 1}, {1: 1, 2: 2}, limits).verdict

    psi = (1 / 3 - 1 / 2) * math.log(2 / 3) + (2 / 3 - 1 / 2) * math.log(4 / 3)
    assert verdict(psi * 1.001, 0.9) == "same"
    assert verdict(psi * 0.999, 0.9) == "watch"
    assert verdict(0.01, psi * 1.001) == "watch"
    assert verdict(0.01, psi * 0.999) == "refit"


def drifted(name: str, psi: float, verdict: str, kind: str = "feature") -> Drift:
    return Drift(kind, name, psi, verdict, ())


def test_a_refit_is_called_for_in_words_the_worst_first() -> None:
    drifts = [
        drifted("a", 0.3, "refit"),
        drifted("b", 0.05, "same"),
        drifted("recency_days", 0.412, "refit"),
        drifted("not_of_the_model", 9.0, "refit"),
        drifted("a", 9.0, "refit", kind="segments"),
    ]
    assert needs_refit(drifts, ["a", "b", "recency_days", "c"], RULES) == (
        "2 of 3 features drifted beyond 0.25: recency_days 0.41, a 0.30"
    )
    assert needs_refit(drifts, ["b"], RULES) is None
    assert needs_refit([], ["b"], RULES) is None


def test_only_the_worst_three_are_named() -> None:
    drifts = [drifted(name, psi, "refit") for name, psi in zip("dcba", (1, 2, 3, 3), strict=True)]
    assert needs_refit(drifts, list("abcd"), RULES) == (
        "4 of 4 features drifted beyond 0.25: a 3.00, b 3.00, c 2.00, …"
    )
