"""The verifier on the pairs of the developed sets: its rules alone, and the rules with the network that reads."""

from collections.abc import Callable
from functools import partial

from eval.bench.measure import Measurement, Result, Workload
from eval.figures import figures, group_figures
from eval.pairs import PairOutcome, Verify, read_pairs, verify_pairs
from eval.sets import find_sets
from index.lexical import analyse
from rag.verify import check


def measure_verifier(workload: Workload) -> Result:
    """Every measured system with what it refuses and passes; the last one's kinds of change as notes."""
    pairs = [pair for _, path in find_sets("developed") if path.is_dir() for pair in read_pairs(path / "pairs.jsonl")]
    rules: Verify = partial(check, analyse=analyse, closeness=lambda *_: 1.0)
    systems: dict[str, Callable[[], Verify]] = {
        "rules alone": lambda: rules,
        "rules and reading": workload.assistant.verifier,
    }
    measurements = []
    judged: list[PairOutcome] = []
    for system, verifier in systems.items():
        judged = verify_pairs(pairs, verifier())
        found = figures(judged, samples=0)
        refused, passed = (found[name].value or 0.0 for name in ("pairs_refused", "pairs_passed"))
        shares = {"unsupported refused %": 100 * refused, "supported passed %": 100 * passed}
        measurements.append(Measurement(system, {**shares, "balanced %": 50 * (refused + passed)}))
    kinds = group_figures(lambda pair: pair.kind, judged, samples=0)
    refused_of = ", ".join(f"{kind} {100 * (found['pairs_refused'].value or 0):.0f}" for kind, found in kinds.items())
    return Result(
        name="verifier",
        workload="developed pairs",
        measurements=tuple(measurements),
        notes=(f"{len(pairs)} pairs of a quote and a sentence, half of them supported", f"refused %: {refused_of}"),
    )
