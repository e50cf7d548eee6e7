#!/usr/bin/env bash
# Makes .jars-s3: Hadoop's file system of S3, for the tests. Runs that need it have it from their
# platform, or by `--packages org.apache.hadoop:hadoop-aws:VERSION`.
set -euo pipefail
cd "$(dirname "$0")/.."

# Hadoop's own version, as pyspark has it: the two must be equal.
hadoop=$(basename .venv/lib/python3*/site-packages/pyspark/jars/hadoop-client-api-*.jar .jar)
hadoop=${hadoop##*-}
sdk=2.57.8
folder=.jars-s3
if [ -f "$folder/org.apache.hadoop_hadoop-aws-$hadoop.jar" ]; then exit 0; fi

# The parts of Amazon's SDK that it uses, not the bundle of all, which is thirty times as large.
packages=org.apache.hadoop:hadoop-aws:$hadoop
for part in s3 s3-transfer-manager sts apache-client netty-nio-client; do
    packages+=,software.amazon.awssdk:$part:$sdk
done
rm -rf "$folder.part"
mkdir -p "$folder.part/keep"
: >"$folder.part/nothing.py"
printf 'setup: file system of S3 for the tests into %s\n' "$folder"
if ! PATH=$PWD/.venv/bin:$PATH env -u SPARK_HOME -u SPARK_CONF_DIR -u PYSPARK_PYTHON spark-submit \
    --packages "$packages" --exclude-packages software.amazon.awssdk:bundle \
    --conf "spark.jars.ivy=$PWD/$folder.part" "$folder.part/nothing.py" >"$folder.part/log" 2>&1; then
    tail -n 25 "$folder.part/log" >&2
    exit 1
fi
# What else it brings is in pyspark, mostly newer.
cp "$folder.part"/jars/{org.apache.hadoop_hadoop-aws,software.amazon,org.reactivestreams}* "$folder.part/keep/"
rm -rf "$folder"
mv "$folder.part/keep" "$folder"
rm -rf "$folder.part"
