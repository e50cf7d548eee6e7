"""The parser of every command's options; a light module, so that preview starts at once."""

import argparse
import difflib
import os
from typing import Any, NoReturn

from custseg_spark.errors import ConfigurationError
from custseg_spark.redaction import redacted


class Parser(argparse.ArgumentParser):
    """A parser that names the nearest option to an unknown one, and exits with our code."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.add_argument(
            "--debug", action="store_true", help="show an error's traceback before its message"
        )

    def error(self, message: str) -> NoReturn:
        options = [o for action in self._actions for o in action.option_strings]
        prefix = "unrecognized arguments: "
        if message.startswith(prefix):
            word = message.removeprefix(prefix).split()[0].partition("=")[0]
            close = difflib.get_close_matches(word, options, n=1)
            hint = f"; did you mean '{close[0]}'?" if close else ""
            message = f"unknown argument '{word}'{hint}"
        shown = redacted(message, os.environ)
        self.exit(ConfigurationError.exit_code, f"error: {shown} (--help lists the options)\n")
