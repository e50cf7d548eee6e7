"""Archetypes: what their file may say, and that the shipped one names what it describes."""

import re
from pathlib import Path

import pytest

from custseg_spark.config.archetypes import find, load_archetypes
from custseg_spark.config.shipped import conf_dir
from custseg_spark.core.features.registry import OPTIONAL_FAMILIES, all_features
from custseg_spark.core.segments.naming import Archetypes, name_segments
from custseg_spark.errors import ConfigurationError

KNOWN = ("monetary", "frequency", "cart_count")
GOOD = """
[[archetype]]
name = "Loyal"
description = "Buy often."
actions = ["Thank them.", "Ask them."]
[archetype.weights]
frequency = 2
monetary = 0.5

[[archetype]]
name = "Lookers"
description = "Buy nothing."
actions = ["Show them something."]
[archetype.weights]
frequency = -1

[words]
cart_count = { low = "few carts", high = "many carts" }

[descriptive]
actions = ["Look at them."]
"""

# One segment an archetype of the shipped file, as someone would describe it who has not seen the
# weights: z-scores of what the description speaks of.
DESCRIBED = {
    "High-Value": {"monetary": 2.0, "average_order_value": 1.8, "frequency": 0.7},
    "Loyal": {"frequency": 1.8, "purchase_days": 1.8, "loyalty_score": 1.5, "monetary": 0.5},
    "At-Risk": {"recency_days": 1.5, "days_since_last_event": 1.3, "frequency": 0.7},
    "New": {"days_since_first_event": -1.5, "days_since_last_event": -0.8},
    "Price-Sensitive": {"relative_price": -1.6, "avg_viewed_price": -0.6, "discount_share": 1.0},
    "Bargain Hunters": {"discounted_spend_share": 1.6, "mean_discount_depth": 0.9},
    "Explorers": {"category_count": 1.8, "category_entropy": 1.5, "top_category_share": -1.2},
    "Cart Abandoners": {"cart_abandonment_rate": 1.5, "uncompleted_cart_share": 1.6},
    "Window Shoppers": {"frequency": -0.8, "cart_share": -0.8, "view_to_purchase_rate": -0.7},
    "Dormant": {"days_since_last_event": 1.4, "events_30d": -0.9, "frequency": -0.5},
    "One-Visit Shoppers": {
        "cart_to_purchase_rate": 1.4,
        "active_days": -1.0,
        "active_span_days": -1.0,
        "events_per_session": 1.3,
    },
    "Regulars": {"session_count": 1.2, "active_days": 1.2, "days_since_last_event": -0.9},
}


def known_features() -> list[str]:
    return [f.name for f in all_features(tuple(OPTIONAL_FAMILIES))]


def shipped() -> Archetypes:
    return load_archetypes(conf_dir() / "archetypes.toml", known_features())


def _load(folder: Path, text: str) -> Archetypes:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return load_archetypes(path, KNOWN)


def test_a_file_becomes_archetypes_words_and_actions(tmp_path: Path) -> None:
    loaded = _load(tmp_path, GOOD)
    assert [a.name for a in loaded.archetypes] == ["Loyal", "Lookers"]
    loyal = loaded.archetypes[0]
    assert (loyal.weights, loyal.description) == ({"frequency": 2, "monetary": 0.5}, "Buy often.")
    assert loyal.actions == ("Thank them.", "Ask them.")
    assert loaded.words["cart_count"].low == "few carts"
    assert loaded.descriptive.actions == ("Look at them.",)


def test_words_and_descriptive_may_be_left_out(tmp_path: Path) -> None:
    loaded = _load(tmp_path, GOOD[: GOOD.index("[words]")])
    assert (dict(loaded.words), loaded.descriptive.actions) == ({}, ())


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("frequency = 2", "frequenzy = 2", "unknown feature 'frequenzy'; did you mean 'frequency'"),
        ("frequency = 2", "frequency = '2'", "'Loyal': frequency: expected a number, got '2'"),
        ("frequency = 2", "frequency = true", "frequency: expected a number, got True"),
        ("frequency = 2", "frequency = 0", "frequency: expected a weight, got 0"),
        ("frequency = 2", "frequency = nan", "frequency: expected a finite number, got nan"),
        ('"Lookers"', '"loyal"', "two archetypes are named 'loyal'"),
        ('"Lookers"', "7", "archetype 2: name: expected str, got 7"),
        ('"Lookers"', '" "', "expected a name, one action and one weight at least"),
        ('["Show them something."]', "[]", "expected a name, one action and one weight at least"),
        ('["Show them something."]', "3", "archetype 2 'Lookers': actions: expected tuple"),
        ("description", "descripton", "unknown key 'descripton'; did you mean 'description'"),
        ('description = "Buy often."', "", "archetype 1 'Loyal': missing key 'description'"),
        ("cart_count =", "cart_cuont =", "words: unknown feature 'cart_cuont'; did you mean"),
        ("{ low", "{ lo", "words: cart_count: unknown key 'lo'; did you mean 'low'"),
        ('{ low = "few carts", high = "many carts" }', "1", "cart_count: expected a table, got 1"),
        ("[words]", "[wrods]", "unknown key 'wrods'; did you mean 'words'"),
        ('["Look at them."]', "[1]", "descriptive: actions: expected tuple"),
        ("[words]", "[words", "is not valid TOML"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        _load(tmp_path, GOOD.replace(old, new))
    assert message in str(caught.value)
    assert "mine.toml" in str(caught.value)


@pytest.mark.parametrize("text", ["", "archetype = []", "archetype = 'Loyal'"])
def test_a_file_has_one_archetype_at_least(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"expected one \[\[archetype\]\] at least"):
        _load(tmp_path, text)


def test_the_first_folder_that_has_the_file_counts(tmp_path: Path) -> None:
    own, other = tmp_path / "own", tmp_path / "other"
    for folder in (own, other):
        folder.mkdir()
    (other / "names.toml").touch()
    assert find("names.toml", [own, other]) == other / "names.toml"
    (own / "names.toml").touch()
    assert find("names.toml", [own, other]) == own / "names.toml"


def test_a_missing_file_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "archetypes.toml").touch()
    with pytest.raises(ConfigurationError, match=r"'archetype\.toml'; did you mean 'archetypes\.t"):
        find("archetype.toml", [tmp_path])


