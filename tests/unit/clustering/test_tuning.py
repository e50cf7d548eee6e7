"""Candidates compared on one sample: planted groups, flat data, several spaces."""

import csv
import re
from collections.abc import Mapping
from decimal import Decimal
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import python_lake

from custseg_spark.core.clustering import tuning
from custseg_spark.core.clustering.kmeans import FitSettings
from custseg_spark.core.clustering.preparation import Rules, choose_features
from custseg_spark.core.clustering.tuning import Bars, Space, Tried
from custseg_spark.core.features import registry
from custseg_spark.engine.lake.native import NativeLake
from custseg_spark.engine.lake.schemas import CUSTOMER_FEATURES, RUNS
from custseg_spark.errors import ConfigurationError
from custseg_spark.interfaces.cli import tune

SETTINGS = FitSettings(starts=2)


def planted(customers: int = 600, seed: int = 5) -> dict[str, np.ndarray]:
    """Three groups by spend and recency, as raw features with their evidence."""
    rng = np.random.default_rng(seed)
    group = np.arange(customers) % 3
    return {
        "monetary": np.array([10.0, 300.0, 5_000.0])[group] * rng.lognormal(0, 0.1, customers),
        "recency_days": np.array([80.0, 10.0, 40.0])[group] + rng.normal(0, 2, customers),
        "frequency": 1.0 + group + rng.integers(0, 2, customers),
        "event_count": np.full(customers, 40.0),
    }


def space(name: str, features: tuple[str, ...], **rules: str) -> Space:
    chosen = choose_features(features, registry.all_features())
    return Space(name, tuple(chosen), Rules(**rules))  # type: ignore[arg-type]


def tried(
    columns: Mapping[str, np.ndarray], *spaces: Space, bars: Bars | None = None
) -> list[Tried]:
    clock = count()
    return list(
        tuning.tried(
            columns, spaces, (2, 3, 4), bars or Bars(), SETTINGS, lambda: float(next(clock))
        )
    )


def test_the_planted_number_of_groups_wins_in_a_fitting_space() -> None:
    found = tried(planted(), space("two", ("monetary", "recency_days")))
    assert [one.k for one in found] == [2, 3, 4]
    best = tuning.best(found)
    assert best is not None
    assert (best.k, best.flaw) == (3, None)
    assert best.stability is not None
    assert best.stability > 0.95
    assert best.smallest_share == pytest.approx(1 / 3)
    assert {one.seconds for one in found} == {1.0}


def test_the_first_space_is_what_others_are_compared_with() -> None:
    spaces = (
        space("logs", ("monetary", "recency_days")),
        space("raw", ("monetary", "recency_days"), transform="none"),
    )
    found = tried(planted(), *spaces)
    assert [one.agreement for one in found if one.space == "logs"] == [1.0] * 3
    assert [one.transform for one in found] == ["auto"] * 3 + ["none"] * 3
    assert all(one.agreement <= 1 for one in found)


def test_without_groups_no_candidate_is_stable() -> None:
    rng = np.random.default_rng(3)
    names = ("monetary", "recency_days", "frequency")
    flat = {name: rng.uniform(0, 1, 400) for name in names}
    flat["event_count"] = np.full(400, 40.0)
    found = tried(flat, space("flat", names, transform="none"))
    assert all(one.flaw and one.flaw.startswith("stability 0.") for one in found)
    assert tuning.best(found) is None


def test_a_small_cluster_is_a_flaw() -> None:
    columns = planted()
    columns["monetary"][:2] = 1e9
    raw = space("raw", ("monetary",), transform="none", clip="none")
    found = tried(columns, raw, bars=Bars(bootstraps=0))
    assert found[0].flaw == "smallest 0.33%"
    assert found[0].stability is None


def test_a_space_without_variation_is_passed_over() -> None:
    columns = {"monetary": np.ones(50), "event_count": np.full(50, 40.0)}
    assert tried(columns, space("flat", ("monetary",))) == []


# --- The command -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake of one run, with the planted groups."""
    folder = tmp_path_factory.mktemp("tune") / "lake"
    columns = planted()
    rows = [
        {
            "run_date": python_lake.NOW,
            "customer_id": f"c{n}",
            "monetary": Decimal(f"{columns['monetary'][n]:.4f}"),
            "recency_days": int(columns["recency_days"][n]),
            "frequency": int(columns["frequency"][n]),
            "event_count": 40,
        }
        for n in range(600)
    ]
    native = NativeLake(folder)
    python_lake.add(native, CUSTOMER_FEATURES, rows)
    python_lake.add(native, RUNS, [python_lake.run(python_lake.NOW)])
    return folder


def test_the_command_prints_a_row_a_candidate_and_the_settings_of_the_best(
    lake: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tune.run(
        [
            f"--lake={lake}",
            "--features=rfm,two=monetary+recency_days",
            "--k=2-4",
            "--bootstraps=3",
            f"--to={tmp_path / 'tuned.csv'}",
        ]
    )
    said = capsys.readouterr().out
    assert "Run of 2024-05-01: 600 of 600 informed customers" in said
    assert len(re.findall(r"^  (?:rfm|two) ", said, re.M)) == 12
    assert "  two: --set 'model.k=3' --set 'model.preparation.transform=" in said
    with (tmp_path / "tuned.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 12


def test_the_same_sample_gives_the_same_table(
    lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tables = []
    for _ in range(2):
        tune.run([f"--lake={lake}", "--features=rfm", "--k=3", "--customers=200"])
        # Without the seconds.
        tables.append(re.sub(r" +\d+\.\d  ", "", capsys.readouterr().out))
    assert tables[0] == tables[1]


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--k=1-3", "--k: expected a number from 2 on"),
        ("--k=a", "--k: expected"),
        ("--features=rfn", "did you mean 'rfm'"),
        ("--features=mine=monetarry", "did you mean 'monetary'"),
        ("--transforms=log", "unknown 'log'"),
        ("--customers=5", "expected 100 or more"),
    ],
)
def test_what_is_wrong_is_named(lake: Path, option: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        tune.run([f"--lake={lake}", option])
