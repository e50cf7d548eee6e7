"""Segments of each day: ingest, gate, segment, export, as a flow of Prefect 3.

docs/guides/scheduling.md has the steps. Every task is a command of this project in a process of its
own, so that Prefect's environment needs neither Spark nor this package. A run date is idempotent:
run it again, or for past days, as you like.
"""

import os
import shlex
import subprocess
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from prefect import flow, get_run_logger, task
from prefect.runtime import flow_run

# Where things are; CUSTSEG_HOME and so on in the environment of the worker say otherwise.
DEFAULTS = {
    "home": "/opt/custseg-spark",
    "submit": "spark-submit",
    "config": "conf/local.toml",
    "source": "ecommerce_events=/data/events",
    "lake": "/data/lake",
    "export": "csv:/data/exports",
}
_SIX_HOURS = 6 * 3600


def setting(name: str) -> str:
    """Where something is: by the environment, else by default."""
    return os.environ.get(f"CUSTSEG_{name.upper()}", DEFAULTS[name])


def command(job: str, options: Sequence[str]) -> list[str]:
    """The command of a job; its options are arguments, never parts of a shell's line."""
    configured = [f"--config={setting('config')}", f"--lake={setting('lake')}"]
    return [*shlex.split(setting("submit")), f"jobs/{job}.py", *configured, *options]


@task(task_run_name="{job}", retries=2, retry_delay_seconds=300, timeout_seconds=_SIX_HOURS)
def run_job(job: str, options: list[str]) -> None:
    """Runs a job in the project's folder, by its own venv where it has one; its output is logged.

    A job that fails raises CalledProcessError, with the exit code of docs/reference/codes.md.
    """
    home = Path(setting("home"))
    path = f"{home / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command(job, options),
        cwd=home,
        env={**os.environ, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    get_run_logger().info("%s", done.stdout)
    done.check_returncode()


@flow(name="custseg", description="Customer segments of each day")
def custseg(run_date: date | None = None) -> None:
    """The segments of a run date: by default the day for which the run was scheduled."""
    scheduled: datetime = flow_run.scheduled_start_time or datetime.now(UTC)
    dated = f"--run-date={run_date or scheduled.astimezone(UTC).date()}"
    run_job("ingest", [f"--source={setting('source')}"])
    # What it refuses once it refuses again: the log has to come, and ingest to run, first.
    run_job.with_options(retries=0)("gate", [dated])
    run_job("segment", ["--skip-ingest", dated])
    run_job("export", [dated, f"--to={setting('export')}"])


if __name__ == "__main__":
    # Segment ids follow the previous run date's: one run at a time, the others wait.
    custseg.serve(name="daily", cron="0 3 * * *", limit=1)
