"""Rules as plain values, for the documents of models."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from custseg_spark.core.clustering.rules.tree import RuleNode, RuleTree


def parts_of(rules: RuleTree | None) -> dict[str, Any] | None:
    """Return the rules as plain values; None without rules."""
    if rules is None:
        return None
    return {"nodes": [asdict(n) for n in rules.nodes], "null_values": dict(rules.null_values)}


def rules_of(parts: Mapping[str, Any] | None) -> RuleTree | None:
    """Return the rules of plain values. Raises ValueError for nodes that are no tree."""
    if parts is None:
        return None
    nodes = tuple(RuleNode(**node) for node in parts["nodes"])
    for place, node in enumerate(nodes):
        question = node.question
        is_question = question is not None and all(place < p < len(nodes) for p in question[2:])
        is_leaf = question is None and node.cluster is not None
        if not is_leaf and not is_question:
            raise ValueError(f"node {place} of its rules is neither a question nor a cluster")
    if not nodes:
        raise ValueError("its rules have no node")
    return RuleTree(nodes, {name: float(v) for name, v in parts["null_values"].items()})
