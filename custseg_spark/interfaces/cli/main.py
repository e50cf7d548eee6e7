"""The command `custseg`: its subcommands, and how each error ends.

  custseg ingest|segment|score|report|export|lift|fetch|gate|maintain|preview [options]

The same as `spark-submit jobs/NAME.py`: same options, same exit codes.
"""

import errno
import importlib
import logging
import sys
from collections.abc import Callable, Sequence
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException

from custseg_spark.errors import (
    ConfigurationError,
    CustsegError,
    ResourceError,
    TargetError,
    nearest,
)
from custseg_spark.interfaces.cli import without_secrets

# A module of this folder each; imported when it is asked for, as most of them import Spark.
COMMANDS = {
    "ingest": "event logs to events, refused records, the ledger and sessions",
    "segment": "the whole way: ingest, features, models, segments, report",
    "score": "assign a run date's customers with published models",
    "report": "the report of a run that is in the lake, again",
    "export": "a run's tables to SQLite, PostgreSQL or CSV",
    "lift": "what a campaign did",
    "fetch": "purchases from an HTTP API",
    "gate": "whether the lake is fit to be segmented",
    "maintain": "remove what no run needs, put small files together",
    "preview": "what a mapping makes of a file, or a proposed mapping",
}
_OUT_OF_RESOURCES = (
    # Java's OutOfMemoryError and Python's own.
    "MemoryError",
    "No space left on device",
    "ExecutorLostFailure",
    "GC overhead limit exceeded",
    # What is left of a worker that the system ended for its memory.
    "Python worker exited unexpectedly",
)


def console() -> None:
    """Runs the subcommand that the command line names."""
    arguments = sys.argv[1:]
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_help())
        return
    name = arguments[0]
    if name not in COMMANDS:
        sys.exit(_fail(ConfigurationError(f"unknown command '{name}'{nearest(name, COMMANDS)}")))
    sys.argv = [f"custseg {name}", *arguments[1:]]
    main(importlib.import_module(f"custseg_spark.interfaces.cli.{name}").run)


def _help() -> str:
    lines = [f"  {name:<10}{what}" for name, what in COMMANDS.items()]
    return "\n".join(["usage: custseg COMMAND [options]", "", *lines, "", "custseg COMMAND --help"])


def main(job: Callable[[Sequence[str]], None]) -> None:
    """Runs a job; an error that a user is meant to read ends it with its message and code."""
    without_secrets.on_stderr()
    logging.getLogger("custseg").setLevel(logging.INFO)
    # Spark's Python side logs what it then raises.
    logging.getLogger("py4j").setLevel(logging.CRITICAL)
    without_secrets.warn_of(sys.argv[1:])
    try:
        job(sys.argv[1:])
    except CustsegError as error:
        sys.exit(_fail(error))
    except (Py4JJavaError, PySparkException) as error:
        line = _out_of_resources(error)
        if line is None:
            raise
        sys.exit(_fail(ResourceError(f"Spark ran out of resources: {line}")))
    except OSError as error:
        if error.errno == errno.ENOSPC:
            sys.exit(_fail(ResourceError(f"no space left: {error}")))
        if error.filename is None:
            raise
        sys.exit(_fail(TargetError(f"{error.filename} can't be used: {error.strerror}")))


def _out_of_resources(error: Py4JJavaError | PySparkException) -> str | None:
    """The line of an error of Spark's that says what ran out; None of another error.

    A task's error is the cause of that of its job, which may say no more than that it failed.
    """
    cause: Any = getattr(error, "java_exception", None) or getattr(error, "_origin", None)
    said = str(error).splitlines()
    while cause is not None:
        said += str(cause.toString()).splitlines()
        cause = cause.getCause()
    for line in said:
        if any(sign in line for sign in _OUT_OF_RESOURCES):
            return line.strip()
    return None


def _fail(error: CustsegError) -> int:
    print(f"error: {error}", file=sys.stderr)
    return error.exit_code
