"""The portable form of a model: the same labels, the same bits, and nothing else passes for one."""

import json
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest
from clustering_data import PLAIN, customers

from custseg_spark.core.clustering import portable
from custseg_spark.core.clustering.assignment import NamedClustering
from custseg_spark.core.clustering.models import (
    ClusterModel,
    GaussianMixture,
    KMeans,
    Node,
    tree_model,
)
from custseg_spark.core.clustering.preparation import Level, Preparation, PreparedFeature
from custseg_spark.core.clustering.rules.tree import RuleNode, RuleTree
from custseg_spark.core.clustering.scaling import FeatureSpace, Scaler
from custseg_spark.core.clustering.scoring import ScoringModel
from custseg_spark.errors import InputError

TABLE = customers(400)
POINTS = PLAIN.points(TABLE)
CENTRES = POINTS[[3, 150, 301]]
TREE = tree_model(
    [
        Node(-1, None, 400, 9.5, None),
        Node(-2, -1, 300, 4.25, None),
        Node(0, -2, 100, 1.0, 0),
        Node(1, -2, 200, 1.0, 1),
        Node(2, -1, 100, 1.0, 2),
    ],
    [CENTRES.mean(axis=0), CENTRES[:2].mean(axis=0), *CENTRES],
    [[-2, 2], [0, 1], [], [], []],
)
MODELS: dict[str, ClusterModel] = {
    "kmeans": KMeans(CENTRES),
    "bisecting_kmeans": TREE,
    "gaussian_mixture": GaussianMixture(
        np.array([0.25, 0.25, 0.5]), CENTRES, np.array([np.eye(4) * 3.0] * 3)
    ),
}
IN_COMPONENTS = FeatureSpace(
    Preparation(
        (
            PreparedFeature("monetary", 0.1, "log1p", 0.3, 9.7),
            PreparedFeature("share", 0.0, "sqrt", -np.inf, 1 / 3, 0.7, 5.0),
            PreparedFeature("age", 41.5, "none", 20.0, np.inf),
        ),
        {},
        2,
    ),
    Scaler(np.array([0.1, 1 / 3, 2.0]), np.array([[0.6, 0.1], [0.3, -0.9], [1e-17, 0.2]])),
)


def scoring(algorithm: str, space: FeatureSpace = PLAIN) -> ScoringModel:
    model = MODELS[algorithm]
    if space is not PLAIN:
        model = KMeans(space.points(TABLE)[[0, 9]])
    k = len(model.centres)
    named = NamedClustering(algorithm, model, (7, 3, 5)[:k], ("Gold", "New", "Müde")[:k])
    return ScoringModel(space, named, date(2024, 5, 1), "standard", 7)


@pytest.mark.parametrize("algorithm", list(MODELS))
@pytest.mark.parametrize("space", [PLAIN, IN_COMPONENTS], ids=["features", "components"])
def test_a_model_that_was_written_and_read_gives_the_same_rows(
    algorithm: str, space: FeatureSpace
) -> None:
    model = scoring(algorithm, space)
    text = portable.document(model).text
    again = portable.parsed(text, "model.json")
    assert again.segments_of(TABLE) == model.segments_of(TABLE)
    np.testing.assert_array_equal(again.labels(TABLE), model.labels(TABLE))
    np.testing.assert_array_equal(again.points(TABLE), model.points(TABLE))
    assert portable.document(again).text == text
    assert (again.fitted_on, again.scaling, again.seed) == (date(2024, 5, 1), "standard", 7)
    assert again.segments == model.segments


def test_levels_by_activity_go_with_the_model() -> None:
    model = scoring("kmeans")
    [first, *others] = model.space.preparation.features
    levels = (Level(1, 2.0, -0.5), Level(20, 1.0, 0.0))
    features = (replace(first, levels=levels), *others)
    space = replace(model.space, preparation=replace(model.space.preparation, features=features))
    text = portable.document(replace(model, space=space)).text
    again = portable.parsed(text, "model.json")
    assert again.space.preparation.features == features
    assert portable.document(again).text == text


