"""Pairs of a quote and a sentence are read, judged by the verifier, and told apart from questions."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from eval.bench.measure import Workload
from eval.bench.verifying import measure_verifier
from eval.pairs import Pair, is_pairs, read_pairs, verify_pairs
from index.errors import DocumentError
from rag import Assistant
from rag.types import Citation, Verdict

ROW = {
    "id": "p1",
    "kind": "unit",
    "quote": "It takes 12 weeks.",
    "sentence": "It takes twelve weeks.",
    "label": "supported",
}


def written(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_a_pair_is_read_whole(tmp_path: Path) -> None:
    file = written(tmp_path / "pairs.jsonl", ROW, ROW | {"id": "p2", "label": "not", "note": "passed over"})
    assert read_pairs(file) == [
        Pair("p1", "unit", "It takes 12 weeks.", "It takes twelve weeks.", True),
        Pair("p2", "unit", "It takes 12 weeks.", "It takes twelve weeks.", False),
    ]
    assert is_pairs(file)
    assert not is_pairs(written(tmp_path / "q.jsonl", {"id": "a", "question": "Who?", "answerable": False}))


def test_a_broken_pair_is_named_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"pairs\.jsonl' line 2: 'label': .*'supported' or 'not'"):
        read_pairs(written(tmp_path / "pairs.jsonl", ROW, ROW | {"label": "maybe"}))


@pytest.mark.parametrize(("change", "message"), [({"quote": " "}, "line 2: 'quote'"), ({}, "line 2: id 'p1' is taken")])
def test_an_empty_quote_and_an_id_twice_are_refused(tmp_path: Path, change: dict[str, str], message: str) -> None:
    with pytest.raises(DocumentError, match=message):
        read_pairs(written(tmp_path / "pairs.jsonl", ROW, ROW | change))


def test_the_verifier_is_given_the_quote_alone_and_its_reason_is_kept() -> None:
    seen: list[str] = []

    def verify(sentence: str, cited: Sequence[Citation]) -> Verdict:
        seen.extend(citation.quote for citation in cited)
        return Verdict("twelve" in sentence, "numbers agree")

    pairs = [Pair("1", "unit", "It takes 12 weeks.", "It takes twelve weeks.", True)]
    [found] = verify_pairs(pairs, verify, "handbook")
    assert seen == ["It takes 12 weeks."]
    assert (found.passed, found.supported, found.domain, found.why) == (True, True, "handbook", "numbers agree")


def test_the_benchmark_puts_the_rules_beside_rules_and_reading(seeds_assistant: Assistant) -> None:
    """Rules alone pass whatever has the same numbers and names; reading refuses some of that."""
    found = measure_verifier(Workload("seeds", (), (), seeds_assistant))
    rules, reading = (measurement.figures for measurement in found.measurements)
    assert [measurement.system for measurement in found.measurements] == ["rules alone", "rules and reading"]
    assert reading["unsupported refused %"] > rules["unsupported refused %"] > 0
    assert reading["supported passed %"] <= rules["supported passed %"] < 100
    for figures in (rules, reading):
        both = figures["unsupported refused %"] + figures["supported passed %"]
        assert figures["balanced %"] == pytest.approx(both / 2)
    assert found.notes[0].startswith("240 pairs")
    assert "roles swapped" in found.notes[1]
