"""scripts/emr_submit.py: requests held to AWS's own service models, runs against moto."""

import copy
import gzip
import json
import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import emr_submit
import pytest
from botocore.session import get_session
from botocore.validate import ParamValidator
from checkout import ROOT
from emr import code, requests, runs
from emr.requests import Submission

from custseg_spark.interfaces.cli import arguments as cli

REGION, ACCOUNT = "eu-west-1", "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/custseg-job"
ARGUMENTS = (
    "--source=ecommerce_events=s3://shop-logs/events/",
    "--lake=s3://shop-lake/lake",
    "--run-date=2019-11-30",
    "--set=report.enabled=false",
)
SUBMISSION = Submission(
    job="segment",
    arguments=ARGUMENTS,
    entry_point="s3://shop-code/1/segment.py",
    wheel="s3://shop-code/1/custseg_spark-0.2.0-py3-none-any.whl",
    logs="s3://shop-code/logs",
    environment="s3://shop-code/environment.tar.gz",
    conf=("spark.executor.cores=4",),
)
RUN = requests.job_run(SUBMISSION, "00application00", ROLE)
STEPS = requests.steps(SUBMISSION, "j-CLUSTER")
OPERATIONS = {
    "run": ("emr-serverless", "StartJobRun", RUN),
    "steps": ("emr", "AddJobFlowSteps", STEPS),
}


def faults(service: str, operation: str, request: dict[str, Any]) -> str:
    """What botocore's validator finds wrong with a request; empty: nothing."""
    model = get_session().get_service_model(service).operation_model(operation)
    assert model.input_shape is not None
    return str(ParamValidator().validate(request, model.input_shape).generate_report())


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_request_fits_awss_own_model(name: str) -> None:
    assert faults(*OPERATIONS[name]) == ""


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("run", ["jobDriver", "sparkSubmit", "entryPointArguments"]),
        ("run", ["executionTimeoutMinutes"]),
        ("steps", ["Steps", 0, "HadoopJarStep", "Args"]),
    ],
)
def test_the_model_refuses_a_typo(name: str, path: list[Any]) -> None:
    service, operation, request = OPERATIONS[name]
    request = copy.deepcopy(request)
    holder: Any = request
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1] + "x"] = holder.pop(path[-1])
    assert f'"{path[-1]}x"' in faults(service, operation, request)


def test_deltas_jars_and_python_are_the_platforms_and_the_environments() -> None:
    parameters = RUN["jobDriver"]["sparkSubmit"]["sparkSubmitParameters"].split()
    assert "spark.jars=/usr/share/aws/delta/lib/delta-spark.jar," in parameters[3]
    assert parameters[:2] == ["--py-files", SUBMISSION.wheel]
    assert "spark.archives=s3://shop-code/environment.tar.gz#environment" in parameters
    assert "spark.executorEnv.PYSPARK_PYTHON=./environment/bin/python" in parameters
    assert (
        "spark.emr-serverless.driverEnv.PYSPARK_DRIVER_PYTHON=./environment/bin/python"
        in parameters
    )
    assert parameters[-1] == "spark.executor.cores=4"
    step = STEPS["Steps"][0]["HadoopJarStep"]["Args"]
    assert step[:3] == ["spark-submit", "--deploy-mode", "cluster"]
    assert "spark.yarn.appMasterEnv.PYSPARK_PYTHON=./environment/bin/python" in step
    assert tuple(step[-len(ARGUMENTS) - 1 :]) == (SUBMISSION.entry_point, *ARGUMENTS)


