"""Segment ids over run dates: who continues, splits, merges, is born or has died."""

from collections.abc import Sequence
from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from custseg_spark.core.segments.identity import Died, Identities, Identity, KnownSegment, identify
from custseg_spark.core.segments.pairing import Centroid, IdentityRules

RULES = IdentityRules(max_distance=1.0, min_overlap=0.5, split_share=0.3)


def at(*values: float, scale: float = 1.0) -> Centroid:
    """A centroid with these values of features a, b, c …"""
    return {name: (value, scale) for name, value in zip("abcdef", values, strict=False)}


def known(*centroids: Centroid, first: int = 1) -> list[KnownSegment]:
    return [KnownSegment(i, c) for i, c in enumerate(centroids, start=first)]


def run(
    new: Sequence[Centroid],
    previous: Sequence[KnownSegment] = (),
    overlap: Sequence[Sequence[int]] | np.ndarray | None = None,
    *,
    order: Sequence[int] | None = None,
    next_id: int | None = None,
    reborn: Sequence[KnownSegment] = (),
    rules: IdentityRules = RULES,
) -> Identities:
    counts = np.zeros((len(new), len(previous))) if overlap is None else np.array(overlap)
    return identify(
        new,
        previous,
        counts,
        order=range(len(new)) if order is None else order,
        next_id=next_id or max([0, *(s.segment_id for s in previous)]) + 1,
        rules=rules,
        reborn=reborn,
    )


def ids(found: Identities) -> list[int]:
    return [one.segment_id for one in found.clusters]


def statuses(found: Identities) -> list[str]:
    return [one.status for one in found.clusters]


def test_the_first_run_numbers_births_from_one_in_the_given_order() -> None:
    found = run([at(0.0), at(5.0), at(9.0)], order=[2, 0, 1])
    assert ids(found) == [2, 3, 1]
    assert found.clusters[0] == Identity(2, "born", (), None)
    assert found.died == ()


def test_a_cluster_continues_the_segment_whose_centroid_it_has() -> None:
    found = run([at(9.1), at(0.1)], known(at(0.0), at(9.0)), [[1, 50], [30, 9]])
    assert ids(found) == [2, 1]
    assert found.clusters[0] == Identity(2, "continued", (2,), 50 / (50 + 1 + 9))
    assert found.clusters[1] == Identity(1, "continued", (1,), 30 / (30 + 1 + 9))


def test_a_cluster_far_from_all_is_born_and_gets_a_fresh_id() -> None:
    found = run([at(0.0), at(7.0)], known(at(0.0), at(3.0)), next_id=9)
    assert ids(found) == [1, 9]
    assert found.clusters[1] == Identity(9, "born", (), None)
    assert found.died == (Died(2, ()),)


def test_distances_are_root_mean_squares_in_the_previous_runs_scale() -> None:
    """Off by one standard deviation in every feature is a distance of 1, however many they are."""
    previous = known(at(0.0, 0.0, 0.0, 0.0, scale=10.0))
    near, far = at(*[10.0] * 4, scale=1e-6), at(*[10.1] * 4, scale=1e6)
    assert statuses(run([near], previous)) == ["continued"]
    assert statuses(run([far], previous)) == ["born"]


def test_the_same_customers_are_the_same_segment_however_far_the_centroid() -> None:
    previous = known(at(0.0), at(1.0))
    assert ids(run([at(30.0), at(1.0)], previous, [[80, 5], [5, 60]])) == [1, 2]
    assert ids(run([at(30.0), at(1.0)], previous, [[40, 30], [40, 60]])) == [3, 2]


def test_ids_go_by_the_centroid_where_it_and_the_customers_disagree() -> None:
    swapped = run([at(0.0), at(5.0)], known(at(0.0), at(5.0)), [[0, 100], [100, 0]])
    assert ids(swapped) == [1, 2]
    assert [one.overlap for one in swapped.clusters] == [0.0, 0.0]


def test_the_highest_total_counts_not_the_nearest_first() -> None:
    """The first is nearest to 1 (0.3), but the second is near nobody else."""
    assert ids(run([at(0.3), at(-0.33)], known(at(0.0), at(0.65)))) == [2, 1]


