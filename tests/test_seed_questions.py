"""The seed documents, what is known about them, and the questions about them agree with one another."""

import hashlib
import json
import tomllib
import unicodedata
from datetime import date
from pathlib import Path
from typing import Any, get_args

import pytest

from index.types import Basis, DateInfo

ROOT = Path(__file__).parents[1]
SEEDS = ROOT / "seeds"
SETS = ("seeds", "seeds_blind")  # of every kind
WORDS = "seeds_words"  # of one kind

SHA256 = {
    "000_9a905ca6a0996652.txt": "26eee7191f67bf794ddbf4c7c163a83fe9c7bbeffb7f5c03bba4fc82f5238e22",
    "001_8e2108904c7ded15.txt": "43c33290ee1abc6d925ec5fce0f38f71ddc4255a57ee59a30da01e957c50a205",
    "002_2cf5f96cdac84e8d.txt": "199da9f5d0a5aea9724638335d48c260883aad05a9517d7ee0a05cad3c2738c9",
    "003_f8da73ef3b5548d2.txt": "15e2213e4ce699d4ca9961cba0d5807781c767d11ef68d8a7d2ca8f6257d58ae",
    "004_9f3620ed64dfd01e.txt": "cd8a5e1aa7ab6a1188253843ab3bc8df9f10b80db1285bac41ac8e9eeccc1e10",
}
FIELDS = {
    "id",
    "question",
    "answers",
    "answerable",
    "gold_docs",
    "gold_evidence",
    "kind",
    "history",
    "dataset",
}
KINDS = {
    "fact",
    "who_said",
    "exact_words",
    "why",
    "date",
    "comparison",
    "disagreement",
    "follow_up",
    "unanswerable",
    "false_premise",
}
SILENT_KINDS = {"unanswerable", "false_premise"}
SOURCE_KEYS = {"file", "title", "publisher", "author", "url", "published", "basis", "reason"}
PRECISION = {0: "unknown", 4: "year", 7: "month", 10: "day"}  # length of an ISO date to what it says


def normalised_text(stem: str) -> str:
    raw = (SEEDS / f"{stem}.txt").read_bytes().decode("utf-8")
    return unicodedata.normalize("NFC", raw.replace("\r\n", "\n"))


TEXTS = {Path(name).stem: normalised_text(Path(name).stem) for name in SHA256}
BY_SET: dict[str, list[dict[str, Any]]] = {
    name: [json.loads(line) for line in (ROOT / "eval" / "questions" / f"{name}.jsonl").read_text("utf-8").splitlines()]
    for name in (*SETS, WORDS)
}
QUESTIONS = [question for questions in BY_SET.values() for question in questions]
ANSWERABLE = [question for question in QUESTIONS if question["answerable"]]
SOURCES: list[dict[str, str]] = tomllib.loads((SEEDS / "sources.toml").read_text(encoding="utf-8"))["document"]

every_question = pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question["id"])
every_answerable = pytest.mark.parametrize("question", ANSWERABLE, ids=lambda question: question["id"])
every_source = pytest.mark.parametrize("source", SOURCES, ids=lambda source: source["file"])


def ends_a_sentence(text: str) -> bool:
    return text.rstrip("\"”'").endswith((".", "?", "!"))


def is_whole_sentences(evidence: str, text: str) -> bool:
    """Whether it starts and ends where sentences of the text do, as far as punctuation and line ends tell."""
    start = text.index(evidence)
    before, after = text[:start], text[start + len(evidence) :]
    starts = not before or before[-1] == "\n" or (before[-1].isspace() and ends_a_sentence(before.rstrip()))
    return starts and ends_a_sentence(evidence) and (not after or after[0].isspace())


@pytest.mark.parametrize("name", sorted(SHA256))
def test_a_seed_document_is_the_pinned_one(name: str) -> None:
    """Every seed document is the one that was given, byte for byte."""
    assert hashlib.sha256((SEEDS / name).read_bytes()).hexdigest() == SHA256[name]


def test_there_are_no_other_seed_documents() -> None:
    """The five pinned documents are all there are."""
    assert {path.name for path in SEEDS.glob("*.txt")} == set(SHA256)


def test_sources_name_exactly_the_five_documents() -> None:
    """sources.toml has one entry for each seed document, and none for anything else."""
    assert sorted(source["file"] for source in SOURCES) == sorted(SHA256)


@every_source
def test_a_source_has_a_title_and_only_known_keys(source: dict[str, str]) -> None:
    """Every entry has a title, and no key that the header of the file does not explain."""
    assert source["title"].strip()
    assert set(source) <= SOURCE_KEYS


