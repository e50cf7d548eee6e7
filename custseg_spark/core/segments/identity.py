"""Give lasting segment ids: match the clusters of a run to the segments of the previous one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from custseg_spark.core.segments.pairing import Centroid, IdentityRules, jaccard, pair
from custseg_spark.core.segments.statuses import BORN, CONTINUED, MERGED, SPLIT


@dataclass(frozen=True)
class KnownSegment:
    """A segment of an earlier run."""

    segment_id: int
    centroid: Centroid


@dataclass(frozen=True)
class Identity:
    """The id of a cluster, and how it came about.

    `continued`: a segment of the previous run. `merged`: a continued segment that also took at
    least `split_share` of the customers of a segment that died. `split`: new, with at least
    `split_share` of its customers from a segment that lives on. `born`: new. `related_segments` are
    the previous segments that its customers come from: its predecessor first, then the largest
    parts first; for `born`, the segments that died into it. `overlap` is the Jaccard index with the
    predecessor.
    """

    segment_id: int
    status: str
    related_segments: tuple[int, ...]
    overlap: float | None


@dataclass(frozen=True)
class Died:
    """A previous segment that no cluster continues, and the segments that took its customers.

    The segment that took most of them comes first, then others with at least `split_share` of them.
    """

    segment_id: int
    related_segments: tuple[int, ...]


@dataclass(frozen=True)
class Identities:
    """One Identity per cluster, by position, and the previous segments that died, by id."""

    clusters: tuple[Identity, ...]
    died: tuple[Died, ...]


def identify(
    new: Sequence[Centroid],
    previous: Sequence[KnownSegment],
    overlap: np.ndarray,
    *,
    order: Sequence[int],
    next_id: int,
    rules: IdentityRules,
    reborn: Sequence[KnownSegment] = (),
    joined: Sequence[int] = (),
) -> Identities:
    """Return the identity of each cluster of a run, `pair`ed with the segments of the previous one.

    `overlap` counts the customers of both runs by cluster and previous segment: all shares and
    indices refer to them. `order` lists the clusters in the order in which ids are given out, from
    `next_id` on. `reborn` are the segments that were new in an earlier run of this date: clusters
    near them get their ids again, so that a rerun gives the same ids. `joined` counts the new
    customers by cluster: a cluster that consists of new customers is born. It isn't split from the
    segment of its few other customers.
    """
    # A fixed order, so that the numbering of clusters doesn't affect the result.
    earlier = sorted(previous, key=lambda s: s.segment_id)
    columns = {s.segment_id: i for i, s in enumerate(previous)}
    counts = np.asarray(overlap, dtype=np.int64).reshape(len(new), len(previous))
    counts = counts[list(order)][:, [columns[s.segment_id] for s in earlier]]
    clusters = [new[cluster] for cluster in order]
    matched = pair(clusters, [s.centroid for s in earlier], counts, rules)
    ids = {row: earlier[column].segment_id for row, column in matched.items()}
    ids |= _births(clusters, ids, earlier, reborn, next_id, rules)
    new_customers = np.array([joined[cluster] for cluster in order] if joined else [0] * len(new))
    family = _Family([s.segment_id for s in earlier], ids, counts, new_customers, rules.split_share)
    identities = {cluster: family.identity(row) for row, cluster in enumerate(order)}
    return Identities(tuple(identities[cluster] for cluster in range(len(new))), family.died())


def _births(
    clusters: Sequence[Centroid],
    ids: Mapping[int, int],
    earlier: Sequence[KnownSegment],
    reborn: Sequence[KnownSegment],
    next_id: int,
    rules: IdentityRules,
) -> dict[int, int]:
    """Return ids for the rows without one: the reborn segment's id, else a fresh one."""
    born = [row for row in range(len(clusters)) if row not in ids]
    # A run that scored an earlier date with this date's models has used these ids there.
    earlier_ids = {s.segment_id for s in earlier}
    candidates = sorted(
        (s for s in reborn if s.segment_id not in earlier_ids), key=lambda s: s.segment_id
    )
    no_overlap = np.zeros((len(born), len(candidates)), dtype=np.int64)
    pairs = pair([clusters[r] for r in born], [s.centroid for s in candidates], no_overlap, rules)
    ids_by_row = {born[row]: candidates[column].segment_id for row, column in pairs.items()}
    next_fresh_id = max([next_id - 1, *(s.segment_id for s in (*earlier, *reborn))]) + 1
    for row in born:
        if row not in ids_by_row:
            ids_by_row[row] = next_fresh_id
            next_fresh_id += 1
    return ids_by_row


@dataclass(frozen=True)
class _Family:
    """Descent: previous ids by column, new ids by row, customers of both runs by cell.

    `joined` are the customers of a row who weren't there before.
    """

    previous: Sequence[int]
    ids: Mapping[int, int]
    counts: np.ndarray
    joined: np.ndarray
    split_share: float

    def identity(self, row: int) -> Identity:
        segment = self.ids[row]
        dead = self._previous(_shares(self.counts, axis=0)[row], alive=False)
        if segment in self.previous:
            column = self.previous.index(segment)
            overlap = float(jaccard(self.counts)[row, column])
            return Identity(segment, MERGED if dead else CONTINUED, (segment, *dead), overlap)
        members = np.maximum(self.counts[row].sum() + self.joined[row], 1)
        parents = self._previous(self.counts[row] / members, alive=True)
        return Identity(segment, SPLIT if parents else BORN, parents or dead, None)

    def died(self) -> tuple[Died, ...]:
        shares = _shares(self.counts, axis=0)
        return tuple(
            Died(segment, self._heirs(shares[:, column]))
            for column, segment in enumerate(self.previous)
            if segment not in self.ids.values()
        )

    def _previous(self, shares: np.ndarray, *, alive: bool) -> tuple[int, ...]:
        living = set(self.ids.values())
        large = [self.previous[column] for column in _largest(shares, self.split_share)]
        return tuple(segment for segment in large if (segment in living) == alive)

    def _heirs(self, shares: np.ndarray) -> tuple[int, ...]:
        least = min(self.split_share, float(shares.max(initial=0.0)))
        return tuple(self.ids[row] for row in _largest(shares, least))


def _shares(counts: np.ndarray, axis: int) -> np.ndarray:
    return np.asarray(counts / np.maximum(counts.sum(axis=axis, keepdims=True), 1))


def _largest(shares: np.ndarray, least: float) -> list[int]:
    """Return the positions of shares of at least `least` and above 0, the largest first."""
    order = np.argsort(-shares, kind="stable")
    return [int(i) for i in order if shares[i] > 0 and shares[i] >= least]