def test_a_shift_of_everybody_changes_no_identity() -> None:
    """Three weeks on, all first events are 21 days longer ago; the segments lie 14 days apart."""
    previous = known(*[at(days, 1.0, scale=10.0) for days in (0.0, 14.0, 28.0, 42.0)])
    later = [at(days + 21.0, 1.0, scale=15.0) for days in (0.0, 14.0, 28.0, 42.0)]
    stayed = np.eye(4) * 80 + 5
    assert ids(run(later, previous, stayed)) == [1, 2, 3, 4]
    assert ids(run(later, previous)) != [1, 2, 3, 4]


def test_newcomers_far_away_are_no_shift() -> None:
    previous = known(at(0.0), at(2.0))
    found = run([at(0.0), at(2.0), at(40.0)], previous, [[50, 0], [0, 50], [0, 0]])
    assert ids(found) == [1, 2, 3]
    assert statuses(found) == ["continued", "continued", "born"]


def test_a_new_cluster_out_of_a_living_segment_is_a_split() -> None:
    previous = known(at(0.0), at(9.0))
    found = run([at(0.1), at(4.0), at(9.0)], previous, [[60, 0], [30, 20], [0, 80]])
    assert ids(found) == [1, 3, 2]
    assert found.clusters[1] == Identity(3, "split", (1, 2), None)


def test_a_new_cluster_of_everybodys_customers_is_born() -> None:
    previous = known(at(0.0), at(9.0), at(20.0), at(30.0))
    overlap = [*(np.eye(4, dtype=int) * 80).tolist(), [5, 5, 5, 5]]
    found = run([at(0.0), at(9.0), at(20.0), at(30.0), at(50.0)], previous, overlap)
    assert found.clusters[4] == Identity(5, "born", (), None)


def test_a_segment_that_took_a_dead_ones_customers_has_merged() -> None:
    previous = known(at(0.0), at(2.0), at(9.0))
    found = run([at(0.3), at(9.0)], previous, [[50, 20, 0], [0, 5, 70]])
    assert found.clusters[0] == Identity(1, "merged", (1, 2), 50 / 70)
    assert statuses(found) == ["merged", "continued"]
    assert found.died == (Died(2, (1,)),)


def test_a_born_cluster_names_the_segments_that_died_into_it() -> None:
    found = run([at(0.0), at(5.0)], known(at(0.0), at(20.0)), [[50, 15], [1, 8]])
    assert found.clusters[1] == Identity(3, "born", (2,), None)
    assert found.died == (Died(2, (1, 3)),)


def test_a_dead_segment_names_the_largest_heir_however_small() -> None:
    new = [at(v) for v in (0.0, 10.0, 20.0, 30.0, 40.0)]
    previous = known(*new, at(90.0))
    overlap = np.hstack([np.eye(5, dtype=int) * 50, [[11], [10], [12], [10], [9]]])
    assert run(new, previous, overlap).died == (Died(6, (3,)),)


def test_segments_of_models_with_other_features_are_matched_by_customers_alone() -> None:
    previous = known(at(0.0, 0.0, 0.0), at(1.0, 1.0, 1.0))
    other = [{"a": (0.0, 1.0), "x": (0.0, 1.0), "y": (0.0, 1.0)}] * 2
    assert ids(run(other, previous, [[0, 9], [9, 0]])) == [2, 1]
    assert statuses(run(other, previous)) == ["born", "born"]


def test_a_feature_without_variance_before_is_left_out() -> None:
    previous = [KnownSegment(1, {"a": (0.0, 1.0), "b": (3.0, 0.0)})]
    assert statuses(run([{"a": (0.1, 1.0), "b": (7.0, 2.0)}], previous)) == ["continued"]


def test_a_rerun_gives_births_their_ids_again_and_others_fresh_ones() -> None:
    previous = known(at(0.0))
    born = [KnownSegment(5, at(10.0)), KnownSegment(6, at(20.0))]
    found = run([at(20.1), at(0.0), at(30.0), at(10.0)], previous, reborn=born, next_id=2)
    assert ids(found) == [6, 1, 7, 5]
    assert statuses(found) == ["born", "continued", "born", "born"]


def test_an_id_that_the_previous_run_has_is_not_given_to_a_birth() -> None:
    # It was scored later with the models of the run that is made again.
    previous = known(at(0.0), at(10.0))
    born = [KnownSegment(1, at(0.0)), KnownSegment(2, at(10.0)), KnownSegment(3, at(20.0))]
    found = run([at(0.0), at(10.0), at(10.1), at(20.0)], previous, reborn=born, next_id=4)
    assert ids(found) == [1, 2, 4, 3]


