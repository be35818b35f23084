"""Questions to outcomes and figures, through the public Assistant alone: what is evaluated is what ships.

A passage counts as the right one when it lies in a document of the question and, where it names evidence, overlaps a
place where that stands. Sets that carry neither answers nor evidence (claims to find abstracts for) are only searched,
never asked. An answer that was abstained from is asked for once more without a threshold, untimed: how often what
would have been said is right is what a probability is measured by.

Knows nothing of files, tables or sets.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from eval.figures import Figure, figures, group_figures
from eval.journal import Journals, code_fingerprint, journal_key
from eval.judge import Outcome, expected, is_false_premise, judge
from eval.measures import holds, ndcg_at_10, plain
from eval.pairs import Pair, PairOutcome, verify_pairs
from eval.questions import Located, Question, evidence_spans, locate
from index.errors import ModelError, QuestionError, UsageError
from index.types import Document
from rag import Answer, Assistant
from rag.types import Hit, Turn, to_dict

# Ten documents are ranked; long ones have several passages, so more passages than that are looked at.
_DEPTH = 50
_TOP = 10
# A model that could not be reached says nothing of the question; an interrupted run that goes on asks it again.
_TO_TRY_AGAIN = ("unavailable", "timeout")

ByName = Mapping[str, Mapping[str, Figure]]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One run. To JSON and back with `rag.types.to_json` and `from_json`.

    library: where, "" where several were asked. uses: what its sets may be used for. code: a fingerprint of code and
    weights. overall: by a measure's name, see `eval.figures.MEASURES`; kinds, pair_kinds, domains: the same of each
    kind of question or pair and of each set. remarks: what is odd about the sets. seconds: of asking. model: that wrote
    the answers, "" for quotes; quoted: the quoted answers to the same questions, where a model wrote.
    """

    name: str
    library: str
    documents: int
    settings_hash: str
    overall: Mapping[str, Figure]
    kinds: ByName = field(default_factory=dict)
    pair_kinds: ByName = field(default_factory=dict)
    domains: ByName = field(default_factory=dict)
    outcomes: tuple[Outcome, ...] = ()
    pairs: tuple[PairOutcome, ...] = ()
    remarks: tuple[str, ...] = ()
    seconds: float = 0.0
    model: str = ""
    quoted: "Evaluation | None" = None
    uses: tuple[str, ...] = ()
    code: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of one set: its outcomes in order, and what the library is."""

    outcomes: tuple[Outcome, ...]
    pairs: tuple[PairOutcome, ...] = ()
    remarks: tuple[str, ...] = ()
    library: str = ""
    documents: int = 0
    settings_hash: str = ""


def evaluate(
    assistant: Assistant, questions: Sequence[Question], *, name: str = "", progress: Progress | None = None
) -> Evaluation:
    """Ask every question, judge what comes back. progress: called with the questions done and their total.

    A run that was cut off before goes on where it stopped. Raises UsageError when there are no questions, or one names
    a document that the library does not hold.
    """
    with Journals() as journals:
        asked = ask_set(assistant, questions, journals=journals, progress=progress)
    return summarise([asked], name=name, model=assistant.settings.model)


def summarise(asked: Sequence[Asked], *, name: str, model: str = "", uses: Sequence[str] = ()) -> Evaluation:
    """The figures of one or several sets."""
    outcomes = tuple(outcome for one in asked for outcome in one.outcomes)
    pairs = tuple(pair for one in asked for pair in one.pairs)
    return Evaluation(
        name=name,
        library=asked[0].library if len(asked) == 1 else "",
        documents=sum(one.documents for one in asked),
        settings_hash=asked[0].settings_hash if asked else "",
        overall={**figures(outcomes), **figures(pairs)},
        kinds=group_figures(lambda outcome: outcome.kind, outcomes),
        pair_kinds=group_figures(lambda pair: pair.kind, pairs),
        domains=group_figures(lambda judged: judged.domain, outcomes, pairs),
        outcomes=outcomes,
        pairs=pairs,
        remarks=tuple(remark for one in asked for remark in one.remarks),
        seconds=sum(outcome.seconds or 0.0 for outcome in outcomes),
        model=model,
        uses=tuple(uses),
        code=code_fingerprint(),
    )


def without_texts(evaluation: Evaluation) -> Evaluation:
    """The judgements and figures, and nothing of what was asked and answered."""
    return replace(
        evaluation,
        outcomes=tuple(map(_without_texts, evaluation.outcomes)),
        pairs=tuple(replace(pair, quote="", sentence="", why="") for pair in evaluation.pairs),
        remarks=(),
        quoted=without_texts(evaluation.quoted) if evaluation.quoted else None,
    )


def _without_texts(outcome: Outcome) -> Outcome:
    return replace(outcome, question="", expected=(), asked_as="", text="", quotes=(), documents=())


def ask_set(
    assistant: Assistant,
    questions: Sequence[Question],
    pairs: Sequence[Pair] = (),
    *,
    journals: Journals,
    keep_texts: bool = True,
    domain: str = "",
    progress: Progress | None = None,
) -> Asked:
    """As `evaluate`, of one set with its pairs, before any figure is made. journals: of the run that it is part of.

    keep_texts: whether what is asked and answered may be written anywhere.
    """
    if not (questions or pairs):
        raise UsageError("no questions to evaluate; name a file that has some")
    held = {document.doc_id: document for document in assistant.documents()} if questions else {}
    located = locate(questions, held.values(), str(assistant.path))
    asks = not only_ranks(questions)
    # What loading takes is what `sayso bench cold` measures, not this.
    if questions and asks:
        with suppress(ModelError):  # a model that cannot be loaded leaves quotes, and each answer says so
            assistant.warm_up()
    elif questions:
        assistant.search("warm up", k=1)
    settings = assistant.settings
    key = journal_key(
        [to_dict(question) for question in questions],
        {doc_id: [document.title, document.published.value] for doc_id, document in held.items()},
        [str(assistant.path), settings.hash, settings.timeout_s, settings.key_file, domain, keep_texts],
    )
    journal = journals.open(key)
    outcomes: list[Outcome] = []
    for question in questions:
        outcome = journal.done.get(question.id)
        if outcome is None:
            outcome = replace(_outcome(assistant, question, located, held, asks=asks), domain=domain)
            outcome = outcome if keep_texts else _without_texts(outcome)
            if outcome.reason not in _TO_TRY_AGAIN:
                journal.keep(outcome)
        outcomes.append(outcome)
        if progress:
            progress(len(outcomes), len(questions))
    judged = verify_pairs(pairs, assistant.verifier(), domain) if pairs else ()
    return Asked(
        tuple(outcomes), tuple(judged), located.remarks, str(assistant.path), len(held), assistant.settings.hash
    )


def only_ranks(questions: Sequence[Question]) -> bool:
    """Whether the set can only measure a ranking: some questions are answerable, yet none says what the answer is."""
    return any(question.answerable for question in questions) and not any(
        question.answers or question.evidence for question in questions
    )


def _outcome(
    assistant: Assistant, question: Question, located: Located, held: Mapping[str, Document], *, asks: bool
) -> Outcome:
    gold = located.gold[question.id]
    outcome = Outcome(
        question.id, question.kind, question.answerable, question=question.question, expected=expected(question)
    )
    if asks:
        outcome = _ask(assistant, question, gold)
    if not gold or (asks and not question.answerable):
        return replace(outcome, premise=is_false_premise(question))
    hits: list[Hit] = []
    if outcome.status != "error":
        with suppress(QuestionError):  # a claim that is too long finds nothing
            hits = assistant.search(outcome.asked_as or question.question, k=_DEPTH)
    ranking = list(dict.fromkeys(hit.passage.doc_id for hit in hits))[:_TOP]
    return replace(
        outcome,
        ranked=True,
        rank=_first_right(hits[:_TOP], question, [held[doc_id] for doc_id in gold]),
        ndcg=ndcg_at_10({question.id: gold}, {question.id: ranking})[question.id],
    )


def _ask(assistant: Assistant, question: Question, gold: Sequence[str]) -> Outcome:
    history = list(question.history)
    started = time.perf_counter()
    try:
        for earlier in question.before:
            history.append(Turn(earlier, assistant.ask(earlier, history=tuple(history)).text))
        started = time.perf_counter()
        answer = assistant.ask(question.question, history=tuple(history))
    except QuestionError as error:  # too long, for one: it counts as wrong, and the run goes on
        answer = Answer(question.question, str(error), "error")
    seconds = time.perf_counter() - started
    unthresholded = None
    if answer.status == "abstained":
        anyway = assistant.writing_with("").abstaining_below(0.0)
        unthresholded = anyway.ask(question.question, history=tuple(history))
    written = bool(assistant.settings.model)
    return replace(judge(question, gold, answer, unthresholded, written=written), seconds=seconds)


def _first_right(hits: Sequence[Hit], question: Question, gold: Sequence[Document]) -> int | None:
    """Evidence that two passages share counts in both; where mark-up stands within it, it is looked for in words."""
    places = {document.doc_id: evidence_spans(document.text, question.pieces) for document in gold}
    wordings = [plain(wording) for wording in question.pieces]

    def right(hit: Hit) -> bool:
        spans = places.get(hit.passage.doc_id)
        if spans is None:
            return False
        if not wordings or any(start < hit.passage.end and hit.passage.start < end for start, end in spans):
            return True
        words = plain(hit.text)
        return any(holds(words, wording) for wording in wordings)

    return next((rank for rank, hit in enumerate(hits, start=1) if right(hit)), None)
