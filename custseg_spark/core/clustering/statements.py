"""A published clustering's rules as one SQL statement over `customer_features`."""

from custseg_spark.core.clustering.assigners import TOO_LITTLE_KNOWN_ID
from custseg_spark.core.clustering.assignment import NamedClustering
from custseg_spark.core.clustering.rules.sql import case, condition, little_known_sql


def statement(clustering: NamedClustering, dialect: str, table: str = "customer_features") -> str:
    """Return a SELECT with one CASE: a row per customer, with the segment's id by the rules.

    Raises ValueError for a clustering without rules.
    """
    rules = clustering.rules
    if rules is None:
        raise ValueError(f"{clustering.algorithm} has no rules")
    whens = [
        (condition(rules.of_cluster(cluster), rules.null_values, dialect), segment_id)
        for cluster, segment_id in enumerate(clustering.segment_ids)
        if rules.of_cluster(cluster)
    ]
    if clustering.known_from:
        # Where two conditions are met, the first counts.
        whens.insert(0, (little_known_sql(clustering.known_from), TOO_LITTLE_KNOWN_ID))
    names = [f"-- {i}: {' '.join(name.split())}" for i, name in clustering.segments.items()]
    return "\n".join([*names, "SELECT customer_id,", case(whens), f"FROM {table}"])
