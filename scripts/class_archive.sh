#!/usr/bin/env bash
# Makes the archive of Java's classes that spark-env.sh looks for: a small run loads what runs load.
# `class_archive.sh VENV JARS`, by setup.sh; a checkout works without it, only slower to start.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=$1 jars=$2
archive=.spark/classes$jars.jsa
conf=$(echo "$PWD/$venv"/lib/python3*/site-packages/pyspark/conf)
trial=$(mktemp -d)
trap 'rm -rf "$trial"' EXIT
rm -f "$archive"
. "$venv/bin/activate"
python scripts/generate_events.py --events 20_000 --out "$trial/events.csv" >/dev/null
SPARK_CONF_DIR=$PWD/.spark/no-settings spark-submit --properties-file "$conf/making-archive.conf" \
    jobs/segment.py --source "ecommerce_events=$trial/events.csv" --lake "$trial/lake" \
    --set model.selection.k_max=3 --set model.stability.bootstraps=2
[ -f "$archive" ]
