#!/bin/sh
# JOB [ARGUMENT…]: runs jobs/JOB.py. DRIVER_MEMORY is Spark's heap, of which there is one in local
# mode: half of what the container may use, the rest is for Python and the file cache.
set -eu
jobs=/opt/custseg-spark/jobs
job=$jobs/${1:-}.py
if [ ! -f "$job" ]; then
    echo "error: unknown job '${1:-}'; known: $(cd "$jobs" && echo *.py | sed 's/\.py//g')" >&2
    exit 2
fi
shift
exec spark-submit --driver-memory "${DRIVER_MEMORY:-2g}" "$job" "$@"
