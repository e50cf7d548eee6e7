"""What a shell sees: exit codes, messages, help."""

import errno
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pytest
from checkout import ROOT, SHORT_PROCESS, job, write_log
from pyspark.sql import SparkSession

from custseg_spark.errors import InputError
from custseg_spark.interfaces.cli import main as cli

GOOD = "2019-10-01 00:00:00 UTC,view,1,2,a.b,c,1.00,{customer},s{customer}"


def shell(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--skip-injest"], "unknown argument '--skip-injest'; did you mean '--skip-ingest'?"),
        (["--lakes=x"], "unknown argument '--lakes'; did you mean '--lake'?"),
        (["--run-date", "2019-13-01"], "--run-date: expected a date as YYYY-MM-DD"),
        (["--set", "model.kmax=3"], "unknown key 'kmax'; did you mean 'selection.k_max'?"),
        (["--set", "modle.k=3"], "unknown key 'modle'; did you mean 'model'?"),
        (["--set", "model.k"], "--set model.k: expected section.key=value"),
        (["--set", "model.k=many"], "k: expected int, got 'many'"),
        (["--source", "ecommerce_event=x"], "did you mean 'ecommerce_events'?"),
        (["--source", "x"], "--source x: expected MAPPING=PATH"),
        (["--config", "conf/lokal.toml"], "configuration file not found: conf/lokal.toml"),
    ],
)
def test_a_mistyped_option_is_named_with_the_nearest(
    arguments: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "argv", ["jobs/segment.py", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main(job("segment").run)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def custseg(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """The exit code of the command `custseg`."""
    monkeypatch.setattr(sys, "argv", ["/usr/bin/custseg", *arguments])
    try:
        cli.console()
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_custseg_alone_lists_its_commands(
    arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert custseg(monkeypatch, *arguments) == 0
    said = capsys.readouterr().out
    assert said.startswith("usage: custseg COMMAND [options]")
    assert all(f"  {name} " in said for name in cli.COMMANDS)


def test_every_job_is_a_command() -> None:
    jobs = {path.stem for path in (ROOT / "jobs").glob("*.py")}
    assert jobs <= cli.COMMANDS.keys()
    for name in cli.COMMANDS:
        command = cli.command(name)
        assert name not in jobs or job(name).run is command.run


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("segmnt",), "error: unknown command 'segmnt'; did you mean 'segment'?"),
        (
            ("segment", "--set", "model.kmax=3"),
            "error: .*unknown key 'kmax'; did you mean 'selection.k_max'",
        ),
        (("ingest", "--skip-ingest"), "error: unknown argument '--skip-ingest'"),
        (("preview", "--mapping=x"), "error: "),
    ],
)
def test_a_mistake_in_a_command_is_exit_code_2(
    arguments: tuple[str, ...],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert custseg(monkeypatch, *arguments) == 2
    assert re.match(message, capsys.readouterr().err)


def test_a_command_has_its_own_help(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert custseg(monkeypatch, "gate", "--help") == 0
    said = capsys.readouterr().out
    assert said.startswith("usage: custseg gate ")
    assert "--run-date" in said


def test_a_mistake_ends_the_process_with_exit_code_2() -> None:
    done = shell("jobs/segment.py", "--set", "model.kmax=3")
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr


def test_a_missing_file_is_exit_code_3_before_spark_starts(tmp_path: Path) -> None:
    done = shell("jobs/ingest.py", "--source", f"ecommerce_events={tmp_path}/none.db")
    assert done.returncode == 3
    assert f"{tmp_path}/none.db" in done.stderr
    assert not (tmp_path / "none.db").exists()


def test_help_documents_every_option_and_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def help_of(name: str) -> str:
        monkeypatch.setattr(sys, "argv", [f"jobs/{name}.py", "--help"])
        with pytest.raises(SystemExit) as ended:
            cli.main(job(name).run)
        assert ended.value.code == 0
        return capsys.readouterr().out

    text = help_of("segment")
    for option in ("--config", "--source", "--lake", "--run-date", "--set", "--skip-ingest"):
        assert option in text
    assert "exit codes" in text
    assert "[--skip-ingest]" not in help_of("ingest")


def test_too_much_refused_is_exit_code_4_through_spark_submit(tmp_path: Path) -> None:
    lines = [GOOD.format(customer=n) for n in range(8)] + [GOOD.format(customer="")] * 2
    log = write_log(tmp_path / "log.csv", lines)
    done = subprocess.run(
        [
            str(Path(sys.executable).parent / "spark-submit"),
            SHORT_PROCESS,
            str(ROOT / "jobs" / "ingest.py"),
            "--source",
            f"ecommerce_events={log}",
            "--lake",
            "lake",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
    )
    said = done.stdout + done.stderr
    assert done.returncode == 4, said
    assert "2 of 10 records refused (20.0%, at most 5.0% allowed)" in said
    assert f"missing_customer: 2 records, first {log}, row 10: user_id" in said
    assert "Traceback" not in said
    # Only the lake: no metastore_db, derby.log or spark-warehouse beside it.
    assert {p.name for p in tmp_path.iterdir()} == {"log.csv", "lake"}


def raising(error: Exception) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def work(_: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        raise error

    return work


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (MemoryError("a worker's"), 6),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), 6),
        (ValueError("a mistake of ours"), None),
    ],
)
@pytest.mark.parametrize("does", ["collect", "write"])
def test_resources_that_run_out_in_a_task_are_exit_code_6(
    spark: SparkSession,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    code: int | None,
    does: str,
) -> None:
    def work(_: Sequence[str]) -> None:
        frame = spark.range(1).mapInArrow(raising(error), "id bigint")
        if does == "write":
            frame.write.format("delta").save(f"{tmp_path}/table")
        else:
            frame.collect()

    with pytest.raises(SystemExit if code else Exception) as ended:
        cli.main(work)
    if code:
        assert isinstance(ended.value, SystemExit)
        assert ended.value.code == code
        said = capsys.readouterr().err.strip()
        assert said.startswith("error: Spark ran out of resources: ")
        assert "Error" in said
        assert "\n" not in said
    else:
        assert not isinstance(ended.value, SystemExit)


def killed() -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def work(_: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        os.kill(os.getpid(), signal.SIGKILL)
        yield from ()

    return work


@pytest.mark.parametrize(
    ("work", "code", "message"),
    [
        (raising(InputError("/x.parquet: damaged")), 3, "error: /x.parquet: damaged"),
        (raising(pa.ArrowInvalid("magic bytes")), 3, "error: the data can't be read: magic bytes"),
        (killed(), 6, "error: Spark ran out of resources: .*Python worker exited"),
    ],
    ids=["ours", "Arrow's", "killed"],
)
def test_an_error_of_a_task_keeps_its_exit_code(
    spark: SparkSession,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    work: Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]],
    code: int,
    message: str,
) -> None:
    for debug in ([], ["--debug"]):
        monkeypatch.setattr(sys, "argv", ["custseg", *debug])
        with pytest.raises(SystemExit) as ended:
            cli.main(lambda _: spark.range(1).mapInArrow(work, "id bigint").collect())
        assert ended.value.code == code
        *traced, last = capsys.readouterr().err.strip().splitlines()
        assert re.match(message, last)
        assert bool(traced) == bool(debug)


@pytest.mark.parametrize(("number", "code"), [(errno.ENOSPC, 6), (errno.EACCES, 3)])
def test_a_place_that_cant_be_written_is_named(
    number: int, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def work(_: Sequence[str]) -> None:
        raise OSError(number, os.strerror(number), "/reports")

    with pytest.raises(SystemExit) as ended:
        cli.main(work)
    assert ended.value.code == code
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert "/reports" in said
    assert os.strerror(number) in said