def test_equal_centroids_are_numbered_in_order() -> None:
    found = run([at(1.0), at(1.0)], known(at(1.0), at(1.0)), order=[1, 0])
    assert ids(found) == [2, 1]


# Centroids at least half a standard deviation apart, as many as a run has clusters.
GRID = st.lists(st.tuples(*[st.integers(-6, 6)] * 3), min_size=2, max_size=8, unique=True).map(
    lambda points: [at(*[v / 2 for v in point]) for point in points]
)
SEEDS = st.integers(0, 2**32 - 1)


def counts(seed: int, rows: int, columns: int) -> np.ndarray:
    """Any overlap, sparse as often as not."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 100, (rows, columns)) * (rng.random((rows, columns)) < rng.random())


@given(GRID, SEEDS)
def test_identical_centroids_all_continue_whatever_the_customers_do(
    centroids: list[Centroid], seed: int
) -> None:
    found = run(centroids, known(*centroids), counts(seed, len(centroids), len(centroids)))
    assert ids(found) == list(range(1, len(centroids) + 1))
    assert set(statuses(found)) == {"continued"}


@given(GRID, SEEDS)
def test_noise_below_a_bound_renames_nobody_whatever_the_customers_do(
    centroids: list[Centroid], seed: int
) -> None:
    """Noise below max_distance / 2k and a sixth of the least distance between two segments: then
    no shift and no overlap can make another pairing worth more."""
    k = len(centroids)
    points = np.array([[c[f][0] for f in "abc"] for c in centroids])
    apart = np.sqrt(((points[:, None] - points[None]) ** 2).mean(axis=2))
    bound = min(RULES.max_distance / (2 * k), apart[~np.eye(k, dtype=bool)].min() / 6)
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=points.shape)
    noise *= 0.99 * bound / np.sqrt((noise**2).mean(axis=1, keepdims=True))
    noisy = [at(*row) for row in points + noise]
    found = run(noisy, known(*centroids), counts(seed, k, k))
    assert ids(found) == list(range(1, k + 1))


def test_noise_as_large_as_the_distance_does_rename() -> None:
    assert ids(run([at(1.0), at(0.0)], known(at(0.0), at(1.0)))) == [2, 1]


@settings(max_examples=200)
@given(GRID, GRID, GRID, SEEDS, st.randoms())
def test_the_numbering_of_clusters_changes_nothing_but_positions(
    new: list[Centroid],
    old: list[Centroid],
    births: list[Centroid],
    seed: int,
    random: Random,
) -> None:
    previous = known(*old)
    reborn = known(*births, first=100)
    overlap = counts(seed, len(new), len(old))
    order = random.sample(range(len(new)), len(new))
    found = run(new, previous, overlap, order=order, reborn=reborn)

    rows = random.sample(range(len(new)), len(new))
    columns = random.sample(range(len(old)), len(old))
    again = run(
        [new[row] for row in rows],
        [previous[column] for column in columns],
        overlap[rows][:, columns],
        order=[rows.index(cluster) for cluster in order],
        reborn=random.sample(reborn, len(reborn)),
    )
    assert [again.clusters[rows.index(cluster)] for cluster in range(len(new))] == list(
        found.clusters
    )
    assert again.died == found.died


@given(GRID, GRID, SEEDS)
def test_ids_are_unique_and_segments_not_continued_have_died(
    new: list[Centroid], old: list[Centroid], seed: int
) -> None:
    overlap = counts(seed, len(new), len(old))
    found = run(new, known(*old), overlap)
    assert len(set(ids(found))) == len(new)
    gone = {one.segment_id for one in found.died}
    assert gone == {s.segment_id for s in known(*old)} - set(ids(found))
    for one in found.clusters:
        is_old = one.segment_id <= len(old)
        assert is_old == (one.status in ("continued", "merged")) == (one.overlap is not None)
        if one.status == "split":
            assert not gone.intersection(one.related_segments)


@given(GRID, GRID, SEEDS)
def test_a_rerun_gives_the_same(new: list[Centroid], old: list[Centroid], seed: int) -> None:
    overlap = counts(seed, len(new), len(old))
    first = run(new, known(*old), overlap)
    born = [
        KnownSegment(one.segment_id, new[cluster])
        for cluster, one in enumerate(first.clusters)
        if one.status in ("born", "split")
    ]
    assert run(new, known(*old), overlap, reborn=born) == first
