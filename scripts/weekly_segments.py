"""A year of weekly runs: which changes are named, and how many customers go to and fro.

A model is fitted each week on a generated shop's customers (scripts/trust/year.py), with several
margins of hysteresis. Prints what the identity of segments said in which week, the share of
customers who went A, B, A without a change of behaviour, and how many of those who changed their
behaviour were followed: in their new group's segment within two runs of the first run that the
model itself puts them there to stay. No JVM starts.
"""

import argparse
from collections import Counter
from collections.abc import Sequence

import numpy as np
from trust import weekly
from trust.year import BIRTH, DEATH, HISTORY, MERGE, SPLIT, WEEKS, Year, year

from custseg_spark.core.segments.statuses import CONTINUED

# A window of 30 days holds nothing but new behaviour after so many weeks.
_WINDOW = 5


def said(course: weekly.Course) -> list[str]:
    """What the identities say but "continued", by week."""
    lines = []
    for week, who in enumerate(course.identities):
        found = [
            f"{i.segment_id} {i.status}"
            + (f" of {list(i.related_segments)}" * bool(i.related_segments))
            for i in who.clusters
            if i.status != CONTINUED
        ]
        found += [f"{d.segment_id} died into {list(d.related_segments)}" for d in who.died]
        if found and week:
            lines.append(f"  week {week}: " + ", ".join(found))
    return lines


def back_and_forth(shop_year: Year, course: weekly.Course) -> tuple[float, float, float]:
    """Of customers without a change: the share who went A, B, A in three runs, a run; the share
    who ever did in the year; and who ever came back, after however many runs.
    """
    labels = course.segments[_unchanged(shop_year)]
    first, second, third = labels[:, :-2], labels[:, 1:-1], labels[:, 2:]
    flicker = (first > 0) & (first == third) & (first != second)
    back = 0
    for row in labels:
        stays = [int(s) for i, s in enumerate(row) if s and (not i or s != row[i - 1])]
        back += any(a == c for a, c in zip(stays, stays[2:], strict=False))
    return float(flicker.mean()), float(flicker.any(axis=1).mean()), back / len(labels)


def _unchanged(shop_year: Year) -> np.ndarray:
    """Customers of one group all the year, whose group isn't one that splits, merges or dies."""
    kinds = shop_year.kinds[:, HISTORY:]
    last = kinds[:, -1]
    return np.array([
        row for row in range(len(kinds)) if set(kinds[row]) - {""} == {last[row]}
    ])  # fmt: skip


def followed(shop_year: Year, course: weekly.Course) -> list[int]:
    """Of those who changed: how many runs after the change they are in the new group's segment.

    99 where they aren't, by the end of the year.
    """
    delays = []
    for customer, week in shop_year.changes.items():
        first = week - HISTORY
        delay = 99
        for run in range(first, WEEKS):
            segment = course.segments[customer, run]
            if segment == _segment_of(shop_year, course, shop_year.kinds[customer, week], run):
                delay = run - first
                break
        delays.append(delay)
    return delays


def _segment_of(shop_year: Year, course: weekly.Course, kind: str, run: int) -> int:
    """The segment in which most of a group's lasting customers are in a run."""
    members = [row for row in _unchanged(shop_year) if shop_year.kinds[row, HISTORY + run] == kind]
    return int(Counter(course.segments[members, run].tolist()).most_common(1)[0][0])


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--hysteresis", type=float, nargs="*",
                        default=[0.0, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0])  # fmt: skip
    options = parser.parse_args(argv)
    shop_year = year(options.seed)
    fits: list[weekly.Fit] = []
    for week in range(WEEKS):
        fits.append(weekly.fit_of_week(shop_year, week, len(fits[-1].centroids) if fits else None))
    print(f"planted: birth in week {BIRTH}, death {DEATH}, split {SPLIT}, merge {MERGE}")
    alone = weekly.course(shop_year, fits, 0.0)
    print("\n".join(said(alone)))
    base = followed(shop_year, alone)
    for margin in options.hysteresis:
        course = weekly.course(shop_year, fits, margin)
        a_run, ever, back = back_and_forth(shop_year, course)
        late = np.array(followed(shop_year, course)) - np.array(base)
        changes = (course.segments[:, 1:] != course.segments[:, :-1]) & (
            course.segments[:, :-1] > 0
        )
        print(
            f"hysteresis {margin}: A-B-A without a change: {a_run:.3%} of customers a run,"
            f" {ever:.2%} ever in the year, {back:.2%} ever back; changes of segment a run"
            f" {changes.mean():.2%}; followed within two runs {np.mean(late <= 2):.1%}; by the"
            f" model alone after {np.median(base):.0f} runs",
            flush=True,
        )


if __name__ == "__main__":
    main()
