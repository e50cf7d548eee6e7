"""Refit resamples in tasks: twenty per candidate are too much for one core."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pyspark.sql import SparkSession

from custseg_spark.core.clustering import stability
from custseg_spark.core.clustering.kmeans import FitSettings
from custseg_spark.core.clustering.stability import Resample
from custseg_spark.engine.spark import tasks

# Starting a task costs as much as one small refit.
_REFITS_PER_TASK = 5


@dataclass(frozen=True)
class RefitsInTasks:
    """Makes the refits of `stability.resamples` in tasks, with the same result for any number."""

    spark: SparkSession

    def __call__(
        self,
        points: np.ndarray,
        algorithm: str,
        k: int,
        number: int,
        settings: FitSettings,
        scheme: str = "bootstrap",
    ) -> list[Resample]:
        if not stability.is_refitted(algorithm) or not len(points):
            return []
        numbers = [
            range(start, min(start + _REFITS_PER_TASK, number))
            for start in range(0, number, _REFITS_PER_TASK)
        ]
        refits = tasks.run(self.spark, _Refits(points, algorithm, k, settings, scheme), numbers)
        return [refit for some in refits for refit in some]


@dataclass(frozen=True)
class _Refits:
    points: np.ndarray
    algorithm: str
    k: int
    settings: FitSettings
    scheme: str

    def __call__(self, numbers: Sequence[int]) -> list[Resample]:
        return [
            stability.resample(
                self.points, self.algorithm, self.k, number, self.settings, self.scheme
            )
            for number in numbers
        ]
