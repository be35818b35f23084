"""Every figure of the evaluation, worked by hand."""

from math import log2

import numpy as np
import pytest

from eval import measures


def test_ndcg_discounts_by_the_logarithm_of_the_rank() -> None:
    found = measures.ndcg_at_10({"q": ["a", "b"]}, {"q": ["x", "a", "b"]})
    # gains at ranks 2 and 3 over gains at ranks 1 and 2
    assert found["q"] == pytest.approx((1 / log2(3) + 1 / log2(4)) / (1 + 1 / log2(3)))


def test_ndcg_keeps_the_order_of_the_ranking_and_stops_after_ten() -> None:
    first = measures.ndcg_at_10({"q": ["a"]}, {"q": ["a", "z", "y"]})
    eleventh = measures.ndcg_at_10({"q": ["a"]}, {"q": [*"bcdefghijk", "a"]})
    assert first == {"q": 1.0}
    assert eleventh == {"q": 0.0}


def test_ndcg_of_a_question_without_a_ranking_is_zero() -> None:
    assert measures.ndcg_at_10({"q": ["a"], "r": ["b"]}, {"q": ["a"]}) == {"q": 1.0, "r": 0.0}


@pytest.mark.parametrize(
    ("text", "normalised"),
    [
        ("The  Normans!", "normans"),
        ("“Zelenskyy’s” plan…", "zelenskyys plan"),
        ("a cat, an owl and the\ndog", "cat owl and dog"),
        ("theatre", "theatre"),
        ("$1,000", "1000"),
    ],
)
def test_answers_are_compared_without_case_punctuation_articles_and_spacing(text: str, normalised: str) -> None:
    assert measures.normalise_answer(text) == normalised


def test_an_accepted_answer_inside_the_text_is_contained() -> None:
    assert measures.contains_answer("They settled in the 10th and 11th centuries.", ["the 10th", "12th"])
    assert not measures.contains_answer("They settled in the 9th century.", ["the 10th", "12th"])


def test_an_answer_of_nothing_but_articles_is_contained_nowhere() -> None:
    assert not measures.contains_answer("the", ["The", "…"])
    assert not measures.contains_answer("anything", [])


def test_percentiles_interpolate_between_the_two_nearest_values() -> None:
    values = [40.0, 10.0, 30.0, 20.0]
    assert measures.percentile(values, 50) == 25.0
    assert measures.percentile(values, 95) == pytest.approx(38.5)
    assert measures.percentile(values, 0) == 10.0
    assert measures.percentile(values, 100) == 40.0
    assert measures.percentile([7.0], 95) == 7.0


def test_a_piece_stands_in_a_text_as_whole_words_whatever_the_marks() -> None:
    text = measures.plain("The fee is **15 euros**,\nor twenty-five.")
    assert text == "the fee is 15 euros or twenty five"
    assert measures.holds(text, "15 euros")
    assert not measures.holds(text, "5 euros")
    assert not measures.holds(text, "")


@pytest.mark.parametrize(
    ("quote", "is_evidence"),
    [
        ("Later, the new pier on the north side opened in May, they say.", True),  # holds the piece
        ("the new pier on the north side", True),  # 7 of its 10 words
        ("the new pier on the", False),  # 5 of them
        ("the new pier on the south side opened in May", False),
    ],
)
def test_a_quote_is_evidence_when_it_holds_the_piece_or_most_of_it(quote: str, is_evidence: bool) -> None:
    assert measures.is_evidence(quote, "The new pier on the north side opened in May") is is_evidence


def test_a_part_of_evidence_has_at_least_four_words() -> None:
    assert not measures.is_evidence("opened in May", "It opened in May")
    assert measures.is_evidence("It opened in May", "It opened in May 2024")


def test_a_ratio_is_what_was_gained_over_what_was_counted_in_each_sample() -> None:
    gained, counted = np.array([1.0, 0.0, 2.0]), np.array([1.0, 1.0, 3.0])
    weights = np.array([[1.0, 1.0, 1.0], [2.0, 0.0, 1.0]])
    assert measures.ratio(gained, counted, weights) == pytest.approx([3 / 5, 4 / 5])


