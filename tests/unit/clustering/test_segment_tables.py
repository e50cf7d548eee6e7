"""Rules, prices of rules and the segment of too little known, in the rows of a run's tables."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pytest
from clustering_data import NAMES, PLAIN, customers

from custseg_spark.config.model import ModelConfig
from custseg_spark.config.settings import Config
from custseg_spark.core.clustering.assignment import segments
from custseg_spark.core.clustering.buckets import LocalBuckets
from custseg_spark.core.clustering.evaluation import evaluate
from custseg_spark.core.clustering.models import KMeans
from custseg_spark.core.clustering.selection import Candidate, Verdict
from custseg_spark.core.segments.naming import Archetype, Archetypes
from custseg_spark.engine.lake.rows import rows_of
from custseg_spark.engine.lake.schemas import MODEL_SELECTION, SEGMENT_PROFILES
from custseg_spark.engine.spark.model_store import Manifest
from custseg_spark.errors import InputError
from custseg_spark.pipeline.clustering.sample import CustomerSample, draw
from custseg_spark.pipeline.history import Past
from custseg_spark.pipeline.segments import Evaluated, identified, rows

DAY = date(2020, 5, 1)
EVENTS = np.random.default_rng(1).integers(1, 40, 900)
TABLE = (
    customers(900)
    .drop_columns(["event_count"])
    .append_column("event_count", pa.array(EVENTS, pa.int64()))
    .append_column("frequency", pa.array(EVENTS % 2, pa.int64()))
)
FEATURES = (*NAMES, "event_count", "frequency")
BUCKETS = LocalBuckets([TABLE])
ARCHETYPES = Archetypes((Archetype("Rich", "", ("thank",), {"monetary": 1}),))


def sample() -> CustomerSample:
    return draw(
        BUCKETS, FEATURES, min_events=10, informed_share=0.1, informed_customers=100, size=900
    )


def evaluated(model: ModelConfig, published: Mapping[str, Manifest] | None = None) -> Evaluated:
    points = PLAIN.points(TABLE)
    places = [points[i] for i in np.argsort(points[:, 0])[[100, 450, 800]]]
    kmeans = KMeans(np.array(places))
    [found] = evaluate(BUCKETS, PLAIN, [kmeans], 10)
    candidate = Candidate("kmeans", 3, kmeans, found.everyone, found.informed)
    population = SimpleNamespace(
        config=Config(model=model),
        run_date=DAY,
        customers=BUCKETS,
        features=list(FEATURES),
        past=Past(None, {}, {}),
    )
    verdicts = [Verdict(candidate, None, chosen=True, why="because")]
    return Evaluated(cast(Any, population), PLAIN, sample(), verdicts, (), published or {})


def profile_rows(run: Evaluated) -> list[dict[str, Any]]:
    [clustering], _ = identified(run, None, ARCHETYPES)
    made = rows.profile_rows([clustering], FEATURES, PLAIN.preparation, DAY)
    whole = rows_of([(day, "run", *values) for day, *values in made], SEGMENT_PROFILES.schema)
    found: list[dict[str, Any]] = whole.to_pylist()
    return found


def test_every_segment_has_its_rule_in_words_and_sql() -> None:
    found = profile_rows(evaluated(ModelConfig()))
    assert [row["segment_id"] for row in found] == [1, 2, 3]
    assert all(row["rule"] and row["rule_sql"] for row in found)
    assert sum(row["customers"] for row in found) == 900


def test_the_price_of_the_rules_stands_beside_the_choice() -> None:
    run = evaluated(ModelConfig())
    [clustering], _ = identified(run, None, ARCHETYPES)
    made = rows.selection_rows(run.verdicts, {"kmeans": clustering.priced}, DAY)
    [row] = rows_of([(d, "run", *v) for d, *v in made], MODEL_SELECTION.schema).to_pylist()
    assert 3 <= row["rule_leaves"] <= 6
    assert 1 <= row["rule_cost_ratio"] < 1.1
    assert 0.9 < row["rule_informed_fidelity"] <= 1
    assert 0.9 < row["rule_fidelity"] <= 1


def test_of_whom_too_little_is_known_is_a_segment_of_its_own_kind() -> None:
    run = evaluated(ModelConfig(known_from=5))
    found = profile_rows(run)
    is_few = (EVENTS < 5) & (EVENTS % 2 == 0)
    assert [row["segment_id"] for row in found] == [-1, 1, 2, 3]
    apart = found[0]
    assert apart["segment_name"] == "Too little known"
    assert apart["customers"] == is_few.sum()
    assert apart["rule"] == "Fewer than 5 events, no orders"
    assert apart["rule_sql"] == "event_count < 5 AND frequency = 0"
    assert (apart["status"], apart["jaccard"], apart["archetype"]) == ("born", None, None)
    assert sum(row["customers"] for row in found) == 900
    [clustering], _ = identified(run, None, ARCHETYPES)
    table = segments(
        TABLE,
        space=PLAIN,
        clusterings=[clustering.named],
        prediction_timestamp=datetime(2020, 5, 1, tzinfo=UTC),
    )
    assert (np.array(table["segment_id"]) == -1).tolist() == is_few.tolist()


def test_rules_assign_if_they_are_to() -> None:
    run = evaluated(ModelConfig(assign="rules"))
    [clustering], _ = identified(run, None, ARCHETYPES)
    assert clustering.named.by_rules
    assert clustering.priced.assigner.rules is not None


def test_a_published_model_without_rules_cant_assign_by_them() -> None:
    manifest = Manifest("kmeans", 3, (), None, "standard", 1, (4, 2, 9), ("a", "b", "c"), (), "")
    found = profile_rows(evaluated(ModelConfig(), {"kmeans": manifest}))
    assert [row["rule"] for row in found] == [None, None, None]
    with pytest.raises(InputError, match="has no rules; fit anew"):
        profile_rows(evaluated(ModelConfig(assign="rules"), {"kmeans": manifest}))
