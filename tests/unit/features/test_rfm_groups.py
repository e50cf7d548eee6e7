"""RFM groups: a total map over all score codes, the same for one code and for many."""

from itertools import product

import numpy as np
import oracle

from custseg_spark.core.features.rfm_groups import PROSPECTS, rfm_group, rfm_groups

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
    assert rfm_groups(*scores).to_pylist() == [rfm_group(*code) for code in CODES]


def test_no_group_is_empty_and_none_is_unknown() -> None:
    assert {rfm_group(*code) for code in CODES} == GROUPS
    assert [code for code in CODES if rfm_group(*code) == PROSPECTS] == [(0, 0, 0)]


def test_frequency_and_monetary_weigh_alike() -> None:
    assert all(rfm_group(r, f, m) == rfm_group(r, m, f) for r, f, m in CODES)


def test_no_recent_customer_is_called_lost() -> None:
    past = {"Previously Loyal", "At Risk", "Almost Lost", "Dormant"}
    assert not past & {rfm_group(*code) for code in CODES if code[0] >= 3}
