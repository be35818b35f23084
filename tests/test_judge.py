"""What is judged of one answer, each judgement on an answer made by hand."""

from dataclasses import replace

import pytest

from eval.judge import Outcome, is_right, judge
from eval.questions import Question
from index.load import document_id
from index.types import Document
from rag.types import Answer, Citation, Claim, Hit, Passage

FEES = "The ferry costs 15 euros for adults. Children pay 7 euros. Dogs travel free. In 2019 it cost 12 euros."
TIMES = "The ferry leaves at seven. It used to leave at six, says Anna Berg."


def document(text: str, title: str) -> Document:
    return Document(document_id(text), title, text)


FEE_DOC, TIME_DOC = document(FEES, "Fees"), document(TIMES, "Times")
GOLD = {FEE_DOC.doc_id}


def citing(*quotes: str, text: str = "", status: str = "answered", **given: object) -> Answer:
    """An answer that quotes these, cut from the document that holds them."""
    citations = []
    for marker, quote in enumerate(quotes, 1):
        held = FEE_DOC if quote in FEES else TIME_DOC
        start = held.text.index(quote)
        citations.append(Citation.of(held, start, start + len(quote), marker=marker))
    values = {"citations": tuple(citations), "probability": 0.7, **given}
    return Answer("?", text or " ".join(quotes), status, **values)  # type: ignore[arg-type]


def asked(**given: object) -> Question:
    values: dict[str, object] = {
        "answers": (("15 euros",),),
        "answerable": True,
        "docs": ("fees",),
        "evidence": (("The ferry costs 15 euros for adults",),),
        "kind": "fact",
    }
    return Question(id="q", question="What does it cost?", **{**values, **given})  # type: ignore[arg-type]


BOTH = (("The ferry costs 15 euros for adults",), ("Children pay 7 euros",))


def test_a_quote_that_holds_the_evidence_is_right_in_every_way() -> None:
    found = judge(asked(), GOLD, citing("The ferry costs 15 euros for adults."))
    assert (found.evidence, found.evidence_all, found.first) == (True, True, True)
    assert (found.citations, found.citations_right, found.docs_cited) == (1, 1, 1.0)
    assert (found.accepted, found.share, found.first_accepted, found.any_accepted) == (True, 1.0, True, True)
    assert (found.right, found.probability, found.documents) == (True, 0.7, ("Fees",))
    assert is_right(found)


def test_the_same_words_from_another_document_are_no_evidence() -> None:
    found = judge(asked(), {TIME_DOC.doc_id}, citing("The ferry costs 15 euros for adults."))
    assert (found.evidence, found.first, found.citations_right, found.right) == (False, False, 0, False)
    assert found.accepted, "the answer stands there all the same"


def test_one_of_two_pieces_is_some_evidence_and_not_all() -> None:
    question = asked(evidence=BOTH, answers=(("15 euros",), ("7 euros",)), kind="compare")
    found = judge(question, GOLD, citing("Dogs travel free.", "Children pay 7 euros."))
    assert (found.evidence, found.evidence_all, found.first) == (True, False, False)
    assert (found.citations, found.citations_right) == (2, 1)
    assert (found.accepted, found.share) == (False, 0.5)


def test_any_wording_of_a_piece_will_do() -> None:
    question = asked(evidence=(("Nobody pays for dogs", "Dogs travel free"),))
    assert judge(question, GOLD, citing("Dogs travel free.")).evidence_all


def test_evidence_may_run_over_two_quotes() -> None:
    question = asked(evidence=(("Children pay 7 euros. Dogs travel free.",),))
    found = judge(question, GOLD, citing("Children pay 7 euros.", "Dogs travel free."))
    assert (found.evidence_all, found.first, found.citations_right) == (True, False, 0), (
        "each alone is too little of it"
    )


def test_evidence_in_a_passage_that_was_read_is_told_apart_from_quoted() -> None:
    passage = Passage(FEE_DOC.doc_id, 0, 0, len(FEES))
    found = judge(asked(), GOLD, citing("Dogs travel free.", hits=(Hit(passage, 1.0, FEES),)))
    assert (found.read, found.evidence) == (True, False)


def test_an_abstention_is_judged_by_what_would_have_been_said() -> None:
    silent = Answer("?", "The sources do not say.", "abstained", probability=0.1)
    found = judge(asked(), GOLD, silent, citing("The ferry costs 15 euros for adults."))
    assert (found.status, found.evidence, found.right, found.probability) == ("abstained", False, True, 0.1)
    assert not is_right(found)


