#!/usr/bin/env bash
# Makes .jars-kafka: a Kafka broker and Spark's Kafka source, for the heavy test of streams. Runs that
# need the source have it by `--packages org.apache.spark:spark-sql-kafka-0-10_2.13:VERSION`.
set -euo pipefail
cd "$(dirname "$0")/.."

python=${PYTHON:-.venv/bin/python}
spark=$("$python" -c 'from importlib.metadata import version; print(version("pyspark"))')
kafka=3.9.1
folder=.jars-kafka
if [ -f "$folder/org.apache.kafka_kafka_2.13-$kafka.jar" ]; then exit 0; fi

rm -rf "$folder.part"
mkdir -p "$folder.part"
: >"$folder.part/nothing.py"
packages=org.apache.spark:spark-sql-kafka-0-10_2.13:$spark
packages+=,org.apache.kafka:kafka_2.13:$kafka,org.apache.kafka:kafka-tools:$kafka
printf 'setup: a Kafka broker for the tests into %s\n' "$folder"
if ! PATH=$(dirname "$("$python" -c 'import sys; print(sys.executable)')"):$PATH \
    env -u SPARK_HOME -u SPARK_CONF_DIR -u PYSPARK_PYTHON spark-submit --packages "$packages" \
    --conf "spark.jars.ivy=$PWD/$folder.part" "$folder.part/nothing.py" >"$folder.part/log" 2>&1; then
    tail -n 25 "$folder.part/log" >&2
    exit 1
fi
rm -rf "$folder"
mv "$folder.part/jars" "$folder"
rm -rf "$folder.part"
