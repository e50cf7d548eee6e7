"""Score requests by the kernels of the batch."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from custseg_spark.core.clustering.scoring import ScoringModel
from custseg_spark.core.events.copies import repeated
from custseg_spark.core.events.records import NONE_MALFORMED, Records
from custseg_spark.core.events.tables import json_texts
from custseg_spark.core.events.validation import validate_events
from custseg_spark.core.features.registry import all_features
from custseg_spark.core.mappings.mapping import SourceMapping
from custseg_spark.interfaces.service.flaws import RefusedError, flaw
from custseg_spark.interfaces.service.published import Published
from custseg_spark.interfaces.service.schemas import (
    CustomerFeatures,
    Event,
    ModelVersion,
    Scored,
    ScoredCustomers,
)
from custseg_spark.pipeline.in_memory import features_of_events

# As in ingest: trackers' clocks run ahead.
_LATEST_AFTER_NOW = timedelta(days=1)
_AT = "%Y-%m-%d %H:%M:%S.%6f"
_COLUMNS = tuple(Event.model_fields)
# Events already have canonical columns.
_MAPPING = SourceMapping(
    "service",
    columns={name: name for name in _COLUMNS},
    event_at_formats=("yyyy-MM-dd HH:mm:ss.SSSSSS",),
    event_types={kind: kind for kind in ("view", "cart", "purchase", "return")},
    optional_columns=tuple(name for name in _COLUMNS if name not in ("customer_id", "event_at")),
)


def score_features(
    customers: Sequence[CustomerFeatures], published: Published, model: ScoringModel
) -> ScoredCustomers:
    """Score each customer, in their order. Raises RefusedError for a missing feature."""
    rows = [customer.features for customer in customers]
    _require_features(rows, model.columns)
    table = pa.table(
        {name: pa.array([row[name] for row in rows], pa.float64()) for name in model.columns}
    )
    ids = [customer.customer_id for customer in customers]
    return _scored(ids, table, published, model)


def _require_features(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> None:
    flaws = [
        flaw(name, None, "a number, or null where there is none: the model reads it", row)
        for row, values in enumerate(rows, start=1)
        for name in names
        if name not in values
    ]
    if flaws:
        raise RefusedError(flaws)


def score_events(
    events: Sequence[Event],
    as_of: date | None,
    published: Published,
    model: ScoringModel,
    now: datetime,
) -> ScoredCustomers:
    """Score each customer by their events, in the order of the ids.

    Raises RefusedError for events that ingest would refuse, and for a model whose features need
    more than events.
    """
    if published.learned is None:
        raise RefusedError(
            [flaw("model", None, "a run that kept what it learned of all customers; run again")],
            409,
        )
    available = {feature.name for feature in all_features()}
    foreign = [name for name in model.columns if name not in available]
    if foreign:
        expected = "a model of the standing features: this one's come from other tables"
        raise RefusedError([flaw("model", foreign[0], expected)], 409)
    day = as_of or published.run_date
    features = features_of_events(_validated(events, now), as_of=day, learned=published.learned)
    ids = features["customer_id"].to_pylist()
    scored = _scored(ids, features, published, model)
    scored.without_events = sorted({event.customer_id for event in events}.difference(ids))
    return scored


def _validated(events: Sequence[Event], now: datetime) -> pl.DataFrame:
    """Return the events as rows of the table `events`, equal ones once."""
    records = _records(events)
    validated = validate_events(
        records,
        _MAPPING,
        source_file="request",
        file_id="request",
        latest=now + _LATEST_AFTER_NOW,
    )
    if len(validated.rejected):
        raise RefusedError(
            [
                flaw(reason["field"], reason["value"], reason["expected"], row["source_row"])
                for row in validated.rejected.iter_rows(named=True)
                for reason in row["reasons"]
            ]
        )
    return validated.events.filter(pl.Series(~repeated(validated.id_high, validated.id_low)))


def _records(events: Sequence[Event]) -> Records:
    columns = {name: [getattr(e, name) for e in events] for name in _COLUMNS}
    times = [_utc(at) for at in columns.pop("event_at")]
    values = pl.DataFrame(
        [
            pl.Series("event_at", times, pl.Datetime("us")).dt.strftime(_AT),
            *(pl.Series(name, [_text(v) for v in of], pl.String) for name, of in columns.items()),
        ]
    )
    rows = np.arange(1, len(events) + 1, dtype=np.int64)
    return Records(values, rows, NONE_MALFORMED, lambda places: json_texts(values[places]))


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return format(value, "f") if not isinstance(value, int) else str(value)


def _scored(
    ids: Sequence[str | None], features: pa.Table, published: Published, model: ScoringModel
) -> ScoredCustomers:
    names = model.segments
    rows = model.segments_of(features).to_pylist()
    version = ModelVersion(
        run_date=published.run_date,
        algorithm=model.clustering.algorithm,
        fitted_on=model.fitted_on,
    )
    customers = [
        Scored(
            customer_id=customer_id,
            cluster=row["cluster"],
            segment_id=row["segment_id"],
            segment_name=row["segment_name"],
            distance=row["distance"],
            second_segment_id=row["second_segment_id"],
            second_segment_name=names.get(row["second_segment_id"]),
            margin=row["margin"],
            reasons=row["top_features"],
            is_outlier=row["is_outlier"],
        )
        for customer_id, row in zip(ids, rows, strict=True)
    ]
    return ScoredCustomers(model=version, customers=customers)
