"""A small lake with one run, made once in this process's session, for faults to be tried on."""

import sys
import tempfile
from collections.abc import Sequence
from contextlib import redirect_stderr
from importlib import import_module
from io import StringIO
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

import generate_events  # noqa: E402

from custseg_spark.interfaces.cli import main as cli  # noqa: E402

LOG_EVENTS = 4_000
QUICK = (
    "--set=model.selection.k_max=3",
    '--set=model.algorithms=["kmeans"]',
    "--set=model.fit.starts=1",
    "--set=model.stability.bootstraps=0",
    "--set=clv.enabled=false",
    "--set=report.enabled=false",
)


def run(name: str, *arguments: str) -> tuple[int | None, str]:
    """The exit code of a command in this process and its error; None where it isn't told."""
    output, before = StringIO(), sys.argv
    sys.argv = [f"custseg {name}", *arguments]
    try:
        with redirect_stderr(output):
            cli.main(import_module(f"custseg_spark.interfaces.cli.{name}").run)
    except SystemExit as ended:
        return int(ended.code or 0), output.getvalue().strip()
    except BaseException as error:
        return None, f"Traceback: {type(error).__name__}: {error}"
    finally:
        sys.argv = before
    return 0, output.getvalue().strip()


def made(folder: Path) -> tuple[Path, Path]:
    """A log, and a lake with a run of it."""
    log, lake = folder / "log.csv", folder / "lake"
    arguments = [f"--out={log}", f"--events={LOG_EVENTS}", "--days=20"]
    generate_events.generate(generate_events.parse_arguments(arguments))
    code, output = run("segment", f"--source=ecommerce_events={log}", f"--lake={lake}", *QUICK)
    if code != 0:
        raise SystemExit(f"no lake to try on: {output}")
    return log, lake


def scratch() -> "tempfile.TemporaryDirectory[str]":
    """A folder for what is tried."""
    return tempfile.TemporaryDirectory(prefix="custseg-faults-")


def verdict(results: Sequence[bool], what: str) -> None:
    """Prints how many were right; ends the process with 1 where one wasn't."""
    print(f"{sum(results)} of {len(results)} {what}")
    sys.exit(not all(results))
