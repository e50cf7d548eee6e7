"""The jobs in a session with a Hive metastore (embedded Derby): folder, then jobs/segment.py's
arguments.

A process of its own, as the kind of catalog can't change once a session runs.
"""

import sys

from checkout import job
from pyspark.sql import SparkSession

folder, *arguments = sys.argv[1:]
spark = (
    SparkSession.builder.master("local[2]")
    .config("spark.driver.memory", "1g")
    .config("spark.driver.extraJavaOptions", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
    .config("spark.sql.catalogImplementation", "hive")
    .config("spark.sql.warehouse.dir", f"{folder}/warehouse")
    .config(
        "spark.hadoop.javax.jdo.option.ConnectionURL",
        f"jdbc:derby:;databaseName={folder}/metastore;create=true",
    )
    .config("spark.sql.shuffle.partitions", "2")
    .config("spark.databricks.delta.snapshotPartitions", "1")
    .getOrCreate()
)
spark.sql("CREATE SCHEMA shop")
job("segment").run(arguments)
of_lake = [argument for argument in arguments if argument.startswith("--set=lake.")]
job("gate").run(of_lake)
job("export").run([*of_lake, f"--to=csv:{folder}/exports"])
for table in spark.catalog.listTables("shop"):
    print(f"{table.tableType} {table.name} {spark.read.table(f'shop.{table.name}').count()}")
for row in spark.read.table("shop.customer_segments").orderBy("customer_id").collect():
    print(f"segment {row.customer_id} {row.segment_id} {row.segment_name}")
