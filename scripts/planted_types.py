"""How well segments find the types that scripts/generate_events.py planted.

Prints the adjusted Rand index (ARI) of each algorithm's segments with the planted types and the
table of both, for customers with enough events and for all. With --ceiling also what could be told
at all: the cross-validated ARI of a classifier that has seen the types of other customers, on the
same features, by the number of events; and what scaling alone gives: KMeans at the true k on the
standardised features. Takes the packages of requirements-dev.txt.
"""

import argparse
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from deltalake import DeltaTable
from sklearn.cluster import KMeans
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import adjusted_rand_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.preprocessing import StandardScaler

_MANY = 1_000_000
_BY_EVENTS = ((5, 7), (8, 11), (12, 19), (5, 19), (5, _MANY), (20, _MANY))
_KEYS = ["run_date", "run_id", "customer_id", "rfm_group"]


def planted(truth: Path) -> "pd.Series[str]":
    """The planted type by customer id."""
    table = pd.read_csv(truth, dtype=str)
    return table.set_index("customer_id")["planted_type"]


def table_of(lake: Path, name: str, run_date: date | None) -> pd.DataFrame:
    """A run date's rows of a table (None: of the latest)."""
    table = DeltaTable(str(lake / name)).to_pandas()
    return table[table["run_date"] == (run_date or table["run_date"].max())]


def agreement(segments: pd.DataFrame, types: "pd.Series[str]") -> float:
    """The adjusted Rand index of an algorithm's segments with the types."""
    return float(adjusted_rand_score(types[segments["customer_id"]], segments["segment_id"]))


def ceiling(features: pd.DataFrame, types: "pd.Series[str]") -> np.ndarray:
    """The types that a classifier gives, cross-validated, on all features of the customers."""
    kinds = types[features["customer_id"]].to_numpy()
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    boosting = HistGradientBoostingClassifier(max_iter=60, learning_rate=0.15, random_state=0)
    return np.asarray(cross_val_predict(boosting, _numbers(features).to_numpy(), kinds, cv=folds))


def scaled_only(features: pd.DataFrame, types: "pd.Series[str]") -> float:
    """ARI of KMeans at the true k, on features that are only scaled."""
    x, kinds = _numbers(features), types[features["customer_id"]].to_numpy()
    scaled = StandardScaler().fit_transform(x.fillna(x.median()))
    k = len(np.unique(kinds))
    plain = KMeans(k, n_init=10, random_state=0).fit_predict(scaled)
    return float(adjusted_rand_score(kinds, plain))


def _numbers(features: pd.DataFrame) -> pd.DataFrame:
    x = features.drop(columns=_KEYS).astype(float)
    return x.loc[:, x.notna().any()]


def apart(segments: pd.DataFrame, features: pd.DataFrame, types: "pd.Series[str]", bar: int) -> str:
    """The indices with model.known_from = `bar`: customers with fewer events and no order apart."""
    rows = segments.merge(features[["customer_id", "event_count", "frequency"]], on="customer_id")
    is_apart = (rows["event_count"] < bar) & (rows["frequency"] == 0)
    rows["segment_id"] = rows["segment_id"].where(~is_apart, -1)
    groups = {"all": rows, "5 events or more": rows[rows["event_count"] >= 5]}
    groups |= {"not apart": rows[~is_apart], "20 or more": rows[rows["event_count"] >= 20]}
    figures = ", ".join(f"{who} {agreement(of, types):.3f}" for who, of in groups.items())
    return f"known_from {bar}: {is_apart.mean():.1%} apart; ARI of {figures}"


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lake", type=Path, default=Path("lake"))
    parser.add_argument("--truth", type=Path, default=Path("data/demo/events_truth.csv"))
    parser.add_argument("--run-date", type=date.fromisoformat)
    parser.add_argument("--min-events", type=int, default=20)
    parser.add_argument("--ceiling", action="store_true")
    parser.add_argument("--known-from", type=int, nargs="*", default=(), metavar="EVENTS")
    options = parser.parse_args(argv)
    types = planted(options.truth)
    features = table_of(options.lake, "customer_features", options.run_date)
    segments = table_of(options.lake, "customer_segments", options.run_date)
    enough = features[features["event_count"] >= options.min_events]
    for algorithm, of_algorithm in segments.groupby("algorithm"):
        informed = of_algorithm[of_algorithm["customer_id"].isin(enough["customer_id"])]
        for who, rows in (
            (f"at least {options.min_events} events", informed),
            ("all", of_algorithm),
        ):
            print(
                f"\n{algorithm}, {len(rows):,} customers ({who}): ARI {agreement(rows, types):.3f}"
            )
            kinds = types[rows["customer_id"]].to_numpy()
            print(pd.crosstab(kinds, rows["segment_name"], rownames=["planted"]).to_string())
        counts = features.set_index("customer_id")["event_count"][
            of_algorithm["customer_id"]
        ].to_numpy()
        for least, most in _BY_EVENTS:
            rows = of_algorithm[(counts >= least) & (counts <= most)]
            print(f"{least} to {most} events, {len(rows):,} customers:"
                  f" ARI {agreement(rows, types):.3f}")  # fmt: skip
        for bar in options.known_from:
            print(apart(of_algorithm, features, types, bar))
    if options.ceiling:
        events = features["event_count"]
        print(f"\nKMeans on scaled features, {len(enough):,} customers:"
              f" ARI {scaled_only(enough, types):.3f}")  # fmt: skip
        several = features[events >= min(least for least, _ in _BY_EVENTS)]
        kinds, guessed = types[several["customer_id"]].to_numpy(), ceiling(several, types)
        for least, most in _BY_EVENTS:
            within = several["event_count"].between(least, most).to_numpy()
            index = adjusted_rand_score(kinds[within], guessed[within])
            print(f"classifier, cross-validated, {least} to {most} events,"
                  f" {within.sum():,} customers: ARI {index:.3f}")  # fmt: skip


if __name__ == "__main__":
    main()
