"""How many refused records a source may have."""

from dataclasses import replace
from pathlib import Path

import pytest

from custseg_spark.config.mappings import load_mapping
from custseg_spark.config.settings import Config, IngestConfig
from custseg_spark.config.shipped import conf_dir
from custseg_spark.engine.sources.discovery.files import SourceFile
from custseg_spark.errors import RejectedShareError
from custseg_spark.pipeline.ingest.ledger import Counts, LedgerRow
from custseg_spark.pipeline.ingest.refused import check_shares
from custseg_spark.pipeline.ingest.written import Example, Refusal, merged_refusals

MAPPING = load_mapping("ecommerce_events", {}, [conf_dir() / "sources"])


def check(share: float, *counts: Counts, own: float | None = None) -> None:
    """Files of one source with these counts, under a general share and the mapping's own."""
    mapping = replace(MAPPING, max_rejected_share=own)
    files = [f"{n}.csv" for n in range(len(counts))]
    rows = [LedgerRow(f, mapping.name, SourceFile(Path(f), "text", 1, f)) for f in files]
    by_file = dict(zip(files, counts, strict=True))
    config = Config(ingest=IngestConfig(max_rejected_share=share))
    check_shares([mapping], rows, by_file, lambda: [], config)


def test_exactly_the_limit_is_allowed() -> None:
    # In floating numbers 0.29 of 100 is less than 29.
    check(0.29, Counts(71, 29))
    with pytest.raises(RejectedShareError, match=r"30 of 100 records refused \(30\.0%"):
        check(0.29, Counts(70, 30))


def test_the_files_of_a_source_are_counted_together() -> None:
    check(0.5, Counts(0, 3), Counts(3, 0))


def test_a_mapping_s_own_share_counts_before_the_general_one() -> None:
    check(0.05, Counts(1, 1), own=0.5)
    with pytest.raises(RejectedShareError, match=r"at most 0\.0% allowed"):
        check(0.5, Counts(99, 1), own=0)


def test_nothing_read_is_nothing_refused() -> None:
    check(0, Counts())


def refusal(code: str, records: int, file: str, row: int) -> Refusal:
    return Refusal("shop", code, records, Example(file, row, "price", None, None))


def test_the_reasons_of_all_tasks_come_by_their_number_with_the_first_record() -> None:
    merged = merged_refusals(
        [
            refusal("negative", 2, "b.csv", 2),
            refusal("not_a_number", 1, "a.csv", 9),
            refusal("negative", 1, "a.csv", 30),
            refusal("missing_customer", 1, "a.csv", 9),
        ]
    )
    assert merged == [
        refusal("negative", 3, "a.csv", 30),
        refusal("missing_customer", 1, "a.csv", 9),
        refusal("not_a_number", 1, "a.csv", 9),
    ]
