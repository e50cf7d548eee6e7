"""Customers are placed by the model, unless hysteresis holds them in the previous segment."""

import numpy as np
import pyarrow as pa
import pytest

from custseg_spark.core.clustering import placing
from custseg_spark.core.clustering.models import ClusterModel, GaussianMixture, KMeans
from custseg_spark.core.clustering.placing import Before, before

CENTRES = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
IDS = (7, 5, 9)  # segment ids by cluster


def known(segments: list[int], held: list[bool] | None = None) -> Before:
    return Before(np.array(segments), np.array(held or [False] * len(segments)))


def placed(
    points: np.ndarray, model: ClusterModel, ids: tuple[int, ...], segments: Before, margin: float
) -> tuple[np.ndarray, np.ndarray]:
    labels = model.labels(points)
    return placing.placed(points, labels, model, ids, segments, margin), labels


def at(*x: float) -> np.ndarray:
    return np.array([[value, 0.0] for value in x])


def test_who_is_hardly_nearer_to_another_segment_stays() -> None:
    # Distances 5.1 and 4.9, 5.4 and 4.6.
    clusters, labels = placed(at(5.1, 5.4, 4.9), KMeans(CENTRES), IDS, known([7, 7, 7]), 0.1)
    assert clusters.tolist() == [0, 1, 0]
    assert labels.tolist() == [1, 1, 0]


def test_nobody_is_held_twice_in_a_row_nor_in_a_segment_that_is_gone() -> None:
    segments = known([7, 4, -1], [True, False, False])
    clusters, _ = placed(at(5.1, 5.1, 5.1), KMeans(CENTRES), IDS, segments, 0.1)
    assert clusters.tolist() == [1, 1, 1]


def test_without_hysteresis_the_model_places() -> None:
    clusters, labels = placed(at(5.1), KMeans(CENTRES), IDS, known([7]), 0.0)
    assert clusters.tolist() == labels.tolist() == [1]


def test_of_whom_too_little_is_known_is_held_nowhere() -> None:
    labels = np.array([3, 1])
    found = placing.placed(at(5.1, 5.1), labels, KMeans(CENTRES), IDS, known([7, -1]), 0.1)
    assert found.tolist() == [3, 1]


def test_a_mixture_holds_by_its_probabilities() -> None:
    model = GaussianMixture(np.full(3, 1 / 3), CENTRES, np.array([np.eye(2) * 9] * 3))
    # At 5.01 both are as probable, at 5.4 they are 0.39 and 0.61.
    clusters, labels = placed(at(5.01, 5.4), model, IDS, known([7, 7]), 0.2)
    assert labels.tolist() == [1, 1]
    assert clusters.tolist() == [0, 1]


@pytest.mark.parametrize("rows", [[], ["x", "y"]])
def test_the_previous_run_is_found_by_customer_and_algorithm(rows: list[str]) -> None:
    previous = pa.table(
        {
            "customer_id": ["y", "x", "x"],
            "algorithm": ["kmeans", "kmeans", "other"],
            "segment_id": pa.array([5, 7, 1], pa.int32()),
            "model_segment_id": pa.array([None, 5, 1], pa.int32()),
        }
    )
    found = before(pa.chunked_array([rows], pa.string()), previous, "kmeans")
    assert found.segment_ids.tolist() == [7, 5][: len(rows)]
    assert found.was_held.tolist() == [True, False][: len(rows)]
    new = before(pa.chunked_array([["z"]]), previous, "kmeans")
    assert (new.segment_ids.tolist(), new.was_held.tolist()) == ([-1], [False])
