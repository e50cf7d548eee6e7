"""Secrets taken out of a text: the one way for all that is stored, logged or raised.

Two ways to tell a secret: by its form (a parameter `password=…`, a URL's `user:…@`, a header, a
PEM block, a provider's key), and by its value, where a variable of the environment holds it. Rather
too much is taken than too little: a parameter's value reaches to the next space, as a password may
hold `@`, `;` and `&`.
"""

import json
import logging
import os
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

STARS = "***"
# A parameter's name ends so, whatever stands before it: `sslpassword`, `fs.s3a.secret.key`.
_NAMES = (
    r"password|passwd|passphrase|secret|token|credentials?|signature"
    r"|(?:api|access|account|private|secret|shared|storage|encryption|signing|subscription|master)"
    r"[._-]?(?:access[._-]?)?key(?:[._-]?id|[._-]?pwd)?|private_key\w*"
)
# These are names by themselves only. Behind a slash `key=` is a partition's folder.
_WHOLE_NAMES = r"(?<![A-Za-z0-9_./])(?<!\w-)(?:key|sig|sas|jwt|auth|pass|pw)|(?<![A-Za-z])pwd"
_EQUALS = r"""\\{0,4}["']?\s{0,5}(?:=>|->|==?|%3[Dd])\s{0,5}"""
_EQUALS_OR_COLON = r"""\\{0,4}["']?\s{0,5}(?:=>|->|==?|:|%3[DdAa])\s{0,5}"""
_QUOTED = (
    r'\\*"(?:[^"\\\n]|\\.){0,4096}"'
    r"|'(?:[^'\\\n]|\\.){0,4096}'"
    r"|\{[^}\n]{0,4096}\}"
)
# To the end of the word but for the marks at its end; not what an error says of a key.
_WORD = r"(?!(?:expected|must|unknown|missing)\s)\S+?(?=[]'\")},.;:]*(?:\s|\Z))"
_TAKEN = r"\*{3}(?=[]'\")}&,;\s]|\Z)"
_VALUE = rf"(?:{_TAKEN}|{_QUOTED}|{_WORD})"
_OPTIONS = r"password|passwd|passphrase|secret|token|api-?key|access-?key"

_FORMS = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        # A PEM block of a private key, also one that was cut off or stands in JSON.
        (
            r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----"
            r".*?(?:-----END [A-Z ]*PRIVATE KEY(?: BLOCK)?-----|\Z)",
            STARS,
        ),
        # HTTP headers: to the end of the line or of the quotes.
        (
            r"""(?i)(\b(?:proxy-)?authorization\b["']?\s*[:=]\s*["']?)[^\s"'][^\r\n"']*""",
            rf"\1{STARS}",
        ),
        (r"""(?i)(\b(?:set-)?cookie["']?\s*[:=]\s*["']?)[^\s"'][^\r\n"']*""", rf"\1{STARS}"),
        (r"(\b[Bb]earer\s+)(?:(?=\S*[\d.])\S{8,}|(?<=B\w{5} )(?!tokens?\b)\S+)", rf"\1{STARS}"),
        (r"(\b[Bb]asic\s+)(?=\S*[\d+/=])[A-Za-z0-9+/]{6,}={0,2}", rf"\1{STARS}"),
        # Parameters of URLs and connections, JSON, TOML, mappings as Python and Scala show them.
        (rf"(?i)((?:{_NAMES})\d{{0,3}}(?:\.[\w.-]{{1,120}})?{_EQUALS_OR_COLON}){_VALUE}", r"\1***"),
        (rf"(?i)((?:{_WHOLE_NAMES}){_EQUALS}){_VALUE}", r"\1***"),
        # Behind the parameters, whose values may hold an @. Who asks by HTTP may be known by a
        # name alone, which is a token then. Of a URL taken for a path one slash is left.
        (r"(?i)\b((?:https?|ftps?|wss?)://?)[^\s:/@]*:\S{1,1024}@", rf"\1{STARS}@"),
        (r"(?i)\b((?:https?|ftps?|wss?)://?)[^\s/?#]{1,1024}@", rf"\1{STARS}@"),
        # user:password@host, the password up to the last @; Oracle's user/password@host.
        (r"((?://|\w:/)[^\s:/@?]*:)\S{1,1024}@", rf"\1{STARS}@"),
        (r"(?i)(\bjdbc:oracle:\w+:[^/@\s]*/)\S{1,1024}@", rf"\1{STARS}@"),
        (rf"(?i)((?:{_NAMES}),)[^)\s]+(?=\))", rf"\1{STARS}"),
        (rf"(?i)(<[\w.:-]{{0,60}}(?:{_NAMES})>)[^<]+(?=<)", rf"\1{STARS}"),
        (rf"(?i)(<name>[\w.:-]{{0,120}}(?:{_NAMES})[\w.]{{0,120}}</name>\s*<value>)[^<]+",
         rf"\1{STARS}"),
        # An option and its value as two words; SQL's and netrc's passwords.
        (rf"(?i)(--[\w-]{{0,60}}(?:{_OPTIONS})\s+){_VALUE}", rf"\1{STARS}"),
        (rf"(?i)(\bpassword\s+|\bidentified\s+by\s+)(?:{_QUOTED})", rf"\1{STARS}"),
        (r"(?i)(\blogin\s+\S+\s+password\s+)\S+", rf"\1{STARS}"),
        # Providers' keys by their looks: AWS, GitHub, GitLab, Slack, Databricks, Google, Stripe; a
        # signed token (JWT).
        (r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b", STARS),
        (r"\bgh[opsur]_[A-Za-z0-9]{16,}|\bgithub_pat_\w{16,}|\bglpat-[\w-]{16,}", STARS),
        (r"\bxox[abeoprs]-[\w-]{10,}|\bdapi[0-9a-f]{32}|\bAIza[\w-]{35}|\bsk_live_\w{16,}", STARS),
        (r"\beyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]*", STARS),
    )
)  # fmt: skip
_SECRET_KEY = re.compile(rf"(?i)(?:{_NAMES}|\b(?:pass|pwd))\Z")

