"""Questions to figures, through the public Assistant alone: what is evaluated is what ships.

A passage counts as the right one when it lies in a gold document and, where the question names evidence, overlaps a
place where that evidence stands. A question that was abstained from has no right quote. Sets that carry neither
answers nor evidence (claims to find abstracts for) are only searched, never asked.

Knows nothing of files, tables or caches.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from eval import metrics
from eval.questions import Question, evidence_spans, library_ids
from index.errors import ModelError, QuestionError, UsageError
from index.lexical import analyse
from index.types import Document
from rag import Answer, Assistant, Citation
from rag.types import Hit
from rag.verify import differs

# Ten documents are ranked; long ones have several passages, so more passages than that are looked at.
_DEPTH = 50
_TOP = 10


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one question. None where a judgement does not apply: no gold, no answers, not asked.

    status: the answer's, "" when it was only searched for. seconds: of ask(). rank: of the first right passage among
    the first ten, from 1. ndcg: of the first ten documents. docs_cited: the share of the gold documents quoted from.
    accepted: whether the answer's text holds an accepted answer. carried: the share of its sentences whose numbers,
    dates, names and negations stand in what they cite. citation_precision: of the citations, the share that are
    evidence; citation_recall: of the pieces of evidence, the share cited. tokens: a language model's, both ways.
    """

    id: str
    question: str
    kind: str
    answerable: bool
    asked_as: str
    status: str = ""
    text: str = ""
    quotes: tuple[str, ...] = ()
    seconds: float | None = None
    ranked: bool = False
    rank: int | None = None
    ndcg: float | None = None
    first_quote_right: bool | None = None
    any_quote_right: bool | None = None
    evidence_cited: bool | None = None
    docs_cited: float | None = None
    accepted: bool | None = None
    carried: float | None = None
    citation_precision: float | None = None
    citation_recall: float | None = None
    tokens: float | None = None


@dataclass(frozen=True, slots=True)
class Figures:
    """Shares from 0 to 1, None where no question counts for one. The definitions are in `eval.metrics`."""

    questions: int
    answerable: int
    recall_at_1: float | None
    recall_at_4: float | None
    recall_at_5: float | None
    recall_at_10: float | None
    mrr: float | None
    ndcg_at_10: float | None
    first_quote_right: float | None
    any_quote_right: float | None
    evidence_cited: float | None
    docs_cited: float | None
    accepted: float | None
    carried: float | None
    citation_precision: float | None
    citation_recall: float | None
    abstention_precision: float | None
    abstention_recall: float | None
    false_abstention_rate: float | None
    ask_p50_ms: float | None
    ask_p95_ms: float | None
    tokens_p50: float | None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One run. To JSON and back with `rag.types.to_json` and `from_json`.

    model: that wrote the answers, "" for quotes. quoted: the figures of the quoted answers to the same questions, where
    a model wrote. seconds: of the whole run.
    """

    name: str
    library: str
    documents: int
    settings_hash: str
    overall: Figures
    kinds: Mapping[str, Figures] = field(default_factory=dict)
    outcomes: tuple[Outcome, ...] = ()
    seconds: float = 0.0
    model: str = ""
    quoted: Figures | None = None


def evaluate(
    assistant: Assistant,
    questions: Sequence[Question],
    *,
    name: str = "",
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Ask every question, judge what comes back. progress: called with the questions done and their total.

    Raises UsageError when there are no questions, or one names a document that the library does not hold.
    """
    if not questions:
        raise UsageError("no questions to evaluate; name a file that has some")
    started = time.perf_counter()
    documents = {document.doc_id: document for document in assistant.documents()}
    names = library_ids(documents.values())
    gold = [_gold_ids(question, names, assistant) for question in questions]
    asks = not only_ranks(questions)
    # What loading takes is what `sayso bench cold` measures, not this.
    if asks:
        with suppress(ModelError):  # a model that cannot be loaded leaves quotes, and each answer says so
            assistant.warm_up()
    else:
        assistant.search("warm up", k=1)

    judged: list[Outcome] = []
    rankings: dict[str, list[str]] = {}
    settings_hash = ""
    for question, doc_ids in zip(questions, gold, strict=True):
        answer, seconds = _ask(assistant, question) if asks else (None, None)
        settings_hash = answer.settings_hash if answer else settings_hash
        asked_as = (answer.asked_as if answer else "") or question.question
        ranked = bool(doc_ids) and (question.answerable or not asks)
        rank = None
        if ranked:
            refused = answer is not None and answer.status == "error"
            hits = [] if refused else assistant.search(asked_as, k=_DEPTH)
            rank = _first_right(hits[:_TOP], question, [documents[doc_id] for doc_id in doc_ids])
            rankings[question.id] = list(dict.fromkeys(hit.passage.doc_id for hit in hits))[:_TOP]
        judged.append(_judge(question, doc_ids, answer, asked_as=asked_as, seconds=seconds, ranked=ranked, rank=rank))
        if progress:
            progress(len(judged), len(questions))

    relevant = {question.id: ids for question, ids in zip(questions, gold, strict=True) if question.id in rankings}
    ndcg = metrics.ndcg_at_10(relevant, rankings) if rankings else {}
    outcomes = tuple(replace(outcome, ndcg=ndcg.get(outcome.id)) for outcome in judged)
    kinds = dict.fromkeys(outcome.kind for outcome in outcomes)
    return Evaluation(
        name=name,
        library=str(assistant.path),
        documents=len(documents),
        settings_hash=settings_hash,
        overall=figures(outcomes),
        kinds={kind: figures([outcome for outcome in outcomes if outcome.kind == kind]) for kind in kinds},
        outcomes=outcomes,
        seconds=time.perf_counter() - started,
    )


