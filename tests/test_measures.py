"""Every figure of the evaluation, worked by hand."""

from math import log2

import pytest

from eval import metrics


def test_recall_at_k_counts_questions_whose_first_relevant_passage_is_among_the_first_k() -> None:
    ranks = [1, 3, None, 5]
    assert metrics.recall_at_k(ranks, 1) == 0.25
    assert metrics.recall_at_k(ranks, 4) == 0.5
    assert metrics.recall_at_k(ranks, 5) == 0.75
    assert metrics.recall_at_k(ranks, 10) == 0.75


def test_reciprocal_rank_is_nothing_where_nothing_was_found() -> None:
    # (1 + 1/2 + 0 + 1/4) / 4
    assert metrics.mean_reciprocal_rank([1, 2, None, 4]) == pytest.approx(0.4375)


def test_ndcg_discounts_by_the_logarithm_of_the_rank() -> None:
    found = metrics.ndcg_at_10({"q": ["a", "b"]}, {"q": ["x", "a", "b"]})
    # gains at ranks 2 and 3 over gains at ranks 1 and 2
    assert found["q"] == pytest.approx((1 / log2(3) + 1 / log2(4)) / (1 + 1 / log2(3)))


def test_ndcg_keeps_the_order_of_the_ranking_and_stops_after_ten() -> None:
    first = metrics.ndcg_at_10({"q": ["a"]}, {"q": ["a", "z", "y"]})
    eleventh = metrics.ndcg_at_10({"q": ["a"]}, {"q": [*"bcdefghijk", "a"]})
    assert first == {"q": 1.0}
    assert eleventh == {"q": 0.0}


def test_ndcg_of_a_question_without_a_ranking_is_zero() -> None:
    assert metrics.ndcg_at_10({"q": ["a"], "r": ["b"]}, {"q": ["a"]}) == {"q": 1.0, "r": 0.0}


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
    assert metrics.normalise_answer(text) == normalised


def test_an_accepted_answer_inside_the_text_is_contained() -> None:
    assert metrics.contains_answer("They settled in the 10th and 11th centuries.", ["the 10th", "12th"])
    assert not metrics.contains_answer("They settled in the 9th century.", ["the 10th", "12th"])


def test_an_answer_of_nothing_but_articles_is_contained_nowhere() -> None:
    assert not metrics.contains_answer("the", ["The", "…"])
    assert not metrics.contains_answer("anything", [])


def test_abstention_figures_over_five_questions() -> None:
    abstained = [True, True, False, False, True]
    answerable = [False, True, True, False, False]
    assert metrics.abstention_precision(abstained, answerable) == pytest.approx(2 / 3)
    assert metrics.abstention_recall(abstained, answerable) == pytest.approx(2 / 3)
    assert metrics.false_abstention_rate(abstained, answerable) == 0.5


def test_a_share_of_nothing_is_unknown_not_zero() -> None:
    assert metrics.abstention_precision([False], [True]) is None
    assert metrics.abstention_recall([True], [True]) is None
    assert metrics.false_abstention_rate([True], [False]) is None
    assert metrics.recall_at_k([], 1) is None
    assert metrics.mean_reciprocal_rank([]) is None
    assert metrics.percentile([], 50) is None


def test_percentiles_interpolate_between_the_two_nearest_values() -> None:
    values = [40.0, 10.0, 30.0, 20.0]
    assert metrics.percentile(values, 50) == 25.0
    assert metrics.percentile(values, 95) == pytest.approx(38.5)
    assert metrics.percentile(values, 0) == 10.0
    assert metrics.percentile(values, 100) == 40.0
    assert metrics.percentile([7.0], 95) == 7.0
