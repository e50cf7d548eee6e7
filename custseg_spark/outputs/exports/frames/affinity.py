"""`segment_products`, `segment_product_pairs`, `segment_categories`: what a segment buys."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from custseg_spark.outputs.exports.layout import ReportTable, Run

_MEASURES = """customers bigint, segment_buyers bigint, support double, all_customers bigint,
    all_buyers bigint, lift double, lift_low double, lift_high double"""

SEGMENT_PRODUCTS = ReportTable(
    "segment_products",
    f"""segment_id int, segment string, rank int, product_id string, category_code string,
    brand string, {_MEASURES}, run_date date""",
    key=("segment_id", "rank"),
    indexes=(("product_id",),),
)
SEGMENT_CATEGORIES = ReportTable(
    "segment_categories",
    f"""segment_id int, segment string, kind string, rank int, name string, category_code string,
    {_MEASURES}, run_date date""",
    key=("segment_id", "kind", "rank"),
)
SEGMENT_PRODUCT_PAIRS = ReportTable(
    "segment_product_pairs",
    """segment_id int, segment string, product_id string, partner_rank int,
    partner_product_id string, customers bigint, support double, lift double, lift_low double,
    lift_high double, run_date date""",
    key=("segment_id", "product_id", "partner_rank"),
)


def products(run: Run) -> DataFrame:
    """Return one row per place on a living segment's list of products."""
    return _named(run, run.products)


def categories(run: Run) -> DataFrame:
    """Return one row per place on a living segment's lists of categories and brands."""
    return _named(run, run.categories)


def pairs(run: Run) -> DataFrame:
    """Return one row per listed product and partner that the same customers own."""
    rows = run.products.select(
        "segment_id", "product_id", "run_date", F.posexplode("bought_together").alias("at", "one")
    )
    partners = rows.select(
        "segment_id",
        "product_id",
        (F.col("at") + 1).alias("partner_rank"),
        F.col("one.product_id").alias("partner_product_id"),
        *(f"one.{name}" for name in ("customers", "support", "lift", "lift_low", "lift_high")),
        "run_date",
    )
    return _named(run, partners)


def _named(run: Run, rows: DataFrame) -> DataFrame:
    names = run.named.select("segment_id", F.col("segment_name").alias("segment"))
    return rows.join(names, "segment_id", how="inner")
