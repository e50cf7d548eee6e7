"""Compare transforms, feature sets and k in one table: silhouette, stability, smallest segment.

It uses a bounded sample of a run's customers, without a JVM, and writes nothing to the lake.
"""

import argparse
import csv
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

from custseg_spark.config.model import CLIPS, SCALINGS, TRANSFORMS
from custseg_spark.config.settings import Config
from custseg_spark.config.shipped import conf_dir
from custseg_spark.config.toml_files import read
from custseg_spark.config.typed import parse_date
from custseg_spark.core.clustering import tuning as core
from custseg_spark.core.clustering.tuning import Tried
from custseg_spark.errors import ConfigurationError, require_word
from custseg_spark.interfaces.cli.arguments import base_parser, configured
from custseg_spark.interfaces.cli.local_lakes import reader_of
from custseg_spark.outputs.report.reading import run_date_of
from custseg_spark.pipeline import tuning
from custseg_spark.pipeline.tuning import Combinations

# Feature sets by name: of a preset, or the default features.
_SETS = {"default": None, "rfm": "rfm.toml", "sales": "sales.toml"}
_EPILOG = """examples:
  custseg tune --lake lake
  custseg tune --features default,mine=monetary+frequency+recency_days --k 3-6 --to tuned.csv

A silhouette compares the k of one space. Between spaces go by stability, and by the agreement with
the first space's clustering of the same k.

exit codes: 0 done, 2 configuration, 3 no such run
"""


def run(argv: Sequence[str]) -> None:
    """Run the job for a command line."""
    options = _parser().parse_args(argv)
    config = configured(options)
    combinations = _combinations(options, config)
    tuning.spaces(combinations, config)
    reader = reader_of(config.lake).at_one_moment()
    requested = parse_date(options.run_date, "--run-date") if options.run_date else None
    day = run_date_of(reader, requested or config.run.run_date)
    sample = tuning.sampled(reader, day, combinations, config)
    print(
        f"Run of {day}: {sample.rows.num_rows:,} of {sample.informed:,} informed customers"
        f" ({sample.total:,} in all), {combinations.bootstraps} bootstrap refits a candidate"
    )
    print(_HEAD)
    tried = []
    for one in tuning.candidates(sample, combinations, config, perf_counter):
        tried.append(one)
        print(_line(one), flush=True)
    if options.to:
        _write(Path(options.to), tried)
    print(_advice(tried, combinations))


_HEAD = (
    f"  {'features':<12}{'transform':<11}{'clip':<12}{'scaling':<10}{'d':>3}{'k':>4}"
    f"{'silhouette':>12}{'stability':>11}{'smallest':>10}{'agreement':>11}{'s':>7}  why not"
)


def _line(one: Tried) -> str:
    steady = "–" if one.stability is None else f"{one.stability:.2f}"
    return (
        f"  {one.space:<12}{one.transform:<11}{one.clip:<12}{one.scaling:<10}{one.features:>3}"
        f"{one.k:>4}{one.silhouette:>12.3f}{steady:>11}{one.smallest_share:>10.1%}"
        f"{one.agreement:>11.2f}{one.seconds:>7.1f}  {one.flaw or ''}"
    )


def _advice(tried: Sequence[Tried], combinations: Combinations) -> str:
    """The best candidate of each feature set, by silhouette x stability: sets aren't compared."""
    lines = [
        "",
        "Highest silhouette x stability of each feature set, for custseg segment:",
    ]
    for name in combinations.feature_sets:
        best = core.best([one for one in tried if one.space == name])
        if best is None:
            lines.append(f"  {name}: no candidate reaches the bars of size and stability")
            continue
        lines.append(f"  {name}: {_settings(best, combinations.feature_sets[name])}")
    return "\n".join(lines)


def _settings(best: Tried, features: Sequence[str]) -> str:
    settings = {
        "model.k": str(best.k),
        "model.preparation.transform": best.transform,
        "model.preparation.clip": best.clip,
        "model.preparation.scaling": best.scaling,
    }
    if features:
        settings["model.features"] = "[" + ",".join(f'"{name}"' for name in features) + "]"
    return " ".join(f"--set '{key}={value}'" for key, value in settings.items())


def _write(path: Path, tried: Sequence[Tried]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in dataclasses.fields(Tried)])
        writer.writeheader()
        writer.writerows(map(dataclasses.asdict, tried))


def _combinations(options: argparse.Namespace, config: Config) -> Combinations:
    words = {
        "--transforms": (options.transforms, TRANSFORMS),
        "--clips": (options.clips, CLIPS),
        "--scalings": (options.scalings, SCALINGS),
    }
    listed = {}
    for option, (text, allowed) in words.items():
        listed[option] = _listed(text)
        for word in listed[option]:
            require_word(word, allowed, option)
    for option, value, least in (
        ("--customers", options.customers, 100),
        ("--bootstraps", options.bootstraps, 0),
    ):
        if value < least:
            raise ConfigurationError(f"{option}: expected {least} or more, got {value}")
    return Combinations(
        feature_sets=_feature_sets(_listed(options.features), config),
        transforms=listed["--transforms"],
        clips=listed["--clips"],
        scalings=listed["--scalings"],
        ks=_ks(options.k),
        customers=options.customers,
        bootstraps=options.bootstraps,
    )


def _feature_sets(named: Sequence[str], config: Config) -> dict[str, Sequence[str]]:
    sets: dict[str, Sequence[str]] = {}
    for one in named:
        name, separator, features = one.partition("=")
        if separator:
            sets[name] = tuple(features.split("+"))
            continue
        require_word(name, tuple(_SETS), "--features")
        preset = _SETS[name]
        shipped = read(conf_dir() / "presets" / preset)["model"]["features"] if preset else None
        sets[name] = tuple(shipped or config.model.features)
    return sets


def _ks(text: str) -> list[int]:
    first, _, last = text.partition("-")
    try:
        ks = list(range(int(first), int(last or first) + 1))
    except ValueError:
        ks = []
    if not ks or ks[0] < 2:
        raise ConfigurationError(f"--k: expected a number from 2 on, or a range as 2-8, got {text}")
    return ks


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _parser() -> argparse.ArgumentParser:
    parser = base_parser(__doc__ or "", _EPILOG)
    parser.add_argument("--run-date", metavar="YYYY-MM-DD", help="the run; default: the latest")
    parser.add_argument(
        "--features",
        default=",".join(_SETS),
        metavar="SET,...",
        help="default, rfm, sales, or NAME=FEATURE+FEATURE (default: the three)",
    )
    for option, default, allowed in (
        ("--transforms", "auto,none", TRANSFORMS),
        ("--clips", "percentile", CLIPS),
        ("--scalings", "standard", SCALINGS),
    ):
        parser.add_argument(
            option,
            default=default,
            metavar="WORD,...",
            help=f"of {', '.join(allowed)} (default: {default})",
        )
    parser.add_argument("--k", default="2-8", metavar="K|FROM-TO", help="default: 2-8")
    parser.add_argument(
        "--customers", type=int, default=5_000, metavar="N", help="of the sample (default: 5,000)"
    )
    parser.add_argument(
        "--bootstraps", type=int, default=10, metavar="N", help="refits a candidate (default: 10)"
    )
    parser.add_argument("--to", metavar="FILE", help="also the table as CSV")
    return parser
