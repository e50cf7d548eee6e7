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
    the previous segments it comes from: its own first, otherwise the largest part first; for
    `born`, the segments that died into it. `overlap` is the Jaccard index with its own predecessor.
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
    `next_id` on. `reborn` are the segments that an earlier run of this date bore: clusters near
    them get those ids again, so that a rerun gives the same ids. `joined` counts the new customers
    by cluster: a cluster that consists of them is born, and no split of the few others' segment.
    """
    # A fixed order, so that the numbering of clusters doesn't affect the result.
    known = sorted(previous, key=lambda s: s.segment_id)
    at = {s.segment_id: i for i, s in enumerate(previous)}
    counts = np.asarray(overlap, dtype=np.int64).reshape(len(new), len(previous))
    counts = counts[list(order)][:, [at[s.segment_id] for s in known]]
    clusters = [new[cluster] for cluster in order]
    matched = pair(clusters, [s.centroid for s in known], counts, rules)
    ids = {row: known[column].segment_id for row, column in matched.items()}
    ids |= _births(clusters, ids, known, reborn, next_id, rules)
    new_customers = np.array([joined[cluster] for cluster in order] if joined else [0] * len(new))
    family = _Family([s.segment_id for s in known], ids, counts, new_customers, rules.split_share)
    found = {cluster: family.identity(row) for row, cluster in enumerate(order)}
    return Identities(tuple(found[cluster] for cluster in range(len(new))), family.died())


def _births(
    clusters: Sequence[Centroid],
    ids: Mapping[int, int],
    known: Sequence[KnownSegment],
    reborn: Sequence[KnownSegment],
    next_id: int,
    rules: IdentityRules,
) -> dict[int, int]:
    """Return ids for the rows without one: ids of segments reborn in them, otherwise fresh ids."""
    born = [row for row in range(len(clusters)) if row not in ids]
    # A run that scored an earlier date with this date's models has used these ids there.
    taken = {s.segment_id for s in known}
    before = sorted((s for s in reborn if s.segment_id not in taken), key=lambda s: s.segment_id)
    unknown = np.zeros((len(born), len(before)), dtype=np.int64)
    again = pair([clusters[r] for r in born], [s.centroid for s in before], unknown, rules)
    given = {born[row]: before[column].segment_id for row, column in again.items()}
    fresh = max([next_id - 1, *(s.segment_id for s in (*known, *reborn))]) + 1
    for row in born:
        if row not in given:
            given[row] = fresh
            fresh += 1
    return given


@dataclass(frozen=True)
class _Family:
    """Descent: previous ids by column, new ids by row, customers of both runs in the cells.

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
            own = self.previous.index(segment)
            overlap = float(jaccard(self.counts)[row, own])
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
