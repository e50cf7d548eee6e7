"""What is asked of EMR: a job run of EMR Serverless, or a step of a cluster."""

import hashlib
import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Request = dict[str, Any]

# EMR's own Delta, in the place where its images and machines have it.
_JARS = "/usr/share/aws/delta/lib/delta-spark.jar,/usr/share/aws/delta/lib/delta-storage.jar"
_DELTA = {
    "spark.jars": _JARS,
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
}
# Where the packed environment is unpacked, under the working directory of each container.
_FOLDER = "environment"
_PYTHON = f"./{_FOLDER}/bin/python"


@dataclass(frozen=True)
class Submission:
    """A job with its arguments, and where on S3 all that it takes is."""

    job: str
    arguments: tuple[str, ...]
    entry_point: str
    wheel: str
    logs: str
    environment: str | None = None
    conf: tuple[str, ...] = ()
    timeout_minutes: int = 360
    attempt: int = 1


def job_run(submission: Submission, application: str, role: str) -> Request:
    """A request of StartJobRun (EMR Serverless); equal requests have equal tokens."""
    python = {
        "spark.emr-serverless.driverEnv.PYSPARK_DRIVER_PYTHON": _PYTHON,
        "spark.emr-serverless.driverEnv.PYSPARK_PYTHON": _PYTHON,
    }
    request: Request = {
        "applicationId": application,
        "executionRoleArn": role,
        "name": f"custseg-{submission.job}",
        "executionTimeoutMinutes": submission.timeout_minutes,
        "jobDriver": {
            "sparkSubmit": {
                "entryPoint": submission.entry_point,
                "entryPointArguments": list(submission.arguments),
                "sparkSubmitParameters": _line(_parameters(submission, python)),
            }
        },
        "configurationOverrides": {
            "monitoringConfiguration": {"s3MonitoringConfiguration": {"logUri": submission.logs}}
        },
        "tags": {"project": "custseg"},
    }
    return {**request, "clientToken": _token(request, submission.attempt)}


def steps(submission: Submission, cluster: str) -> Request:
    """A request of AddJobFlowSteps with one step, known by the token in its name.

    The driver runs in a container too: there the packed environment is unpacked.
    """
    python = {"spark.yarn.appMasterEnv.PYSPARK_PYTHON": _PYTHON}
    parameters = ["--deploy-mode", "cluster", *_parameters(submission, python)]
    arguments = ["spark-submit", *parameters, submission.entry_point, *submission.arguments]
    step: Request = {
        "ActionOnFailure": "CONTINUE",
        "HadoopJarStep": {"Jar": "command-runner.jar", "Args": arguments},
    }
    token = _token({"JobFlowId": cluster, **step}, submission.attempt)
    return {"JobFlowId": cluster, "Steps": [{"Name": f"custseg-{submission.job} {token}", **step}]}


def _parameters(submission: Submission, python: Mapping[str, str]) -> Sequence[str]:
    """Return spark-submit's options, the caller's last: the last one of a key counts."""
    settings = dict(_DELTA)
    if submission.environment:
        settings["spark.archives"] = f"{submission.environment}#{_FOLDER}"
        settings |= {**python, "spark.executorEnv.PYSPARK_PYTHON": _PYTHON}
    every = [f"{key}={value}" for key, value in settings.items()] + list(submission.conf)
    return ["--py-files", submission.wheel, *(part for one in every for part in ("--conf", one))]


def _line(parameters: Sequence[str]) -> str:
    """Options as one line; quoted only where they must be: `#` is nothing to EMR."""
    return " ".join(shlex.quote(p) if re.search(r"\s", p) else p for p in parameters)


def _token(request: Request, attempt: int) -> str:
    """A client token: at most 64 characters of letters, digits, hyphens."""
    key = json.dumps([request, attempt], sort_keys=True)
    return hashlib.sha256(key.encode()).hexdigest()[:32]
