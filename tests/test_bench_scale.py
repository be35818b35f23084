"""The benchmark of a large library, on a small one."""

from pathlib import Path

from eval.bench.measure import Workload
from eval.bench.scale import measure_scale
from eval.questions import read_questions
from index.library import Library
from index.vectors import VectorIndex
from rag import Assistant

QUESTIONS = Path(__file__).parents[1] / "eval" / "questions" / "seeds.jsonl"


def test_a_small_library_is_made_measured_and_left_as_it_was(seeds_assistant: Assistant) -> None:
    """600 passages, 60 of them embedded and the others like them; the vectors in cells."""
    workload = Workload(
        "seeds", tuple(seeds_assistant.documents()), tuple(read_questions(QUESTIONS)[:10]), seeds_assistant
    )
    result = measure_scale(workload, passages=600, embedded=60, new=10, exact_up_to=300)
    figures = result.measurements[0].figures
    assert figures["recall@10 %"] >= 98
    assert 0 < figures["p50 ms"] <= figures["p95 ms"]
    assert 0 < figures["open s"] < figures["first s"] < 60
    assert 0 < figures["memory MB"] < 1500
    assert figures["add 10 s"] > 0

    folder = Path(result.notes[0].rpartition("in ")[2].strip("'"))
    library = Library.open(folder)
    documents, passages, _ = library.counts()
    spec = library.spec()
    assert spec is not None
    assert passages >= 600
    assert len(set(library.document_ids())) == documents
    index = VectorIndex.load(folder, spec)
    assert (len(index), index.library_version) == (passages, library.version())
    assert index.trained_on > 0
    assert not library.integrity_problems()
    library.close()
