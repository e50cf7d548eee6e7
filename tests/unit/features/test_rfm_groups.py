"""RFM groups: a total map over all score codes, the same for one code and for many."""

from itertools import product

import numpy as np
import oracle
import pytest

from custseg_spark.core.features.rfm_groups import (
    PROSPECTS,
    RfmBox,
    own_groups,
    rfm_group,
    standard_groups,
)
from custseg_spark.errors import ConfigurationError

CODES = [(0, 0, 0), *product(range(1, 6), repeat=3)]
GROUPS = {
    "Champions", "Loyal", "Active", "Needs Attention", "Promising", "New", "Previously Loyal",
    "At Risk", "Almost Lost", "Dormant", PROSPECTS,
}  # fmt: skip


def test_every_code_has_the_group_of_the_definition() -> None:
    assert {code: rfm_group(*code) for code in CODES} == {
        code: oracle.rfm_group(*code) for code in CODES
    }


def test_many_codes_at_once_have_the_groups_of_each() -> None:
    scores = (np.array(one) for one in zip(*CODES, strict=True))
    assert standard_groups().of(*scores).to_pylist() == [rfm_group(*code) for code in CODES]


def test_no_group_is_empty_and_none_is_unknown() -> None:
    assert {rfm_group(*code) for code in CODES} == GROUPS
    assert [code for code in CODES if rfm_group(*code) == PROSPECTS] == [(0, 0, 0)]


def test_frequency_and_monetary_weigh_alike() -> None:
    assert all(rfm_group(r, f, m) == rfm_group(r, m, f) for r, f, m in CODES)


def test_no_recent_customer_is_called_lost() -> None:
    past = {"Previously Loyal", "At Risk", "Almost Lost", "Dormant"}
    assert not past & {rfm_group(*code) for code in CODES if code[0] >= 3}


def group_of(bins: int, r: int, f: int, m: int) -> object:
    scores = (np.array([score]) for score in (r, f, m))
    return standard_groups(bins).of(*scores)[0].as_py()


@pytest.mark.parametrize("bins", range(2, 11))
def test_any_number_of_bins_has_the_standard_groups_at_its_ends(bins: int) -> None:
    assert group_of(bins, bins, bins, bins) == "Champions"
    assert group_of(bins, 1, 1, 1) == "Dormant"
    assert group_of(bins, bins, 1, 1) == "New"
    assert group_of(bins, 0, 0, 0) == PROSPECTS
    assert len(standard_groups(bins).places) == bins**3


def test_three_bins_are_the_first_the_middle_and_the_last_of_five() -> None:
    for code in product((1, 2, 3), repeat=3):
        assert group_of(3, *code) == oracle.rfm_group(*(2 * score - 1 for score in code))


def box(group: str, r: object = (1, 2), f: object = (1, 2), m: object = (1, 2)) -> RfmBox:
    return RfmBox(group, r, f, m)  # type: ignore[arg-type]


def test_a_map_of_one_s_own_names_every_code_by_its_box() -> None:
    groups = own_groups([box("Good", r=(2, 2)), box("Bad", (1, 1))], 2, "own.toml")
    scores = (np.array(one) for one in ((0, 1, 2, 2), (0, 2, 1, 2), (0, 1, 1, 2)))
    assert groups.of(*scores).to_pylist() == [PROSPECTS, "Bad", "Good", "Good"]


def test_a_hole_is_an_error_that_shows_it() -> None:
    with pytest.raises(ConfigurationError, match=r"own\.toml: no group for r=1 f=2 m=1, r=1"):
        own_groups([box("Good", r=(2, 2)), box("Bad", (1, 1), (1, 1))], 2, "own.toml")
    with pytest.raises(ConfigurationError, match="and 4 more codes; every code from r=1 f=1 m=1"):
        own_groups([box("Good", (1, 1), (1, 1), (1, 1))], 2, "own.toml")


def test_an_overlap_is_an_error_that_shows_it() -> None:
    with pytest.raises(ConfigurationError) as error:
        own_groups([box("All"), box("Best", (2, 2), (2, 2), (2, 2))], 2, "own.toml")
    assert "more than one group for r=2 f=2 m=2 ('All' and 'Best')" in str(error.value)
