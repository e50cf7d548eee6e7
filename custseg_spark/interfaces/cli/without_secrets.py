"""Keep secrets out of a command's output, even in unforeseen errors."""

import logging
import os
import sys
import traceback
from collections.abc import Sequence
from types import TracebackType

from custseg_spark import redaction
from custseg_spark.redaction import holds_secret, redacted

_ENTRY = "%(asctime)s %(levelname)s %(message)s"


def on_stderr() -> None:
    """Send warnings and errors of every logger, and tracebacks, to standard error, redacted."""
    handler = logging.StreamHandler()
    handler.setFormatter(redaction.RedactingFormatter(_ENTRY))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    sys.excepthook = _show


def warn_of(arguments: Sequence[str]) -> None:
    """Warn of a secret on the command line: it can't be removed from the process list."""
    if any(map(holds_secret, arguments)):
        redaction.logger().warning(
            "the command line holds a secret, which everybody on this machine sees in the list of"
            " processes; give it by the environment"
        )


def _show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    text = "".join(traceback.format_exception(kind, error, trace))
    sys.stderr.write(redacted(text, os.environ))
