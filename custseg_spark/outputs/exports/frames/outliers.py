"""`customer_outliers`: customers who fit no segment, with their odd features."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import NumericType

from custseg_spark.outputs.exports.layout import ReportTable, Run

CUSTOMER_OUTLIERS = ReportTable(
    "customer_outliers",
    """customer_id string, rank int, segment_id int, segment string, distance double,
    outlier_distance double, feature string, deviation double, value double,
    segment_median double, run_date date""",
    key=("customer_id", "rank"),
    indexes=(("segment_id",),),
)


def rows(run: Run) -> DataFrame:
    """Return one row per outlier and odd feature, the oddest first (`rank` 1).

    `value` is the customer's own; null, like `segment_median`, for a principal component.
    """
    outliers = run.segments.where(F.col("is_outlier"))
    odd = outliers.select(
        "customer_id",
        "segment_id",
        F.col("segment_name").alias("segment"),
        "distance",
        F.posexplode("oddities").alias("place", "oddity"),
    )
    # The map takes long to make, so only of outliers.
    theirs = run.features.join(outliers.select("customer_id"), "customer_id", how="left_semi")
    values = theirs.select("customer_id", _by_name(theirs).alias("own"))
    segments = run.named.select("segment_id", "outlier_distance", F.col("features").alias("usual"))
    feature = F.col("oddity.feature")
    return (
        odd.join(values, "customer_id", how="left")
        .join(segments, "segment_id", how="left")
        .withColumns(
            {
                "rank": F.col("place") + 1,
                "feature": feature,
                "deviation": F.col("oddity.deviation"),
                "value": F.element_at("own", feature),
                "segment_median": F.element_at("usual", feature)["median"],
                "run_date": F.lit(run.run_date),
            }
        )
    )


def _by_name(features: DataFrame) -> Column:
    """Return a customer's numeric features by name."""
    numbers = [f.name for f in features.schema.fields if isinstance(f.dataType, NumericType)]
    pairs = ((F.lit(name), F.col(name).cast("double")) for name in numbers)
    return F.create_map(*(part for pair in pairs for part in pair))
