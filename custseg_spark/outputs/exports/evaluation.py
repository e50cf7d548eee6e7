"""`evaluation_metrics`: the quality of the chosen clustering and of the other candidates."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

# In the document, an index's name says its convention in full.
_NAMES = {
    "silhouette": "silhouette_squared_euclidean",
    "euclidean_silhouette": "silhouette_euclidean",
    "informed_silhouette": "informed_silhouette_squared_euclidean",
    "davies_bouldin": "davies_bouldin_euclidean",
    "stability": "stability_mean_jaccard_of_bootstrap_refits",
    "adjusted_rand_index": "stability_adjusted_rand_index_of_bootstrap_refits",
}
CONVENTIONS = {
    "silhouette_squared_euclidean": "Mean over all customers of (b - a) / max(a, b) by squared"
    " Euclidean distance, as Spark's ClusteringEvaluator and scikit-learn's"
    " silhouette_score(metric='sqeuclidean'); exact. Higher is better.",
    "silhouette_euclidean": "The same by Euclidean distance, scikit-learn's default, over"
    " euclidean_customers. Null: measured of the chosen k alone.",
    "informed_silhouette_squared_euclidean": "As silhouette_squared_euclidean, over the"
    " customers that the models learn from; k is chosen by it.",
    "davies_bouldin_euclidean": "Mean over clusters of the worst (S_i + S_j) / |c_i - c_j|, S the"
    " mean Euclidean distance to the centroid, as scikit-learn's davies_bouldin_score; exact."
    " Lower is better.",
    "calinski_harabasz": "(B / (k - 1)) / (W / (n - k)), as scikit-learn's"
    " calinski_harabasz_score; exact. Higher is better.",
    "within_cluster_cost": "W: the sum of squared Euclidean distances to the cluster's centroid.",
    "between_cluster_cost": "B: the sum over clusters of size x squared Euclidean distance of the"
    " centroid to the mean of all.",
    "smallest_share": "The share of customers in the smallest cluster.",
    "stability_mean_jaccard_of_bootstrap_refits": "Mean over clusters and refits of the Jaccard"
    " index of a cluster and its nearest one in a bootstrap refit (Hennig 2007): below 0.6"
    " unstable, above 0.85 highly stable. Null: not measured for this k.",
    "stability_adjusted_rand_index_of_bootstrap_refits": "Mean adjusted Rand index between the"
    " clustering and bootstrap refits. Null: not measured for this k.",
}
_NOT_HERE = ("run_date", "algorithm", "agreement")


def document(rows: Sequence[Mapping[str, Any]], run_date: date, algorithm: str) -> dict[str, Any]:
    """Return the indices of the chosen k and of all candidates, from an algorithm's
    `model_selection`.
    """
    candidates = [_candidate(row) for row in sorted(rows, key=lambda row: row["k"])]
    chosen = [candidate for candidate in candidates if candidate["chosen"]]
    return {
        "run_date": run_date.isoformat(),
        "algorithm": algorithm,
        "chosen": chosen[0] if chosen else None,
        "candidates": candidates,
        "conventions": CONVENTIONS,
    }


def _candidate(row: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in row.items() if name not in _NOT_HERE}
    # JSON has no NaN.
    return {_NAMES.get(n, n): None if v != v else v for n, v in kept.items()}
