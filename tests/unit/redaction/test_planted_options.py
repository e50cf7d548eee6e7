"""A secret of any form in any option, setting or variable is neither shown nor kept."""

import argparse
import contextlib
import dataclasses
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pytest
from faults.secret_forms import FORMS, Form

from custseg_spark.config import loading
from custseg_spark.config.mappings import load_mapping
from custseg_spark.config.settings import Config
from custseg_spark.config.shipped import conf_dir
from custseg_spark.errors import CustsegError
from custseg_spark.interfaces.cli import arguments, export_arguments, fetch_arguments
from custseg_spark.interfaces.cli.arguments import Parser

SECRET = "p@ss;w0rd"
PART = "w0rd"
LOCAL = conf_dir() / "local.toml"
HOLDING = [f for f in FORMS if not set(f.never) & set(SECRET)]
FORM = pytest.mark.parametrize("form", HOLDING, ids=lambda form: form.name)
# Each form and each key are tried on each change; every night, each form in each key.
PARTS = 5
PART_OF_ALL = pytest.mark.parametrize(
    "part", [0, *(pytest.param(part, marks=pytest.mark.heavy) for part in range(1, PARTS))]
)
T = TypeVar("T")


def of_part(every: Iterable[T], form: Form, part: int) -> list[T]:
    """A part of what a form is tried in, another for the next form."""
    return list(every)[(HOLDING.index(form) + part) % PARTS :: PARTS]


def settings(section: Any = None, before: str = "") -> Iterator[str]:
    """The dotted names of all keys of the configuration."""
    for field in dataclasses.fields(Config if section is None else section):
        if dataclasses.is_dataclass(field.type):
            yield from settings(field.type, f"{before}{field.name}.")
        elif field.name != "sources":
            yield f"{before}{field.name}"


def said_and_kept(work: Callable[[], object]) -> str:
    """What a person sees of some work: its output, its error; and what `work` gives."""
    shown = io.StringIO()
    given: object = ""
    with contextlib.redirect_stdout(shown), contextlib.redirect_stderr(shown):
        try:
            given = work()
        except CustsegError as error:
            given = f"{error} {error!r} {error.args}"
        except SystemExit as error:
            given = str(error)
    return f"{shown.getvalue()} {given}"


def in_toml(text: str) -> str:
    return json.dumps(text)


@FORM
@PART_OF_ALL
def test_of_no_setting(form: Form, part: int, tmp_path: Path) -> None:
    for key in of_part(settings(), form, part):
        for value in (form.of(SECRET), in_toml(form.of(SECRET))):
            told = said_and_kept(lambda: loading.load(LOCAL, [f"{key}={value}"]).as_json())  # noqa: B023
            assert PART not in told, key
    # The same in a file, where a whole table may be something else.
    for key in of_part(sorted({k.partition(".")[0] for k in settings()}), form, part):
        file = tmp_path / f"{key}.toml"
        file.write_text(f"{key} = {in_toml(form.of(SECRET))}")
        assert PART not in said_and_kept(lambda: loading.load(file).as_json())  # noqa: B023


OF_A_MAPPING = [
    *("path", "table", "description", "nested", "delimiter", "fills", "cleaning", "event_type"),
    *("event_at_formats", "optional_columns", "columns.customer_id", "columns.password"),
    *("event_types.view", "returns.order_id_prefix", "jdbc.where", "jdbc.environment"),
    *("jdbc.driver", "jdbc.partition_column", "jdbc.predicates", "jdbc.fetch_size"),
    *("jdbc.options.sslmode", "jdbc.options.password", "jdbc.options", "password", "max"),
]


@FORM
@PART_OF_ALL
def test_of_no_key_of_a_mapping(form: Form, part: int) -> None:
    """A mapping isn't checked by jobs that read no source, but its keys are kept with their run."""
    for key in of_part(OF_A_MAPPING, form, part):
        for value in (form.of(SECRET), in_toml(form.of(SECRET)), f"[{in_toml(form.of(SECRET))}]"):
            option = f"sources.ecommerce_events.{key}={value}"
            assert PART not in said_and_kept(lambda: _kept(option)), key  # noqa: B023


def _kept(option: str) -> str:
    """What a run keeps of a mapping's key, and what is said where the mapping isn't right."""
    config = loading.load(LOCAL, [option])
    kept = config.as_json()
    load_mapping("ecommerce_events", config.sources["ecommerce_events"], [conf_dir() / "sources"])
    return kept


@pytest.mark.parametrize("value", ["482913", "true", "4.82913", '{a = "482913"}', '["482913"]'])
def test_a_password_that_is_no_text_is_refused_unquoted(value: str) -> None:
    told = said_and_kept(lambda: _kept(f"sources.ecommerce_events.jdbc.options.password={value}"))
    assert "82913" not in told
    kept = loading.load(LOCAL, [f"sources.ecommerce_events.jdbc.options.password={value}"])
    assert "82913" not in kept.as_json()


def test_a_password_with_spaces_is_taken_whole() -> None:
    told = said_and_kept(lambda: _kept("sources.ecommerce_events.jdbc.password=two words here"))
    assert "words" not in told


COMMANDS: dict[str, Callable[[Sequence[str]], Any]] = {
    "segment": lambda argv: arguments.parse("", argv),
    "ingest": lambda argv: arguments.parse("", argv, segments=False),
    "score": lambda argv: arguments.parse("", argv, ingests=False),
    "report": lambda argv: arguments.parse("", argv, ingests=False, segments=False),
    "gate": lambda argv: arguments.parse_gate("", argv),
    "export": lambda argv: export_arguments.parse_export("", argv),
    "lift": lambda argv: export_arguments.parse_lift("", argv),
    "fetch": lambda argv: fetch_arguments.parse_fetch("", argv),
}
# What else a command line must have.
NEEDED = {
    "export": ["--to=csv:x"],
    "lift": ["--run-date=2019-11-01", "--changes-since=2019-10-01", "--control-share=0.1"],
    "fetch": ["--customers=c.csv", "--to=landing", "--url=http://h"],
}
SOURCE = "--source=ecommerce_events={}"


def options_of(command: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The options of a command, as its own parser has them."""
    found: list[str] = []

    def noted(parser: Parser, _: Sequence[str] | None = None) -> argparse.Namespace:
        found.extend(o for action in parser._actions for o in action.option_strings)
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(Parser, "parse_args", noted)
        with pytest.raises(SystemExit):
            COMMANDS[command]([])
    return sorted(set(found) - {"-h", "--help"})


@pytest.mark.parametrize("command", COMMANDS)
@PART_OF_ALL
def test_of_no_option(
    command: str, part: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    options = options_of(command, monkeypatch)
    assert {"--config", "--lake", "--set"} < set(options)
    before = NEEDED.get(command, [])
    for form in HOLDING:
        text = form.of(SECRET)
        lines = [[f"{option}={text}"] for option in [*options, "--unknown", "--tokn"]]
        lines += [[option, text] for option in options] + [[text], ["--set", f"x={text}"]]
        lines += [[SOURCE.format(text)]] if "--source" in options else []
        for line in of_part(lines, form, part):
            told = said_and_kept(lambda: _shown(COMMANDS[command]([*before, *line])))  # noqa: B023
            assert PART not in told, line
    assert not list(tmp_path.iterdir())


def _shown(given: Any) -> str:
    """What stays of accepted arguments: what is kept, and where a target is said to be."""
    config = given if isinstance(given, Config) else getattr(given, "config", None)
    kept = config.as_json() if isinstance(config, Config) else ""
    target = getattr(given, "target", None)
    return f"{kept} {target.shown if target else ''} {target!r}"
