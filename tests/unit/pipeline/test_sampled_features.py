"""Features of a sample of a file's customers are those that the batch over the file has."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from kernels import BY, parts_of, validated, without_copies
from random_logs import HEADER, MAPPING, log_file, random_log

from custseg_spark.config.mappings import MappingFile, mapping_of
from custseg_spark.core.clustering.sampling import in_sample
from custseg_spark.core.features.customers import customer_features
from custseg_spark.core.features.levels import Levels
from custseg_spark.core.sampling import HASH_STEPS, hash_step
from custseg_spark.core.sessions.levels import category_sums, price_levels
from custseg_spark.engine.sources.discovery import files
from custseg_spark.errors import InputError
from custseg_spark.pipeline.sampled_features import (
    SEED,
    SampledFeatures,
    read,
    sampled_features,
)

NOW = datetime(2029, 12, 31, tzinfo=UTC)


def by() -> MappingFile:
    plain = {k: list(v) if isinstance(v, tuple) else v for k, v in MAPPING.items()}
    return mapping_of(plain, BY.name)


def sampled(
    path: Path, content: bytes, most_events: int = 1_000_000, *, mapping: MappingFile | None = None
) -> SampledFeatures:
    path.write_bytes(content)
    [file] = files.list_files(str(path), hashes=False)
    staging = path.parent / "staging"
    return sampled_features(file, mapping or by(), staging, now=NOW, most_events=most_events)


def batch(lines: list[str]) -> pa.Table:
    """The features of all customers as the kernels of a run compute them."""
    days = without_copies(validated(lines, 1))
    events = pl.concat(days.values())
    [parts] = parts_of(days, 1)
    as_of = max(days) + timedelta(days=1)
    levels = Levels(*price_levels(category_sums(events)))
    return customer_features(parts, as_of=as_of, levels=levels)


def without_scores(table: pa.Table) -> pl.DataFrame:
    frame = pl.DataFrame(pl.from_arrow(table))
    return frame.drop("rfm_r", "rfm_f", "rfm_m", "rfm_score", "rfm_group")


@pytest.mark.parametrize("seed", range(5))
def test_a_sample_of_all_has_the_features_of_the_batch(tmp_path: Path, seed: int) -> None:
    log = random_log(seed, 6)
    found = sampled(tmp_path / "log.csv", log_file(log.lines))
    assert without_scores(found.features).equals(without_scores(batch(log.lines)))
    assert found.about.share == 1
    assert (found.about.accepted, found.about.refused) == (len(log.events), log.refused)


@pytest.mark.parametrize("seed", range(5))
def test_sampled_customers_are_complete_and_those_of_the_first_hashes(
    tmp_path: Path, seed: int
) -> None:
    log = random_log(seed, 12)
    found = sampled(tmp_path / "log.csv", log_file(log.lines), most_events=60)
    whole = without_scores(batch(log.lines))
    below = round(found.about.share * HASH_STEPS)
    expected = whole.filter(whole.select(hash_step("customer_id", seed=SEED)).to_series() < below)
    assert 0 < len(expected) < len(whole)
    assert without_scores(found.features).equals(expected)
    assert expected["event_count"].sum() <= 60


def test_the_order_of_the_records_changes_nothing(tmp_path: Path) -> None:
    log = random_log(3, 12)
    there = sampled(tmp_path / "log.csv", log_file(log.lines), most_events=60)
    back = sampled(tmp_path / "back.csv", log_file(log.lines[::-1]), most_events=60)
    assert without_scores(there.features).equals(without_scores(back.features))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    found = sampled(tmp_path / "log.csv", log_file(random_log(1, 4).lines))
    found.write(tmp_path / "sample.parquet")
    assert read(tmp_path / "sample.parquet") == found


def test_a_parquet_file_has_the_features_of_its_text(tmp_path: Path) -> None:
    rows = [("7", f"2024-01-{d:02} 10:00:00", "buy", "9.50", "x") for d in range(1, 9)]
    frame = pl.DataFrame(rows, schema=["user", "at", "kind", "price", "sku"], orient="row")
    mapping = mapping_of(
        {
            "columns": {
                "customer_id": "user",
                "event_at": "at",
                "event_type": "kind",
                "unit_price": "price",
                "product_id": "sku",
            },
            "event_at_formats": ["yyyy-MM-dd HH:mm:ss"],
            "event_types": {"buy": "purchase"},
        },
        "log",
    )
    frame.write_parquet(tmp_path / "log.parquet")
    text, table = (
        sampled(tmp_path / name, content, mapping=mapping)
        for name, content in (
            ("log.csv", frame.write_csv().encode()),
            ("log.parquet", (tmp_path / "log.parquet").read_bytes()),
        )
    )
    assert text == table
    assert str(text.about.run_date) == "2024-01-09"


def test_a_file_without_an_accepted_event_is_an_error(tmp_path: Path) -> None:
    header = ",".join(HEADER)
    with pytest.raises(InputError, match="no event was accepted: 1 records were refused"):
        sampled(tmp_path / "log.csv", f"{header}\n{',' * (len(HEADER) - 1)}\n".encode())


def test_a_sample_of_the_sample_is_no_larger_than_asked_for(tmp_path: Path) -> None:
    lines = [f"{n},2024-01-0{1 + n % 5} 10:00:00,buy,9.50" for n in range(4_000)]
    mapping = mapping_of(
        {
            "columns": {"customer_id": "user", "event_at": "at", "event_type": "kind"},
            "event_at_formats": ["yyyy-MM-dd HH:mm:ss"],
            "event_types": {"buy": "purchase"},
        },
        "log",
    )
    content = "\n".join(["user,at,kind,price", *lines]).encode() + b"\n"
    found = sampled(tmp_path / "log.csv", content, most_events=2_500, mapping=mapping)
    assert 1_800 < len(found.features) < 2_200
    wanted = in_sample(found.features["customer_id"], 500, len(found.features))
    assert 400 < wanted.sum() < 600
