"""Preview a file as ingest would read it, by a mapping or by a guess.

  custseg preview PATH                    guesses a mapping, with a reason for each of its lines
  custseg preview PATH --write            and saves it: custseg segment PATH --mapping NAME
  custseg preview PATH --mapping NAME     shows the result of a mapping

It reads the first 10,000 records and needs neither lake nor Java. A proposed mapping goes to
standard output, to be saved from there; everything else goes to standard error.
"""

import argparse
import re
import shlex
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

from custseg_spark import scratch
from custseg_spark.config import loading, shipped
from custseg_spark.config.mappings import MappingFile, load_mapping, mapping_of
from custseg_spark.config.options import Parser
from custseg_spark.core.mappings import guessing, proposing, shapes
from custseg_spark.core.mappings.guesses import Guess
from custseg_spark.engine.sources import heads
from custseg_spark.engine.sources.columns import check_columns
from custseg_spark.engine.sources.discovery import files
from custseg_spark.engine.sources.discovery.files import SourceFile
from custseg_spark.engine.sources.heads import Head
from custseg_spark.errors import ConfigurationError, InputError, RejectedShareError
from custseg_spark.interfaces import clock
from custseg_spark.interfaces.cli import showing
from custseg_spark.paths import is_database, is_remote
from custseg_spark.pipeline.preview import Preview, preview

# The mapping's default name.
UNKNOWN = "?"


def run(argv: Sequence[str]) -> None:
    """Preview a file for a command line.

    Raises the errors of ingest: InputError if a column is missing, after a mapping was proposed;
    RejectedShareError if too many of these records would be refused.
    """
    options = _options(argv)
    config = loading.load(options.config, options.set)
    usual = config.ingest.max_rejected_share
    with scratch.folder("custseg-preview-") as staging:
        if options.mapping is None:
            _propose(options, usual, staging)
            return
        folders = shipped.source_folders(options.config)
        overrides = dict(config.sources.get(options.mapping, {}))
        _check(options.path, load_mapping(options.mapping, overrides, folders), usual, staging)


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = Parser(
        prog="custseg preview",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("words", metavar="PATH", nargs="+", help="a file, a folder or a glob")
    parser.add_argument("--mapping", metavar="NAME", help="a mapping file's name; default: a guess")
    parser.add_argument(
        "--write", action="store_true", help="save the guess as conf/sources/NAME.toml"
    )
    parser.add_argument("--name", metavar="NAME", help="its name; default: after the file's")
    default = shipped.conf_dir() / "local.toml"
    parser.add_argument("--config", type=shipped.find, metavar="FILE", default=default)
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE")
    options = parser.parse_args(argv)
    *mapping, options.path = options.words
    if len(mapping) > 1 or (mapping and options.mapping):
        parser.error(f"one path at a time, not {', '.join(options.words)}")
    # The order of older versions: custseg preview MAPPING PATH.
    options.mapping = mapping[0] if mapping else options.mapping
    options.mapping = None if options.mapping == UNKNOWN else options.mapping
    if options.mapping and (options.write or options.name):
        parser.error("--write and --name are of a guess, which --mapping replaces")
    return options


def _head(path: str, staging: Path, mapping: MappingFile | None = None) -> Head:
    """Return the head of the path's first file that can be read."""
    if is_database(path) or is_remote(path):
        file = _fetched(path, staging, mapping)
    else:
        # Hashing a large file would take longer than all other steps.
        listed = files.list_files(path, hashes=False)
        file = next(f for f in listed if f.skipped_because is None)
    return heads.head(file, mapping, staging)


def _fetched(path: str, staging: Path, mapping: MappingFile | None) -> SourceFile:
    """Return the beginning of a source that only Spark can reach."""
    # Imported here, because only these sources need Spark, which takes a while to import.
    from custseg_spark.engine.sources.discovery import remote
    from custseg_spark.engine.sources.formats import jdbc
    from custseg_spark.engine.spark.session import get_session

    if is_database(path) and mapping is None:
        raise ConfigurationError(
            f"a guess reads files; of {path} give a mapping that names the table"
        )
    spark = get_session("custseg-preview")
    if is_database(path):
        assert mapping is not None
        return jdbc.first(spark, path, mapping, heads.MOST_RECORDS + 1, staging)
    return remote.first(spark, path, heads.MOST_BYTES + 1, staging)


def _previewed(head: Head, mapping: MappingFile) -> Preview:
    return preview(head, mapping, now=clock.now())


def _check(path: str, mapping: MappingFile, usual: float, staging: Path) -> None:
    head = _head(path, staging, mapping)
    columns = shapes.shapes(head.columns, head.rows)
    try:
        check_columns(head.columns, mapping, f"{head.file.path}: the header")
    except InputError:
        print(showing.columns(head, columns, mapping.columns), file=sys.stderr)
        print("\nThe mapping doesn't fit. What might:\n", file=sys.stderr)
        guessed = _head(path, staging)
        columns = shapes.shapes(guessed.columns, guessed.rows)
        print(proposing.mapping_file(guessed, columns, guessing.guess(columns)), end="")
        raise
    print(showing.columns(head, columns, mapping.columns))
    checked, limit = _previewed(head, mapping), mapping.limit(usual)
    print(showing.verdict(checked, limit))
    if checked.refused_share > limit:
        raise RejectedShareError(
            f"source {mapping.name}: {checked.refused_share:.1%} of these records would be"
            f" refused, at most {limit:.1%} are allowed"
        )


def _propose(options: argparse.Namespace, usual: float, staging: Path) -> None:
    head = _head(options.path, staging)
    columns = shapes.shapes(head.columns, head.rows)
    guess = guessing.guess(columns)
    text = proposing.mapping_file(head, columns, guess)
    print(showing.guessed(head, columns, guess), file=sys.stderr)
    if not options.write:
        print(text, end="")
    _tell(head, text, usual)
    print(showing.questions(guess), file=sys.stderr)
    if options.write:
        _write(options, text, guess)


def _tell(head: Head, text: str, usual: float) -> None:
    """Print how the proposal reads the records, or what it lacks."""
    try:
        mapping = mapping_of(tomllib.loads(text), "proposed")
    except ConfigurationError as error:
        print(f"\nThe proposal isn't complete: {error}", file=sys.stderr)
        return
    print(showing.verdict(_previewed(head, mapping), mapping.limit(usual)), file=sys.stderr)


def _write(options: argparse.Namespace, text: str, guess: Guess) -> None:
    """Save the proposal where the other commands look for it, and say how to continue.

    Raises ConfigurationError if another mapping has the name.
    """
    folder = shipped.written_sources(options.config)
    name = options.name or _name(options.path)
    target = folder / f"{name}.toml"
    if target.exists() and target.read_text(encoding="utf-8") != text:
        raise ConfigurationError(
            f"{target} is there already, and different; give another name by --name, or remove it"
        )
    folder.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    first = f"Answer the questions in {target}, then" if guess.questions else "Then"
    print(f"Wrote {target}\n{first}: custseg segment {shlex.quote(options.path)} --mapping {name}")


def _name(path: str) -> str:
    """Make a mapping's name from a file's: lower case, without special characters."""
    stem = Path(path.rstrip("/")).name.partition(".")[0].casefold()
    name = re.sub(r"[\W-]+", "_", stem).strip("_") or "log"
    shipped_names = {p.stem for p in (shipped.conf_dir() / "sources").glob("*.toml")}
    return f"{name}_log" if name in shipped_names else name
