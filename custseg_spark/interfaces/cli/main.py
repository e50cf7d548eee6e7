"""The command `custseg`: its subcommands, and how each error ends.

  custseg COMMAND [options]

The same as `spark-submit jobs/NAME.py`: same options, same exit codes.
"""

import importlib
import io
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

from custseg_spark.config import env_files
from custseg_spark.engine.foreign_errors import translated
from custseg_spark.errors import ConfigurationError, CustsegError, nearest
from custseg_spark.interfaces.cli import without_secrets

# Each command is a module of this folder, imported on use because most of them import Spark.
COMMANDS = {
    "ingest": "event logs to events, refused records, the ledger and sessions",
    "segment": "the whole way: ingest, features, models, segments, report",
    "score": "assign a run date's customers with published models",
    "rules": "the rules of a run's segments, in words or as SQL",
    "report": "the report of a run that is in the lake, again",
    "export": "a run's tables to a database or a folder",
    "check-report": "whether a reporting database holds what the lake says",
    "audience": "hashed customer lists for advertising platforms",
    "tune": "transforms, feature sets and k compared in one table",
    "mlflow": "a run logged to MLflow, with its model",
    "plan-test": "what a campaign can show, before it",
    "lift": "what a campaign did",
    "fetch": "purchases from an HTTP API",
    "gate": "whether the lake is fit to be segmented",
    "maintain": "remove what no run needs, put small files together",
    "stream": "events as they arrive to customers' current segments",
    "preview": "what a mapping makes of a file, or a proposed mapping",
    "serve": "the scoring service over a lake, by HTTP",
    "dashboard": "a lake's runs, segments and customers in a browser",
}
# Commands of other interfaces, or with another name than their module.
_ELSEWHERE = {
    "plan-test": "custseg_spark.interfaces.cli.plan_test",
    "serve": "custseg_spark.interfaces.service.serve",
    "dashboard": "custseg_spark.interfaces.dashboard.start",
}


def console() -> None:
    """Run the subcommand that the command line names."""
    arguments = sys.argv[1:]
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_help())
        return
    name = arguments[0]
    if name not in COMMANDS:
        sys.exit(_fail(ConfigurationError(f"unknown command '{name}'{nearest(name, COMMANDS)}")))
    sys.argv = [f"custseg {name}", *arguments[1:]]
    main(command(name).run)


def command(name: str) -> ModuleType:
    """Return the module of a subcommand: its `run` takes the arguments."""
    module_name = f"custseg_spark.interfaces.cli.{name.replace('-', '_')}"
    module = _ELSEWHERE.get(name, module_name)
    return importlib.import_module(module)


def _help() -> str:
    lines = [f"  {name:<14}{what}" for name, what in COMMANDS.items()]
    return "\n".join(["usage: custseg COMMAND [options]", "", *lines, "", "custseg COMMAND --help"])


def main(job: Callable[[Sequence[str]], None]) -> None:
    """Run a job; an error for the user ends it with its message and code.

    With --debug the traceback precedes the message. A bug has only the traceback.
    """
    without_secrets.on_stderr()
    logging.getLogger("custseg").setLevel(logging.INFO)
    # Spark's Python side logs errors before it raises them.
    logging.getLogger("py4j").setLevel(logging.CRITICAL)
    without_secrets.warn_of(sys.argv[1:])
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A file's name may not be valid text.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        env_files.load(Path.cwd(), os.environ)
        job(sys.argv[1:])
    # Panics of libraries in Rust aren't subclasses of Exception.
    except BaseException as error:
        ours = translated(error)
        if ours is None:
            raise
        if "--debug" in sys.argv[1:]:
            sys.excepthook(type(error), error, error.__traceback__)
        sys.exit(_fail(ours))


def _fail(error: CustsegError) -> int:
    print(f"error: {error}", file=sys.stderr)
    return error.exit_code


if __name__ == "__main__":
    console()
