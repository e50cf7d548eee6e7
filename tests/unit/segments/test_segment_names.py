"""Segments get names by what they are like: archetypes that fit, else words for it."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custseg_spark.core.segments.naming import (
    Archetype,
    Archetypes,
    Bar,
    SegmentName,
    name_segments,
)
from custseg_spark.core.segments.naming.archetypes import Descriptive, Words


def archetypes(*, words: dict[str, Words] | None = None, **weights: dict[str, float]) -> Archetypes:
    """Archetypes by name and weights, each with one action named after it."""
    return Archetypes(
        tuple(Archetype(n, "", (f"do {n}",), w) for n, w in weights.items()),
        words or {},
        Descriptive(("read",)),
    )


def names(named: dict[int, SegmentName]) -> list[str]:
    return [named[i].name for i in sorted(named)]


def test_a_score_is_the_mean_z_score_by_weight_and_sign() -> None:
    buyers = archetypes(Buyers={"orders": 2, "carts": -1})
    named = name_segments(
        {1: {"orders": 1.0, "carts": -0.4}, 2: {"orders": -1.0, "carts": 0.4}},
        buyers,
        min_score=0.5,
    )
    assert (named[1].name, named[1].archetype) == ("Buyers", "Buyers")
    assert named[1].score == pytest.approx((2 * 1.0 + 1 * 0.4) / 3)
    assert named[1].actions == ("do Buyers",)


def test_half_of_a_standing_is_against_the_other_segments_both_within_two() -> None:
    """Against all 3 and -0.2; against each other 1 and -1, in units of their spread of 1.6."""
    loyal = archetypes(Loyal={"orders": 1}, Lookers={"orders": -1})
    named = name_segments({1: {"orders": 3.0}, 2: {"orders": -0.2}}, loyal, min_score=0.5)
    assert names(named) == ["Loyal", "Lookers"]
    assert named[1].score == pytest.approx((2.0 + 1.0) / 2)
    assert named[2].score == pytest.approx((0.2 + 1.0) / 2)


def test_no_segment_above_the_average_customer_stands_low() -> None:
    loyal = archetypes(Lookers={"orders": -1}, Loyal={"orders": 1})
    named = name_segments(
        {1: {"orders": 3.0}, 2: {"orders": 3.0}, 3: {"orders": 0.1}}, loyal, min_score=0.5
    )
    assert named[3].archetype is None
    assert named[3].runner_up_score == 0


def test_the_total_decides_not_the_order() -> None:
    """Segment 1 likes Loyal best, but can do with Rich; segment 2 is Loyal or nothing."""
    both = archetypes(Loyal={"orders": 1}, Rich={"spend": 1})
    named = name_segments(
        {
            1: {"orders": 1.0, "spend": 0.7},
            2: {"orders": 0.9, "spend": -0.5},
            3: {"orders": -1.9, "spend": -0.2},
        },
        both,
        min_score=0.3,
    )
    assert names(named)[:2] == ["Rich", "Loyal"]
    assert named[1].runner_up == "Loyal"
    assert named[1].runner_up_score > named[1].score


def test_a_score_below_the_threshold_is_never_part_of_the_total() -> None:
    """2.0 with 0.3 would be more than 1.9 alone, had segment 2 a claim to Rich."""
    both = archetypes(Loyal={"orders": 1}, Rich={"spend": 1})
    named = name_segments(
        {1: {"orders": 1.0, "spend": 0.8}, 2: {"orders": -1.0, "spend": -0.8}}, both, min_score=0.9
    )
    assert named[1].name == "Loyal"
    assert named[2].archetype is None


def test_missing_features_are_left_out_until_half_the_weight_is_missing() -> None:
    loyal = archetypes(Loyal={"orders": 1, "days": 1, "spend": 2})
    full = {"orders": 1.0, "days": 1.0, "spend": 1.0}
    opposite = {f: -z for f, z in full.items()}

    def score(first: dict[str, float]) -> float | None:
        return name_segments({1: first, 2: opposite}, loyal, min_score=0.1)[1].score

    assert score(full) == pytest.approx(1.0)
    assert score({**full, "orders": float("nan")}) == pytest.approx(1.0)
    assert score({"orders": 1.0, "days": 1.0}) == pytest.approx(1.0)
    assert score({"orders": 1.0}) is None


def test_who_fits_none_is_described_by_the_strongest_features() -> None:
    words = {
        "evening_share": Words("daytime", "late evening"),
        "abandonment": Words("low cart abandonment", "high cart abandonment"),
        "orders": Words("few orders", "many orders"),
        "spend": Words("few orders", "many orders"),
    }
    named = name_segments(
        {
            1: {"abandonment": 1.5, "evening_share": 1.2, "orders": -0.3, "secret": 2.0},
            2: {"abandonment": -1.5, "evening_share": -0.6, "orders": 0.3, "secret": -2.0},
            3: {"abandonment": 0.1, "evening_share": -0.6, "orders": 0.9, "spend": 0.8},
        },
        archetypes(words=words, Rare={"nothing": 1}),
        min_score=0.5,
    )
    assert names(named) == [
        "High cart abandonment, late evening",
        "Low cart abandonment, daytime",
        "Many orders, daytime",
    ]
    assert (named[1].archetype, named[1].score, named[1].actions) == (None, None, ("read",))
    assert [feature for feature, _ in named[1].evidence][:2] == ["abandonment", "evening_share"]


def test_without_words_the_features_names_serve() -> None:
    named = name_segments(
        {1: {"cart_count": 1.0}, 2: {"cart_count": -1.0}}, archetypes(X={"y": 1}), min_score=0.5
    )
    assert names(named) == ["High cart count", "Low cart count"]


def test_descriptive_names_differ_by_a_further_feature_else_by_number() -> None:
    same = {"a": 2.0, "b": 1.9}
    named = name_segments(
        {1: {**same, "c": 1.0}, 2: {**same, "c": 1.0}, 3: same, 4: {"a": -6.0, "b": -6.0, "c": -2}},
        archetypes(X={"y": 1}),
        min_score=0.5,
    )
    assert names(named) == [
        "High a, high b",
        "High a, high b, high c",
        "High a, high b (2)",
        "Low a, low b",
    ]


def test_segments_without_a_strong_feature_are_average() -> None:
    flat = {1: {"a": 0.01}, 2: {"a": -0.01}, 3: {}}
    named = name_segments(flat, archetypes(X={"y": 1}), min_score=0.5)
    assert names(named) == ["Average", "Average (2)", "Average (3)"]
    assert named[3].evidence == ()
    assert named[3].runner_up is None


def test_at_a_tie_the_first_segment_gets_the_first_archetype() -> None:
    twins = archetypes(B={"a": 1}, A={"a": 1})
    low = {"a": -3.0}
    named = name_segments(
        {3: {"a": 1.0}, 1: {"a": 1.0}, 2: {"a": 1.0}, 4: low}, twins, min_score=0.1
    )
    assert names(named)[:2] == ["B", "A"]
    assert named[3].archetype is None


def test_evidence_is_the_largest_contributions_with_their_plain_z_scores() -> None:
    weights = {"a": 1.0, "b": 3.0, "c": -2.0, "d": 1.0, "e": 1.0, "f": 1.0, "g": 1.0}
    z_scores = {"a": 0.5, "b": 0.4, "c": -0.9, "d": -0.7, "e": 0.4, "f": 0.3, "g": 0.2, "h": 2.0}
    named = name_segments(
        {1: z_scores, 2: {f: -z for f, z in z_scores.items()}},
        archetypes(X=weights),
        min_score=0.1,
    )
    assert named[1].evidence == (("c", -0.9), ("b", 0.4), ("a", 0.5), ("e", 0.4), ("f", 0.3))


TWO = archetypes(Loyal={"orders": 1}, Rich={"spend": 1})


def pair_of(orders: float, spend: float) -> dict[int, dict[str, float]]:
    """One segment with these standings, and its opposite."""
    return {7: {"orders": orders, "spend": spend}, 8: {"orders": -orders, "spend": -spend}}


def name_of(
    orders: float, spend: float, kept: str | None = None, bonus: float = 0.25
) -> str | None:
    old = {7: kept} if kept else None
    return name_segments(pair_of(orders, spend), TWO, min_score=0.5, kept=old, kept_bonus=bonus)[
        7
    ].name


def test_a_kept_name_stays_until_another_is_better_by_the_bonus() -> None:
    assert name_of(0.8, 0.9) == "Rich"
    assert name_of(0.8, 0.9, kept="Loyal") == "Loyal"
    assert name_of(0.6, 0.9, kept="Loyal") == "Rich"


def test_a_kept_name_stays_a_little_below_the_threshold() -> None:
    assert name_of(0.3, 0.0) == "High orders"
    assert name_of(0.3, 0.0, kept="Loyal") == "Loyal"
    assert name_of(0.22, 0.0, kept="Loyal") == "High orders"


def test_a_kept_descriptive_name_stays_until_an_archetype_clearly_fits() -> None:
    assert name_of(0.7, 0.0, kept="Quiet, seldom") == "Quiet, seldom"
    assert name_of(0.8, 0.0, kept="Quiet, seldom") == "Loyal"


def test_an_infinite_bonus_keeps_every_name() -> None:
    kept = {7: "Rich", 8: "Quiet"}
    named = name_segments(
        pair_of(1.0, -1.0), TWO, min_score=0.5, kept=kept, kept_bonus=float("inf")
    )
    assert names(named) == ["Rich", "Quiet"]
    assert named[7].score == pytest.approx(-1.0)
    unknown = {7: {"orders": 1.0}, 8: {"orders": -1.0}}
    named = name_segments(unknown, TWO, min_score=0.5, kept=kept, kept_bonus=float("inf"))
    assert (named[7].name, named[7].score) == ("Rich", None)


def test_a_kept_name_is_not_given_to_another_segment_too() -> None:
    segments = {1: {"a": 1.0}, 2: {"a": 1.0}, 3: {"a": -2.0}}
    kept = {2: "High a", 3: "High a"}
    named = name_segments(segments, archetypes(X={"y": 1}), min_score=0.5, kept=kept)
    assert names(named) == ["High a (2)", "High a", "Low a"]


def test_no_segments_no_names() -> None:
    assert name_segments({}, TWO, min_score=0.5) == {}


Z_SCORES = st.dictionaries(
    st.sampled_from(["orders", "spend", "carts", "views"]),
    st.one_of(st.just(float("nan")), st.floats(-20, 20)),
)


@given(st.dictionaries(st.integers(1, 30), Z_SCORES, max_size=9), st.randoms())
def test_all_segments_have_different_names_whatever_their_order(
    segments: dict[int, dict[str, float]], random: Random
) -> None:
    three = archetypes(Loyal={"orders": 1, "spend": 1}, Poor={"spend": -1}, Full={"carts": 2})
    named = name_segments(segments, three, min_score=0.35)
    assert set(named) == set(segments)
    assert len(set(names(named))) == len(segments)
    shuffled = list(segments)
    random.shuffle(shuffled)
    again = name_segments({i: segments[i] for i in shuffled}, three, min_score=0.35)
    assert again == named
    for name in named.values():
        assert (name.archetype is None) == (name.score is None)
        assert name.score is None or 0.35 <= name.score <= 2
        assert len(name.evidence) <= 5


def test_a_name_whose_bar_is_missed_is_never_given() -> None:
    dormant = Archetype(
        "Dormant",
        "",
        ("leave",),
        {"days_since_last_event": 1},
        {"days_since_last_event": Bar(at_least=28), "revenue_per_share": Bar(at_most=1)},
    )
    lookers = Archetype("Lookers", "", ("look",), {"days_since_last_event": 0.5})
    known = Archetypes((dormant, lookers), {}, Descriptive(("read",)))
    z_scores = {1: {"days_since_last_event": 1.0}, 2: {"days_since_last_event": -1.0}}

    def named(days: float, brings: float, kept: str | None = None, bonus: float = 0.25) -> str:
        figures = {
            1: {"days_since_last_event": days, "revenue_per_share": brings},
            2: {"days_since_last_event": 0.0},
        }
        found = name_segments(
            z_scores,
            known,
            min_score=0.35,
            figures=figures,
            kept={1: kept} if kept else None,
            kept_bonus=bonus,
        )
        return found[1].name

    assert named(28.0, 1.0) == "Dormant"
    assert named(2.0, 0.1) == "Lookers"
    assert named(40.0, 2.2) == "Lookers"
    assert named(40.0, float("nan")) == "Lookers"
    # A name that was there stays within a fifth of the bar, and always until the next fit.
    assert named(24.0, 1.1, kept="Dormant") == "Dormant"
    assert named(20.0, 1.0, kept="Dormant") == "Lookers"
    assert named(2.0, 2.2, kept="Dormant", bonus=float("inf")) == "Dormant"


@pytest.mark.parametrize(
    ("share", "categories", "others", "name"),
    [
        (0.3, 4.5, 1.5, "Explorers"),  # the mean of all is 2.4, and 4.5 its 1.88-fold
        (0.6, 4.5, 1.5, "Poor, many categories"),  # of 3.3, 4.5 is the 1.36-fold
        (0.3, 4.5, float("nan"), "Poor, many categories"),  # nothing to compare with
        (0.3, 2.5, 0.5, "Poor, many categories"),  # much for this log, and few all the same
    ],
)
def test_what_a_log_makes_easy_for_everybody_names_nobody(
    share: float, categories: float, others: float, name: str
) -> None:
    bar = Bar(at_least=3, at_least_of_mean=1.5)
    explorers = Archetype("Explorers", "", ("look",), {"categories": 1}, {"categories": bar})
    words = {"spend": Words("poor", "rich"), "categories": Words("one category", "many categories")}
    known = Archetypes((explorers,), words, Descriptive(("read",)))
    figures = {
        1: {"categories": categories, "customer_share": share},
        2: {"categories": others, "customer_share": 1 - share},
    }
    z_scores = {1: {"categories": 1.0, "spend": -2.0}, 2: {"categories": -0.5, "spend": 2.0}}
    assert name_segments(z_scores, known, min_score=0.35, figures=figures)[1].name == name


def test_bars_against_the_mean_have_a_tolerance_for_kept_names_too() -> None:
    bar = Bar(at_most=30, at_most_of_mean=0.75)
    assert bar.holds(15.0, 20.0)
    assert not bar.holds(16.0, 20.0)
    assert bar.holds(18.0, 20.0, tolerance=0.2)
    assert not bar.holds(31.0, 100.0)
    assert not bar.holds(15.0, float("nan"))


def test_a_descriptive_name_says_a_thing_once() -> None:
    words = {
        "left": Words("few carts left behind", "carts left behind"),
        "carts": Words("few carts", "many carts"),
        "spend": Words("low spend", "high spend"),
    }
    named = name_segments(
        {
            1: {"left": -1.5, "carts": -1.2, "spend": -1.0},
            2: {"left": 1.5, "carts": 1.2, "spend": 1.0},
        },
        archetypes(words=words, Nobody={"orders": 1}),
        min_score=0.5,
    )
    assert named[1].name == "Few carts left behind, low spend"
