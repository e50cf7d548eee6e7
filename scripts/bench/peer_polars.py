"""Polars and scikit-learn: python -m bench.peer_polars LOG OUT, features and segments to OUT."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from bench import clustering
from bench.shop import (
    DAY_SECONDS,
    EVENING_FROM_HOUR,
    FEATURES,
    KINDS,
    LOG_TYPES,
    PROSPECTS,
    QUINTILES,
    RFM_GROUPS,
    TIME_FORMAT,
    WINDOWS_DAYS,
)

_TYPES = {"int64": pl.Int64, "double": pl.Float64, "string": pl.Categorical}
_SATURDAY = 6
_ROW = ["user_id", "row"]


def read_events(log: Path) -> pl.DataFrame:
    """One row an event, exact copies once; ids hashed and money in cents, to be exact and small."""
    as_text = {"event_time": pl.String, "user_session": pl.String}
    schema = {name: as_text.get(name) or _TYPES[type_] for name, type_ in LOG_TYPES.items()}
    second = pl.col("event_time").str.to_datetime(TIME_FORMAT, time_unit="ms").dt.epoch("s")
    narrow = pl.scan_csv(log, schema=schema).select(
        pl.struct(pl.all()).hash().alias("row"),
        "user_id",
        pl.col("user_session").hash().alias("session"),
        second.cast(pl.UInt32).alias("second"),
        *[(pl.col("event_type") == kind).alias(kind) for kind in KINDS],
        pl.col("product_id").cast(pl.UInt32),
        "category_id",
        pl.col("brand").to_physical(),
        (pl.col("price") * 100).round().cast(pl.UInt32).alias("cents"),
    )
    events = narrow.collect(engine="streaming").lazy()
    # Copies are few: looked for by two numbers, the rest stays as it is.
    copies = events.group_by(_ROW).len().filter(pl.col("len") > 1).collect().lazy()
    once = events.join(copies, on=_ROW, how="semi").unique(_ROW)
    return pl.concat([events.join(copies, on=_ROW, how="anti"), once]).drop("row").collect()


def features(events: pl.DataFrame) -> pl.DataFrame:
    """One row a customer, as of the day after the last event."""
    last = datetime.fromtimestamp(int(events["second"].max()), UTC)  # type: ignore[arg-type]
    as_of = int((last.replace(hour=0, minute=0, second=0) + timedelta(days=1)).timestamp())
    timed = events.lazy().with_columns(
        pl.col("second").cast(pl.Int64),
        pl.col("cents").cast(pl.Int64),
        day=(pl.col("second") // DAY_SECONDS).cast(pl.Int32),
        hour=(pl.col("second") % DAY_SECONDS // 3600).cast(pl.Int8),
        priced=pl.when(pl.col("category_id").is_not_null() & (pl.col("cents") > 0)).then(
            (pl.col("cents") / 100).log()
        ),
    )
    frames = [
        _customers(timed, as_of),
        _sessions(timed),
        _counted(timed, "product_id", product_count=pl.len()),
        _counted(timed, "category_id", **_concentration("category"), n_log_n_category=_n_log_n()),
        _counted(timed, "brand", **_concentration("brand")),
        _counted(
            timed, "hour", busiest=(pl.col("len") * 24 + 23 - pl.col("hour")).max(),
            n_log_n_hour=_n_log_n(),
        ),
        _counted(timed, "day", active_days=pl.len()),
        _counted(timed.filter("purchase"), "day", purchase_days=pl.len()),
        _levels(timed),
    ]  # fmt: skip
    totals, *others = pl.collect_all(frames)
    joined = totals.lazy()
    for other in others:
        joined = joined.join(other.lazy(), on="user_id", how="left")
    scored = _scored(_ratios(joined, as_of))
    return scored.select(pl.col("user_id").alias("customer_id"), *FEATURES).collect()


def _customers(timed: pl.LazyFrame, as_of: int) -> pl.LazyFrame:
    view, purchase, cents = pl.col("view"), pl.col("purchase"), pl.col("cents")
    viewed, paid = cents.filter("view"), cents.filter("purchase")
    windows = {}
    for days in WINDOWS_DAYS:
        inside = pl.col("second") >= as_of - days * DAY_SECONDS
        windows[f"events_{days}d"] = inside.sum()
        windows[f"purchases_{days}d"] = (inside & purchase).sum()
        windows[f"spend_{days}d"] = (cents * (inside & purchase)).sum() / 100
    return timed.group_by("user_id").agg(
        event_count=pl.len(),
        **{f"{kind}_count": pl.col(kind).sum() for kind in KINDS},
        first=pl.col("second").min(),
        last=pl.col("second").max(),
        last_purchase=pl.col("second").filter("purchase").max(),
        spent=(cents * purchase).sum(),
        evening=(pl.col("hour") >= EVENING_FROM_HOUR).sum(),
        # Day 0 was a Thursday.
        weekend=((pl.col("day") + 3) % 7 + 1 >= _SATURDAY).sum(),
        avg_viewed_price=viewed.mean() / 100,
        avg_purchased_price=paid.mean() / 100,
        price_stddev=viewed.std(ddof=0).fill_null(0) / 100,
        max_viewed_price=viewed.max() / 100,
        mean_priced=pl.col("priced").mean(),
        viewed=view.any(),
        **windows,
    )


def _sessions(timed: pl.LazyFrame) -> pl.LazyFrame:
    sessions = timed.group_by("user_id", "session").agg(
        start=pl.col("second").min(),
        end=pl.col("second").max(),
        events=pl.len(),
        has_cart=pl.col("cart").any(),
        has_purchase=pl.col("purchase").any(),
    )
    return sessions.group_by("user_id").agg(
        session_count=pl.len(),
        frequency=pl.col("has_purchase").sum(),
        session_duration_mean_s=(pl.col("end") - pl.col("start")).mean(),
        bounced=(pl.col("events") == 1).sum(),
        cart_sessions=pl.col("has_cart").sum(),
        abandoned=(pl.col("has_cart") & ~pl.col("has_purchase")).sum(),
        last_start=pl.col("start").max(),
    )


def _counted(timed: pl.LazyFrame, key: str, **totals: pl.Expr) -> pl.LazyFrame:
    """Totals over a customer's distinct keys; `len` is a key's events."""
    keys = timed.filter(pl.col(key).is_not_null()).group_by("user_id", key).len()
    return keys.with_columns(pl.col("len").cast(pl.Int64)).group_by("user_id").agg(**totals)


def _concentration(name: str) -> dict[str, pl.Expr]:
    n = pl.col("len")
    return {
        f"{name}_count": pl.len(),
        f"top_{name}_share": n.max() / n.sum(),
        f"{name}_events": n.sum(),
    }


def _n_log_n() -> pl.Expr:
    return (pl.col("len") * pl.col("len").log()).sum()


def _levels(timed: pl.LazyFrame) -> pl.LazyFrame:
    """A customer's mean over events of the categories' mean log price."""
    levels = timed.group_by("category_id").agg(level=pl.col("priced").mean())
    with_levels = timed.join(levels, on="category_id", how="inner")
    return with_levels.group_by("user_id").agg(mean_level=pl.col("level").mean())


def _ratio(above: str, below: str) -> pl.Expr:
    return pl.when(pl.col(below) > 0).then(pl.col(above) / pl.col(below)).otherwise(0.0)


def _entropy(total: str, n_log_n: str) -> pl.Expr:
    nats = pl.col(total).log() - pl.col(n_log_n) / pl.col(total)
    return pl.when(pl.col(total) > 0).then(nats).otherwise(0.0)


def _ratios(totals: pl.LazyFrame, as_of: int) -> pl.LazyFrame:
    counts = ("category_count", "category_events", "brand_count", "purchase_days", "frequency")
    shares = ("top_category_share", "top_brand_share")
    filled = totals.with_columns(
        *[pl.col(name).cast(pl.Int64).fill_null(0) for name in counts],
        *[pl.col(name).fill_null(0.0) for name in shares],
        idle=(pl.col("cart_count").cast(pl.Int64) - pl.col("purchase_count")).clip(0),
        seen=pl.col("last") - pl.col("first"),
        known=as_of - pl.col("first"),
        monetary=pl.col("spent") / 100,
    )
    repeats = pl.when(pl.col("frequency") > 0).then(1 - 1 / pl.col("frequency")).otherwise(0.0)
    spread = pl.col("price_stddev") / pl.col("avg_viewed_price")
    ratio = pl.col("avg_purchased_price") / pl.col("avg_viewed_price")
    gaps = (pl.col("last_start") - pl.col("first")) / (pl.col("session_count") - 1) / DAY_SECONDS
    return filled.with_columns(
        recency_days=(as_of - pl.col("last_purchase")) // DAY_SECONDS,
        average_order_value=_ratio("monetary", "frequency"),
        days_since_first_event=pl.col("known") // DAY_SECONDS,
        days_since_last_event=(as_of - pl.col("last")) // DAY_SECONDS,
        active_span_days=pl.col("seen") / DAY_SECONDS,
        events_per_session=_ratio("event_count", "session_count"),
        bounce_rate=_ratio("bounced", "session_count"),
        cart_share=_ratio("cart_count", "event_count"),
        uncompleted_cart_share=_ratio("idle", "event_count"),
        view_to_cart_rate=_ratio("cart_count", "view_count"),
        cart_to_purchase_rate=_ratio("purchase_count", "cart_count"),
        view_to_purchase_rate=_ratio("purchase_count", "view_count"),
        cart_abandonment_rate=_ratio("abandoned", "cart_sessions"),
        engagement_intensity=_ratio("event_count", "active_days"),
        loyalty_score=(repeats + _ratio("seen", "known")) / 2,
        exploration_ratio=_ratio("product_count", "view_count"),
        category_entropy=_entropy("category_events", "n_log_n_category"),
        peak_hour=23 - pl.col("busiest") % 24,
        hour_entropy=_entropy("event_count", "n_log_n_hour"),
        evening_share=_ratio("evening", "event_count"),
        weekend_share=_ratio("weekend", "event_count"),
        days_between_sessions_mean=pl.when(pl.col("session_count") > 1).then(gaps),
        price_ratio=pl.when(pl.col("avg_viewed_price") > 0).then(ratio),
        price_tolerance=pl.when(pl.col("avg_viewed_price") > 0).then(spread).otherwise(0.0),
        relative_price=pl.col("mean_priced") - pl.col("mean_level"),
    )  # fmt: skip


def _scored(table: pl.LazyFrame) -> pl.LazyFrame:
    is_buyer = pl.col("frequency") > 0

    def score(value: pl.Expr) -> pl.Expr:
        below = pl.when(is_buyer).then(value).rank("min").cast(pl.Int64) - 1
        return pl.when(is_buyer).then(1 + QUINTILES * below // is_buyer.sum()).otherwise(0)

    scored = table.with_columns(
        rfm_r=score(-pl.col("recency_days")),
        rfm_f=score(pl.col("frequency")),
        rfm_m=score(pl.col("spent")),
    )
    place = (pl.col("rfm_r") - 1) * QUINTILES + (pl.col("rfm_f") + pl.col("rfm_m") + 1) // 2 - 1
    groups = pl.lit(pl.Series([*RFM_GROUPS, PROSPECTS]))
    return scored.with_columns(
        rfm_score=pl.col("rfm_r") + pl.col("rfm_f") + pl.col("rfm_m"),
        rfm_group=groups.gather(pl.when(is_buyer).then(place).otherwise(len(RFM_GROUPS))),
    )


def main(log: Path, out: Path) -> None:
    table = features(read_events(log))
    names = (*clustering.MODEL, clustering.EVIDENCE)
    k, labels = clustering.segment({n: table[n].cast(pl.Float64).to_numpy() for n in names})
    table.with_columns(label=pl.Series(labels)).write_parquet(out / "segments.parquet")
    k.save(out / "model.json")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
