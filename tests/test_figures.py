"""Figures over a few outcomes, worked by hand, and how two runs differ."""

from dataclasses import replace

import pytest

from eval.compare import compare
from eval.figures import MEASURES, differences, figures, group_figures
from eval.judge import Outcome
from eval.pairs import PairOutcome
from eval.runner import Asked, Evaluation, summarise, without_texts
from index.errors import UsageError


def outcome(id: str, answerable: bool, status: str, rank: int | None, right: bool | None, ms: int) -> Outcome:
    return Outcome(
        id,
        "fact" if answerable else "unanswerable",
        answerable,
        status=status,
        seconds=ms / 1000,
        ranked=answerable,
        rank=rank,
        evidence=right,
        first=right,
        citations=2,
        citations_right=None if right is None else int(right),
        probability=0.9 if right else 0.2,
        right=bool(right),
        question=f"What of {id}?",
        text="said",
        quotes=("said",),
    )


OUTCOMES = [
    outcome("a", True, "answered", 1, True, 10),
    outcome("b", True, "abstained", 5, False, 20),
    outcome("c", True, "answered", None, True, 30),
    outcome("d", False, "abstained", None, None, 40),
]


def test_figures_over_four_outcomes() -> None:
    found = {name: figure.value for name, figure in figures(OUTCOMES).items()}
    assert found["recall_at_1"] == found["recall_at_4"] == pytest.approx(1 / 3)
    assert found["recall_at_10"] == pytest.approx(2 / 3)
    assert found["mrr"] == pytest.approx((1 + 1 / 5) / 3)
    assert found["evidence"] == found["first"] == pytest.approx(2 / 3)
    assert found["citations_right"] == pytest.approx(2 / 6)
    assert found["abstention_precision"] == 0.5
    assert found["abstained_rightly"] == found["near_misses"] == 1.0
    assert found["abstained_wrongly"] == pytest.approx(1 / 3)
    assert found["ask_p50_ms"] == pytest.approx(20.0)
    assert found["answerable_auroc"] == pytest.approx(2.5 / 3)  # 0.9 and 0.9 over 0.2, and a tie
    assert found["calibration_error"] == pytest.approx(0.5 * 0.1 + 0.5 * 0.2)


def test_a_figure_that_nothing_counts_for_is_left_out() -> None:
    found = figures(OUTCOMES)
    assert not {"premises", "yes_or_no", "list", "pairs_refused", "tokens_p50", "answered"} & set(found)
    assert figures([]) == {}


def test_an_interval_holds_its_figure_and_how_many_count() -> None:
    figure = figures(OUTCOMES * 20)["evidence"]
    assert figure.low is not None
    assert figure.high is not None
    assert figure.low < figure.value < figure.high  # type: ignore[operator]
    assert figure.n == 60


def test_the_interval_of_half_of_a_hundred_is_that_of_its_normal_approximation() -> None:
    half = [replace(OUTCOMES[0], evidence=bool(i % 2)) for i in range(100)]
    figure = figures(half, samples=4000)["evidence"]
    assert figure.low == pytest.approx(0.5 - 1.96 * 0.05, abs=0.02)
    assert figure.high == pytest.approx(0.5 + 1.96 * 0.05, abs=0.02)


def test_pairs_are_counted_by_what_is_known_of_them() -> None:
    pairs = [
        PairOutcome("1", "unit", True, True),
        PairOutcome("2", "unit", True, False),
        PairOutcome("3", "unit", False, False),
        PairOutcome("4", "name", False, True),
    ]
    found = figures(pairs)
    assert (found["pairs_passed"].value, found["pairs_refused"].value) == (0.5, 0.5)
    kinds = group_figures(lambda pair: pair.kind, pairs)
    assert (kinds["unit"]["pairs_refused"].value, kinds["name"]["pairs_refused"].value) == (1.0, 0.0)


