"""A section about customers who fit no segment, and their odd features."""

from custseg_spark.outputs.report import words
from custseg_spark.outputs.report.content import Content
from custseg_spark.outputs.report.rows import OutlierCount
from custseg_spark.outputs.report.section import Grid, Section
from custseg_spark.outputs.report.segments import colours

_MOST_ODDITIES = 3


def section(content: Content) -> list[Section]:
    """Return the section; None if the run's model has no distances of outliers."""
    percentile = content.run.setting("model", "outlier_percentile")
    if percentile is None or not content.segments:
        return []
    total = sum(count.customers for count in content.outliers)
    text = [
        f"{words.counted(total, 'customer')} of {words.count(content.customers)}"
        f" ({words.percent(total / max(content.customers, 1))}) fit no segment: they are farther"
        f" from the centre of their own than {percentile:g} % of its customers were when the model"
        " was fitted. Look at them one by one before a campaign counts them in; customer_segments"
        " marks them (is_outlier, oddities), and the export customer_outliers lists them."
    ]
    return [Section("outliers", "Who fits no segment", text, [], [_grid(content)] if total else [])]


def _grid(content: Content) -> Grid:
    rows = []
    for segment in content.segments:
        counts = [count for count in content.outliers if count.segment_id == segment.segment_id]
        number = sum(count.customers for count in counts)
        counts.sort(key=lambda count: (-count.customers, count.feature, count.is_high))
        rows.append(
            [
                segment.segment_name,
                words.count(number),
                words.percent(number / max(segment.customers, 1)),
                "; ".join(map(_oddity, counts[:_MOST_ODDITIES])) or words.MISSING,
            ]
        )
    head = ["segment", "customers", "share", "oddest about them"]
    return Grid("Customers who fit no segment", head, rows, colours(content), frozenset({3}))


def _oddity(count: OutlierCount) -> str:
    side = "high" if count.is_high else "low"
    return f"{words.feature(count.feature)} {side} ({words.count(count.customers)})"
