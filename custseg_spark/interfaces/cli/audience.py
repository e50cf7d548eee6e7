"""Write segments' customers as hashed lists for Google Customer Match and Meta, with consent only.

Contacts (CSV or Parquet) are read from a separate file and never enter the lake; only SHA-256
hashes are written. No JVM starts.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from custseg_spark.config.typed import parse_date
from custseg_spark.core.customers.contacts import PLATFORMS, Dialling
from custseg_spark.errors import ConfigurationError, require_word
from custseg_spark.interfaces.cli.arguments import base_parser, configured
from custseg_spark.interfaces.cli.local_lakes import reader_of
from custseg_spark.outputs import audiences
from custseg_spark.outputs.audiences import ROLES, AudienceRequest
from custseg_spark.paths import place

_EPILOG = """examples:
  custseg audience --contacts contacts.csv --to audiences
  custseg audience --contacts crm.csv --columns customer_id=mobile,phone=mobile,consent=opt_in \\
      --calling-code 44 --segments 'At-Risk,4' --platforms meta --to audiences

A customer without a consent of 1, true, yes, granted or subscribed is in no file.

exit codes: 0 done, 2 configuration, 3 no such run, segment, file or column,
            5 another audience is written there
"""


def run(argv: Sequence[str]) -> None:
    """Run the job for a command line."""
    options = _parser().parse_args(argv)
    config = configured(options)
    reader = reader_of(config.lake)
    written = audiences.write(reader, _request(options), place(options.to), config.lake.umask)
    print(audiences.table_of(written))


def _request(options: argparse.Namespace) -> AudienceRequest:
    platforms = tuple(_listed(options.platforms))
    for platform in platforms:
        require_word(platform, tuple(PLATFORMS), "--platforms")
    share = options.control_share
    if not 0 <= share < 1:
        raise ConfigurationError(f"--control-share: expected from 0 to below 1, got {share}")
    return AudienceRequest(
        contacts=Path(options.contacts),
        columns=_columns(options.columns),
        platforms=platforms,
        segments=tuple(_listed(options.segments)),
        algorithm=options.algorithm,
        run_date=parse_date(options.run_date, "--run-date") if options.run_date else None,
        dialling=_dialling(options.calling_code, options.trunk_prefix),
        campaign=options.campaign,
        control_share=share,
    )


def _columns(listed: str) -> dict[str, str]:
    """Return columns by role: the named ones, and the role's own name for the others."""
    if not listed:
        return {role: role for role in ROLES}
    columns = {}
    for pair in _listed(listed):
        role, separator, column = pair.partition("=")
        require_word(role, ROLES, "--columns")
        columns[role] = column if separator else role
    missing = audiences.require_roles(columns)
    if missing:
        raise ConfigurationError(f"--columns: nothing for {', '.join(missing)}")
    return columns


def _dialling(code: str | None, trunk: str) -> Dialling:
    digits = code.removeprefix("+") if code else None
    if digits is not None and not (digits.isascii() and digits.isdigit() and len(digits) <= 3):
        raise ConfigurationError(f"--calling-code: expected one to three digits, got {code}")
    if trunk and not (trunk.isascii() and trunk.isdigit()):
        raise ConfigurationError(f"--trunk-prefix: expected digits or nothing, got {trunk}")
    return Dialling(digits, trunk)


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _parser() -> argparse.ArgumentParser:
    parser = base_parser(__doc__ or "", _EPILOG)
    parser.add_argument("--contacts", required=True, metavar="FILE", help="CSV or Parquet")
    parser.add_argument("--to", required=True, metavar="DIR", help="folder of the lists")
    parser.add_argument(
        "--columns",
        default="",
        metavar="ROLE=COLUMN,...",
        help="the contacts' columns (default: customer_id, consent, email, phone; of the last two"
        " one will do)",
    )
    parser.add_argument(
        "--platforms",
        default=",".join(PLATFORMS),
        metavar="NAME,...",
        help=f"which of {', '.join(PLATFORMS)} (default: both)",
    )
    parser.add_argument(
        "--segments", default="", metavar="ID|NAME,...", help="which segments (default: all)"
    )
    parser.add_argument("--run-date", metavar="YYYY-MM-DD", help="the run; default: the latest")
    parser.add_argument(
        "--algorithm", default="kmeans", help="whose segments (default: kmeans)", metavar="NAME"
    )
    parser.add_argument(
        "--calling-code",
        metavar="DIGITS",
        help="the country of telephone numbers without + or 00 (default: they are unusable)",
    )
    parser.add_argument(
        "--trunk-prefix",
        default="0",
        metavar="DIGITS",
        help="what national numbers begin with and lose behind the code (default: 0; '' in Italy)",
    )
    parser.add_argument(
        "--control-share",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="leave out who is held back from the campaign, as in the export",
    )
    parser.add_argument(
        "--campaign", metavar="LABEL", help="the campaign's label (default: the run date)"
    )
    return parser
