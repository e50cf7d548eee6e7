"""What a mapping makes of a file; or a proposed mapping file, for a file without a mapping.

  custseg preview MAPPING PATH
  custseg preview '?' PATH > conf/sources/NAME.toml

Looks at the first 10,000 records, needs no lake and writes nothing. A proposal goes to standard
output, where it can be saved from, and all else beside it to standard error.
"""

import argparse
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from pathlib import Path

from custseg_spark.config import loading, shipped
from custseg_spark.config.mappings import MappingFile, load_mapping, mapping_of
from custseg_spark.core.mappings import guessing, proposing, shapes
from custseg_spark.engine.sources import heads
from custseg_spark.engine.sources.columns import check_columns
from custseg_spark.engine.sources.discovery import files, remote
from custseg_spark.engine.sources.formats import jdbc
from custseg_spark.engine.sources.heads import Head
from custseg_spark.engine.spark.session import get_session
from custseg_spark.errors import ConfigurationError, InputError, RejectedShareError
from custseg_spark.interfaces import clock
from custseg_spark.interfaces.cli import arguments as cli
from custseg_spark.interfaces.cli import showing
from custseg_spark.paths import is_database, is_remote, without_secrets
from custseg_spark.pipeline.preview import Preview, preview

UNKNOWN = "?"


def run(argv: Sequence[str]) -> None:
    """Previews a file for a command line.

    Raises what ingest would: InputError where a column is missing, after a mapping was proposed;
    RejectedShareError where too many of these records would be refused.
    """
    options = _options(argv)
    config = loading.load(options.config, options.set)
    usual = config.ingest.max_rejected_share
    with tempfile.TemporaryDirectory(prefix="custseg-preview-") as folder:
        staging = Path(folder)
        if options.mapping == UNKNOWN:
            _propose(options.path, usual, staging)
            return
        folders = [f / "sources" for f in (options.config.parent, shipped.conf_dir())]
        overrides = dict(config.sources.get(options.mapping, {}))
        _check(options.path, load_mapping(options.mapping, overrides, folders), usual, staging)


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = cli.Parser(
        prog="custseg preview",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("mapping", metavar="MAPPING", help="a mapping file's name, or '?'")
    parser.add_argument("path", metavar="PATH", help="a file, a folder or a glob")
    default = shipped.conf_dir() / "local.toml"
    parser.add_argument("--config", type=shipped.find, metavar="FILE", default=default)
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE")
    return parser.parse_args(argv)


def _head(path: str, staging: Path, mapping: MappingFile | None = None) -> Head:
    """The head of the path's first file that can be read."""
    if is_database(path):
        if mapping is None:
            raise ConfigurationError(
                f"'?' reads files; of {without_secrets(path)} give a mapping that names the table"
            )
        spark = get_session("custseg-preview")
        file = jdbc.first(spark, path, mapping, heads.MOST_RECORDS + 1, staging)
    elif is_remote(path):
        spark = get_session("custseg-preview")
        file = remote.first(spark, path, heads.MOST_BYTES + 1, staging)
    else:
        file = next(f for f in files.list_files(path) if f.skipped_because is None)
    if mapping is None:
        return heads.head(file, "", "", staging)
    within = mapping.nested if file.kind == "json" else mapping.table
    return heads.head(file, within, mapping.delimiter, staging)


def _previewed(head: Head, mapping: MappingFile) -> Preview:
    return preview(head, mapping, now=clock.now())


def _check(path: str, mapping: MappingFile, usual: float, staging: Path) -> None:
    head = _head(path, staging, mapping)
    found = shapes.shapes(head.columns, head.rows)
    try:
        check_columns(head.columns, mapping, f"{head.file.path}: the header")
    except InputError:
        print(showing.columns(head, found, mapping.columns), file=sys.stderr)
        print("\nThe mapping doesn't fit. What might:\n", file=sys.stderr)
        print(proposing.mapping_file(head, found, guessing.guess(found)), end="")
        raise
    print(showing.columns(head, found, mapping.columns))
    checked, limit = _previewed(head, mapping), mapping.limit(usual)
    print(showing.verdict(checked, limit))
    if checked.refused_share > limit:
        raise RejectedShareError(
            f"source {mapping.name}: {checked.refused_share:.1%} of these records would be"
            f" refused, at most {limit:.1%} are allowed"
        )


def _propose(path: str, usual: float, staging: Path) -> None:
    head = _head(path, staging)
    found = shapes.shapes(head.columns, head.rows)
    guess = guessing.guess(found)
    text = proposing.mapping_file(head, found, guess)
    print(showing.columns(head, found, guess.columns), file=sys.stderr)
    print(text, end="")
    try:
        mapping = mapping_of(tomllib.loads(text), "proposed")
    except ConfigurationError as error:
        print(f"\nThe proposal isn't complete: {error}", file=sys.stderr)
        return
    checked = _previewed(head, mapping)
    print(showing.verdict(checked, mapping.limit(usual)), file=sys.stderr)
