"""Sections about the segments of the main algorithm: sizes, profiles, plane, RFM groups."""

from collections.abc import Sequence

from custseg_spark.core.clustering.stability import RELIABLE_FROM
from custseg_spark.outputs.report import words
from custseg_spark.outputs.report.content import Content
from custseg_spark.outputs.report.rows import RfmCount, Segment
from custseg_spark.outputs.report.section import Grid, Picture, Section

STATUS = {
    "continued": "as before",
    "born": "new",
    "split": "split off",
    "merged": "merged",
}


def colours(content: Content) -> list[str]:
    """Return the segments' colours, in their order."""
    return [content.styles[s.segment_id].colour for s in content.segments]


def sizes(content: Content) -> Section:
    """Describe the size and the stability of the segments."""
    segments = content.segments
    if not segments:
        return Section("segments", "Sizes", ["The tables hold no segments for this run date."])
    text = ["Revenue is what customers bought less what they returned, in the source's currency."]
    if all(s.revenue_share is None for s in segments):
        text.append("There is no net revenue, so that there are no shares of it.")
    text += [*_little_known(content), *_unreliable(segments)]
    largest = segments[0]
    alt = (
        f"Bars: each segment's share of customers and of revenue; the largest, "
        f"{largest.segment_name}, has {words.percent(largest.customer_share)} of the customers."
    )
    head = ["segment", "customers", "share", "revenue", "share", "a customer"]
    if content.known_customers < content.customers:
        head.append("of the known")
    rows = [[*_size(s), *_of_the_known(content, s)] for s in segments]
    sizes = Grid("Customers and revenue", head, rows, colours(content))
    head = ["segment", "id", "since", "status", "found again", "next best name"]
    rows, prose = [_identity(s) for s in segments], frozenset({2, 3, 4, 5})
    identity = Grid("Identity, and how well resamples find it again", head, rows, (), prose)
    pictures = [Picture("cluster_distribution", alt)]
    return Section("segments", "Sizes", text, pictures, [sizes, identity])


def _little_known(content: Content) -> list[str]:
    """Say how many customers are of too little known; nothing if there are none."""
    apart = [s for s in content.segments if s.is_little_known]
    if not apart:
        return []
    least = content.run.setting("model", "known_from")
    return [
        f"{words.count(apart[0].customers)} customers ({words.percent(apart[0].customer_share)})"
        f" left fewer than {least} events and no order: too little to tell them apart. They are"
        f" counted apart, and the shares of the others are of all customers; of the"
        f" {words.count(content.known_customers)} known ones they are in the last column."
    ]


def _unreliable(segments: Sequence[Segment]) -> list[str]:
    """Name the segments that resamples don't find again; nothing if there are none."""
    names = [s.segment_name for s in segments if s.is_reliable is False]
    if not names:
        return []
    return [
        f"{words.UNRELIABLE.capitalize()}: {words.joined(names)}. Refits on resamples agree with"
        f" such a segment by less than {RELIABLE_FROM} (mean Jaccard index): don't plan a campaign"
        " on it alone."
    ]


def _of_the_known(content: Content, segment: Segment) -> list[str]:
    """Return one more cell if some customers are of too little known: the share of the others."""
    if content.known_customers == content.customers:
        return []
    share = segment.customers / max(content.known_customers, 1)
    return [words.MISSING if segment.is_little_known else words.percent(share)]


def _size(segment: Segment) -> list[str]:
    mean = None if segment.revenue is None else float(segment.revenue) / max(segment.customers, 1)
    return [
        segment.segment_name,
        words.count(segment.customers),
        words.percent(segment.customer_share),
        words.number(segment.revenue),
        words.percent(segment.revenue_share),
        words.number(mean),
    ]


def _identity(segment: Segment) -> list[str]:
    return [
        segment.segment_name,
        str(segment.segment_id),
        str(segment.born_on or words.MISSING),
        STATUS.get(segment.status or "", segment.status or words.MISSING),
        stability(segment),
        segment.runner_up or words.MISSING,
    ]


def stability(segment: Segment) -> str:
    """Say how well resamples find a segment again."""
    if segment.jaccard is None:
        return segment.stability or words.MISSING
    share = words.percent(segment.jaccard)
    words_ = f"{share}, {segment.stability}" if segment.stability else share
    return f"{words_}; {words.UNRELIABLE}" if segment.is_reliable is False else words_


