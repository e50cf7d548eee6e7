#!/bin/sh
# NAME [ARGUMENT…]: runs jobs/NAME.py, or a command without Spark: dashboard, serve, preview, or the
# purchase API of trials. The heap, of which local mode has one, is DRIVER_MEMORY, or like a
# checkout's half of what the container may use: the rest is for Python and the file cache.
set -eu
home=/opt/custseg-spark
name=${1:-}
case $name in
dashboard)
    # The port is reached from elsewhere: never without a password.
    if [ -z "${CUSTSEG_DASHBOARD_PASSWORD:-}" ]; then
        CUSTSEG_DASHBOARD_PASSWORD=$(python -c 'import secrets; print(secrets.token_urlsafe(12))')
        export CUSTSEG_DASHBOARD_PASSWORD
        echo "dashboard: the password is $CUSTSEG_DASHBOARD_PASSWORD (CUSTSEG_DASHBOARD_PASSWORD sets one)"
    fi
    exec custseg "$@"
    ;;
serve | preview) exec custseg "$@" ;;
purchase_api)
    shift
    exec python "$home/scripts/purchase_api.py" "$@"
    ;;
esac
job=$home/jobs/$name.py
if [ ! -f "$job" ]; then
    echo "error: unknown job '$name'; known: $(cd "$home/jobs" && echo *.py | sed 's/\.py//g')" \
        "and dashboard serve preview" >&2
    exit 2
fi
shift
heap='from spark_conf import *; print(driver_memory_gib(memory_bytes()))'
memory=${DRIVER_MEMORY:-$(PYTHONPATH=$home/scripts python -c "$heap")g}
exec spark-submit --driver-memory "$memory" "$job" "$@"
