"""How well `p_stay` says whether a customer stays after a refit, on customers it hasn't seen.

A generated log's customers are divided in two: models and curves are learned from one half, refits
are bootstraps of that half with other seeds, and the other half says how often it stays. Prints the
expected calibration error (ECE, ten bins) and the area under the ROC curve (AUC) over pairs of
customer and refit. The ceiling of the AUC is an oracle's: the share of 200 further refits in which
the very customer stays, which no prediction before the refits can know. No JVM starts.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import numpy as np
import pyarrow as pa
from sklearn.metrics import roc_auc_score
from trust import logs

from custseg_spark.core.clustering import staying
from custseg_spark.core.clustering.assignment import annotate
from custseg_spark.core.clustering.bisecting import bisecting_kmeans
from custseg_spark.core.clustering.kmeans import FitSettings, generator, kmeans
from custseg_spark.core.clustering.models import KMeans
from custseg_spark.core.clustering.scaling import FeatureSpace
from custseg_spark.core.clustering.stability import resamples
from custseg_spark.core.clustering.stay_curves import StayCurve, relative_margins

_END, _FITS = date(2019, 11, 30), {"kmeans": kmeans, "bisecting_kmeans": bisecting_kmeans}
_REFITS, _OUTCOME_REFITS, _ORACLE_REFITS, _BINS = 20, 20, 200, 10


def probabilities(
    points: np.ndarray, labels: np.ndarray, model: KMeans, curves: Sequence[StayCurve]
) -> np.ndarray:
    """The probability that each point stays."""
    notes = annotate(points, labels, model.centres)
    margins = relative_margins(notes.distances, notes.margins)
    stay = np.empty(len(points))
    for cluster, curve in enumerate(curves):
        stay[labels == cluster] = curve(margins[labels == cluster])
    return stay


def calibration_error(p: np.ndarray, stayed: np.ndarray) -> float:
    """The mean distance of probability and share that stayed, over bins of the probability."""
    bins = np.minimum((p * _BINS).astype(int), _BINS - 1)
    sizes = np.bincount(bins, minlength=_BINS)
    gaps = np.bincount(bins, p - stayed, minlength=_BINS)
    return float(np.abs(gaps).sum() / sizes.sum())


def auc(scores: np.ndarray, stayed: np.ndarray, refits: int) -> float:
    """The area under the ROC curve, over pairs of customer and refit."""
    outcome = np.repeat([1, 0], len(scores))
    weights = np.concatenate([stayed, refits - stayed])
    return float(roc_auc_score(outcome, np.concatenate([scores, scores]), sample_weight=weights))


def measured(customers: pa.Table, space: FeatureSpace, algorithm: str, k: int) -> tuple[float, ...]:
    """Share that stays, ECE, AUC and its ceiling, of the half that nothing was learned from."""
    settings = FitSettings()
    half = np.random.default_rng(1).random(customers.num_rows) < 0.5
    seen, unseen = customers.filter(pa.array(half)), customers.filter(pa.array(~half))
    trained = np.asfortranarray(space.points(logs.informed(seen)))
    model = KMeans(_FITS[algorithm](trained, k, settings, generator(7, k)).centres)
    refits = resamples(trained, algorithm, k, _REFITS, settings)
    curves = staying.learned(space.points(seen), model, refits)
    points = space.points(unseen)
    labels = model.labels(points)
    p = probabilities(points, labels, model, curves)
    others = resamples(trained, algorithm, k, _OUTCOME_REFITS, replace(settings, seed=99))
    stayed = staying.stays(points, labels, k, others)
    error = calibration_error(p, stayed / _OUTCOME_REFITS)
    further = resamples(trained, algorithm, k, _ORACLE_REFITS, replace(settings, seed=1234))
    oracle = staying.stays(points, labels, k, further)
    of_both = [auc(scores, stayed, _OUTCOME_REFITS) for scores in (p, oracle)]
    return (float(stayed.mean() / _OUTCOME_REFITS), error, *of_both)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=600_000)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args(argv)
    size = ["--events", str(options.events), "--seed", str(options.seed)]
    with logs.generated(size) as log:
        customers = log.features(_END)
    space = logs.space_of(customers)
    for who, rows in (("all", customers), ("20 events or more", logs.informed(customers))):
        for algorithm in _FITS:
            stay, error, own, ceiling = measured(rows, space, algorithm, 7)
            print(
                f"{algorithm}, k = 7, customers: {who}: {stay:.1%} stay,"
                f" ECE {error:.4f}, AUC {own:.3f}, an oracle's {ceiling:.3f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
