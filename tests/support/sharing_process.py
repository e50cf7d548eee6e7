"""Why tasks of a cluster can't write in folders of the driver themselves, a line a folder: master,
then folders.

A process of its own, as its session runs on another master than the tests' session.
"""

import os
import sys

from checkout import ROOT, SHORT_RUN
from pyspark.sql import SparkSession

from custseg_spark.config.settings import LakeConfig
from custseg_spark.engine.lake.sharing import only_spark_because

master, *folders = sys.argv[1:]
os.environ["PYSPARK_PYTHON"] = sys.executable
spark = (
    SparkSession.builder.master(master)
    .config("spark.driver.memory", "1g")
    .config("spark.driver.extraJavaOptions", SHORT_RUN)
    .config("spark.executor.memory", "900m")
    .config("spark.executor.cores", "1")
    .config("spark.executor.extraJavaOptions", SHORT_RUN)
    .config("spark.executorEnv.PYTHONPATH", str(ROOT))
    .config("spark.ui.enabled", "false")
    .getOrCreate()
)
for folder in folders:
    print(only_spark_because(spark, LakeConfig(path=folder)))
spark.stop()
