"""The question sets that come with sayso agree with their documents, and each says what it may be used for."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from eval import sets
from eval.fit import FITTED_ON
from eval.pairs import read_pairs
from eval.questions import read_questions
from index.errors import UsageError

ROOT = Path(__file__).parents[1] / "eval" / "questions"
SETS = sets.question_sets()
FOLDERS = [found for found in SETS if found.path and found.path.is_dir()]
KINDS = {
    "fact": 6,
    "why": 3,
    "how": 2,
    "who_said": 2,
    "yesno": 3,
    "list": 2,
    "compare": 2,
    "follow_up": 2,
    "false_premise": 3,
    "unanswerable": 5,
}

every_folder = pytest.mark.parametrize("found", FOLDERS, ids=lambda found: found.name)


def folded(text: str) -> str:
    return " ".join(text.split())


def documents(found: sets.QuestionSet) -> dict[str, str]:
    assert found.path is not None
    return {path.name: folded(path.read_text(encoding="utf-8")) for path in sorted((found.path / "docs").iterdir())}


def rows(found: sets.QuestionSet) -> list[dict[str, Any]]:
    assert found.path is not None
    lines = (found.path / "questions.jsonl").read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines if line]


def test_every_set_on_the_disk_stands_in_the_table_once() -> None:
    on_disk = {path.resolve() for path in ROOT.iterdir() if path.is_dir() or path.suffix == ".jsonl"}
    assert Counter(found.path for found in SETS if found.path) == Counter(on_disk)
    assert len({found.name for found in SETS}) == len(SETS)


def test_there_are_enough_sets_questions_kinds_and_pairs() -> None:
    questions = [question for found in FOLDERS for question in read_questions(found.path / "questions.jsonl")]  # type: ignore[operator]
    pairs = [pair for found in FOLDERS for pair in read_pairs(found.path / "pairs.jsonl")]  # type: ignore[operator]
    assert len(FOLDERS) >= 8
    assert len(questions) >= 240
    assert len({question.kind for question in questions}) >= 10
    assert len(pairs) >= 360
    assert len({pair.kind for pair in pairs}) >= 20
    held_out = [found for found in FOLDERS if found.use == "held_out"]
    assert len(held_out) >= 3
    assert sum(len(read_questions(found.path / "questions.jsonl")) for found in held_out) >= 90  # type: ignore[operator]
    assert sum(len(read_pairs(found.path / "pairs.jsonl")) for found in held_out) >= 120  # type: ignore[operator]


def test_no_set_is_both_fitted_on_and_measured_on() -> None:
    """What eval/fit.py reads is called fitted, and the seeds are read no more."""
    assert set(FITTED_ON) == {found.name for found in SETS if found.use == "fitted"} - {"seeds"}


@every_folder
def test_a_set_asks_every_kind_as_often(found: sets.QuestionSet) -> None:
    assert Counter(row["kind"] for row in rows(found)) == KINDS
    assert len({row["id"] for row in rows(found)}) == 30


@every_folder
def test_every_piece_of_evidence_stands_in_its_documents(found: sets.QuestionSet) -> None:
    texts = documents(found)
    for row in rows(found):
        for piece in row["evidence"]:
            for wording in piece if isinstance(piece, list) else [piece]:
                assert any(folded(wording) in texts[name] for name in row["docs"]), (row["id"], wording)


@every_folder
def test_every_answer_stands_in_the_evidence(found: sets.QuestionSet) -> None:
    """But for yes and no, and for a speaker who is named outside it."""
    for row in rows(found):
        held = folded(" ".join(w for p in row["evidence"] for w in (p if isinstance(p, list) else [p]))).lower()
        groups = row["answers"] if row["answers"] and isinstance(row["answers"][0], list) else [row["answers"]]
        if row["answerable"] and row["kind"] != "yesno" and not row.get("speaker"):
            assert all(any(answer.lower() in held for answer in group) for group in groups), row["id"]
        assert row["answerable"] == (row["kind"] not in ("false_premise", "unanswerable"))


@every_folder
def test_what_is_unanswerable_stands_nowhere(found: sets.QuestionSet) -> None:
    texts = documents(found)
    for row in rows(found):
        assert bool(row.get("absent")) == (row["kind"] == "unanswerable"), row["id"]
        for pattern in row.get("absent", ()):
            assert not any(re.search(pattern, text, re.IGNORECASE) for text in texts.values()), (row["id"], pattern)


@every_folder
def test_every_kind_of_change_has_a_supported_partner(found: sets.QuestionSet) -> None:
    assert found.path is not None
    pairs = read_pairs(found.path / "pairs.jsonl")
    labels = Counter((pair.kind, pair.supported) for pair in pairs)
    assert all(labels[kind, True] == labels[kind, False] == 1 for kind, _ in labels)
    everything = " ".join(documents(found).values())
    assert [pair.id for pair in pairs if folded(pair.quote) not in everything] == []


def test_a_name_stands_for_a_set_a_use_a_file_or_a_folder_of_folders(tmp_path: Path) -> None:
    assert sets.find_sets("handbook") == [("handbook", ROOT / "handbook")]
    developed = [name for name, _ in sets.find_sets("developed")]
    assert {"handbook", "seeds_blind"} <= set(developed)
    assert not {"hearing", "policy", "reserve", "clapnq_dev", "seeds"} & set(developed)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "questions.jsonl").write_text("{}\n")
    assert [name for name, _ in sets.find_sets(str(tmp_path))] == ["one", "two"]
    assert sets.find_sets(str(tmp_path / "one")) == [("one", tmp_path / "one")]
    assert sets.find_sets("elsewhere/q.jsonl") == [("q", Path("elsewhere/q.jsonl"))]


def test_a_set_has_its_name_also_where_a_folder_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "seeds").mkdir()
    (tmp_path / "seeds" / "pairs.jsonl").write_text("{}\n")
    assert sets.find_sets("seeds") == [("seeds", ROOT / "seeds.jsonl")]
    assert sets.find_sets("./seeds") == [("seeds", Path("seeds"))]


def test_a_set_that_is_named_twice_is_asked_once_and_names_differ(tmp_path: Path) -> None:
    assert [name for name, _ in sets.resolve_sets(["handbook", "developed"])].count("handbook") == 1
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "asked.jsonl").write_text("{}\n")
    both = [str(tmp_path / name / "asked.jsonl") for name in ("a", "b")]
    assert [name for name, _ in sets.resolve_sets(both)] == ["asked", "b/asked"]


def test_a_name_of_nothing_is_refused_with_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no question set 'handbok'.*fitted, developed, held_out, seeds, handbook"):
        sets.find_sets("handbok")
    with pytest.raises(UsageError, match="holds no question set"):
        sets.find_sets(str(tmp_path))


def test_held_out_sets_are_known_by_their_folder_and_their_files() -> None:
    assert sets.is_held_out(ROOT / "policy")
    assert sets.is_held_out(ROOT / "policy" / "questions.jsonl")
    assert not sets.is_held_out(ROOT / "handbook")
    assert not sets.is_held_out(ROOT / "seeds.jsonl")
    assert sets.uses([ROOT / "policy" / "questions.jsonl", ROOT / "handbook", ROOT]) == ("held_out", "developed", "")
