"""Stability by bootstrap, subset, noise and jitter against R's fpc::clusterboot (Hennig).

The literals are of R 4.2.2 with fpc 2.2.10:

    library(fpc)
    for (k in c(3, 4)) {
      found <- clusterboot(iris[, 1:4], B = 1000, clustermethod = kmeansCBI, krange = k, runs = 20,
                           bootmethod = c("boot", "subset", "noise", "jitter"),
                           multipleboot = TRUE, seed = 15555)
      print(found$bootmean); print(found$subsetmean); print(found$noisemean)
      print(found$jittermean)
    }

A point that is drawn twice counts twice in the bootstrap's fit; R's own default, a bootstrap of the
points that were drawn at all, is a larger subset.
"""

import numpy as np
import pytest
from sklearn.datasets import load_iris

from custseg_spark.core.clustering.kmeans import FitSettings, generator, kmeans
from custseg_spark.core.clustering.resampling import SCHEMES
from custseg_spark.core.clustering.stability import resamples, stability

IRIS = np.asfortranarray(load_iris().data)
PETAL_LENGTH = 2
R = {
    3: {
        "bootstrap": (0.9998, 0.931, 0.9159),
        "subset": (1.0, 0.9279, 0.9128),
        "noise": (0.9985, 0.9456, 0.9043),
        "jitter": (1.0, 0.9982, 0.9971),
    },
    4: {
        "bootstrap": (1.0, 0.9158, 0.8227, 0.8026),
        "subset": (1.0, 0.9147, 0.8331, 0.8208),
        "noise": (1.0, 0.5996, 0.5645, 0.7433),
        "jitter": (1.0, 1.0, 1.0, 0.9999),
    },
}


def jaccard(k: int, scheme: str, refits: int, starts: int) -> list[float | None]:
    """The index of each cluster, in the order of the petals' mean length."""
    settings = FitSettings(starts=starts, tolerance=1e-6)
    fit = kmeans(IRIS, k, settings, generator(7, k))
    found = stability(fit.labels, k, resamples(IRIS, "kmeans", k, refits, settings, scheme))
    assert found is not None
    return [found.jaccard[cluster] for cluster in np.argsort(fit.centres[:, PETAL_LENGTH])]


@pytest.mark.parametrize("scheme", list(SCHEMES))
def test_jaccard_by_cluster_is_clusterboots(scheme: str) -> None:
    # Noise has local optima far away.
    starts = 10 if scheme == "noise" else 3
    assert jaccard(3, scheme, 200, starts) == pytest.approx(R[3][scheme], abs=0.02)


@pytest.mark.heavy
@pytest.mark.parametrize("scheme", list(SCHEMES))
@pytest.mark.parametrize("k", [3, 4])
def test_a_thousand_refits_are_clusterboots(k: int, scheme: str) -> None:
    assert jaccard(k, scheme, 1_000, 20) == pytest.approx(R[k][scheme], abs=0.02)