@every_source
def test_a_published_date_is_a_real_date_of_the_precision_that_its_length_says(source: dict[str, str]) -> None:
    """A publication date is an existing day, month or year, written no more exactly than it is known."""
    value = source.get("published", "")
    DateInfo(value, PRECISION[len(value)], source["basis"], source.get("reason", ""))  # type: ignore[arg-type]
    if value:
        date.fromisoformat((value + "-01-01")[:10])


@every_source
def test_a_basis_fits_its_date_and_an_inferred_one_has_a_reason(source: dict[str, str]) -> None:
    """The basis is unknown exactly when the date is, and a reason is given exactly when the date was inferred."""
    assert source["basis"] in get_args(Basis)
    assert (source["basis"] == "unknown") == (source.get("published", "") == "")
    assert (source["basis"] == "inferred") == (source.get("reason", "") != "")


@every_source
def test_a_publisher_and_an_author_stand_in_the_text(source: dict[str, str]) -> None:
    """Publisher and author are taken from the text itself, so they stand in it."""
    text = TEXTS[Path(source["file"]).stem]
    assert source.get("publisher", "") in text
    assert source.get("author", "") in text


def test_question_ids_are_unique() -> None:
    """No two questions share an id, and no question is asked twice with the same history."""
    assert len({question["id"] for question in QUESTIONS}) == len(QUESTIONS)
    assert len({(question["question"], str(question["history"])) for question in QUESTIONS}) == len(QUESTIONS)


@pytest.mark.parametrize("name", SETS)
def test_there_are_at_least_sixty_questions_and_every_kind_is_among_them(name: str) -> None:
    """There are sixty questions or more in each set, and every kind is among them."""
    assert len(BY_SET[name]) >= 60
    assert {question["kind"] for question in BY_SET[name]} == KINDS


@pytest.mark.parametrize("name", SETS)
def test_every_document_is_asked_about(name: str) -> None:
    """Each of the five documents is the evidence of at least eight questions of a set."""
    counts = {stem: sum(stem in question["gold_docs"] for question in BY_SET[name]) for stem in TEXTS}
    assert min(counts.values()) >= 8


@every_question
def test_a_question_has_exactly_the_documented_fields(question: dict[str, Any]) -> None:
    """Every line has the same fields, a question that is not blank, and a history only when it is a follow-up."""
    assert set(question) == FIELDS
    assert question["question"].strip()
    assert question["dataset"] == "seeds"
    assert bool(question["history"]) == (question["kind"] == "follow_up")
    assert all(set(turn) == {"question", "answer"} for turn in question["history"])


@every_question
def test_a_question_is_answerable_exactly_when_it_has_answers_documents_and_evidence(question: dict[str, Any]) -> None:
    """What the texts do not say has no accepted answer, no document and no evidence; what they say has all three."""
    assert question["answerable"] == (question["kind"] not in SILENT_KINDS)
    for field in ("answers", "gold_docs", "gold_evidence"):
        assert bool(question[field]) == question["answerable"], field
        assert all(value.strip() for value in question[field]), field


@every_answerable
def test_every_evidence_stands_in_its_document_as_whole_sentences(question: dict[str, Any]) -> None:
    """Every evidence is one or more whole sentences of one of the question's documents, character for character."""
    for evidence in question["gold_evidence"]:
        texts = [TEXTS[stem] for stem in question["gold_docs"] if evidence in TEXTS[stem]]
        assert len(texts) == 1, evidence
        assert is_whole_sentences(evidence, texts[0]), evidence


@every_answerable
def test_every_gold_document_gives_evidence(question: dict[str, Any]) -> None:
    """No document is named for a question that none of its sentences answers."""
    for stem in question["gold_docs"]:
        assert any(evidence in TEXTS[stem] for evidence in question["gold_evidence"]), stem


@every_answerable
def test_every_accepted_answer_stands_in_the_evidence(question: dict[str, Any]) -> None:
    """Every accepted answer is a span of at least one evidence sentence of its question."""
    for answer in question["answers"]:
        assert any(answer in evidence for evidence in question["gold_evidence"]), answer


@every_answerable
def test_every_evidence_contains_an_accepted_answer(question: dict[str, Any]) -> None:
    """Any of the evidence sentences alone is a right answer, so each of them holds an accepted span."""
    for evidence in question["gold_evidence"]:
        assert any(answer in evidence for answer in question["answers"]), evidence


@pytest.mark.parametrize("question", [q for q in QUESTIONS if q["kind"] == "comparison"], ids=lambda q: q["id"])
def test_a_comparison_rests_on_two_documents_or_more(question: dict[str, Any]) -> None:
    """Comparing takes evidence from at least two documents."""
    assert len(question["gold_docs"]) >= 2
