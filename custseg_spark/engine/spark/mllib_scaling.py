"""The sample as MLlib's frame, and MLlib's scaling of it: the first stages of a saved model.

The frame is small and has one partition: MLlib adds floating sums in the order of the rows, and the
result must not depend on cores or shuffle settings.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.ml import Estimator, Pipeline, PipelineModel, Transformer
from pyspark.ml.feature import PCA, RobustScaler, StandardScaler, VectorAssembler
from pyspark.sql import DataFrame, SparkSession

from custseg_spark.core.clustering.preparation import Preparation

VECTOR = "scaled"
_ASSEMBLED = "assembled"


@dataclass(frozen=True)
class MllibSample:
    """The sample in MLlib: its fitted scaling stages, and the frame of scaled vectors."""

    stages: PipelineModel
    vectors: DataFrame


def sample_in_mllib(
    spark: SparkSession, prepared: np.ndarray, preparation: Preparation, scaling: str
) -> MllibSample:
    """Fit MLlib's pipeline from prepared columns (n x d) to the clustered vector.

    Features are scaled, not centred. Distances are the same, and BisectingKMeans can't divide a
    cluster at zero: it moves the centre by a ten-thousandth of its length.
    """
    columns = {name: prepared[:, i] for i, name in enumerate(preparation.names)}
    frame = spark.createDataFrame(pa.table(columns)).coalesce(1)
    stages = Pipeline(stages=_scaling_stages(preparation, scaling)).fit(frame)
    # A local frame's partition is its rows: each task of each of MLlib's hundreds of jobs would
    # carry them. MLlib keeps them itself; of a persisted frame it would decode them every time.
    return MllibSample(stages, stages.transform(frame).select(VECTOR).localCheckpoint())


def _scaling_stages(preparation: Preparation, scaling: str) -> list[Estimator[Any] | Transformer]:
    scaled = VECTOR if preparation.components is None else "standardised"
    scaler = (
        StandardScaler(inputCol=_ASSEMBLED, outputCol=scaled, withMean=False, withStd=True)
        if scaling == "standard"
        else RobustScaler(
            inputCol=_ASSEMBLED, outputCol=scaled, withCentering=False, withScaling=True
        )
    )
    assembler = VectorAssembler(inputCols=list(preparation.names), outputCol=_ASSEMBLED)
    stages: list[Estimator[Any] | Transformer] = [assembler, scaler]
    if preparation.components is not None:
        stages.append(PCA(k=preparation.components, inputCol=scaled, outputCol=VECTOR))
    return stages
