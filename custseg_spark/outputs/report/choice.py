"""Sections about the models: the choice of k, other algorithms, how the run was made."""

from custseg_spark.outputs.report import tree, words
from custseg_spark.outputs.report.content import Content
from custseg_spark.outputs.report.palette import styles
from custseg_spark.outputs.report.rows import Candidate, Segment
from custseg_spark.outputs.report.section import Grid, Picture, Section


def reason(content: Content, algorithm: str | None) -> str:
    """Say in a sentence why an algorithm has its k."""
    chosen = content.chosen.get(algorithm or "")
    reason_ = chosen.why if chosen is not None and chosen.why else content.run.model_reason
    return words.sentence(reason_ or "the tables don't say why")


def evidence(segment: Segment, most: int | None = None) -> list[str]:
    """Return a segment's evidence in words."""
    marks = [
        # A non-breaking space keeps the number with its z.
        f"{words.feature(feature)} {words.strength(z)} (z\u00a0{words.signed(z)})"
        for feature, z in segment.evidence[:most]
    ]
    return marks or ["near the average in every feature"]


def selection(content: Content) -> Section:
    title = "How many segments"
    if not content.tried:
        text = ["No number of segments was tried in this run.", *_model(content)]
        return Section("selection", title, text, grids=_compared(content))
    text = [
        f"{words.algorithm(a).capitalize()}, k = {c.k}: {reason(content, a)}"
        for a, c in content.chosen.items()
    ]
    informed = content.tried[0].informed_customers
    if informed is not None:
        text.append(
            f"Silhouettes that rank are those of the {words.count(informed)} informed customers:"
            " those with events enough for their shares and rates to say something."
        )
    text += [_silhouettes(c) for c in content.chosen.values() if c.euclidean_silhouette is not None]
    head = ["algorithm", "k", "silhouette, informed", "silhouette, all", "Davies–Bouldin"]
    head += ["Calinski–Harabasz", "cost within", "smallest", "stability", "chosen"]
    head += ["why, or why not"]
    rows = [_candidate(c) for c in content.tried]
    grid = Grid("Every k that was tried", head, rows, prose=frozenset({9, 10}))
    alt = (
        "Curves over the number of segments: silhouette, Davies–Bouldin, cost within clusters,"
        " stability and the share of the smallest segment."
    )
    pictures = [Picture("k_selection", alt)]
    return Section(
        "selection", title, [*text, *_model(content)], pictures, [grid, *_compared(content)]
    )


def _silhouettes(chosen: Candidate) -> str:
    return (
        f"The silhouette of {words.algorithm(chosen.algorithm)}, k = {chosen.k}, over all customers"
        f" is {words.index(chosen.silhouette)} with squared Euclidean distances, as everywhere in"
        f" this report; with Euclidean ones, over {words.count(chosen.euclidean_customers)}"
        f" customers, it is {words.index(chosen.euclidean_silhouette)}."
    )


def _model(content: Content) -> list[str]:
    use = {
        "fit": "The models were fitted in this run",
        "score": f"The models are those fitted on {content.run.fitted_on}",
    }
    phrase = use.get(content.run.model_use or "")
    if phrase is None:
        return []
    return [words.sentence(": ".join(filter(None, [phrase, content.run.model_reason])))]


def _candidate(tried: Candidate) -> list[str]:
    return [
        words.algorithm(tried.algorithm),
        str(tried.k),
        words.index(tried.informed_silhouette),
        words.index(tried.silhouette),
        words.index(tried.davies_bouldin),
        words.number(tried.calinski_harabasz),
        words.number(tried.within_cluster_cost),
        words.percent(tried.smallest_share),
        words.index(tried.stability),
        "yes" if tried.chosen else "no",
        tried.why or "",
    ]


def _compared(content: Content) -> list[Grid]:
    """Say how far other algorithms agree with the chosen segments on a sample."""
    rows = [
        [
            words.algorithm(c.algorithm),
            words.count(c.k),
            words.index(c.silhouette),
            words.index(c.agreement),
            words.count(c.customers),
            c.why or "",
        ]
        for c in content.compared
    ]
    head = ["algorithm", "clusters", "silhouette", "agreement", "customers", "note"]
    caption = "Other algorithms: adjusted Rand index with the chosen segments, 1 is the same"
    return [Grid(caption, head, rows, prose=frozenset({5}))] if rows else []


def others(content: Content) -> list[Section]:
    """Return a section for each algorithm but the main one."""
    return [_other(content, algorithm) for algorithm in content.algorithms[1:]]


def _other(content: Content, algorithm: str) -> Section:
    segments = content.segments_of(algorithm)
    look = styles(s.segment_id for s in segments)
    rows = [
        [
            s.segment_name,
            str(s.segment_id),
            words.count(s.customers),
            words.percent(s.customer_share),
            words.percent(s.revenue_share),
            words.UNRELIABLE if s.is_reliable is False else s.stability or words.MISSING,
            "; ".join(evidence(s, 3)),
        ]
        for s in segments
    ]
    head = ["segment", "id", "customers", "share", "of revenue", "stability", "what marks it"]
    colours = [look[s.segment_id].colour for s in segments]
    name = words.algorithm(algorithm)
    return Section(
        f"algorithm-{algorithm}",
        f"The same customers by {name}",
        [f"{words.counted(len(segments), 'segment')}: {reason(content, algorithm)}"],
        grids=[Grid(f"Segments by {name}", head, rows, colours, frozenset({5, 6}))],
        tree=tree.drawn(segments),
    )


def provenance(content: Content) -> Section:
    """Describe how the run was made, for readers who want to repeat or check it."""
    run = content.run
    text = [
        f"Run {run.run_id or words.MISSING} of {run.run_date}, finished {run.finished} UTC, seed"
        f" {run.seed}, configuration {run.config_hash}. The table runs holds the configuration.",
        f"The model's {len(run.features)} features: "
        + (", ".join(words.feature(f) for f in run.features) or words.MISSING)
        + ".",
    ]
    grids = []
    if run.left_out:
        left = [[words.feature(name), why] for name, why in run.left_out.items()]
        grids.append(Grid("Not in the model", ["feature", "why"], left, prose=frozenset({1})))
    stages = [
        [name, words.seconds(s), words.count(run.row_counts.get(name))]
        for name, s in run.stage_seconds.items()
    ]
    if stages:
        grids.append(Grid("Stages", ["stage", "time", "rows"], stages))
    return Section("run", "How this was made", text, grids=grids)