def profiles(content: Content) -> Section:
    segments, features = content.segments, content.shown_features
    title = "What marks them"
    if not segments or not features:
        return Section("profiles", title, ["The tables hold no profiles for this run date."])
    text = [
        "How far each segment's mean is from the mean of all customers, in standard deviations:"
        " 0 is like everybody, beyond 1 is far.",
    ]
    measured = {f for s in segments for f in s.features}
    if len(measured) > len(features):
        text.append(
            f"Shown are {len(features)} features of the model;"
            f" segment_profiles has all {len(measured)}."
        )
    alt = "Heat map of z-scores, features by segments: " + "; ".join(
        f"{s.segment_name}: {words.joined(marks)}"
        for s in segments
        if (marks := [f"{words.feature(f)} {words.signed(z)}" for f, z in s.evidence[:2]])
    )
    rows = [
        [words.feature(feature), *[_measure(s, feature) for s in segments]] for feature in features
    ]
    caption = "Mean (median) of each feature"
    grid = Grid(caption, ["feature", *[s.segment_name for s in segments]], rows)
    return Section("profiles", title, text, [Picture("cluster_profiles", alt)], [grid])


def _measure(segment: Segment, feature: str) -> str:
    if feature not in segment.features:
        return words.MISSING
    measure = segment.features[feature]
    mean, median = (words.feature_value(feature, v) for v in (measure.mean, measure.median))
    return f"{mean} ({median})"


def plane(content: Content) -> Section:
    title = "Where they lie"
    if content.plane is None or not content.segments:
        return Section("plane", title, ["The tables hold no points of customers for this run."])
    both = [content.plane.x_variance, content.plane.y_variance]
    share = None if None in both else sum(v for v in both if v is not None)
    text = [
        f"{words.count(len(content.plane.points))} sampled customers on the first two principal"
        f" components of the model's features, which hold {words.percent(share)} of the variance:"
        " segments that overlap here may lie apart in the others. The numbers are segment ids."
    ]
    alt = (
        f"Scatter plot of customers on two principal components, coloured by segment: "
        f"{words.joined([s.segment_name for s in content.segments])}."
    )
    return Section("plane", title, text, [Picture("pca_clusters_2d", alt)])


def rfm(content: Content) -> Section:
    title = "Recency, frequency, monetary"
    total = sum(count.customers for count in content.rfm)
    if not total:
        return Section("rfm", title, ["The tables hold no RFM scores for this run date."])
    buyers = sum(count.customers for count in content.rfm if count.rfm_r)
    text = [
        f"{words.count(buyers)} of {words.count(total)} customers have bought"
        f" ({words.percent(buyers / total)}); they are scored from 1 to {content.rfm_bins}"
        f" {_scored_by(content)}. Equal values have equal scores, so that a score may be nobody's."
    ]
    if not buyers:
        return Section("rfm", title, [*text, "There is no heat map without buyers."])
    best = sum(
        count.customers for count in content.rfm if count.rfm_r == count.rfm_f == content.rfm_bins
    )
    alt = (
        f"Heat map of buyers by recency and frequency score; {words.count(best)} have the best"
        " score in both."
    )
    return Section("rfm", title, text, [Picture("rfm_heat_map", alt)], [_groups(content, total)])


def _scored_by(content: Content) -> str:
    conditions = [
        name
        for key, name in (("r", "recency"), ("f", "frequency"), ("m", "monetary value"))
        if content.run.setting("rfm", f"{key}_breaks")
    ]
    shares = "by quintile" if content.rfm_bins == 5 else "in bins of equal shares"
    if not conditions:
        return shares
    by_given = f"by given cut points ({words.joined(conditions)})"
    return by_given if len(conditions) == 3 else f"{by_given}, else {shares}"


def _groups(content: Content, total: int) -> Grid:
    """Count RFM groups by segment, the largest group on top."""
    names = sorted({count.rfm_group for count in content.rfm})
    sizes = {name: _customers(content.rfm, name) for name in names}
    names.sort(key=lambda name: -sizes[name])
    ids = [s.segment_id for s in content.segments]
    rows = [
        [name, words.count(sizes[name]), words.percent(sizes[name] / total)]
        + [words.count(_customers(content.rfm, name, i)) for i in ids]
        for name in names
    ]
    head = ["RFM group", "customers", "share", *[s.segment_name for s in content.segments]]
    return Grid("RFM groups within the segments", head, rows)


def _customers(counts: Sequence[RfmCount], group: str, segment_id: int | None = None) -> int:
    return sum(
        c.customers for c in counts if c.rfm_group == group and segment_id in (None, c.segment_id)
    )