def test_what_looks_like_an_answer_to_an_unanswerable_question_is_not_right() -> None:
    question = asked(answerable=False, answers=(("15 euros",),), evidence=(), docs=())
    assert judge(question, (), citing("The ferry costs 15 euros for adults.")).right is False


def test_a_near_miss_is_right_only_in_silence() -> None:
    question = asked(answerable=False, answers=(), evidence=(), docs=())
    answered = judge(question, (), citing("Dogs travel free."))
    assert (answered.premise, answered.evidence, answered.right, is_right(answered)) == (False, None, False, False)
    silent = Answer("?", "The sources do not say.", "abstained", probability=0.1)
    assert is_right(judge(question, (), silent, citing("Dogs travel free.")))


def test_a_false_premise_is_right_in_silence_or_with_what_corrects_it() -> None:
    question = asked(answerable=False, answers=(), evidence=(("Dogs travel free",),), kind="false_premise")
    corrected = judge(question, GOLD, citing("Dogs travel free."))
    assert (corrected.premise, corrected.evidence, is_right(corrected)) == (True, True, True)
    assert not is_right(judge(question, GOLD, citing("Children pay 7 euros.")))
    assert is_right(judge(question, GOLD, Answer("?", "The sources do not say.", "abstained")))


@pytest.mark.parametrize(
    ("text", "right"),
    [("Yes: “Dogs travel free.” [1]", True), ("No. [1]", False), ("Nobody pays.", True), ("No dog pays.", True)],
)
def test_a_yes_or_no_must_not_begin_with_the_contrary_word(text: str, right: bool) -> None:
    question = asked(polarity="yes", evidence=(("Dogs travel free",),), answers=())
    found = judge(question, GOLD, citing("Dogs travel free.", text=text))
    assert (found.yes_or_no, is_right(found)) == (right, right)


def test_a_side_counts_where_it_stands_with_who_holds_it() -> None:
    question = asked(answers=(("at six",), ("15 euros",)), sides=("Anna Berg", "the mayor"))
    quotes = ("It used to leave at six, says Anna Berg.", "The ferry costs 15 euros for adults.")
    assert judge(question, GOLD, citing(*quotes)).sides == 0.5


def test_what_is_superseded_must_not_be_told_first() -> None:
    question = asked(superseded=("12 euros",))
    new, old = "The ferry costs 15 euros for adults.", "In 2019 it cost 12 euros."
    assert judge(question, GOLD, citing(new, old)).current is True
    assert judge(question, GOLD, citing(old, new)).current is False
    assert judge(question, GOLD, citing(old)).current is False


def test_events_count_in_the_order_of_their_dates() -> None:
    question = asked(evidence=BOTH, dates=("2024-01-01", "2024-02-01"))
    first, second = "The ferry costs 15 euros for adults.", "Children pay 7 euros."
    assert judge(question, GOLD, citing(first, second)).in_order is True
    assert judge(question, GOLD, citing(second, first)).in_order is False
    later_first = asked(evidence=BOTH[::-1], dates=("2024-02-01", "2024-01-01"))
    assert judge(later_first, GOLD, citing(first, second)).in_order is True
    assert judge(question, GOLD, citing(first)).in_order is False


def test_written_sentences_are_counted_with_those_that_were_refused() -> None:
    claims = (Claim("It costs 15 euros.", (1,), "supported"), Claim("It costs 99 euros.", (1,), "supported"))
    used = {"prompt_tokens": 90, "completion_tokens": 10, "sentences_refused": 3}
    answer = citing("The ferry costs 15 euros for adults.", claims=claims, usage=used)
    found = judge(asked(), GOLD, answer, written=True)
    assert (found.written, found.sentences, found.refused, found.tokens) == (True, 2, 3, 100)
    assert found.carried == 0.5, "99 stands in no quote"


def test_quotes_are_no_sentences_of_a_model() -> None:
    answer = citing("Dogs travel free.", claims=(Claim("Fees: “Dogs travel free.”", (1,), "quoted"),))
    found = judge(asked(), GOLD, answer)
    assert (found.written, found.sentences, found.tokens, found.carried) == (False, 0, None, 1.0)


def test_what_was_only_searched_for_is_right_when_it_is_among_the_first_ten() -> None:
    searched = Outcome("q", "claim", True, ranked=True, rank=10)
    assert is_right(searched)
    assert not is_right(replace(searched, rank=None))
