"""Follow-ups of conversations: does the question that is asked find what the last turn alone does not?"""

import time
from collections.abc import Callable
from statistics import mean

from eval.bench.measure import Measurement, Result, Workload
from eval.questions import Question, locate
from index.errors import UsageError
from rag import Settings
from rag.compose import in_full
from rag.parts import open_model
from rag.rewrite import needs_history, standalone

_DEEP = 5  # documents that count
_PASSAGES = 30  # looked at for so many documents
_SECONDS = 60.0  # for a model to put one question in full


def measure_following(workload: Workload) -> Result:
    """recall@5 of the documents that answer: the last turn alone, put in full by rule, and by the settings' model.

    Raises UsageError when no question has a conversation before it.
    """
    asked = [q for q in workload.questions if q.history and q.docs and q.answerable]
    if not asked:
        raise UsageError("no question here has a conversation before it; name others with --corpus and --questions")
    leaning = [needs_history(question.question) for question in asked]
    systems: dict[str, Callable[[Question], str]] = {
        "last turn alone": lambda question: question.question,
        "by rule": lambda question: standalone(question.question, question.history),
    }
    settings = Settings.load()
    if settings.model:
        model = open_model(settings)

        def by_model(question: Question) -> str:
            if not needs_history(question.question):
                return question.question
            deadline = time.monotonic() + _SECONDS
            return in_full(question.question, question.history, model, deadline=deadline)[0]

        systems[f"by {settings.model.rpartition('/')[2]}"] = by_model
    gold = locate(asked, workload.documents, str(workload.assistant.path)).gold
    measurements = []
    for system, rewrite in systems.items():
        found = [_recall(workload, rewrite(question), set(gold[question.id])) for question in asked]
        figures = {
            "recall@5 %": 100 * mean(found),
            "of those that lean %": 100 * mean(r for r, leans in zip(found, leaning, strict=True) if leans),
        }
        measurements.append(Measurement(system, figures))
    return Result(
        name="followups",
        workload=workload.name,
        measurements=tuple(measurements),
        notes=(f"{len(asked)} answerable questions with a conversation before them, {sum(leaning)} lean on it",),
    )


def _recall(workload: Workload, query: str, gold: set[str]) -> float:
    """Of the documents that answer, the share among the first five."""
    hits = workload.assistant.search(query, k=_PASSAGES)
    return len(gold & set(list(dict.fromkeys(hit.passage.doc_id for hit in hits))[:_DEEP])) / len(gold)
