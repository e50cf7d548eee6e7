#!/bin/sh
# JOB [ARGUMENT…]: runs jobs/JOB.py. The heap, of which local mode has one, is DRIVER_MEMORY, or
# like a checkout's half of what the container may use: the rest is for Python and the file cache.
set -eu
home=/opt/custseg-spark
job=$home/jobs/${1:-}.py
if [ ! -f "$job" ]; then
    echo "error: unknown job '${1:-}'; known: $(cd "$home/jobs" && echo *.py | sed 's/\.py//g')" >&2
    exit 2
fi
shift
heap='from spark_conf import *; print(driver_memory_gib(memory_bytes()))'
memory=${DRIVER_MEMORY:-$(PYTHONPATH=$home/scripts python -c "$heap")g}
exec spark-submit --driver-memory "$memory" "$job" "$@"
