"""The report's part on a Gaussian mixture's memberships, and on segments not to be relied on."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import python_lake
from python_lake import NOW, profile, segment

from custseg_spark.engine.lake.reader import LakeReader
from custseg_spark.engine.lake.schemas import CUSTOMER_SEGMENTS, SEGMENT_PROFILES
from custseg_spark.outputs.report import memberships as section
from custseg_spark.outputs.report import mixtures, reading, segments
from custseg_spark.outputs.report.content import Content
from custseg_spark.outputs.report.rows import Memberships, MixedCustomer

# Each customer's segment and membership of segment 1; the rest is of segment 2.
CUSTOMERS = {"a": (1, 0.9), "b": (1, 0.5), "c": (2, 0.25), "d": (2, 0.125), "e": (1, 0.75)}


def bucket(customers: Sequence[str], algorithm: str = mixtures.ALGORITHM) -> pa.Table:
    of = [CUSTOMERS[c] for c in customers]
    return pa.table(
        {
            "algorithm": [algorithm] * len(of),
            "customer_id": pa.array(customers, pa.string()),
            "segment_id": pa.array([own for own, _ in of], pa.int32()),
            "memberships": pa.array(
                [[(1, first), (2, 1 - first)] for _, first in of],
                pa.map_(pa.int32(), pa.float64()),
            ),
        }
    )


def test_memberships_are_averaged_by_segment_whatever_the_portions() -> None:
    whole = mixtures.memberships([mixtures.portion(bucket(list("abcde")))])
    parts = [mixtures.portion(bucket(part)) for part in ("dc", "e", "", "ba")]
    assert mixtures.memberships(parts) == whole
    assert whole is not None
    assert whole.customers == {1: 3, 2: 2}
    assert whole.between == {1: 1, 2: 0}
    assert whole.means == {
        (1, 1): pytest.approx(2.15 / 3),
        (1, 2): pytest.approx(0.85 / 3),
        (2, 1): 0.1875,
        (2, 2): 0.8125,
    }
    assert whole.examples == [
        MixedCustomer(1, [(1, 0.5), (2, 0.5)]),
        MixedCustomer(2, [(2, 0.75), (1, 0.25)]),  # c stands for e, who is as clear
        MixedCustomer(2, [(2, 0.875), (1, 0.125)]),
        MixedCustomer(1, [(1, 0.9), (2, pytest.approx(0.1))]),
    ]


def test_other_algorithms_have_no_memberships() -> None:
    kmeans = bucket(["a"], "kmeans").set_column(
        3, "memberships", pa.nulls(1, pa.map_(pa.int32(), pa.float64()))
    )
    assert mixtures.memberships([mixtures.portion(kmeans)]) is None
    assert mixtures.memberships([]) is None


def content_of(root: Path, **profiles: Any) -> Content:
    lake = python_lake.make(root)
    of = {"algorithm": mixtures.ALGORITHM}
    rows = [
        segment(NOW, c, own, **of, memberships={1: first, 2: 1 - first})
        for c, (own, first) in CUSTOMERS.items()
    ]
    python_lake.add(lake, CUSTOMER_SEGMENTS, rows, "b")
    both = [profile(NOW, 1, 3, "9", **of, **profiles), profile(NOW, 2, 2, "0", **of)]
    python_lake.add(lake, SEGMENT_PROFILES, both, "b")
    reader = LakeReader(root).at_one_moment()
    return reading.content(reader, NOW, reader.map_files, mixtures.ALGORITHM)


def test_the_section_counts_who_lies_between_and_names_no_customer(tmp_path: Path) -> None:
    [made] = section.section(content_of(tmp_path / "lake"))
    assert "1 customer of 5 (20.0 %) have no membership above one half" in made.text[0]
    means, examples = made.grids
    assert list(means.rows) == [
        ["High-Value", "3", "71.7 %", "28.3 %", "33.3 %"],
        ["Window Shoppers", "2", "18.8 %", "81.2 %", "0 %"],
    ]
    assert examples.rows[1] == ["Window Shoppers", "Window Shoppers 75.0 %, High-Value 25.0 %"]


def test_a_run_without_a_mixture_has_no_section(tmp_path: Path) -> None:
    python_lake.make(tmp_path / "lake")
    reader = LakeReader(tmp_path / "lake").at_one_moment()
    content = reading.content(reader, NOW, reader.map_files)
    assert content.memberships is None
    assert section.section(content) == []


def test_a_segment_not_to_be_relied_on_is_named_among_the_sizes(tmp_path: Path) -> None:
    content = content_of(tmp_path / "lake", is_reliable=False, jaccard=0.5)
    assert any(
        text.startswith("Not to be relied on: High-Value. ")
        for text in segments.sizes(content).text
    )
    assert Memberships is type(content.memberships)
