"""The section of the rules that describe the main algorithm's segments."""

from custseg_spark.outputs.report import words
from custseg_spark.outputs.report.content import Content
from custseg_spark.outputs.report.rows import Candidate
from custseg_spark.outputs.report.section import Grid, Section

_TITLE = "Who is in which, in words"


def rules(content: Content) -> list[Section]:
    """Return the section; None for a run without rules."""
    segments = [s for s in content.segments if s.rule]
    chosen = content.chosen.get(content.main or "")
    if not segments or chosen is None:
        return []
    rows = [[s.segment_name, words.sentence(s.rule or "")] for s in segments]
    grid = Grid("Rules", ["segment", "rule"], rows, prose=frozenset({1}))
    return [Section("rules", _TITLE, [_assigns(content), *_price(chosen)], grids=[grid])]


def _assigns(content: Content) -> str:
    if content.run.setting("model", "assign") == "rules":
        return "These rules gave the customers their segments (model.assign = rules)."
    return (
        "These rules tell the segments in round numbers; customers were assigned by the model"
        " itself. custseg rules prints them as SQL."
    )


def _price(chosen: Candidate) -> list[str]:
    if chosen.rule_cost_ratio is None:
        return []
    return [
        f"{words.counted(chosen.rule_leaves or 0, 'rule')} give"
        f" {words.percent(chosen.rule_informed_fidelity)} of the informed customers and"
        f" {words.percent(chosen.rule_fidelity)} of all the segment that the model gives them."
        f" The informed are {words.index(chosen.rule_cost_ratio)} times as far from their centres"
        " (sum of squares) as by the model."
    ]
