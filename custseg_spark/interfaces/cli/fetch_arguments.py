"""Command line of jobs/fetch.py."""

import argparse
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from custseg_spark.config.mappings import MappingFile, load_mapping
from custseg_spark.config.settings import FetchConfig
from custseg_spark.config.shipped import source_folders
from custseg_spark.engine.permissions import withheld
from custseg_spark.engine.sources.discovery.files import list_files
from custseg_spark.engine.sources.http import landing
from custseg_spark.engine.sources.http.api import TOKEN, PurchaseApi
from custseg_spark.engine.sources.http.landing import Fetched
from custseg_spark.engine.sources.http.mobiles import mobiles
from custseg_spark.errors import ConfigurationError, InputError, RejectedShareError
from custseg_spark.interfaces.cli.arguments import base_parser, configured
from custseg_spark.paths import Remote, place
from custseg_spark.redaction import redacted

_EPILOG = f"""examples:
  python jobs/fetch.py --customers customers.csv --url https://api.example.com --to landing
  spark-submit jobs/segment.py --config conf/presets/purchase_history.toml \\
      --source customers=customers.csv --source purchase_history=landing

A bearer token is taken from {TOKEN} in the environment.

exit codes: 0 done, 2 configuration, 3 unreadable mappings, an API that can't be reached or
            refuses, a folder that can't be written, 4 too many answers malformed,
            5 another fetch fills the folder, 6 disk full
"""


@dataclass(frozen=True)
class FetchArguments:
    """Arguments of a fetch."""

    config: FetchConfig
    mapping: MappingFile
    customers: str
    folder: Path
    umask: str


def parse_fetch(description: str, argv: Sequence[str]) -> FetchArguments:
    """Parse the arguments of jobs/fetch.py. Raises ConfigurationError; exits for --help."""
    parser = base_parser(description, _EPILOG)
    _add_options(parser)
    options = parser.parse_args(argv)
    config = configured(options)
    fetch = replace(config.fetch, url=options.url) if options.url else config.fetch
    _check_url(fetch.url)
    folders = source_folders(options.config)
    for option, path in (("--customers", options.customers), ("--to", options.to)):
        if isinstance(place(path), Remote):
            raise ConfigurationError(f"{option} {path}: expected a path of this machine")
    mapping = load_mapping("customers", config.sources.get("customers", {}), folders)
    folder = Path(str(place(options.to)))
    return FetchArguments(fetch, mapping, options.customers, folder, config.lake.umask)


def _check_url(url: str) -> None:
    """Raise ConfigurationError for a wrong address, without quoting anything before an @."""
    where = "--url (or fetch.url)"
    if not url.startswith(("http://", "https://")):
        shown = redacted(url).rpartition("@")[2]
        raise ConfigurationError(f"{where}: expected http(s)://…, got '{shown}'")
    try:
        parts = urlsplit(url)
        is_whole = bool(parts.hostname) and parts.port != 0
    except ValueError:  # of the port, or half of an IPv6 address
        is_whole = False
    if not is_whole or url.count("@") != parts.netloc.count("@") or url.count("@") > 1:
        raise ConfigurationError(
            f"{where}: not a valid URL; in a user name or password write @ as %40, / as %2F, ? as"
            " %3F, # as %23 and : as %3A"
        )
    if parts.query or parts.fragment:
        raise ConfigurationError(
            f"{where}: expected an address without a query; a token is given by {TOKEN} in the"
            " environment"
        )


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--customers",
        required=True,
        metavar="PATH",
        help="whose purchases: the files of the source `customers`",
    )
    parser.add_argument("--url", help="of the API, to which /purchases is added; or fetch.url")
    parser.add_argument("--to", required=True, metavar="DIR", help="the landing folder")


@dataclass(frozen=True)
class Outcome:
    """The result of a fetch, and its number of requests."""

    fetched: Fetched
    requests: int
    retries: int


def fetch(given: FetchArguments) -> Outcome:
    """Run `landing.fetch` for these arguments.

    Raises RejectedShareError if more than `fetch.max_quarantined_share` of the customers got no
    proper answer, InputError if there are no customers.
    """
    files = [f for f in list_files(given.customers) if f.skipped_because is None]

    def customers() -> Iterator[str]:
        for file in files:
            yield from mobiles(file, given.mapping)

    api = PurchaseApi(given.config, os.environ.get(TOKEN, ""))
    try:
        with withheld(given.umask):
            done = landing.fetch(customers(), given.folder, api, given.config)
    finally:
        api.close()
    everybody = done.customers + done.customers_there
    if not everybody:
        raise InputError(f"{given.customers}: no mobile number in it")
    if done.quarantined > given.config.max_quarantined_share * everybody:
        raise RejectedShareError(
            f"{given.config.url}: no proper answer for {done.quarantined:,} of {everybody:,}"
            f" customers, more than fetch.max_quarantined_share ="
            f" {given.config.max_quarantined_share:.1%}; {given.folder}/*.quarantined.jsonl say"
            " what came instead, and the same command asks again"
        )
    return Outcome(done, api.requests, api.retries)


def summary(outcome: Outcome, folder: Path) -> str:
    """Describe a fetch in a few lines."""
    done = outcome.fetched
    lines = [
        f"Fetched {done.purchases:,} purchases of {done.customers:,} customers into {done.files:,}"
        f" file{'s' * (done.files != 1)} of {folder}: {outcome.requests:,} requests,"
        f" {outcome.retries:,} of them again"
    ]
    if done.customers_there:
        lines.append(f"The files of {done.customers_there:,} customers were there already")
    if done.quarantined:
        lines.append(
            f"Warning: no proper answer for {done.quarantined:,} customers; the same command asks"
            " again"
        )
    return "\n".join(lines)
