"""The section `rfm` and the file of groups: what it takes, and the errors for what it doesn't."""

import re
import tomllib
from decimal import Decimal
from pathlib import Path

import pytest
from checkout import ROOT

from custseg_spark.config.loading import build
from custseg_spark.config.rfm import RfmConfig
from custseg_spark.config.rfm_groups import load_groups, rfm_rules
from custseg_spark.core.features.rfm_groups import standard_groups
from custseg_spark.core.features.scores import Cutoffs
from custseg_spark.errors import ConfigurationError

GOOD = """
[[group]]
name = "Stars"
r = [2, 3]
f = 3

[[group]]
name = "Others"
r = [2, 3]
f = [1, 2]

[[group]]
name = "Gone"
r = 1
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "groups.toml"
    file.write_text(text)
    return file


def test_without_settings_scores_are_quintiles_with_the_standard_groups() -> None:
    rules = rfm_rules(RfmConfig())
    assert (rules.bins, rules.is_given, rules.groups) == (5, False, standard_groups())
    of_buyers = Cutoffs((-9, -8, -7, -6), (1, 2, 3, 4), (10, 20, 30, 40))
    assert rules.cutoffs(of_buyers) == of_buyers


def test_given_cut_points_are_the_last_values_of_their_bins() -> None:
    section = {"bins": 3, "r_breaks": [30, 90], "f_breaks": [1, 4], "m_breaks": [50, 99.99]}
    rules = rfm_rules(build({"rfm": section}, "test").rfm)
    assert rules.m_breaks == (Decimal("50.0"), Decimal("99.99"))
    # A buyer of 30 days exceeds -31, one of 31 days doesn't.
    assert rules.cutoffs(Cutoffs()) == Cutoffs((-91, -31), (1, 4), (500_000, 999_900))
    assert rules.is_given


def test_some_cut_points_leave_the_other_bins_to_the_buyers() -> None:
    rules = rfm_rules(RfmConfig(bins=2, f_breaks=(1,)))
    found = rules.cutoffs(Cutoffs((-30,), (7,), (5,)))
    assert (found, rules.is_given) == (Cutoffs((-30,), (1,), (5,)), False)


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ({"bins": 1}, "rfm.bins: expected from 2 to 10, got 1"),
        ({"r_breaks": [30, 90]}, "rfm.r_breaks: expected 4 cut points for 5 bins"),
        ({"bins": 3, "f_breaks": [4, 4]}, "rfm.f_breaks: expected ascending cut points, got 4"),
        ({"bins": 2, "r_breaks": [-1]}, "rfm.r_breaks: expected 0 or more, got -1"),
        ({"bins": 2, "f_breaks": [1.5]}, "rfm: f_breaks: expected tuple"),
        ({"bins": 2, "m_breaks": ["x"]}, "rfm: m_breaks: expected tuple"),
        ({"bins": 2, "m_breaks": [True]}, "rfm: m_breaks: expected tuple"),
        ({"r_brakes": [1]}, "did you mean 'r_breaks'"),
    ],
    ids=str,
)
def test_what_is_no_setting_is_an_error_that_names_it(
    section: dict[str, object], expected: str
) -> None:
    with pytest.raises(ConfigurationError) as error:
        build({"rfm": section}, "test")
    assert expected in str(error.value)


def test_a_file_of_groups_names_every_code(tmp_path: Path) -> None:
    groups = load_groups(written(tmp_path, GOOD), 3)
    assert groups.names == ("Prospects", "Gone", "Others", "Stars")
    assert rfm_rules(RfmConfig(bins=3, groups=str(tmp_path / "groups.toml"))).groups == groups


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "expected one [[group]] at least"),
        (GOOD.replace("f = 3", "f = 2"), "more than one group for r=2 f=2 m=1"),
        (GOOD.replace("r = 1\n", "r = 1\nm = [1, 2]\n"), "no group for r=1 f=1 m=3"),
        (GOOD.replace("f = 3", "f = 4"), "'Stars': f: expected a score from 1 to 3"),
        (GOOD.replace("[2, 3]", "[3, 2]"), "'Stars': r: expected a score from 1 to 3"),
        (GOOD.replace('"Gone"', '" "'), "group 3: expected a name"),
        (GOOD.replace("Gone", "Prospects"), "'Prospects' are those who never bought"),
        (GOOD.replace("f = 3", "frequency = 3"), "unknown key 'frequency'"),
        ("groups = 1", "unknown key 'groups'; did you mean 'group'?"),
    ],
    ids=["empty", "overlap", "hole", "too high", "backwards", "nameless", "taken", "key", "table"],
)
def test_a_file_that_is_no_map_is_an_error_that_shows_why(
    tmp_path: Path, text: str, expected: str
) -> None:
    with pytest.raises(ConfigurationError) as error:
        load_groups(written(tmp_path, text), 3)
    assert expected in str(error.value)
    assert str(tmp_path / "groups.toml") in str(error.value)


def test_a_file_that_isnt_there_is_an_error_that_names_it() -> None:
    with pytest.raises(ConfigurationError, match=r"not found: nowhere\.toml"):
        rfm_rules(RfmConfig(groups="nowhere.toml"))


def test_the_guide_s_examples_are_what_it_says(tmp_path: Path) -> None:
    guide = (ROOT / "docs" / "guides" / "rfm.md").read_text(encoding="utf-8")
    section, groups = re.findall(r"```toml\n(.*?)```", guide, re.DOTALL)
    config = build(tomllib.loads(section), "guide").rfm
    assert (config.r_breaks, config.groups) == ((30, 90), "my_groups.toml")
    found = load_groups(written(tmp_path, groups), config.bins)
    assert found.names == ("Prospects", "Lost", "Wake up", "Promising", "Stars")
    without = groups.replace('[[group]]\nname = "Promising"\nr = 3\nf = 1\n', "")
    with pytest.raises(ConfigurationError) as error:
        load_groups(written(tmp_path, without), config.bins)
    shown = str(error.value).replace(str(tmp_path / "groups.toml"), "my_groups.toml")
    assert f"error: {shown}" in guide
