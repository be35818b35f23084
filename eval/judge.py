"""A question and what was answered -> an Outcome: everything that is judged of one question.

Evidence counts where a quote of one of the question's documents holds it, compared in words only. Evidence may run over
two quotes, a sentence each, so it is looked for in all quotes of its documents together too.

Knows nothing of libraries or of how figures are made of outcomes.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from eval.measures import contains_answer, holds, is_evidence, mean, plain, share
from eval.questions import Question
from index.lexical import analyse
from rag.types import Answer, Citation
from rag.verify import differs

# "No vehicles may pass" is no answer "no".
_YES_OR_NO = re.compile(r"\W*(yes|no)(?=\s*(?:[^\w\s]|$))")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one question. None where a judgement does not apply: no gold, no answers, not asked.

    domain: the set that it is of. question to documents: what was asked, expected and answered; left out of sets that
    are never looked at. premise: it takes something untrue for granted. status, reason: the answer's; "" when it was
    only searched for. seconds: of ask(). tokens: a language model's, both ways. rank: of the first right passage among
    the first ten, from 1. ndcg: of the first ten documents. read: the evidence stands in a passage that was read.
    evidence: any piece of it is quoted; evidence_all: every one; first: the first citation is evidence. citations,
    citations_right: how many, and how many are evidence. accepted: one answer of each group stands in the text or the
    quotes; share: of how many groups one does. first_accepted, any_accepted: a quote holds an accepted answer.
    yes_or_no: the evidence is quoted and the first word is not the contrary one. sides: of those who hold different
    answers, the share that stand with theirs. current: nothing superseded is told before the evidence. in_order: all
    evidence is quoted, in the order of its dates. docs_cited: the share of the question's documents that are quoted.
    written: a language model was named; sentences, refused: of its sentences those that were shown, and those that were
    not. carried: the share of the sentences whose numbers, dates, names and negations stand in what they cite.
    probability: the answer's. right: whether what would be quoted, were nothing abstained from, holds the evidence;
    where none is named, an accepted answer.
    """

    id: str
    kind: str
    answerable: bool
    domain: str = ""
    question: str = ""
    expected: tuple[str, ...] = ()
    asked_as: str = ""
    text: str = ""
    quotes: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    premise: bool = False
    status: str = ""
    reason: str = ""
    seconds: float | None = None
    tokens: float | None = None
    ranked: bool = False
    rank: int | None = None
    ndcg: float | None = None
    read: bool | None = None
    evidence: bool | None = None
    evidence_all: bool | None = None
    first: bool | None = None
    citations: int = 0
    citations_right: int | None = None
    accepted: bool | None = None
    share: float | None = None
    first_accepted: bool | None = None
    any_accepted: bool | None = None
    yes_or_no: bool | None = None
    sides: float | None = None
    current: bool | None = None
    in_order: bool | None = None
    docs_cited: float | None = None
    written: bool = False
    sentences: int = 0
    refused: int = 0
    carried: float | None = None
    probability: float | None = None
    right: bool | None = None


def judge(
    question: Question,
    gold: Collection[str],
    answer: Answer,
    unthresholded: Answer | None = None,
    *,
    written: bool = False,
) -> Outcome:
    """gold: ids of the question's documents. unthresholded: the answer when nothing is abstained from, where it was.

    written: a language model was named to write it.
    """
    citations = answer.citations if answer.status in ("answered", "partial") else ()
    used = answer.usage
    outcome = Outcome(
        id=question.id,
        kind=question.kind,
        answerable=question.answerable,
        question=question.question,
        expected=expected(question),
        asked_as=answer.asked_as or question.question,
        text=answer.text,
        quotes=tuple(citation.quote for citation in citations),
        documents=tuple(dict.fromkeys(citation.title for citation in citations)),
        premise=is_false_premise(question),
        status=answer.status,
        reason=answer.reason,
        tokens=used.get("prompt_tokens", 0) + used.get("completion_tokens", 0) if "prompt_tokens" in used else None,
        citations=len(citations),
        written=written,
        sentences=sum(claim.support != "quoted" for claim in answer.claims),
        refused=int(used.get("sentences_refused", 0)),
        carried=_carried(answer),
        probability=answer.probability,
    )
    if question.evidence:
        outcome = replace(outcome, **_evidence(question, gold, answer, citations))
    if question.answerable:
        outcome = replace(outcome, **_answers(question, gold, answer, citations))
    return replace(outcome, right=_right(question, gold, unthresholded or answer))


def expected(question: Question) -> tuple[str, ...]:
    """What a right answer is, as far as the set says."""
    return question.accepted or question.pieces or question.docs if question.answerable else question.pieces


def is_false_premise(question: Question) -> bool:
    """Unanswerable questions with evidence: that corrects what they take for granted."""
    return not question.answerable and (bool(question.evidence) or question.kind == "false_premise")


