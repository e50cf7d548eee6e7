"""Submits a job to EMR: as a run of EMR Serverless, or as a step of a cluster of EC2 machines.

Builds the wheel, puts it and the job's file under --code, submits, waits, and on failure shows
the last lines of the job's log. The same job of the same code and arguments is submitted once:
repeated, the command waits for the run that there is. Needs boto3 (pip install
'custseg-spark[emr]') and credentials where AWS's own tools look for them.

exit codes: 0 done, 1 failed, 2 a wrong command line
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence

import boto3
from emr import code, requests, runs
from emr.requests import Submission

JOBS = sorted(path.stem for path in (code.ROOT / "jobs").glob("*.py"))


def parser() -> argparse.ArgumentParser:
    """The command line."""
    command_line = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    where = command_line.add_mutually_exclusive_group(required=True)
    where.add_argument("--application", metavar="ID", help="an application of EMR Serverless")
    where.add_argument("--cluster", metavar="ID", help="a running cluster of EMR on EC2")
    command_line.add_argument(
        "--role", metavar="ARN", help="what the job runs as, with --application"
    )
    command_line.add_argument(
        "--code", required=True, metavar="s3://…", help="folder for wheel and job"
    )
    command_line.add_argument(
        "--logs", required=True, metavar="s3://…", help="folder of EMR's logs"
    )
    command_line.add_argument(
        "--environment",
        metavar="s3://….tar.gz",
        help="packed Python environment, made by conf/deploy/emr/environment.sh",
    )
    command_line.add_argument(
        "--conf", action="append", default=[], metavar="KEY=VALUE", help="of Spark"
    )
    command_line.add_argument("--region", help="else that of the AWS configuration")
    command_line.add_argument("--timeout-minutes", type=int, default=360, help="(default: 360)")
    command_line.add_argument(
        "--attempt", type=int, default=1, help="another submits a failed run again"
    )
    command_line.add_argument(
        "--dry-run", action="store_true", help="print the request, send nothing"
    )
    command_line.add_argument("--no-wait", action="store_true", help="submit and leave")
    command_line.add_argument("job", choices=JOBS)
    command_line.add_argument("arguments", nargs=argparse.REMAINDER, help="the job's own")
    return command_line


def options_of(argv: Sequence[str]) -> argparse.Namespace:
    """Parse the options; exit with 2 where two exclude each other."""
    command_line = parser()
    options = command_line.parse_args(argv)
    if bool(options.application) != bool(options.role):
        command_line.error("--application and --role go together")
    for name in ("code", "logs"):
        if not getattr(options, name).startswith("s3://"):
            command_line.error(
                f"--{name}: expected s3://BUCKET/FOLDER, got {getattr(options, name)}"
            )
    return options


def main(argv: Sequence[str], pause: Callable[[float], None] = time.sleep) -> int:
    """Submits a job and waits for its end; returns the exit code."""
    options = options_of(argv)
    built = code.build(options.job, options.code)
    submission = Submission(
        job=options.job,
        arguments=tuple(options.arguments),
        entry_point=built.entry_point,
        wheel=built.wheel,
        logs=options.logs,
        environment=options.environment,
        conf=tuple(options.conf),
        timeout_minutes=options.timeout_minutes,
        attempt=options.attempt,
    )
    serverless = options.application is not None
    request = (
        requests.job_run(submission, options.application, options.role)
        if serverless
        else requests.steps(submission, options.cluster)
    )
    if options.dry_run:
        print(json.dumps(request, indent=2))
        return 0
    session = boto3.Session(region_name=options.region)
    code.upload(built, session.client("s3"))
    run: runs.Run = (
        runs.start_job_run(session.client("emr-serverless"), request, options.logs)
        if serverless
        else runs.add_step(session.client("emr"), request, options.logs)
    )
    print(run.name)
    return 0 if options.no_wait or runs.wait(run, session.client("s3"), pause) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