def only_ranks(questions: Sequence[Question]) -> bool:
    """Whether the set can only measure a ranking: some questions are answerable, yet none says what the answer is."""
    return any(question.answerable for question in questions) and not any(
        question.answers or question.gold_evidence for question in questions
    )


def figures(outcomes: Sequence[Outcome]) -> Figures:
    """The figures of some of a run's outcomes: all of them, or those of one kind."""
    ranks = [outcome.rank for outcome in outcomes if outcome.ranked]
    asked = [outcome for outcome in outcomes if outcome.status]
    abstained = [outcome.status == "abstained" for outcome in asked]
    answerable = [outcome.answerable for outcome in asked]
    ms = [outcome.seconds * 1000 for outcome in asked if outcome.seconds is not None]
    return Figures(
        questions=len(outcomes),
        answerable=sum(outcome.answerable for outcome in outcomes),
        recall_at_1=metrics.recall_at_k(ranks, 1),
        recall_at_4=metrics.recall_at_k(ranks, 4),
        recall_at_5=metrics.recall_at_k(ranks, 5),
        recall_at_10=metrics.recall_at_k(ranks, 10),
        mrr=metrics.mean_reciprocal_rank(ranks),
        ndcg_at_10=metrics.mean([outcome.ndcg for outcome in outcomes if outcome.ndcg is not None]),
        first_quote_right=_share(outcome.first_quote_right for outcome in outcomes),
        any_quote_right=_share(outcome.any_quote_right for outcome in outcomes),
        evidence_cited=_share(outcome.evidence_cited for outcome in outcomes),
        docs_cited=_mean(outcome.docs_cited for outcome in outcomes),
        accepted=_share(outcome.accepted for outcome in outcomes),
        carried=_mean(outcome.carried for outcome in outcomes),
        citation_precision=_mean(outcome.citation_precision for outcome in outcomes),
        citation_recall=_mean(outcome.citation_recall for outcome in outcomes),
        abstention_precision=metrics.abstention_precision(abstained, answerable),
        abstention_recall=metrics.abstention_recall(abstained, answerable),
        false_abstention_rate=metrics.false_abstention_rate(abstained, answerable),
        ask_p50_ms=metrics.percentile(ms, 50),
        ask_p95_ms=metrics.percentile(ms, 95),
        tokens_p50=metrics.percentile([o.tokens for o in asked if o.tokens is not None], 50),
    )