def test_it_is_json_that_any_reader_takes() -> None:
    def refused(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    text = portable.document(scoring("kmeans", IN_COMPONENTS)).text
    parts = json.loads(text, parse_constant=refused)
    assert parts["feature_names"] == ["monetary", "share", "age", "event_count"]
    [first, share, age] = parts["preprocessor"]["features"]
    assert (share["lower"], age["upper"], first["upper"]) == (None, None, 9.7)
    assert parts["segments"][1] == {"cluster": 1, "segment_id": 3, "segment_name": "New"}


def test_the_distances_of_outliers_go_with_the_model() -> None:
    model = scoring("kmeans")
    k = len(model.clustering.segment_ids)
    far = (2.5, None, 0.1)[:k]
    model = replace(model, clustering=replace(model.clustering, outlier_distances=far))
    text = portable.document(model).text
    again = portable.parsed(text, "model.json")
    assert again.clustering.outlier_distances == far
    assert again.segments_of(TABLE) == model.segments_of(TABLE)
    assert portable.document(again).text == text
    without = portable.parsed(portable.document(scoring("kmeans")).text, "model.json")
    assert without.clustering.outlier_distances == ()
    assert without.segments_of(TABLE)["is_outlier"].null_count == len(TABLE)


def test_rules_and_the_bar_of_the_known_go_with_the_model() -> None:
    rules = RuleTree(
        (RuleNode("visits", 20.0, 1, 2), RuleNode(cluster=0), RuleNode(cluster=1)), {"age": 40.5}
    )
    model = scoring("kmeans")
    own = replace(model.clustering, rules=rules, by_rules=True)
    text = portable.document(replace(model, clustering=own)).text
    again = portable.parsed(text, "model.json")
    assert (again.clustering.rules, again.clustering.by_rules) == (rules, True)
    assert portable.document(again).text == text
    assert again.segments_of(TABLE)["cluster"].to_pylist() == [
        0 if visits < 20 else 1 for visits in TABLE["visits"].to_pylist()
    ]
    node = {"feature": "x", "threshold": 1.0, "below": 0, "above": 0, "cluster": None}
    broken = changed(assignment={"rules": {"nodes": [node], "null_values": {}}})
    with pytest.raises(InputError, match="node 0 of its rules"):
        portable.parsed(broken, "model.json")


def changed(**parts: Any) -> str:
    """A document with other parts, under the hash that fits them."""
    values = {**json.loads(portable.document(scoring("kmeans")).text), **parts}
    return json.dumps({**values, "sha256": portable.content_hash(values)})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Expecting value"),
        ("[1]", "list indices"),
        ("{}", "it lacks 'kind'"),
        ("[" * 100_000, "recursion"),
        (changed(format=99), "format 99; expected custseg-scoring-model, format 1"),
        (changed(segments=[]), "0 segments for 3 clusters"),
        (changed(clusterer={"kind": "pickle"}), "it lacks 'pickle'"),
        (changed(clusterer={"kind": "kmeans", "centres": [[1.0, 2.0]] * 3}), "not of one length"),
        (changed(clusterer={"kind": "kmeans", "centres": [[None] * 4] * 3}), "finite numbers"),
        (changed(fitted_on="yesterday"), "Invalid isoformat"),
    ],
)  # fmt: skip
def test_what_is_no_model_is_an_error_that_says_why(text: str, said: str) -> None:
    with pytest.raises(InputError, match="isn't a model that can be scored with") as caught:
        portable.parsed(text, "lake/models/scoring.json")
    assert said in str(caught.value)
    assert str(caught.value).startswith("lake/models/scoring.json ")


def test_a_single_changed_digit_is_noticed() -> None:
    text = portable.document(scoring("kmeans")).text
    assert '"seed": 7' in text
    with pytest.raises(InputError, match="it was changed"):
        portable.parsed(text.replace('"seed": 7', '"seed": 8'), "model.json")


def test_equal_models_have_equal_text() -> None:
    one, other = scoring("kmeans"), scoring("kmeans")
    assert portable.document(one).text == portable.document(other).text
    later = replace(other, fitted_on=date(2024, 5, 2))
    assert portable.document(later).text != portable.document(one).text
