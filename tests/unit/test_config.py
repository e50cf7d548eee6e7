"""Configuration: files, overrides, and mistakes that name the nearest right word."""

import dataclasses
from datetime import date
from pathlib import Path

import pytest

from custseg_spark.config.loading import build, load
from custseg_spark.config.model import MOVED
from custseg_spark.config.settings import Config
from custseg_spark.config.shipped import conf_dir
from custseg_spark.config.typed import parse_date
from custseg_spark.errors import ConfigurationError
from custseg_spark.interfaces.cli import arguments as cli


def _load(folder: Path, text: str, *overrides: str) -> Config:
    path = folder / "conf.toml"
    path.write_text(text, encoding="utf-8")
    return load(path, overrides)


def test_a_file_and_overrides_make_a_typed_configuration(tmp_path: Path) -> None:
    config = _load(
        tmp_path,
        '[lake]\npath = "here"\n[run]\nrun_date = 2019-11-01\n[model.selection]\nk_max = 5',
        "model.k=4",
        "model.preparation.scaling=robust",
        "model.fit.tolerance=1",
        'model.algorithms=["kmeans"]',
        "features.optional_families=price_relative",
        "run.run_date=2019-12-01",
        "lake.path=/tmp/with = and # in it",
        'sources.ecommerce_events.table=my "table"',
        "sources.ecommerce_events.multiline=true",
    )
    assert (config.model.k, config.model.selection.k_max) == (4, 5)
    assert config.model.preparation.scaling == "robust"
    assert isinstance(config.model.fit.tolerance, float)
    assert config.model.algorithms == ("kmeans",)
    assert config.features.optional_families == ("price_relative",)
    assert config.run.run_date == date(2019, 12, 1)
    assert config.lake.path == "/tmp/with = and # in it"
    assert config.sources == {"ecommerce_events": {"table": 'my "table"', "multiline": True}}


def test_equal_configurations_have_equal_hashes(tmp_path: Path) -> None:
    one = _load(tmp_path, "[model]\nk = 4\nseed = 7")
    other = _load(tmp_path, "[model]\nseed = 7", "model.k=4")
    assert one.hash() == other.hash() != _load(tmp_path, "").hash()


def test_the_shipped_configurations_are_valid() -> None:
    paths = sorted(conf_dir().glob("*.toml"))
    assert "local.toml" in [path.name for path in paths]
    assert load(conf_dir() / "local.toml").sources["ecommerce_events"]["path"]


