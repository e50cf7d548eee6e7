"""A section about the customers who fit no segment, and what is odd about them."""

from custseg_spark.outputs.report import words
from custseg_spark.outputs.report.content import Content
from custseg_spark.outputs.report.rows import OutlierCount
from custseg_spark.outputs.report.section import Grid, Section
from custseg_spark.outputs.report.segments import colours

_MOST_ODDITIES = 3


def section(content: Content) -> list[Section]:
    """Return the section; none where the run's model knows no distance of outliers."""
    percentile = content.run.setting("model", "outlier_percentile")
    if percentile is None or not content.segments:
        return []
    total = sum(one.customers for one in content.outliers)
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
        own = [one for one in content.outliers if one.segment_id == segment.segment_id]
        number = sum(one.customers for one in own)
        own.sort(key=lambda one: (-one.customers, one.feature, one.is_high))
        rows.append(
            [
                segment.segment_name,
                words.count(number),
                words.percent(number / max(segment.customers, 1)),
                "; ".join(map(_oddity, own[:_MOST_ODDITIES])) or words.MISSING,
            ]
        )
    head = ["segment", "customers", "share", "oddest about them"]
    return Grid("Customers who fit no segment", head, rows, colours(content), frozenset({3}))


def _oddity(one: OutlierCount) -> str:
    side = "high" if one.is_high else "low"
    return f"{words.feature(one.feature)} {side} ({words.count(one.customers)})"
