"""Milliseconds of a warm `ask()`, beside LangChain's similarity search for the same questions."""

import time

from eval import measures
from eval.bench.langchain_store import LangChainStore, passage_texts
from eval.bench.measure import Result, Workload, timed
from index.minilm import MiniLM

_MOST = 200  # questions; the first ones of the file
_WARM_UP = 3


def measure_asking(workload: Workload) -> Result:
    """Every question goes to both systems, one right after the other; each is asked once."""
    store = LangChainStore()
    documents = workload.assistant.documents()
    texts = passage_texts(documents, MiniLM())
    found = store.build(texts)
    questions = workload.questions[:_MOST]
    for question in questions[:_WARM_UP]:
        workload.assistant.ask(question.question, history=question.history)
        found.similarity_search(question.question)

    ours: list[float] = []
    theirs: list[float] = []
    for question in questions:
        started = time.perf_counter()
        workload.assistant.ask(question.question, history=question.history)
        ours.append(time.perf_counter() - started)
        started = time.perf_counter()
        found.similarity_search(question.question)
        theirs.append(time.perf_counter() - started)

    return Result(
        name="ask",
        workload=workload.name,
        measurements=(timed("sayso ask()", ours), timed(f"{store.system} similarity_search()", theirs)),
        ratio=(measures.percentile(theirs, 50) or 0.0) / (measures.percentile(ours, 50) or 1.0),
        ratio_of="p50, theirs over ours",
        notes=(
            f"{len(questions)} questions over {len(texts)} passages, warm, each asked once of both in turn",
            f"{store.system} does less: it finds four passages; ask() also finds sentences, decides whether they "
            "answer, and makes the cited answer",
        ),
    )
