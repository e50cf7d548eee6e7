"""Cluster a sample by other algorithms, for comparison with the chosen segments only.

These algorithms need scikit-learn (the extra `compare`) and memory that grows with the square of
the sample.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from custseg_spark.core.clustering.indices import indices_of
from custseg_spark.core.clustering.stability import adjusted_rand_index
from custseg_spark.errors import ConfigurationError

_NOISE = -1


@dataclass(frozen=True)
class Compared:
    """The result of another algorithm on a sample of `customers`, and its agreement with the
    segments.

    The indices are those of `Indices`, over the customers in clusters; None with fewer than two
    clusters. `agreement` is the adjusted Rand index with the chosen segments over all sampled
    customers, with noise as a cluster of its own. `smallest_share` is a share of all of them too.
    """

    algorithm: str
    k: int
    customers: int
    silhouette: float | None
    davies_bouldin: float | None
    calinski_harabasz: float | None
    within_cluster_cost: float | None
    between_cluster_cost: float | None
    smallest_share: float | None
    agreement: float
    why: str


def require(names: Sequence[str]) -> None:
    """Raise ConfigurationError if comparisons are asked for and scikit-learn is missing."""
    if not names:
        return
    try:
        import sklearn  # noqa: F401
    except ImportError as error:
        raise ConfigurationError(
            f"model.selection.compare: {', '.join(names)} needs scikit-learn; install it by"
            " pip install 'custseg-spark[compare]'"
        ) from error


def compare(
    points: np.ndarray, chosen_labels: np.ndarray, names: Sequence[str], k: int
) -> list[Compared]:
    """Run each named algorithm on a bounded sample of points, against the chosen labels and their
    k.

    Raises ConfigurationError if scikit-learn is missing.
    """
    require(names)
    compared = []
    for name in names:
        labels, settings = COMPARISONS[name](points, k)
        compared.append(_compared(name, points, labels, chosen_labels, settings))
    return compared


def _compared(
    name: str, points: np.ndarray, labels: np.ndarray, chosen: np.ndarray, settings: str
) -> Compared:
    inside = labels != _NOISE
    k = len(np.unique(labels[inside]))
    indices = indices_of(points[inside], labels[inside]) if k else None
    several = indices if k > 1 else None
    return Compared(
        algorithm=name,
        k=k,
        customers=len(points),
        silhouette=several.silhouette if several else None,
        davies_bouldin=several.davies_bouldin if several else None,
        calinski_harabasz=several.calinski_harabasz if several else None,
        within_cluster_cost=indices.within_cluster_cost if indices else None,
        between_cluster_cost=indices.between_cluster_cost if indices else None,
        smallest_share=min(indices.sizes) / len(points) if indices else None,
        agreement=adjusted_rand_index(labels, chosen),
        why=f"comparison only; {settings}",
    )


def _agglomerative(points: np.ndarray, k: int) -> tuple[np.ndarray, str]:
    from sklearn.cluster import AgglomerativeClustering

    settings = "Ward linkage, the chosen k"
    if len(points) < 2:
        return np.zeros(len(points), dtype=int), settings
    clusters = min(k, len(points))
    return AgglomerativeClustering(n_clusters=clusters, linkage="ward").fit_predict(
        points
    ), settings


def _dbscan(points: np.ndarray, _: int) -> tuple[np.ndarray, str]:
    """Run DBSCAN with two points per dimension for a core (Sander et al. 1998).

    The radius is at the bend of the sorted distances to the last of these neighbours (Ester et al.
    1996).
    """
    from sklearn.cluster import DBSCAN
    from sklearn.neighbors import NearestNeighbors

    fewest = min(2 * points.shape[1], len(points))
    neighbours = NearestNeighbors(n_neighbors=fewest).fit(points)
    # A point is its own first neighbour, as in DBSCAN's count.
    eps = _knee(np.sort(neighbours.kneighbors(points)[0][:, -1]))
    labels = DBSCAN(eps=eps, min_samples=fewest).fit_predict(points)
    noise = (labels == _NOISE).mean()
    return labels, f"eps {eps:.3g}, min_samples {fewest}; {noise:.1%} noise, not in the indices"


def _knee(ascending: np.ndarray) -> float:
    """Return the value farthest below the chord of an ascending curve; the least positive one for
    0.
    """
    chord = np.linspace(ascending[0], ascending[-1], len(ascending))
    knee = float(ascending[(chord - ascending).argmax()])
    positive = ascending[ascending > 0]
    return knee or float(positive[0] if len(positive) else 1)


COMPARISONS: dict[str, Callable[[np.ndarray, int], tuple[np.ndarray, str]]] = {
    "dbscan": _dbscan,
    "agglomerative": _agglomerative,
}
