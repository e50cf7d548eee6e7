"""MLlib's KMeans from given centres, and its model of given centres.

The estimator of `pyspark.ml` takes no initial model; the class beneath it does, in the JVM.
"""

from typing import Any

import numpy as np
from pyspark.ml.clustering import KMeansModel
from pyspark.sql import DataFrame, SparkSession

from custseg_spark.core.clustering.kmeans import FitSettings
from custseg_spark.engine.spark.mllib_scaling import VECTOR


def fit_from(
    vectors: DataFrame, start: np.ndarray, settings: FitSettings, prediction: str
) -> KMeansModel:
    """Fit MLlib's KMeans to the vectors, beginning at the centres `start` (k x d)."""
    jvm = _jvm(vectors.sparkSession)
    fit = jvm.org.apache.spark.mllib.clustering.KMeans()
    fit.setK(len(start)).setInitialModel(_older_model(jvm, start))
    fit.setMaxIterations(settings.max_iterations).setEpsilon(settings.tolerance)
    rows = jvm.org.apache.spark.ml.util.DatasetUtils.columnToOldVector(
        vectors._jdf,
        VECTOR,
    )
    return _model(jvm, fit.run(rows), prediction)


def kmeans_model(spark: SparkSession, centres: np.ndarray, prediction: str) -> KMeansModel:
    """MLlib's KMeansModel of given centres: its labels are the nearest ones' places."""
    jvm = _jvm(spark)
    return _model(jvm, _older_model(jvm, centres), prediction)


def _jvm(spark: SparkSession) -> Any:
    return spark.sparkContext._jvm


def _older_model(jvm: Any, centres: np.ndarray) -> Any:
    """Return the model of `spark.mllib` that the one of `spark.ml` holds."""
    vectors = jvm.java.util.ArrayList()
    for centre in centres.tolist():
        vectors.add(jvm.org.apache.spark.mllib.linalg.Vectors.parse(repr(centre)))
    return jvm.org.apache.spark.mllib.clustering.KMeansModel(vectors)


def _model(jvm: Any, older: Any, prediction: str) -> KMeansModel:
    uid = jvm.org.apache.spark.ml.util.Identifiable.randomUID("kmeans")
    model = KMeansModel(jvm.org.apache.spark.ml.clustering.KMeansModel(uid, older))
    values = {"k": older.k(), "featuresCol": VECTOR, "predictionCol": prediction}
    for name, value in values.items():
        model.set(model.getParam(name), value)
    return model
