"""Speed and strictness, measured here and now: `sayso bench`. Each compares within one run, on the same texts.

    index       passages indexed a second, against LangChain's FAISS store with the same weights
    ask         a warm ask(), beside LangChain's similarity search
    cold        `sayso ask` in a fresh process
    verifier    what it lets through and refuses, on pairs of a quote and a sentence
    followups   what a conversation's last question finds, alone and put in full by rule (and by SAYSO_MODEL)
    chat        200 questions at once from 20 clients of the served chat; only when it is named
    page        how long the chat's page takes to load and to answer, in Chromium; only when it is named
    faults      what a library survives: kills, damaged files, full disks; takes two minutes, so only when it is named
    scale       200,000 passages: search, opening, adding, memory; only when named, since making them takes long

Heavy imports happen in the benchmark that needs them, so that `cold` runs without LangChain.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import as_file, files
from pathlib import Path

from rich.console import Console
from rich.table import Table

from eval.bench.measure import Result, Workload
from eval.libraries import corpus_library, seeds_library
from eval.questions import read_questions
from index.errors import DocumentError, UsageError
from rag.types import to_dict


def run(names: Sequence[str], *, corpus: Path | None, questions: Path | None, out: Path | None) -> int:
    """Run the named benchmarks (the quick ones when none is named), print their tables, write their figures to `out`.

    corpus, questions: JSONL files as `sayso eval` reads them; without them the five seed documents and the questions
    about them, which is little to measure on. Returns 0.
    Raises UsageError for an unknown name and SaysoError when something to compare with is not installed.
    """
    for name in names:
        if name not in _BENCHMARKS:
            raise UsageError(f"no benchmark {name!r}; there are: {', '.join(_BENCHMARKS)}")
    console = Console()
    workload = _workload(corpus, questions)
    results: list[Result] = []
    with workload.assistant:
        for name in dict.fromkeys(names or (name for name in _BENCHMARKS if name not in _ONLY_NAMED)):
            Console(stderr=True).print(f"measuring {name} on {workload.name} …", style="dim")
            results.append(_BENCHMARKS[name](workload))
            console.print(render(results[-1]))
    if any(result.workload == "seeds" for result in results):
        console.print("The seeds are five short documents; for figures that mean more: --corpus FILE --questions FILE")
    if out:
        try:
            text = json.dumps([to_dict(result) for result in results], ensure_ascii=False, indent=2)
            out.write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            raise DocumentError(f"cannot write {str(out)!r}: {error.strerror}; name another file with --out") from error
    return 0


def render(result: Result) -> Table:
    ratio = f"{result.ratio_of}: {result.ratio:.2f} times" if result.ratio is not None else ""
    table = Table(title=f"{result.name}: {result.workload}", caption="\n".join(filter(None, [ratio, *result.notes])))
    table.add_column("system")
    figures = list(dict.fromkeys(figure for measured in result.measurements for figure in measured.figures))
    for figure in figures:
        table.add_column(figure, justify="right")
    for measured in result.measurements:
        table.add_row(measured.system, *(_figure(measured.figures[figure]) for figure in figures))
    return table


def _figure(value: float) -> str:
    """Counts as they are, what was measured with one decimal."""
    return str(value) if isinstance(value, int) else f"{value:.1f}"


def _workload(corpus: Path | None, questions: Path | None) -> Workload:
    if (corpus is None) != (questions is None):
        raise UsageError("a corpus and its questions belong together; give both --corpus FILE and --questions FILE")
    if corpus and questions:
        asked = read_questions(questions)
        assistant = corpus_library(corpus)
        name = corpus.parent.name or corpus.name
    else:
        with as_file(files("eval") / "questions" / "seeds.jsonl") as seeds:
            asked = read_questions(seeds)
        assistant = seeds_library()
        name = "seeds"
    return Workload(name, tuple(assistant.documents()), tuple(asked), assistant)


def _index(workload: Workload) -> Result:
    from eval.bench.indexing import measure_indexing

    return measure_indexing(workload)


def _ask(workload: Workload) -> Result:
    from eval.bench.asking import measure_asking

    return measure_asking(workload)


def _cold(workload: Workload) -> Result:
    from eval.bench.cold import measure_cold

    return measure_cold(workload)


def _verifier(workload: Workload) -> Result:
    from eval.bench.verifying import measure_verifier

    return measure_verifier(workload)


def _followups(workload: Workload) -> Result:
    from eval.bench.following import measure_following

    return measure_following(workload)


def _chat(workload: Workload) -> Result:
    from eval.bench.chatting import measure_chatting

    return measure_chatting(workload)


def _page(workload: Workload) -> Result:
    from eval.bench.page import measure_page

    return measure_page(workload)


def _faults(_: Workload) -> Result:
    from eval.bench.faults import measure_faults

    return measure_faults()


def _scale(workload: Workload) -> Result:
    from eval.bench.scale import measure_scale

    return measure_scale(workload)


_BENCHMARKS: Mapping[str, Callable[[Workload], Result]] = {
    "index": _index,
    "ask": _ask,
    "cold": _cold,
    "verifier": _verifier,
    "followups": _followups,
    "chat": _chat,
    "page": _page,
    "faults": _faults,
    "scale": _scale,
}
_ONLY_NAMED = ("chat", "page", "faults", "scale")