def test_every_measure_says_where_its_definition_comes_from() -> None:
    assert [measure.name for measure in MEASURES.values() if not measure.source] == []


def run(outcomes: list[Outcome], pairs: tuple[PairOutcome, ...] = ()) -> Evaluation:
    return summarise([Asked(tuple(outcomes), pairs)], name="small")


def test_a_run_compared_with_itself_differs_in_nothing() -> None:
    found = compare(run(OUTCOMES), run(OUTCOMES))
    assert all(difference.low == difference.high == 0 for difference in found.differences)
    assert (found.worse, found.became_right, found.became_wrong, found.changed, found.missing) == ([], (), (), (), 0)


def test_a_clear_loss_is_worse_and_lists_what_turned() -> None:
    old = [replace(OUTCOMES[0], id=str(i)) for i in range(60)]
    new = [replace(o, evidence=i < 20, first=i < 20, quotes=("else",)) for i, o in enumerate(old)]
    found = compare(run(old), run(new))
    by_name = {difference.name: difference for difference in found.differences}
    assert by_name["evidence"].is_worse
    assert by_name["evidence"].new - by_name["evidence"].old == pytest.approx(-2 / 3)
    assert not by_name["recall_at_1"].is_clear
    assert [turned.id for turned in found.became_wrong] == [str(i) for i in range(20, 60)]
    assert "ask_p50_ms" not in by_name, "two runs at different hours say little of times"
    better = compare(run(new), run(old))
    assert [turned.id for turned in better.became_right] == [str(i) for i in range(20, 60)]
    assert not better.worse


def test_less_of_what_should_be_little_is_no_loss() -> None:
    silent = [replace(OUTCOMES[1], id=str(i)) for i in range(50)]
    speaks = [replace(o, status="answered") for o in silent]
    [difference] = [d for d in differences(silent, speaks) if d.name == "abstained_wrongly"]
    assert difference.is_clear
    assert not difference.is_worse


def test_a_pair_that_turned_is_listed_and_other_questions_are_left_out() -> None:
    passed = PairOutcome("p", "unit", True, True, sentence="It is twelve weeks.")
    old = run([*OUTCOMES, replace(OUTCOMES[0], id="gone")], (passed,))
    found = compare(old, run(OUTCOMES, (replace(passed, passed=False),)))
    assert [turned.id for turned in found.became_wrong] == ["p"]
    assert found.missing == 1


def test_a_run_without_texts_is_compared_by_its_judgements() -> None:
    bare = without_texts(run(OUTCOMES))
    assert [o.question + o.text for o in bare.outcomes] == [""] * 4
    assert compare(bare, run(OUTCOMES)).changed == ()


def test_questions_are_matched_by_set_and_id_and_by_id_alone_only_where_it_is_one() -> None:
    old = [replace(o, domain="one") for o in OUTCOMES]
    other = [replace(o, domain="two", evidence=False) for o in OUTCOMES]
    assert compare(run(old), run([*old, *other])).became_wrong == ()
    assert compare(run(old), run([replace(o, domain="renamed") for o in old])).missing == 0
    foreign = [replace(o, question=f"{o.question} Really?") for o in old]
    with pytest.raises(UsageError, match="no question in common"):
        compare(run(old), run(foreign))


def test_a_difference_of_fewer_than_five_questions_is_never_clear() -> None:
    old = [replace(OUTCOMES[0], id=str(i), sides=1.0 if i == 0 else None) for i in range(40)]
    new = [replace(o, sides=0.0 if o.sides else None) for o in old]
    [difference] = [d for d in differences(old, new) if d.name == "sides"]
    assert (difference.n, difference.old, difference.new, difference.is_clear) == (1, 1.0, 0.0, False)


def test_two_runs_without_a_question_in_common_are_refused() -> None:
    with pytest.raises(UsageError, match="no question in common"):
        compare(run(OUTCOMES[:1]), run(OUTCOMES[1:]))
