"""Sections about changes since the previous run, and about the buyers' expected value."""

from custseg_spark.core.segments import statuses
from custseg_spark.outputs.report import words
from custseg_spark.outputs.report.bars import MOST_DRIFTS
from custseg_spark.outputs.report.content import Content
from custseg_spark.outputs.report.rows import Clv, Segment
from custseg_spark.outputs.report.section import Grid, Picture, Section
from custseg_spark.outputs.report.segments import colours

_FIRST_RUN = "This is the first run: there is no earlier one to compare with."


def migration(content: Content) -> Section:
    title = "Who moved"
    before = content.run.previous_run_date
    if before is None:
        return Section("migration", title, [_FIRST_RUN])
    became = fates(content)
    if not content.flows:
        missing = f"The tables hold no migrations since the run of {before}."
        return Section("migration", title, [missing, *became])
    moves = content.moves
    share = moves.stayed / moves.known if moves.known else None
    text = (
        f"Since {before}: of {words.count(moves.known)} customers of both runs"
        f" {words.count(moves.stayed)} ({words.percent(share)}) stayed in their segment,"
        f" {words.count(moves.known - moves.stayed)} changed; {words.count(moves.joined)} joined,"
        f" {words.count(moves.gone)} are gone."
    )
    pictures = [Picture("migration_flow", f"Flow of customers between segments. {text}")]
    return Section("migration", title, [text, *became], pictures, [_matrix(content)])


def fates(content: Content) -> list[str]:
    """Describe the fate of segments that didn't simply continue, a sentence each."""
    return [s for s in map(lambda segment: _fate(content, segment), _changed(content)) if s]


def _changed(content: Content) -> list[Segment]:
    return [*(s for s in content.segments if s.status != "continued"), *content.died]


def _fate(content: Content, segment: Segment) -> str | None:
    name = segment.segment_name
    others = [i for i in segment.related_segments if i != segment.segment_id]
    named = words.joined([content.name(content.main, i) for i in others]) if others else None
    match segment.status:
        case statuses.BORN:
            return f"{name} is new" + (f", and took in {named}." if named else ".")
        case statuses.SPLIT:
            return f"{name} split off from {named or 'another segment'}."
        case statuses.MERGED:
            return f"{name} also took in {named or 'another segment'}."
        case statuses.DIED:
            went = f"; most of its customers are now in {named}" if named else ""
            return f"{name} is no more{went}."
    return None


def _matrix(content: Content) -> Grid:
    """Count customers from each segment of the previous run to each of this one."""
    sums = {(f.from_segment_id, f.to_segment_id): f.customers for f in content.flows}
    order = [s.segment_id for s in content.segments]
    sources = _ids({f.from_segment_id for f in content.flows}, order)
    targets = _ids({f.to_segment_id for f in content.flows}, order)
    rows = []
    for source in sources:
        total = sum(sums.get((source, target), 0) for target in targets)
        cells = [_cell(sums.get((source, target), 0), total) for target in targets]
        rows.append([_name(content, source, before=True), words.count(total), *cells])
    head = ["from / to", "customers", *[_name(content, t, before=False) for t in targets]]
    return Grid("Customers, and their share of the segment they come from", head, rows)


def _ids(ids: set[int | None], order: list[int]) -> list[int | None]:
    """Sort ids: this run's segments, then others, then joined or gone."""
    ordered = [i for i in order if i in ids]
    older = sorted(i for i in ids if i is not None and i not in order)
    return [*ordered, *older, *([None] if None in ids else [])]


def _name(content: Content, segment_id: int | None, *, before: bool) -> str:
    if segment_id is None:
        return "joined" if before else "gone"
    return content.name(content.main, segment_id, before=before)


def _cell(customers: int, total: int) -> str:
    if not customers:
        return words.MISSING
    return f"{words.count(customers)} ({words.percent(customers / total)})"


