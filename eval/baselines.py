"""Evaluations that later ones are compared with: question sets -> eval/baselines/NAME.json.gz.

    python -m eval.baselines ../shared/data [NAME …]

Compare with one by: make quality COMPARE=eval/baselines/quality.json.gz. Of sets that are not the project's own, and of
those that are never looked at, judgements and figures are kept and no text.
"""

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from rich.console import Console

from eval.gate import SETS, embedded
from eval.report import print_report, run_sets, write_json
from eval.runner import Evaluation, without_texts
from index.errors import DocumentError, SaysoError, UsageError

FOLDER = Path(__file__).with_name("baselines")


def _domains(data: Path) -> Evaluation:
    return run_sets([str(data / "domains"), str(data / "support_dev.jsonl")], settings=embedded())


def _corpus(
    folder: str, questions: str, corpus: str = "corpus.jsonl", **settings: float
) -> Callable[[Path], Evaluation]:
    def run(data: Path) -> Evaluation:
        return run_sets([str(data / folder / questions)], corpus=data / folder / corpus, settings=embedded(**settings))

    return run


BASELINES: Mapping[str, Callable[[Path], Evaluation]] = {
    "quality": lambda _: run_sets(SETS, settings=embedded()),
    "held_out": lambda _: run_sets(["held_out"], settings=embedded()),
    "domains": _domains,
    "clapnq_dev": _corpus("clapnq_dev", "queries.jsonl"),
    "mtragun": _corpus("mtragun", "queries.jsonl", "corpus_reference_passages.jsonl"),
    "squad2_dev": _corpus("squad2_dev", "queries_dev_half_6078.jsonl"),
    "squad2_dev_sample_all_answered": _corpus("squad2_dev", "queries_sample2000_seed7.jsonl", abstain_below=0.0),
}
_WITH_TEXTS = ("quality",)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("data", type=Path, help="the folder with domains/, squad2_dev/, clapnq_dev/ and mtragun/")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BASELINES)}; all without")
    given = parser.parse_args(arguments)
    try:
        if not (given.data / "domains").is_dir():
            raise DocumentError(f"no question sets in {str(given.data)!r}; name the folder that holds domains/")
        if unknown := set(given.names) - set(BASELINES):
            raise UsageError(f"no baseline {min(unknown)!r}; there are: {', '.join(BASELINES)}")
        FOLDER.mkdir(exist_ok=True)
        for name in given.names or BASELINES:
            evaluation = BASELINES[name](given.data)
            print_report(evaluation, Console())
            kept = evaluation if name in _WITH_TEXTS else without_texts(evaluation)
            write_json(kept, FOLDER / f"{name}.json.gz")
    except SaysoError as error:
        print(f"baselines: {error}", file=sys.stderr)
        return error.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main())
