"""`make quality` is green as answers are, and red when any part that makes them is broken."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch

from eval import gate
from eval.figures import Figure
from eval.gate import Floor, missed_floors, raised_floors, read_floors, write_floors
from eval.report import read_json, run_sets
from eval.runner import Asked, Evaluation, summarise
from index.errors import UsageError
from index.minilm import MiniLM
from rag import Assistant, Settings
from rag.reader import Reader
from rag.types import Citation, Evidence, SentenceReader, Verdict

RELEASES, BLIND = ("releases",), ("seeds_blind",)  # as the floors name them; all would take as long as `make quality`


def evaluation(**figures: float) -> Evaluation:
    empty = summarise([Asked(())], name="made")
    return replace(empty, overall={name: Figure(value, n=100) for name, value in figures.items()})


def written(path: Path, *rows: str) -> Path:
    path.write_text("".join(f"[[floor]]\n{row}\n" for row in rows))
    return path


def test_the_last_entry_of_a_figure_counts(tmp_path: Path) -> None:
    file = written(
        tmp_path / "floors.toml",
        'figure = "evidence"\nleast = 0.5',
        'figure = "evidence"\nleast = 0.7\ndomain = "handbook"',
        'figure = "evidence"\nleast = 0.6',
    )
    assert read_floors(file) == [Floor("evidence", 0.6), Floor("evidence", 0.7, "handbook")]


@pytest.mark.parametrize(("figure", "least", "easier"), [("evidence", 0.5, 0.4), ("abstained_wrongly", 0.1, 0.2)])
def test_a_floor_that_becomes_easier_needs_a_line_that_says_why(
    tmp_path: Path, figure: str, least: float, easier: float
) -> None:
    rows = [f'figure = "{figure}"\nleast = {value}' for value in (least, easier)]
    with pytest.raises(UsageError, match=rf"'{figure}' goes from {least} to {easier}.*say why"):
        read_floors(written(tmp_path / "floors.toml", *rows))
    [floor] = read_floors(written(tmp_path / "floors.toml", rows[0], rows[1] + '\nwhy = "near misses were wrong"'))
    assert floor.least == easier


def test_a_floor_of_no_figure_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no figure is called 'evidense'; there are: recall_at_1"):
        read_floors(written(tmp_path / "floors.toml", 'figure = "evidense"\nleast = 0.5'))


def test_what_is_below_its_floor_or_not_measured_is_missed() -> None:
    floors = [Floor("evidence", 0.6), Floor("abstained_wrongly", 0.1), Floor("pairs_refused", 0.5)]
    assert missed_floors(evaluation(evidence=0.6, abstained_wrongly=0.1, pairs_refused=0.9), floors) == []
    found = missed_floors(evaluation(evidence=0.59, abstained_wrongly=0.11), floors)
    assert [(miss.floor.figure, miss.value) for miss in found] == [
        ("evidence", 0.59),
        ("abstained_wrongly", 0.11),
        ("pairs_refused", None),
    ]


def test_floors_rise_a_margin_below_what_was_reached_and_never_fall(tmp_path: Path) -> None:
    file = written(
        tmp_path / "floors.toml", 'figure = "evidence"\nleast = 0.6', 'figure = "abstained_wrongly"\nleast = 0.1'
    )
    new = raised_floors(evaluation(evidence=0.71, abstained_wrongly=0.05), read_floors(file))
    assert new == [Floor("evidence", 0.69), Floor("abstained_wrongly", 0.07)]
    write_floors(new, file)
    assert read_floors(file) == new
    assert raised_floors(evaluation(evidence=0.70, abstained_wrongly=0.09), new) == []


# Each breaks one part and leaves the rest as it is.


class PassesEverything(Assistant):
    def verifier(self) -> Callable[[str, Sequence[Citation]], Verdict]:
        return lambda *_: Verdict(True, "passed")


class QuotesTheNextSentence(Assistant):
    def _cite(self, chosen: Sequence[Evidence]) -> tuple[Citation, ...]:
        moved = []
        for evidence in chosen:
            sentences = self._library.sentences(evidence.doc_id)
            to = sentences[(evidence.ordinal + 1) % len(sentences)]
            text = self._library.document(evidence.doc_id).text[to.start : to.end]
            moved.append(replace(evidence, ordinal=to.ordinal, start=to.start, end=to.end, text=text))
        return super()._cite(moved)


def zeroed() -> SentenceReader:
    reader = Reader()
    for parameter in reader._network.parameters():
        torch.nn.init.zeros_(parameter)
    return reader


Opener = Callable[[Path | None], Assistant]


def opener(
    kind: type[Assistant] = Assistant, reader: Callable[[], SentenceReader] | None = None, **settings: float
) -> Callable[[MiniLM], Opener]:
    def of(embedder: MiniLM) -> Opener:
        given = Settings(**settings)  # type: ignore[arg-type]
        own = reader() if reader else None
        return partial(kind.open, settings=given, embedder=embedder, reader=own)

    return of


def floors_of(sets: Sequence[str]) -> list[Floor]:
    floors = [floor for floor in read_floors() if floor.domain in sets]
    assert {floor.domain for floor in floors} == set(sets)
    return floors


def test_it_is_green_as_answers_are(embedder: MiniLM) -> None:
    sets = [*RELEASES, *BLIND]
    assert missed_floors(run_sets(sets, opener=opener()(embedder)), floors_of(sets)) == []


@pytest.mark.parametrize(
    ("broken", "sets", "figures"),
    [
        (opener(reader=zeroed), BLIND, {"first", "near_misses"}),
        (opener(abstain_below=0.0), RELEASES, {"near_misses"}),
        (opener(abstain_below=1.0), RELEASES, {"abstained_wrongly", "evidence"}),
        (opener(PassesEverything), RELEASES, {"pairs_refused"}),
        (opener(QuotesTheNextSentence), RELEASES, {"evidence", "first"}),
    ],
    ids=["reader zeroed", "threshold 0", "threshold 1", "verifier passes everything", "quotes moved"],
)
def test_it_is_red_when_a_part_is_broken(
    embedder: MiniLM, broken: Callable[[MiniLM], Opener], sets: Sequence[str], figures: set[str]
) -> None:
    found = missed_floors(run_sets(sets, opener=broken(embedder)), floors_of(sets))
    assert {miss.floor.figure for miss in found} >= figures


def test_the_command_ends_with_1_when_a_floor_is_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SAYSO_MODEL", "openai/nobody")  # what the user writes with is not what is measured
    monkeypatch.setattr(gate, "SETS", ("seeds_words",))
    monkeypatch.setattr(gate, "read_floors", lambda: [Floor("evidence", 0.5), Floor("abstained_wrongly", 0.0)])
    out = tmp_path / "new.json"
    assert gate.main(["--out", str(out)]) == 1
    assert "MISSED" in capsys.readouterr().out
    assert (read_json(out).model, read_json(out).quoted) == ("", None)
    monkeypatch.setattr(gate, "read_floors", lambda: [Floor("evidence", 0.5)])
    assert gate.main(["--compare", str(out), "--report", str(tmp_path / "new.html")]) == 0
    assert "0 became wrong" in capsys.readouterr().out
    assert gate.main(["--compare", str(tmp_path / "gone.json")]) == 1
    assert "no file at" in capsys.readouterr().err
