"""Segments of each day: ingest, gate, segment, export, in Airflow 3.

docs/guides/deployment.md has the steps.

Every task is a command of this project, run by spark-submit on the worker, on whatever master its
Spark is configured for. Airflow's variables say where things are (CUSTSEG_SOURCE of the
environment below is the variable custseg_source, and so on). A run date is idempotent: clear a
task, run it again or backfill as you like.
"""

from datetime import UTC, datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

DEFAULTS = {
    "home": "/opt/custseg-spark",
    "submit": "spark-submit",
    "config": "conf/local.toml",
    "source": "ecommerce_events=/data/events",
    "lake": "/data/lake",
    "export": "csv:/data/exports",
}
ENVIRONMENT = {
    f"CUSTSEG_{name.upper()}": f"{{{{ var.value.get('custseg_{name}', '{default}') }}}}"
    for name, default in DEFAULTS.items()
}

with DAG(
    dag_id="custseg",
    description="Customer segments of each day",
    schedule="0 3 * * *",
    # Without catch-up this is only how far back a backfill reaches: on an earlier date Airflow ends
    # a run as a success and runs no task of it.
    start_date=datetime(2000, 1, 1, tzinfo=UTC),
    catchup=False,
    # Segment ids follow the previous run date's: one at a time, in order.
    max_active_runs=1,
    default_args={
        "depends_on_past": True,
        # Runs of a backfill are not counted above.
        "max_active_tis_per_dag": 1,
        "retries": 2,
        "retry_delay": timedelta(minutes=5),
        "execution_timeout": timedelta(hours=6),
    },
    tags=["custseg"],
) as dag:

    def job(name: str, options: str, **more: object) -> BashOperator:
        """A job of the project, by its own venv where it has one.

        Values reach the shell as variables, so that none is code.
        """
        return BashOperator(
            task_id=name,
            bash_command='cd "$CUSTSEG_HOME" && PATH="$PWD/.venv/bin:$PATH"'
            f" && $CUSTSEG_SUBMIT jobs/{name}.py"
            f' --config "$CUSTSEG_CONFIG" --lake "$CUSTSEG_LAKE" {options}',
            env=ENVIRONMENT,
            append_env=True,
            **more,
        )

    # The run date is the day on which the schedule fires: events before it count.
    dated = "--run-date {{ ds }}"
    (
        job("ingest", '--source "$CUSTSEG_SOURCE"')
        # What it refuses once it refuses again: the log has to come, and ingest to run, first.
        >> job("gate", dated, retries=0)
        >> job("segment", f"--skip-ingest {dated}")
        >> job("export", f'{dated} --to "$CUSTSEG_EXPORT"')
    )
