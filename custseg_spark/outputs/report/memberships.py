"""A section about a Gaussian mixture's memberships: how sure each segment's customers are."""

from custseg_spark.outputs.report import words
from custseg_spark.outputs.report.content import Content
from custseg_spark.outputs.report.mixtures import ALGORITHM
from custseg_spark.outputs.report.rows import Memberships, MixedCustomer, Segment
from custseg_spark.outputs.report.section import Grid, Section

# Smaller memberships are left out of an example.
_LEAST_SAID = 0.01


def section(content: Content) -> list[Section]:
    """Return the section; none where no customer of the run has memberships."""
    found = content.memberships
    if found is None:
        return []
    segments = [s for s in content.segments_of(ALGORITHM) if s.segment_id in found.customers]
    everybody, between = sum(found.customers.values()), sum(found.between.values())
    text = [
        "The Gaussian mixture gives each customer a probability of each segment (memberships in"
        " customer_segments; the export segment_memberships has a row a customer and segment)."
        f" {words.counted(between, 'customer')} of {words.count(everybody)}"
        f" ({words.percent(between / everybody)}) have no membership above one half: they lie"
        " between segments, and a campaign for one segment alone may miss them."
    ]
    grids = [_means(found, segments)]
    if found.examples:
        grids.append(_examples(content, found))
    return [Section("memberships", "Customers between segments", text, grids=grids)]


def _means(found: Memberships, segments: list[Segment]) -> Grid:
    """Return the mean membership of each segment's customers in each segment."""
    rows = []
    for own in segments:
        customers = found.customers[own.segment_id]
        between = found.between.get(own.segment_id, 0)
        rows.append(
            [
                own.segment_name,
                words.count(customers),
                *(words.percent(found.means.get((own.segment_id, s.segment_id))) for s in segments),
                words.percent(between / customers),
            ]
        )
    head = ["segment", "customers", *(s.segment_name for s in segments), "none above one half"]
    return Grid("Mean membership of a segment's customers (rows) in each segment", head, rows)


def _examples(content: Content, found: Memberships) -> Grid:
    """Return some customers without their ids, which may be telephone numbers."""
    rows = [
        [content.name(ALGORITHM, one.segment_id), _parts(content, one)] for one in found.examples
    ]
    caption = "Examples: the customers who are hardest to place"
    return Grid(caption, ["segment", "memberships"], rows, prose=frozenset({1}))


def _parts(content: Content, one: MixedCustomer) -> str:
    return ", ".join(
        f"{content.name(ALGORITHM, segment_id)} {words.percent(share)}"
        for segment_id, share in one.memberships
        if share >= _LEAST_SAID
    )
