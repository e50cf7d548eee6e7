"""Show a lake in a folder in a browser: `custseg dashboard`, without Spark and without a JVM.

It asks for the password in the environment (CUSTSEG_DASHBOARD_PASSWORD) if there is one. It listens
only on this machine unless --host says otherwise.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from custseg_spark.config.options import Parser
from custseg_spark.errors import ConfigurationError
from custseg_spark.interfaces.dashboard import settings
from custseg_spark.interfaces.dashboard.settings import LOCAL, PASSWORD_VARIABLE, Settings
from custseg_spark.interfaces.dashboard.trying.desk import open_desk
from custseg_spark.paths import Remote, place


def run(argv: Sequence[str]) -> None:
    """Serve until stopped. Raises ConfigurationError for a lake that can't be served."""
    options = _parser().parse_args(argv)
    lake = place(options.lake)
    if isinstance(lake, Remote):
        raise ConfigurationError(f"--lake {lake}: expected a folder of this machine")
    password = settings.password_of()
    if password is None and options.host not in LOCAL and not options.open:
        raise ConfigurationError(
            f"--host {options.host} is reached from elsewhere: set {PASSWORD_VARIABLE}, or say"
            " --open"
        )
    _open_desk(options, Path(lake))
    settings.use(Settings(lake.absolute(), password, options.host in LOCAL))
    _serve(options.host, options.port)


def _open_desk(options: argparse.Namespace, lake: Path) -> None:
    """Create the folder of uploads and tries; without a writable one, none is offered."""
    if options.no_tries:
        return
    folder = Path(options.tries) if options.tries else lake.absolute().parent / "tries"
    try:
        open_desk(folder.absolute(), lake.absolute())
    except OSError as error:
        if options.tries:
            raise ConfigurationError(
                f"--tries {folder}: can't be written: {error.strerror}; name another folder, or"
                " say --no-tries"
            ) from error


def _serve(host: str, port: int) -> None:
    try:
        from custseg_spark.interfaces.dashboard.server import serve
    except ImportError as error:
        raise ConfigurationError(
            f"the dashboard needs {error.name}: pip install 'custseg-spark[dashboard]'"
        ) from error
    serve(settings.current(), host, port)


def _parser() -> Parser:
    parser = Parser(
        prog="custseg dashboard",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--lake", type=str, metavar="DIR", default="lake", help="folder of the Delta tables"
    )
    parser.add_argument("--host", default="127.0.0.1", help="default: this machine alone")
    parser.add_argument("--port", type=int, default=8501, help="default: 8501")
    parser.add_argument("--open", action="store_true", help="serve others without a password")
    parser.add_argument(
        "--tries",
        metavar="DIR",
        help="folder of uploaded files and of the lakes made of them; default: tries beside the"
        " lake",
    )
    parser.add_argument(
        "--no-tries", action="store_true", help="take no files, run no jobs for visitors"
    )
    return parser
