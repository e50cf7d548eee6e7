"""Reporting tables, one module each: from a run's frames to rows."""

from custseg_spark.outputs.exports.frames import (
    affinity,
    behaviour,
    customers,
    memberships,
    outliers,
    segments,
    stores,
    trends,
)
from custseg_spark.outputs.exports.layout import Report

REPORTS = {
    report.table.name: report
    for report in (
        Report(customers.CUSTOMER_SEGMENTS, customers.rows),
        Report(segments.SEGMENT_METRICS, segments.rows),
        Report(outliers.CUSTOMER_OUTLIERS, outliers.rows),
        Report(behaviour.CUSTOMER_BEHAVIOR_METRICS, behaviour.rows),
        Report(stores.CUSTOMER_STORE_SUMMARY, stores.rows),
        Report(trends.CUSTOMER_PURCHASE_TRENDS, trends.rows),
        Report(affinity.SEGMENT_PRODUCTS, affinity.products),
        Report(affinity.SEGMENT_PRODUCT_PAIRS, affinity.pairs),
        Report(affinity.SEGMENT_CATEGORIES, affinity.categories),
        Report(memberships.SEGMENT_MEMBERSHIPS, memberships.rows),
    )
}
# By default, exported only for the algorithm that has rows for it.
OF_ALGORITHM = {memberships.SEGMENT_MEMBERSHIPS.name: "gaussian_mixture"}
