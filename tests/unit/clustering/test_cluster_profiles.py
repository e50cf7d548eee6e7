"""Profiles of clusters over buckets, against numpy's on all customers."""

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from clustering_data import PLAIN, customers, in_buckets, raw

from custseg_spark.core.clustering.assigners import Assigner
from custseg_spark.core.clustering.models import KMeans
from custseg_spark.core.clustering.profiles import Profile, centroid, profiles

TABLE = customers(2_000).append_column("nothing", pa.nulls(2_000, pa.float64()))
TABLE = TABLE.append_column("constant", pa.array([0.1] * 2_000))
FEATURES = ("monetary", "share", "age", "event_count", "nothing", "constant")
SAMPLE = TABLE.slice(100, 500)
POINTS = PLAIN.points(TABLE)
MODELS = [KMeans(POINTS[:3].copy()), KMeans(POINTS[70:72].copy())]
ASSIGNERS = [Assigner(model) for model in MODELS]


def found(*ends: int) -> list[list[Profile]]:
    return profiles(in_buckets(TABLE, *ends), PLAIN, ASSIGNERS, FEATURES, SAMPLE)


def test_means_medians_and_z_scores_are_numpys() -> None:
    values = np.column_stack(list(raw(TABLE, *FEATURES).values()))[:, :4]
    spread = np.nanstd(values, axis=0)
    for model, clusters in zip(MODELS, found(600, 600, 1_999), strict=True):
        labels = model.labels(POINTS)
        for cluster, profile in enumerate(clusters):
            own = labels == cluster
            mean = np.nanmean(values[own], axis=0)
            sampled = values[100:600][own[100:600]]
            z_scores = (mean - np.nanmean(values, axis=0)) / spread
            np.testing.assert_allclose(profile.mean[:4], mean, rtol=1e-9)
            np.testing.assert_allclose(profile.median[:4], np.nanmedian(sampled, axis=0))
            np.testing.assert_allclose(profile.z_score[:4], z_scores, rtol=1e-9, atol=1e-12)
            np.testing.assert_allclose(profile.spread[:4], spread, rtol=1e-9)


def test_sizes_and_revenue_are_exact() -> None:
    revenue = np.array(TABLE["monetary"].to_pylist())
    for model, clusters in zip(MODELS, found(600), strict=True):
        labels = model.labels(POINTS)
        for cluster, profile in enumerate(clusters):
            assert profile.customers == (labels == cluster).sum()
            assert profile.revenue == sum(revenue[labels == cluster], Decimal(0))


def test_no_value_has_no_median_and_a_constant_no_z_score() -> None:
    for clusters in found():
        for profile in clusters:
            by_name = profile.as_map(FEATURES)
            assert by_name["nothing"] == (None, None, None)
            assert by_name["constant"] == (pytest.approx(0.1), pytest.approx(0.1), 0.0)


def test_prepared_features_follow_with_their_spread() -> None:
    [first, *_], _ = found(5)
    prepared = PLAIN.prepared(raw(TABLE, *PLAIN.columns))
    labels = MODELS[0].labels(POINTS)
    expected = [
        (pytest.approx(prepared[labels == 0, i].mean()), pytest.approx(prepared[:, i].std()))
        for i in range(4)
    ]
    assert list(centroid(first, FEATURES, PLAIN.preparation.names).values()) == expected


def test_equal_buckets_give_equal_bits() -> None:
    first, again = found(700, 900), found(700, 900)
    assert [p.mean.tobytes() for c in first for p in c] == [
        p.mean.tobytes() for c in again for p in c
    ]
