"""A section about a Gaussian mixture's memberships: how sure each segment's customers are."""

from custseg_spark.outputs.report import words
from custseg_spark.outputs.report.content import Content
from custseg_spark.outputs.report.mixtures import ALGORITHM
from custseg_spark.outputs.report.rows import Memberships, MixedCustomer, Segment
from custseg_spark.outputs.report.section import Grid, Section

# Smaller memberships are left out of an example.
_LEAST_SAID = 0.01


def section(content: Content) -> list[Section]:
    """Return the section; None if no customer of the run has memberships."""
    mixture = content.memberships
    if mixture is None:
        return []
    segments = [s for s in content.segments_of(ALGORITHM) if s.segment_id in mixture.customers]
    everybody, between = sum(mixture.customers.values()), sum(mixture.between.values())
    text = [
        "The Gaussian mixture gives each customer a probability of each segment (memberships in"
        " customer_segments; the export segment_memberships has a row a customer and segment)."
        f" {words.counted(between, 'customer')} of {words.count(everybody)}"
        f" ({words.percent(between / everybody)}) have no membership above one half: they lie"
        " between segments, and a campaign for one segment alone may miss them."
    ]
    grids = [_means(mixture, segments)]
    if mixture.examples:
        grids.append(_examples(content, mixture))
    return [Section("memberships", "Customers between segments", text, grids=grids)]


def _means(mixture: Memberships, segments: list[Segment]) -> Grid:
    """Return the mean membership of each segment's customers in each segment."""
    rows = []
    for segment in segments:
        customers = mixture.customers[segment.segment_id]
        between = mixture.between.get(segment.segment_id, 0)
        rows.append(
            [
                segment.segment_name,
                words.count(customers),
                *(
                    words.percent(mixture.means.get((segment.segment_id, s.segment_id)))
                    for s in segments
                ),
                words.percent(between / customers),
            ]
        )
    head = ["segment", "customers", *(s.segment_name for s in segments), "none above one half"]
    return Grid("Mean membership of a segment's customers (rows) in each segment", head, rows)


def _examples(content: Content, mixture: Memberships) -> Grid:
    """Return some customers, without ids because these may be telephone numbers."""
    rows = [
        [content.name(ALGORITHM, customer.segment_id), _parts(content, customer)]
        for customer in mixture.examples
    ]
    caption = "Examples: the customers who are hardest to place"
    return Grid(caption, ["segment", "memberships"], rows, prose=frozenset({1}))


def _parts(content: Content, customer: MixedCustomer) -> str:
    return ", ".join(
        f"{content.name(ALGORITHM, segment_id)} {words.percent(share)}"
        for segment_id, share in customer.memberships
        if share >= _LEAST_SAID
    )