def test_equal_requests_have_equal_tokens_and_others_have_others() -> None:
    changed = {
        "arguments": ("--run-date=2019-12-01",),
        "wheel": "s3://shop-code/2/custseg_spark-0.2.0-py3-none-any.whl",
        "attempt": 2,
    }
    others = [
        requests.job_run(Submission(**{**vars(SUBMISSION), key: value}), "00application00", ROLE)
        for key, value in changed.items()
    ]
    again = requests.job_run(Submission(**vars(SUBMISSION)), "00application00", ROLE)
    assert again["clientToken"] == RUN["clientToken"]
    assert len({r["clientToken"] for r in [RUN, *others]}) == 4
    assert STEPS["Steps"][0]["Name"] != requests.steps(SUBMISSION, "j-OTHER")["Steps"][0]["Name"]


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """S3 with a bucket for code, and EMR: moto in the place of AWS."""
    # Not at the top: only the process that runs these tests takes two seconds for it.
    from moto import mock_aws

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    # Done at once is what moto's job runs are by default.
    monkeypatch.setattr("moto.emrserverless.models.JOB_STATUS", "RUNNING")
    with mock_aws():
        s3 = boto3.client("s3")
        s3.create_bucket(
            Bucket="shop-code", CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        yield s3


def serverless() -> Any:
    """What moto has of EMR Serverless."""
    from moto.emrserverless.models import emrserverless_backends

    return emrserverless_backends[ACCOUNT][REGION]


def first_step(cluster: str) -> Any:
    """What moto has of a cluster's first step."""
    from moto.emr.models import emr_backends

    return emr_backends[ACCOUNT][REGION].clusters[cluster].steps[0]


BUILT = cache(code.build)


@pytest.fixture
def _built_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests of something else share one wheel; test_a_job_run_is_submitted… builds its own."""
    monkeypatch.setattr(code, "build", BUILT)


def application() -> str:
    # moto knows the labels of EMR 7 only.
    made = boto3.client("emr-serverless").create_application(
        releaseLabel="emr-7.9.0", type="SPARK", name="custseg"
    )
    return str(made["applicationId"])


def command(*where: str) -> list[str]:
    folders = ["--code=s3://shop-code/code", "--logs=s3://shop-code/logs/"]
    return [*where, *folders, "segment", *ARGUMENTS]


def ends(backend: Any, state: str) -> Callable[[float], None]:
    """In the place of waiting: the application's runs come to their end."""

    def pause(_seconds: float) -> None:
        for job_run in next(iter(backend.job_runs.values())):
            job_run.state = state

    return pause


def test_a_job_run_is_submitted_with_its_code_and_waited_for(
    aws: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = command(f"--application={application()}", f"--role={ROLE}")
    backend = serverless()
    assert emr_submit.main(argv, pause=ends(backend, "SUCCESS")) == 0
    said = capsys.readouterr()
    (job_run,) = next(iter(backend.job_runs.values()))
    assert said.out == f"job run {job_run.id}\n"
    assert said.err.splitlines()[-1].endswith("success after 0 min")
    driver = job_run.job_driver["sparkSubmit"]
    bucket, _, key = driver["entryPoint"].removeprefix("s3://").partition("/")
    body = aws.get_object(Bucket=bucket, Key=key)["Body"].read()
    assert body == (ROOT / "jobs" / "segment.py").read_bytes()
    assert cli.parse("", driver["entryPointArguments"]).config.lake.path == "s3://shop-lake/lake"
    before = {o["Key"]: o["LastModified"] for o in objects(aws)}
    assert len(before) == 2
    # The same sources make the same wheel: nothing is built into another request.
    emr_submit.main([*argv[:4], "--no-wait", *argv[4:]], pause=ends(backend, "SUCCESS"))
    first, second = next(iter(backend.job_runs.values()))
    assert first.client_token == second.client_token
    assert {o["Key"]: o["LastModified"] for o in objects(aws)} == before


def objects(s3: Any) -> list[dict[str, Any]]:
    return list(s3.list_objects_v2(Bucket="shop-code").get("Contents", []))


def test_a_failed_run_ends_with_the_last_lines_of_its_log(
    aws: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    emr = boto3.client("emr-serverless")
    run = runs.start_job_run(emr, {**RUN, "applicationId": application()}, "s3://shop-code/logs/")
    pause = ends(serverless(), "FAILED")
    assert runs.wait(run, aws, pause) is False
    assert "no log yet under s3://shop-code/logs/applications" in capsys.readouterr().err
    text = "".join(f"line {n}\n" for n in range(100)) + "error: no readable file at s3://x\n"
    folder = f"logs/applications/{run.application}/jobs/{run.id}/SPARK_DRIVER"
    aws.put_object(Bucket="shop-code", Key=f"{folder}/stderr.gz", Body=gzip.compress(text.encode()))
    assert runs.wait(run, aws, pause) is False
    said = capsys.readouterr().err.splitlines()
    assert said[-1] == "error: no readable file at s3://x"
    assert "line 76" in said
    assert "line 75" not in said


@pytest.mark.usefixtures("_built_once")
def test_a_step_is_added_once_and_waited_for(aws: Any, capsys: pytest.CaptureFixture[str]) -> None:
    emr = boto3.client("emr")
    cluster = emr.run_job_flow(
        Name="custseg",
        ReleaseLabel="emr-7.9.0",
        Instances={"KeepJobFlowAliveWhenNoSteps": True, "InstanceCount": 1},
    )["JobFlowId"]
    argv = command(f"--cluster={cluster}")

    def pause(_seconds: float) -> None:
        first_step(cluster).state = "COMPLETED"

    assert emr_submit.main(argv, pause=pause) == 0
    assert emr_submit.main(argv, pause=pause) == 0
    (step,) = emr.list_steps(ClusterId=cluster)["Steps"]
    assert capsys.readouterr().out == f"step {step['Id']}\n" * 2
    first_step(cluster).state = "FAILED"
    body = gzip.compress(b"error: 2 of 10 records refused\n")
    container = f"logs/{cluster}/containers/application_1_1/container_1_1_01_000001/stderr.gz"
    aws.put_object(Bucket="shop-code", Key=container, Body=body)
    assert emr_submit.main(argv, pause=pause) == 1
    assert capsys.readouterr().err.splitlines()[-1] == "error: 2 of 10 records refused"


@pytest.mark.usefixtures("_built_once")
def test_a_dry_run_prints_the_request_and_sends_nothing(
    aws: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["--dry-run", *command("--application=00application00", f"--role={ROLE}")]
    assert emr_submit.main(argv) == 0
    request = json.loads(capsys.readouterr().out)
    assert faults("emr-serverless", "StartJobRun", request) == ""
    assert objects(aws) == []


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--application=a", "--code=s3://b/c", "--logs=s3://b/l", "segment"], "go together"),
        (["--cluster=j", "--code=/tmp", "--logs=s3://b/l", "segment"], "--code: expected s3://"),
        (["--cluster=j", "--code=s3://b/c", "--logs=s3://b/l", "segmnt"], "invalid choice"),
    ],
)
def test_a_wrong_command_line_is_exit_code_2(
    argv: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        emr_submit.main(argv)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_the_environment_leaves_spark_and_delta_to_emr() -> None:
    script = (ROOT / "conf" / "deploy" / "emr" / "environment.sh").read_text()
    pins = [line.split("==")[0] for line in Path(ROOT / "requirements.txt").read_text().split()]
    left_out = script.split("grep -vE '^(")[1].split(")==")[0].split("|")
    assert set(left_out) <= set(pins)
    assert {"pyspark", "delta-spark"} <= set(left_out)
    assert {"polars", "polars-hash", "deltalake"} <= set(pins) - set(left_out)
    assert os.access(ROOT / "conf" / "deploy" / "emr" / "environment.sh", os.X_OK)
