"""Settings that no value may be: not finite, nested without end, a path where a name belongs."""

from pathlib import Path

import pytest

from custseg_spark.config import loading
from custseg_spark.config.mappings import load_mapping
from custseg_spark.errors import ConfigurationError

NUMBERS = [
    "run.sample_fraction",
    "ingest.max_rejected_share",
    "gate.min_day_share",
    "naming.min_score",
    "naming.kept_name_bonus",
    "identity.max_distance",
    "identity.min_overlap",
    "identity.split_share",
    "drift.watch",
    "drift.refit",
    "clv.monthly_discount_rate",
    "exports.control_share",
    "exports.confidence",
    "fetch.timeout_s",
    "fetch.requests_per_second",
    "fetch.longest_wait_s",
    "fetch.max_quarantined_share",
    "model.preparation.prior_events",
    "model.preparation.clip_factor",
    "model.preparation.min_variance",
    "model.preparation.max_correlation",
    "model.fit.tolerance",
    "model.selection.switch_margin",
    "model.selection.min_cluster_share",
    "model.stability.minimum",
    "model.seed",
    "run.max_rows",
]


def load(folder: Path, content: bytes, *overrides: str) -> None:
    path = folder / "x.toml"
    path.write_bytes(content)
    loading.load(path, overrides)


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "+nan", "1e999"])
@pytest.mark.parametrize("key", NUMBERS)
def test_no_number_is_infinite_or_none(tmp_path: Path, key: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=r"expected a finite number|expected int"):
        load(tmp_path, b"", f"{key}={value}")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a = " + b"[" * 20_000, "nested too deeply"),
        (b"a = " + b"{b=" * 20_000, "nested too deeply"),
        (b'[lake]\npath = "a\\u0000b"', "without NUL"),
        (b'[lake]\npath = "a\x00b"', "not valid TOML"),
        (b"\xff\xfe", "not valid TOML"),
        (b"[model]\nseed = " + b"9" * 5_000, "not valid TOML"),
        (b"[model]\nseed = 99999999999999999999", "64 bits"),
        (b"#" * (1 << 22) + b"##", "longer than"),
    ],
    ids=["lists", "tables", "escaped NUL", "NUL", "bytes", "digits", "large", "long"],
)
def test_a_hostile_file_is_a_mistake_in_the_configuration(
    tmp_path: Path, content: bytes, message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        load(tmp_path, content)


def test_a_path_or_a_value_that_can_be_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no path"):
        loading.load(tmp_path / "a\0b")
    with pytest.raises(ConfigurationError, match="nested too deeply"):
        load(tmp_path, b"", "model.features=" + "[" * 20_000)


@pytest.mark.parametrize(
    "name", ["../x", "/etc/x", "a/b", "..", ".hidden", "a\\b", "a\0b", "a\nb"], ids=repr
)
def test_a_mappings_name_is_a_name(tmp_path: Path, name: str) -> None:
    (tmp_path / "sources").mkdir()
    (tmp_path / "x.toml").write_text("")
    with pytest.raises(ConfigurationError, match="not a path"):
        load_mapping(name, {}, [tmp_path / "sources"])


def test_a_mappings_numbers_are_finite(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text('[columns]\nevent_at = "t"\ncustomer_id = "c"\n')
    with pytest.raises(ConfigurationError, match="finite"):
        load_mapping("x", {"max_rejected_share": float("nan")}, [tmp_path])