def _ask(assistant: Assistant, question: Question) -> tuple[Answer, float]:
    started = time.perf_counter()
    try:
        answer = assistant.ask(question.question, history=question.history)
    except QuestionError as error:  # too long, for one: it counts as wrong, and the run goes on
        answer = Answer(question.question, str(error), "error")
    return answer, time.perf_counter() - started


def _gold_ids(question: Question, names: Mapping[str, str], assistant: Assistant) -> tuple[str, ...]:
    for name in question.gold_docs:
        if name not in names:
            raise UsageError(
                f"question {question.id!r} names the document {name!r}, which the library "
                f"{str(assistant.path)!r} does not hold; name its own with --library, or its corpus file "
                "with --corpus"
            )
    return tuple(dict.fromkeys(names[name] for name in question.gold_docs))


def _first_right(hits: Sequence[Hit], question: Question, gold: Sequence[Document]) -> int | None:
    places = {document.doc_id: evidence_spans(document.text, question.gold_evidence) for document in gold}
    anywhere = not any(places.values())

    def right(hit: Hit) -> bool:
        spans = places.get(hit.passage.doc_id)
        if spans is None:
            return False
        return anywhere or any(start < hit.passage.end and hit.passage.start < end for start, end in spans)

    return next((rank for rank, hit in enumerate(hits, start=1) if right(hit)), None)


def _judge(
    question: Question,
    doc_ids: Sequence[str],
    answer: Answer | None,
    *,
    asked_as: str,
    seconds: float | None,
    ranked: bool,
    rank: int | None,
) -> Outcome:
    outcome = Outcome(question.id, question.question, question.kind, question.answerable, asked_as)
    outcome = replace(outcome, ranked=ranked, rank=rank)
    if answer is None:
        return outcome
    citations = answer.citations if answer.status in ("answered", "partial") else ()
    outcome = replace(
        outcome,
        status=answer.status,
        text=answer.text,
        quotes=tuple(citation.quote for citation in citations),
        seconds=seconds,
        carried=_carried(answer),
        tokens=answer.usage.get("prompt_tokens", 0) + answer.usage.get("completion_tokens", 0)
        if answer.usage
        else None,
    )
    if not question.answerable:
        return outcome
    hit = [_cites_evidence([citation], doc_ids, question.gold_evidence) for citation in citations]
    found = [_cites_evidence(citations, doc_ids, [piece]) for piece in question.gold_evidence]
    right = [metrics.contains_answer(citation.quote, question.answers) for citation in citations]
    cited = {citation.doc_id for citation in citations}
    return replace(
        outcome,
        first_quote_right=any(right[:1]) if question.answers else None,
        any_quote_right=any(right) if question.answers else None,
        evidence_cited=_cites_evidence(citations, doc_ids, question.gold_evidence) if question.gold_evidence else None,
        docs_cited=sum(doc_id in cited for doc_id in doc_ids) / len(doc_ids) if doc_ids else None,
        accepted=metrics.contains_answer(answer.text, question.answers) if question.answers else None,
        citation_precision=metrics.share(hit) if question.gold_evidence else None,
        citation_recall=metrics.share(found) if question.gold_evidence else None,
    )


def _carried(answer: Answer) -> float | None:
    """By the verifier's own rules, run again on what is shown. A quote carries itself."""
    by_marker = {citation.marker: citation for citation in answer.citations}
    judged = [
        claim.support == "quoted" or not differs(claim.text, [by_marker[m] for m in claim.markers], analyse)
        for claim in answer.claims
    ]
    return metrics.share(judged)


def _cites_evidence(citations: Sequence[Citation], doc_ids: Sequence[str], evidence: Sequence[str]) -> bool:
    """Whether a quote from a gold document contains a piece of evidence or is part of one, spacing aside."""
    return any(
        evidence_spans(citation.quote, [piece]) or evidence_spans(piece, [citation.quote])
        for citation in citations
        if citation.doc_id in doc_ids
        for piece in evidence
    )


def _mean(values: Iterable[float | None]) -> float | None:
    return metrics.mean([value for value in values if value is not None])


def _share(judgements: Iterable[bool | None]) -> float | None:
    return metrics.share(judgement for judgement in judgements if judgement is not None)
