"""Serve scores over HTTP from a lake in a folder: `custseg serve`, without Spark or a JVM.

API keys come from the environment (CUSTSEG_API_KEYS, separated by commas); without any, everybody
who reaches the port may ask. It listens only on this machine unless --host says otherwise.
"""

import argparse
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from custseg_spark.config.options import Parser
from custseg_spark.errors import ConfigurationError
from custseg_spark.interfaces.service.limits import KEYS_VARIABLE, Limits, keys_of
from custseg_spark.paths import Remote, place

_LOCAL = ("127.0.0.1", "localhost", "::1")


def run(argv: Sequence[str]) -> None:
    """Serve until stopped. Raises ConfigurationError for a lake that can't be served."""
    options = _parser().parse_args(argv)
    lake = place(options.lake)
    if isinstance(lake, Remote):
        raise ConfigurationError(f"--lake {lake}: expected a folder of this machine")
    keys = keys_of()
    if not keys and options.host not in _LOCAL and not options.open:
        raise ConfigurationError(
            f"--host {options.host} is reached from elsewhere: set {KEYS_VARIABLE}, or say --open"
        )
    limits = {f.name: getattr(options, f.name) for f in fields(Limits) if f.name != "keys"}
    _serve(Path(lake), Limits(**limits, keys=keys), options.host, options.port)


def _serve(lake: Path, limits: Limits, host: str, port: int) -> None:
    try:
        import uvicorn

        from custseg_spark.interfaces.service.app import make_app
    except ImportError as error:
        raise ConfigurationError(
            f"the service needs {error.name}: pip install 'custseg-spark[serve]'"
        ) from error
    uvicorn.run(make_app(lake, limits), host=host, port=port, log_level="warning", lifespan="on")


def _parser() -> Parser:
    parser = Parser(
        prog="custseg serve",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    usual = Limits()
    parser.add_argument("--lake", metavar="DIR", default="lake", help="folder of the Delta tables")
    parser.add_argument("--host", default="127.0.0.1", help="default: this machine alone")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--open", action="store_true", help="serve others without API keys")
    helps = {
        "body_bytes": "longest body of a request",
        "customers": "most customers of a request",
        "events": "most events of a request",
        "seconds": "longest time of an answer",
        "reload_seconds": "between two looks for a new run",
    }
    for name, help_ in helps.items():
        value = getattr(usual, name)
        option = (
            f"--{name.replace('_', '-')}"
            if "seconds" in name
            else f"--max-{name.replace('_', '-')}"
        )
        parser.add_argument(
            option, dest=name, type=type(value), default=value, help=f"{help_} (default: {value:,})"
        )
    return parser
