"""A bisecting algorithm's divisions as a tree of text."""

from collections.abc import Iterator, Mapping, Sequence

from custseg_spark.outputs.report import words
from custseg_spark.outputs.report.rows import Segment

# MLlib numbers inner nodes downwards from the root's -1, each before the nodes under it.
_ROOT = -1

Tree = Mapping[int, Sequence[int]]


def drawn(segments: Sequence[Segment]) -> str | None:
    """Draw the segments as leaves of their tree; None if the table lacks their parents."""
    leaves = {s.tree_node: s for s in segments if s.tree_node is not None}
    children = _children(leaves) if len(leaves) == len(segments) > 1 else None
    if children is None:
        return None
    sizes = _sizes(children, leaves)
    top = f"all: {words.count(sizes[_ROOT])} customers"
    return "\n".join([top, *_branches(_ROOT, children, leaves, sizes)])


def _children(leaves: Mapping[int, Segment]) -> dict[int, list[int]] | None:
    """Return the children of each inner node, though only leaves are rows; None if they don't fit.

    Each inner node has two children and a number before theirs. So a node with fewer than two
    leaves has inner children, and they have the next numbers.
    """
    children: dict[int, list[int]] = {inner: [] for inner in range(_ROOT, -len(leaves), -1)}
    for node, leaf in sorted(leaves.items()):
        if leaf.tree_parent not in children:
            return None
        children[leaf.tree_parent].append(node)
    numbers = iter(children)
    try:
        _hang(next(numbers), children, numbers)
    except StopIteration:
        return None
    return None if any(len(two) != 2 for two in children.values()) else children


def _hang(node: int, children: dict[int, list[int]], numbers: Iterator[int]) -> None:
    for _ in range(2 - len(children[node])):
        child = next(numbers)
        _hang(child, children, numbers)
        children[node].append(child)


def _sizes(children: Tree, leaves: Mapping[int, Segment]) -> dict[int, int]:
    """Count customers under each node; inner nodes from the last to the first, children first."""
    sizes = {node: leaf.customers for node, leaf in leaves.items()}
    for inner in sorted(children):
        sizes[inner] = sum(sizes[child] for child in children[inner])
    return sizes


def _branches(
    node: int, children: Tree, leaves: Mapping[int, Segment], sizes: Mapping[int, int]
) -> list[str]:
    lines = []
    below = sorted(children.get(node, ()), key=lambda child: (-sizes[child], child))
    for child in below:
        last = child == below[-1]
        name = " ".join(leaves[child].segment_name.split()) if child in leaves else "divided again"
        lines.append(f"{'└─' if last else '├─'} {name}: {words.count(sizes[child])} customers")
        indent = "   " if last else "│  "
        lines += [indent + line for line in _branches(child, children, leaves, sizes)]
    return lines