def drift(content: Content) -> Section:
    title = "Has the population changed"
    if content.run.previous_run_date is None:
        return Section("drift", title, [_FIRST_RUN])
    if not content.drift:
        missing = f"The tables hold no drift since the run of {content.run.previous_run_date}."
        return Section("drift", title, [missing])
    watch, refit = (content.run.setting("drift", key) for key in ("watch", "refit"))
    moved = [d for d in content.drift if d.verdict != "same"]
    text = [
        f"{len(moved)} of {len(content.drift)} distributions moved since"
        f" {content.run.previous_run_date}, by the population stability index over deciles."
    ]
    if watch is not None and refit is not None:
        text[0] += (
            f" Below {watch:g} is the same; above {refit:g} in a feature of the models, since"
            " their fit, new ones are fitted."
        )
    if len(content.drift) > MOST_DRIFTS:
        text.append(f"The picture has the {MOST_DRIFTS} that moved most.")
    top = content.drift[0]
    alt = (
        f"Bars of the population stability index; the highest is {words.index(top.psi)}, of"
        f" {words.drifted(top.kind, top.name)}."
    )
    rows = [
        [words.drifted(d.kind, d.name), words.index(d.psi), d.verdict, _direction(d.kind, d.moved)]
        for d in moved
    ]
    head = ["what", "index", "verdict", "values are now"]
    grids = [Grid("What moved", head, rows, prose=frozenset({2, 3}))] if rows else []
    return Section("drift", title, text, [Picture("drift", alt)], grids)


def _direction(kind: str, moved: float) -> str:
    if kind == "segments" or not moved:
        return words.MISSING
    return "higher" if moved > 0 else "lower"


def lifetime_value(content: Content) -> Section:
    title, clv = "What to expect of the buyers", content.clv
    if clv is None:
        return Section("value", title, ["The tables hold no lifetime value for this run date."])
    text = [
        f"Purchases by BG/NBD and spend by Gamma-Gamma, for {words.count(clv.buyers)} buyers,"
        f" {words.count(clv.repeat_buyers)} of them with a repeat purchase."
    ]
    if not clv.converged:
        why = clv.why or "the tables don't say why"
        text.append(words.sentence(f"The models did not converge: {why}"))
    elif clv.why:
        text.append(words.sentence(clv.why))
    grids = [*_by_segment(content), *_parameters(clv)]
    if clv.holdout_days and (clv.calibration or clv.deciles):
        text.append(_tested(clv))
    alt = "Above, purchases in the hold-out, actual and expected; below, revenue by predicted tenth"
    return Section("value", title, text, [Picture("lifetime_value", alt)], grids)


def _tested(clv: Clv) -> str:
    sentence = f"Tested on the last {clv.holdout_days} days, which the tested models had not seen"
    if clv.gini is not None:
        sentence += f": normalised Gini {words.index(clv.gini)}, of 1 for the true order"
    if clv.deciles:
        best = min(clv.deciles, key=lambda d: d.decile)
        share, expected = words.percent(best.revenue_share), words.percent(best.clv_share)
        sentence += f"; the first tenth by predicted value brought {share} of the revenue"
        sentence += f" ({expected} of the predicted)"
    return f"{sentence}."


def _parameters(clv: Clv) -> list[Grid]:
    estimated = {name: value for name, value in clv.parameters.items() if value is not None}
    rows = [[name.replace("_", " "), words.index(value)] for name, value in estimated.items()]
    if clv.season:
        strong = max(range(len(clv.season)), key=lambda month: clv.season[month])
        name = f"strongest month ({words.MONTHS[strong]})"
        rows.append([name, words.index(clv.season[strong])])
    if clv.holdout_error is not None:
        rows.append(["error on the hold-out", words.percent(clv.holdout_error)])
    if clv.season and clv.plain_holdout_error is not None:
        rows.append(["the same without a season", words.percent(clv.plain_holdout_error)])
    if clv.spend_error:
        rows.append(["error of sampling the spend", words.percent(clv.spend_error)])
    return [Grid("The models", ["parameter", "value"], rows)] if rows else []


def _by_segment(content: Content) -> list[Grid]:
    """Describe the scores by segment from the profiles, if the run has them."""
    scores = ["clv_12m", "expected_purchases_90d", "p_alive"]
    there = [name for name in scores if any(name in s.features for s in content.segments)]
    rows = [
        [s.segment_name]
        + [words.feature_value(n, s.features[n].mean if n in s.features else None) for n in there]
        for s in content.segments
    ]
    head = ["segment", *[words.feature(name) for name in there]]
    return [Grid("Means of a segment's buyers", head, rows, colours(content))] if there else []