@pytest.mark.parametrize(
    ("text", "override", "message"),
    [
        ("[modle]\nk = 2", "", "unknown key 'modle'; did you mean 'model'?"),
        ("[model]\nkmax = 2", "", "model: unknown key 'kmax'; did you mean 'selection.k_max'?"),
        (
            "[model.selection]\nkmax = 2",
            "",
            "model: selection: unknown key 'kmax'; did you mean 'k_max'?",
        ),
        ("", "modle.k=2", "unknown key 'modle'; did you mean 'model'?"),
        ("", "model.sclaing=robust", "--set model.sclaing=robust: model: unknown key 'sclaing'"),
        ("", "model.sclaing=robust", "did you mean 'preparation.scaling'?"),
        ("", "model.preparation.sclaing=robust", "'sclaing'; did you mean 'scaling'?"),
        ("", "model.k=two", "model: k: expected int, got 'two'"),
        ("", "model.k=2.5", "model: k: expected int, got 2.5"),
        ("", "model.k=true", "model: k: expected int, got True"),
        ("", "model.fit.tolerance=true", "model: fit: tolerance: expected float, got True"),
        ("", "model.fit=3", "model: fit: expected FitConfig, got 3"),
        ("", "model.algorithms=[1]", "model: algorithms: expected tuple"),
        ("", "lake.path=7", "lake: path: expected str, got 7"),
        ("", "run.run_date=2019-02-30", "run_date: expected a date as YYYY-MM-DD"),
        ("", "run.run_date=2019-11-01T00:00:00", "run_date: expected date"),
        ("", "ingest.split_bytes=0", "ingest.split_bytes: expected above 0, got 0"),
        ("", "ingest.staging=s3a://shop/x", "ingest.staging: expected a path of this machine"),
        ("", "ingest.events_per_file=-1", "ingest.events_per_file: expected above 0, got -1"),
        (
            "",
            "ingest.max_rejected_share=5",
            "ingest.max_rejected_share: expected from 0 to 1, got 5.0",
        ),
        (
            "",
            "ingest.max_rejected_share=nan",
            "ingest: max_rejected_share: expected a finite number",
        ),
        ("", "run.max_rows=0", "run.max_rows: expected above 0, got 0"),
        ("", "run.sample_fraction=0", "run.sample_fraction: expected above 0, at most 1"),
        ("", "model.preparation.clip=iqd", "preparation.clip: unknown 'iqd'; did you mean 'iqr'?"),
        ("", "model.fit.customers=al", "model.fit.customers: unknown 'al'; did you mean 'all'?"),
        ("", "model.selection.k_min=9", "k_max: expected at least model.selection.k_min, got 8"),
        ("", "model", "--set model: expected section.key=value"),
        ("", "model.k", "--set model.k: expected section.key=value"),
        ("", "k=2", "--set k=2: expected section.key=value"),
        ("", "model.=2", "--set model.=2: expected section.key=value"),
        ("model = 3", "model.k=2", "--set model.k=2: 'model' is not a section"),
        ("model = 3", "", "model: expected ModelConfig, got 3"),
        ("sources = 3", "", "'sources' must be a table of mappings"),
        ('[sources]\nshop = "a.csv"', "", "expected a table of settings for 'shop'"),
        ("[lake", "", "conf.toml is not valid TOML"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, override: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        _load(tmp_path, text, *[override] * bool(override))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "override", "message"),
    [
        ("[model]\nk_min = 3", "", "conf.toml: model.k_min is model.selection.k_min now"),
        ("", "model.k_min=3", "--set model.k_min=3: model.k_min is model.selection.k_min now"),
        ("", "model.min_stability=0.5", "model.min_stability is model.stability.minimum now"),
        ("", "model.parallel_fits=4", "model.parallel_fits is model.fit.parallel now"),
        ("", "model.clip=iqd", "model.clip is model.preparation.clip now"),
    ],
)
def test_a_key_of_0_1_is_refused_with_its_new_name(
    tmp_path: Path, text: str, override: str, message: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        _load(tmp_path, text, *[override] * bool(override))
    assert message in str(caught.value)


def test_every_key_of_0_1_that_moved_has_a_new_place() -> None:
    model = dataclasses.asdict(Config())["model"]
    for old, new in MOVED.items():
        _, group, key = new.split(".")
        assert key in model[group], new
        assert old.removeprefix("model.") not in model, old


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"configuration file not found: .*none\.toml"):
        load(tmp_path / "none.toml")
    with pytest.raises(ConfigurationError, match="can't be read"):
        load(tmp_path)


@pytest.mark.parametrize(
    "text", ["", "2019", "2019-11", "20191101", "2019-W01-1", "2019-1-1", "01.11.2019", "today"]
)
def test_a_date_has_one_form(text: str) -> None:
    with pytest.raises(ConfigurationError, match=f"--run-date: expected a date.*'{text}'"):
        parse_date(text, "--run-date")


def test_defaults_need_no_file() -> None:
    assert build({}, "defaults") == Config()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--source", "a.csv"], "--source a.csv: expected MAPPING=PATH"),
        (["--source", "ecommerce_events="], "expected MAPPING=PATH"),
        (["--source", "ecommerce_event=a.csv"], "did you mean 'ecommerce_events'?"),
        (["--run-date", "yesterday"], "--run-date: expected a date as YYYY-MM-DD"),
        (["--config", "none.toml"], "configuration file not found: none.toml"),
        (
            ["--set", "sources.ecommerce_events.colums=1"],
            "source ecommerce_events: unknown key 'colums'; did you mean 'columns'?",
        ),
        (
            ["--set", "sources.ecommerce_events.columns.brandt=make"],
            "unknown canonical column 'brandt'; did you mean 'brand'?",
        ),
    ],
)
def test_a_mistake_in_the_arguments_is_named(arguments: list[str], message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        cli.parse("", arguments)
    assert message in str(caught.value)
    assert caught.value.exit_code == 2


def test_sources_on_the_command_line_replace_the_configured_ones() -> None:
    arguments = ["--source", "ecommerce_events=a=b.csv", "--source", "ecommerce_events=c"]
    (mapping,) = cli.parse("", arguments).mappings
    assert mapping.path == ("a=b.csv", "c")


@pytest.mark.parametrize("key", ["model.features", "model.preparation.within_activity"])
def test_unknown_features_are_refused_before_anything_is_read(key: str) -> None:
    with pytest.raises(ConfigurationError, match="'cart_shar'; did you mean 'cart_share'"):
        cli.parse("", ["--set", f'{key}=["cart_shar"]'])
