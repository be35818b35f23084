"""Passages indexed a second: everything `Assistant.add` does, against LangChain's FAISS store."""

import tempfile
import time
from pathlib import Path
from statistics import median

from eval.bench.langchain_store import LangChainStore, passage_texts
from eval.bench.measure import Measurement, Result, Workload
from index.minilm import MiniLM
from index.types import Document, Embedder
from rag import Assistant

_ROUNDS = 3
_WARM_UP = 8  # documents and passages that are indexed before the clock runs


def measure_indexing(workload: Workload) -> Result:
    """Both systems index the same texts in this process, turn by turn, with their models loaded and warm."""
    store = LangChainStore()
    embedder = MiniLM()
    texts = passage_texts(workload.documents, embedder)
    _index(workload.documents[:_WARM_UP], embedder)
    store.build(texts[:_WARM_UP])

    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(_ROUNDS):
        seconds, passages = _index(workload.documents, embedder)
        if passages != len(texts):
            raise RuntimeError(f"sayso indexed {passages} passages and the other system {len(texts)}")
        ours.append(seconds)
        started = time.perf_counter()
        store.build(texts)
        theirs.append(time.perf_counter() - started)

    rates = [len(texts) / median(samples) for samples in (ours, theirs)]
    return Result(
        name="index",
        workload=workload.name,
        measurements=(
            Measurement(
                f"sayso ({embedder.dtype})",
                {"passages/s": rates[0], "median s": median(ours), "slowest s": max(ours)},
                tuple(ours),
            ),
            Measurement(
                store.system,
                {"passages/s": rates[1], "median s": median(theirs), "slowest s": max(theirs)},
                tuple(theirs),
            ),
        ),
        ratio=rates[0] / rates[1],
        ratio_of="passages indexed a second",
        notes=(
            f"{len(texts)} passages of {len(workload.documents)} documents, {_ROUNDS} rounds each, turn by turn",
            "sayso: splitting, passage and sentence vectors, SQLite, word index, vector index, all on disk",
            f"{store.system}: the same passages already split, passage vectors only, in memory",
        ),
    )


def _index(documents: tuple[Document, ...], embedder: Embedder) -> tuple[float, int]:
    """Seconds and passages of filling a new library."""
    with tempfile.TemporaryDirectory(prefix="sayso-bench-") as folder:
        started = time.perf_counter()
        with Assistant.open(Path(folder) / "bench.library", embedder=embedder) as assistant:
            report = assistant.add(*documents)
            return time.perf_counter() - started, report.passages
