"""Submitted work: its state, and after a failure the last lines of its log."""

import gzip
import re
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from emr.requests import Request

_LINES = 25
_POLL_SECONDS = 15.0


class Run(Protocol):
    """Work that was submitted."""

    @property
    def name(self) -> str:
        """What it is called in messages."""

    def state(self) -> tuple[str, str]:
        """The state, and what EMR says of it."""

    def logs(self) -> Iterable[tuple[str, re.Pattern[str]]]:
        """Where its logs are, the most telling first: a folder, and which files of it."""


_DONE = {"SUCCESS", "COMPLETED"}
_FAILED = {"FAILED", "CANCELLED", "CANCELLING", "INTERRUPTED", "CANCEL_PENDING"}


@dataclass(frozen=True)
class ServerlessRun:
    """A job run of EMR Serverless."""

    emr: Any
    application: str
    id: str
    folder: str

    @property
    def name(self) -> str:
        return f"job run {self.id}"

    def state(self) -> tuple[str, str]:
        run = self.emr.get_job_run(applicationId=self.application, jobRunId=self.id)["jobRun"]
        return run["state"], run.get("stateDetails") or ""

    def logs(self) -> Iterable[tuple[str, re.Pattern[str]]]:
        of_run = f"{self.folder}/applications/{self.application}/jobs/{self.id}"
        yield f"{of_run}/SPARK_DRIVER/", re.compile(r"std(err|out)\.gz$")


@dataclass(frozen=True)
class Step:
    """A step of a cluster."""

    emr: Any
    cluster: str
    id: str
    folder: str

    @property
    def name(self) -> str:
        return f"step {self.id}"

    def state(self) -> tuple[str, str]:
        status = self.emr.describe_step(ClusterId=self.cluster, StepId=self.id)["Step"]["Status"]
        details = status.get("FailureDetails") or status.get("StateChangeReason") or {}
        return status["State"], details.get("Message") or details.get("Reason") or ""

    def logs(self) -> Iterable[tuple[str, re.Pattern[str]]]:
        # The driver is the first container of its application.
        yield f"{self.folder}/{self.cluster}/containers/", re.compile(r"_000001/std(err|out)\.gz$")
        yield f"{self.folder}/{self.cluster}/steps/{self.id}/", re.compile(r"stderr\.gz$")


def start_job_run(emr: Any, request: Request, logs: str) -> ServerlessRun:
    """Starts the run, or finds the one that was started by the same token."""
    run_id = emr.start_job_run(**request)["jobRunId"]
    return ServerlessRun(emr, request["applicationId"], run_id, logs.rstrip("/"))


def add_step(emr: Any, request: Request, logs: str) -> Step:
    """Adds the step, or finds the one of that name: steps have no token of their own."""
    cluster, name = request["JobFlowId"], request["Steps"][0]["Name"]
    pages = emr.get_paginator("list_steps").paginate(ClusterId=cluster)
    step_ids = [s["Id"] for page in pages for s in page["Steps"] if s["Name"] == name]
    step_id = step_ids[0] if step_ids else emr.add_job_flow_steps(**request)["StepIds"][0]
    return Step(emr, cluster, step_id, logs.rstrip("/"))


def wait(run: Run, s3: Any, pause: Callable[[float], None] = time.sleep) -> bool:
    """Tells each change of state on stderr until the end; True where it ended well."""
    before, started = "", time.monotonic()
    while True:
        state, details = run.state()
        if state != before:
            minutes = (time.monotonic() - started) / 60
            print(f"{run.name} {state.lower()} after {minutes:.0f} min", file=sys.stderr)
        if state in _DONE:
            return True
        if state in _FAILED:
            print(details, *last_lines(run, s3), sep="\n", file=sys.stderr)
            return False
        before = state
        pause(_POLL_SECONDS)


def last_lines(run: Run, s3: Any) -> list[str]:
    """The end of the newest log that there is; EMR delivers logs minutes after the end."""
    for folder, pattern in run.logs():
        bucket, _, prefix = folder.removeprefix("s3://").partition("/")
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        objects = [
            o for page in pages for o in page.get("Contents", []) if pattern.search(o["Key"])
        ]
        lines = []
        for entry in sorted(objects, key=lambda o: (o["LastModified"], o["Key"]))[-2:]:
            body = s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()
            text = gzip.decompress(body).decode(errors="replace").splitlines()
            lines += [f"--- s3://{bucket}/{entry['Key']}", *text[-_LINES:]] if text else []
        if lines:
            return lines
    return [f"no log yet under {folder}; EMR delivers it some minutes after the end"]