def _quoted(question: Question, gold: Collection[str], citations: Sequence[Citation]) -> list[bool]:
    """Of each piece of evidence whether it is quoted."""
    own = [citation.quote for citation in citations if citation.doc_id in gold]
    together = plain(" ".join(own))
    return [
        any(holds(together, plain(wording)) or any(is_evidence(quote, wording) for quote in own) for wording in piece)
        for piece in question.evidence
    ]


def _evidence(
    question: Question, gold: Collection[str], answer: Answer, citations: Sequence[Citation]
) -> dict[str, Any]:
    read = [plain(hit.text) for hit in answer.hits]
    found = _quoted(question, gold, citations)
    good = [_is_of(question, gold, citation) for citation in citations]
    judged: dict[str, Any] = {
        "read": any(holds(text, plain(wording)) for text in read for wording in question.pieces),
        "evidence": any(found),
        "evidence_all": all(found),
        "first": any(good[:1]),
        "citations_right": sum(good),
    }
    if question.superseded:
        judged["current"] = any(found) and not _outdated(question, good, citations)
    if question.dates:
        judged["in_order"] = all(found) and _in_order(question, gold, citations)
    return judged


def _is_of(question: Question, gold: Collection[str], citation: Citation) -> bool:
    return citation.doc_id in gold and any(is_evidence(citation.quote, wording) for wording in question.pieces)


def _outdated(question: Question, good: Sequence[bool], citations: Sequence[Citation]) -> bool:
    """Whether an older statement is quoted before the first citation that is evidence."""
    before = citations[: good.index(True)] if any(good) else citations
    return any(holds(plain(c.quote), plain(old)) for c in before for old in question.superseded)


def _in_order(question: Question, gold: Collection[str], citations: Sequence[Citation]) -> bool:
    """Whether the pieces are first quoted in the order of their dates."""
    by_date = [
        piece for _, piece in sorted(zip(question.dates, question.evidence, strict=False), key=lambda row: row[0])
    ]
    places = [
        next(
            (
                i
                for i, c in enumerate(citations)
                if c.doc_id in gold and any(is_evidence(c.quote, wording) for wording in piece)
            ),
            len(citations),
        )
        for piece in by_date
    ]
    return places == sorted(places)


def _answers(
    question: Question, gold: Collection[str], answer: Answer, citations: Sequence[Citation]
) -> dict[str, Any]:
    judged: dict[str, Any] = {}
    if gold:
        cited = {citation.doc_id for citation in citations}
        judged["docs_cited"] = sum(doc_id in cited for doc_id in gold) / len(gold)
    if question.polarity:
        begins = _YES_OR_NO.match(answer.text.lower())
        contrary = begins is not None and begins[1] != question.polarity
        judged["yes_or_no"] = any(_quoted(question, gold, citations)) and not contrary
    if not question.answers:
        return judged
    said = plain(" ".join([answer.text, *(citation.quote for citation in citations)]))
    found = [any(holds(said, plain(wording)) for wording in group) for group in question.answers]
    held = [contains_answer(citation.quote, question.accepted) for citation in citations]
    judged |= {
        "accepted": all(found),
        "share": sum(found) / len(found),
        "first_accepted": any(held[:1]),
        "any_accepted": any(held),
    }
    if question.sides:
        who = plain(" ".join([answer.text, *(f"{c.quote} {c.speaker} {c.via} {c.source}" for c in citations)]))
        named = [holds(who, plain(side)) for side in question.sides]
        judged["sides"] = mean([float(a and b) for a, b in zip(found, named, strict=False)])
    return judged


def _right(question: Question, gold: Collection[str], answer: Answer) -> bool | None:
    if not (question.evidence or (question.answerable and question.answers)):
        return None if question.answerable else False
    if question.evidence:
        return any(_quoted(question, gold, answer.citations))
    return any(contains_answer(citation.quote, question.accepted) for citation in answer.citations)


def _carried(answer: Answer) -> float | None:
    """By the verifier's own rules, run again on what is shown. A quote carries itself."""
    by_marker = {citation.marker: citation for citation in answer.citations}
    judged = [
        claim.support == "quoted" or not differs(claim.text, [by_marker[m] for m in claim.markers], analyse)
        for claim in answer.claims
    ]
    return share(judged)


def is_right(outcome: Outcome) -> bool:
    """Whether a question has its answer or its evidence, and one without an answer silence or what corrects it."""
    if not outcome.status:  # only searched for
        return not outcome.ranked or outcome.rank is not None
    if not outcome.answerable:
        return outcome.status == "abstained" or (outcome.premise and bool(outcome.evidence))
    if outcome.status in ("abstained", "error") or outcome.yes_or_no is False:
        return False
    judged = (outcome.accepted, outcome.any_accepted, outcome.evidence)
    return any(judged) or all(j is None for j in judged)