_NOTHING = (None, "")

# A variable of the environment holds a secret if it is called so; not PWD, nor a file's path.
_SECRET_VARIABLE = re.compile(
    r"(?i)(?:PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|CONNECTION_STRING"
    r"|(?:API|ACCESS|ACCOUNT|PRIVATE|SECRET|STORAGE|ENCRYPTION)_?KEY)\Z"
)
# A shorter value may be a word of any message.
_SHORTEST_VALUE = 5


def redacted(text: str, environment: Mapping[str, str] | None = None) -> str:
    """The text with `***` in place of each secret, also of the values that `environment` holds.

    The same of a text that is redacted already.
    """
    for value in _values(environment or {}):
        text = text.replace(value, STARS)
    for pattern, replacement in _FORMS:
        text = pattern.sub(replacement, text)
    return text


def holds_secret(text: str) -> bool:
    """Whether a text has the form of one that holds a secret."""
    return redacted(text) != text


def redacted_tree(value: Any) -> Any:
    """Nested mappings and sequences with each text redacted, and what stands under a secret's name.

    For what is stored: it depends on the value alone, not on an environment.
    """
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, Mapping):
        return {
            # A password may be a number.
            key: STARS
            if is_secret_name(str(key)) and inner not in _NOTHING
            else redacted_tree(inner)
            for key, inner in value.items()
        }
    return [redacted_tree(inner) for inner in value] if isinstance(value, list | tuple) else value


def is_secret_name(name: str) -> bool:
    """Whether what an option or a key of this name holds is a secret."""
    return bool(_SECRET_KEY.search(name))


def _values(environment: Mapping[str, str]) -> list[str]:
    """Return the secrets of an environment as a text may have them, the longest first."""
    held = {
        value
        for name, value in environment.items()
        if _SECRET_VARIABLE.search(name) and len(value) >= _SHORTEST_VALUE
    }
    written = {
        form for value in held for form in (value, quote(value, ""), json.dumps(value)[1:-1])
    }
    return sorted(written, key=lambda value: (-len(value), value))


class Redacting(logging.Filter):
    """Redacts the messages of a logger of ours, wherever it is heard."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep every record, its message redacted."""
        record.msg, record.args = redacted(record.getMessage(), os.environ), None
        return True


class RedactingFormatter(logging.Formatter):
    """Redacts whole log entries of whatever logger, with their tracebacks."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the entry as text."""
        return redacted(super().format(record), os.environ)


def logger() -> logging.Logger:
    """Return the logger of this package."""
    found = logging.getLogger("custseg")
    if not any(isinstance(each, Redacting) for each in found.filters):
        found.addFilter(Redacting())
    return found