def test_a_ratio_over_nothing_is_unknown_not_zero() -> None:
    assert np.isnan(measures.ratio(np.zeros(2), np.zeros(2), measures.unit_weights(2)))[0]


def test_the_area_under_the_curve_counts_pairs_in_order_and_ties_half() -> None:
    scores = np.array([0.9, 0.4, 0.4, 0.1])
    positive = np.array([True, True, False, False])
    # of the four pairs of a positive and a negative three are in order and one is tied
    assert measures.area_under_curve(scores, positive, measures.unit_weights(4))[0] == pytest.approx(3.5 / 4)
    # the last question twice: 0.9 beats 0.4, 0.1, 0.1; 0.4 ties 0.4 and beats 0.1, 0.1
    assert measures.area_under_curve(scores, positive, np.array([[1, 1, 1, 2]]))[0] == pytest.approx(5.5 / 6)


def test_the_area_without_a_negative_is_unknown() -> None:
    assert np.isnan(measures.area_under_curve(np.array([0.5]), np.array([True]), measures.unit_weights(1)))[0]
    assert np.isnan(measures.area_under_curve(np.zeros(0), np.zeros(0, dtype=bool), measures.unit_weights(0)))[0]


def test_the_calibration_error_weighs_each_bins_gap_by_its_size() -> None:
    probabilities = np.array([0.15, 0.15, 0.95, 1.0])
    right = np.array([0.0, 1.0, 1.0, 1.0])
    # bin 0.1: mean 0.15, right 0.5, two of four; bin 0.9: mean 0.975, right 1, two of four
    assert measures.calibration_error(probabilities, right, measures.unit_weights(4))[0] == pytest.approx(
        0.5 * 0.35 + 0.5 * 0.025
    )


def test_reliability_gives_the_bins_that_hold_something() -> None:
    rows = measures.reliability(np.array([0.15, 0.15, 1.0]), np.array([False, True, True]))
    assert rows == [(pytest.approx(0.15), 0.5, 2), (1.0, 1.0, 1)]


def test_error_by_coverage_takes_equal_probabilities_together() -> None:
    curve = measures.error_by_coverage(np.array([0.9, 0.5, 0.5, 0.1]), np.array([True, False, True, False]))
    assert curve == [(0.25, 0.0, 0.9), (0.75, pytest.approx(1 / 3), 0.5), (1.0, 0.5, 0.1)]


def test_a_resample_draws_as_many_and_the_same_seed_draws_the_same() -> None:
    weights = measures.bootstrap_weights(5, 20)
    assert weights.shape == (20, 5)
    assert (weights.sum(axis=1) == 5).all()
    assert (weights == measures.bootstrap_weights(5, 20)).all()
    assert (weights != measures.bootstrap_weights(5, 20, seed=8)).any()


def test_an_interval_leaves_out_two_and_a_half_percent_on_each_side() -> None:
    assert measures.interval(np.arange(1001.0)) == (25.0, 975.0)
    assert measures.interval(np.array([np.nan, 2.0, 2.0])) == (2.0, 2.0)
    assert measures.interval(np.array([np.nan, np.nan, 2.0])) is None


def test_a_weighted_percentile_is_the_value_that_so_much_weight_reaches() -> None:
    values = np.array([30.0, 10.0, 20.0])
    weights = np.array([[1.0, 1.0, 1.0], [0.0, 5.0, 1.0], [0.0, 0.0, 0.0]])
    assert measures.weighted_percentile(values, 50, weights)[:2].tolist() == [20.0, 10.0]
    assert np.isnan(measures.weighted_percentile(values, 50, weights))[2]


def test_a_share_of_nothing_is_none() -> None:
    assert measures.share([]) is None
    assert measures.percentile([], 50) is None
