"""The verifier on pairs mined from the workload's evidence; see `eval.verifier`."""

from collections.abc import Callable
from functools import partial

from eval.bench.measure import Measurement, Result, Workload
from eval.questions import library_ids
from eval.verifier import measure, mine_pairs
from index.lexical import analyse
from rag.parts import Parts
from rag.verify import check


def measure_verifier(workload: Workload) -> Result:
    documents = {document.doc_id: document for document in workload.documents}
    named = {name: documents[doc_id] for name, doc_id in library_ids(documents.values()).items()}
    pairs = mine_pairs([q for q in workload.questions if q.gold_evidence], named)
    closeness = Parts(workload.assistant.settings).closeness()
    systems: dict[str, Callable[[str, str], float]] = {"rules alone": lambda *_: 1.0, "rules and reading": closeness}
    measurements = []
    for system, near in systems.items():
        found = measure(pairs, partial(check, analyse=analyse, closeness=near))
        figures = {
            "altered passed %": 100 * found.altered_passed,
            "faithful refused %": 100 * found.faithful_refused,
            "precision %": 100 * found.precision,
            "recall %": 100 * found.recall,
            "F1 %": 100 * found.f1,
        }
        measurements.append(Measurement(system, figures))
        passed = ", ".join(f"{kind} {100 * rate:.0f}" for kind, rate in found.passed.items())
    return Result(
        name="verifier",
        workload=workload.name,
        measurements=tuple(measurements),
        notes=(f"{len(pairs)} pairs; precision and recall are of refusing what was altered", f"passed %: {passed}"),
    )