def test_the_shipped_file_has_words_and_two_to_four_actions_for_each_archetype() -> None:
    loaded = shipped()
    assert {a.name for a in loaded.archetypes} == set(DESCRIBED)
    assert all(2 <= len(a.actions) <= 4 and a.description for a in loaded.archetypes)
    assert loaded.descriptive.actions
    assert all(words.low != words.high for words in loaded.words.values())


def test_segments_like_the_descriptions_get_the_shipped_names() -> None:
    features = sorted({f for z_scores in DESCRIBED.values() for f in z_scores})
    segments = {
        i: {f: z_scores.get(f, 0.0) for f in features}
        for i, z_scores in enumerate(DESCRIBED.values(), start=1)
    }
    named = name_segments(segments, shipped(), min_score=0.35)
    assert [named[i].archetype for i in segments] == list(DESCRIBED)


def test_a_segment_of_nearly_everybody_is_named_by_its_low_features() -> None:
    """94% of a log's customers: their z-scores are near 0, the others' far from it."""
    buyers = {"frequency": 3.4, "purchase_days": 3.4, "monetary": 1.7, "average_order_value": 2.2}
    few = {**buyers, "cart_share": 1.2, "view_to_purchase_rate": 0.9, "cart_count": 1.6}
    many = {feature: -z / 16 for feature, z in few.items()}
    named = name_segments({1: few, 2: many}, shipped(), min_score=0.35)
    assert [named[1].name, named[2].name] == ["High-Value", "Window Shoppers"]


def test_features_that_a_source_cannot_fill_give_no_name() -> None:
    """Invoices only: no views, no carts; their features are 0 for everybody."""
    unknown = {"cart_share": 0.0, "cart_count": 0.0, "cart_abandonment_rate": 0.0}
    some = {"frequency": -0.7, "purchase_days": -0.7, "monetary": -0.5, **unknown}
    named = name_segments({1: {f: -z for f, z in some.items()}, 2: some}, shipped(), min_score=0.35)
    assert named[1].archetype == "High-Value"
    assert named[2].runner_up != "Window Shoppers"
    assert named[2].name == "Few orders, low spend"


@pytest.mark.parametrize(
    ("bars", "message"),
    [
        ("monetry = { at_least = 1 }", "unknown feature 'monetry'; did you mean 'monetary'"),
        ("monetary = { at_last = 1 }", "unknown key 'at_last'"),
        (
            "monetary = {}",
            "bars: monetary: expected a limit: at_least, at_most, at_least_of_mean or"
            " at_most_of_mean",
        ),
        ("monetary = 3", "expected a table, got 3"),
        ('monetary = { at_most = "1" }', "expected float"),
    ],
)
def test_a_bar_names_a_figure_and_a_limit(tmp_path: Path, bars: str, message: str) -> None:
    path = tmp_path / "archetypes.toml"
    path.write_text(GOOD.replace("frequency = -1\n", f"frequency = -1\n[archetype.bars]\n{bars}\n"))
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        load_archetypes(path, KNOWN)


def test_bars_may_be_of_shares(tmp_path: Path) -> None:
    path = tmp_path / "archetypes.toml"
    bars = "[archetype.bars]\nrevenue_per_share = { at_most = 1 }\n"
    path.write_text(GOOD.replace("frequency = -1\n", f"frequency = -1\n{bars}"))
    lookers = load_archetypes(path, KNOWN).archetypes[1]
    assert lookers.admits({"revenue_per_share": 1.0}, {})
    assert not lookers.admits({"revenue_per_share": 1.1}, {})
    assert not lookers.admits({}, {})
