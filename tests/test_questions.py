"""Question files and corpus files are read as they stand, and what is wrong with one is said with its line."""

import json
from pathlib import Path

import pytest

from eval.questions import Question, evidence_spans, library_ids, read_corpus, read_questions
from index.errors import DocumentError
from index.load import document_id
from index.types import DateInfo, Document
from rag.types import Turn

DATA = Path(__file__).parents[2] / "shared" / "data"

QUESTION = {
    "id": "q1",
    "question": "Who spoke?",
    "answers": ["Li Hui"],
    "answerable": True,
    "gold_docs": ["d1"],
    "gold_evidence": ["Li Hui spoke."],
    "kind": "fact",
    "dataset": "ours",
}
ROW = {"doc_id": "d1", "title": "Talks", "text": "Li Hui spoke.", "date": "2023-05-26", "source": "Daily", "url": "u"}


def written(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def test_a_question_is_read_whole(tmp_path: Path) -> None:
    history = [{"question": "Where?", "answer": "In Moscow."}]
    file = written(tmp_path / "q.jsonl", QUESTION | {"history": history})
    assert read_questions(file) == [
        Question(
            id="q1",
            question="Who spoke?",
            answers=("Li Hui",),
            answerable=True,
            gold_docs=("d1",),
            gold_evidence=("Li Hui spoke.",),
            kind="fact",
            history=(Turn("Where?", "In Moscow."),),
        )
    ]


def test_a_conversation_of_roles_becomes_the_history_without_the_question_itself(tmp_path: Path) -> None:
    conversation = [
        {"role": "user", "text": "Who came?"},
        {"role": "agent", "text": "Li Hui."},
        {"role": "user", "text": "And when?"},
        {"role": "agent", "text": "In May."},
        {"role": "user", "text": "Who spoke?"},
    ]
    [question] = read_questions(written(tmp_path / "q.jsonl", QUESTION | {"conversation": conversation}))
    assert question.history == (Turn("Who came?", "Li Hui."), Turn("And when?", "In May."))


def test_a_line_separator_inside_a_string_does_not_end_the_line(tmp_path: Path) -> None:
    [question] = read_questions(written(tmp_path / "q.jsonl", QUESTION | {"question": "Who\u2028spoke?"}))
    assert question.question == "Who\u2028spoke?"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"id": "q1"\n', "line 1 is not JSON"),
        ("[1]\n", "line 1 is not a JSON object"),
        ("\n\n", "has no lines"),
        (json.dumps(QUESTION | {"question": " "}), "line 1: 'question'"),
        (json.dumps({k: v for k, v in QUESTION.items() if k != "answerable"}), "line 1: 'answerable': field required"),
        (json.dumps(QUESTION) + "\n\n" + json.dumps(QUESTION), "line 3: id 'q1' is taken by line 1"),
    ],
)
def test_a_broken_question_file_is_named_with_its_line_and_the_fix(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "broken.jsonl"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DocumentError) as caught:
        read_questions(file)
    assert "broken.jsonl" in str(caught.value)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_and_a_binary_file_are_named(tmp_path: Path) -> None:
    (tmp_path / "binary.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DocumentError, match=r"no file at '.*missing\.jsonl'; check the spelling"):
        read_questions(tmp_path / "missing.jsonl")
    with pytest.raises(DocumentError, match=r"cannot read '.*binary\.jsonl'"):
        read_corpus(tmp_path / "binary.jsonl")


def test_a_corpus_row_becomes_a_document(tmp_path: Path) -> None:
    [document] = read_corpus(written(tmp_path / "corpus.jsonl", ROW))
    assert document == Document(
        doc_id=document_id("Li Hui spoke."),
        title="Talks",
        text="Li Hui spoke.",
        source="Daily",
        url="u",
        published=DateInfo("2023-05-26", "day", "metadata"),
        paths=("corpus.jsonl#d1",),
    )


def test_a_row_without_a_date_has_an_unknown_one_and_a_wrong_date_is_named(tmp_path: Path) -> None:
    [document] = read_corpus(written(tmp_path / "corpus.jsonl", ROW | {"date": ""}))
    assert document.published == DateInfo()
    with pytest.raises(DocumentError, match=r"line 1: date '26 May' is not an ISO date; write 2025-05-20"):
        read_corpus(written(tmp_path / "corpus.jsonl", ROW | {"date": "26 May"}))


def test_rows_with_the_same_text_are_one_document_under_both_names(tmp_path: Path) -> None:
    documents = read_corpus(written(tmp_path / "corpus.jsonl", ROW, ROW | {"doc_id": "d2"}))
    assert [document.paths for document in documents] == [("corpus.jsonl#d1", "corpus.jsonl#d2")]
    assert library_ids(documents) == dict.fromkeys(["d1", "d2", document_id("Li Hui spoke.")], documents[0].doc_id)


def test_a_row_twice_or_without_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="line 2: doc_id 'd1' is taken by line 1"):
        read_corpus(written(tmp_path / "corpus.jsonl", ROW, ROW))
    with pytest.raises(DocumentError, match="line 1: the text is empty"):
        read_corpus(written(tmp_path / "corpus.jsonl", ROW | {"text": "\u200b \n"}))


def test_a_gold_document_may_be_named_by_its_file_stem() -> None:
    document = Document("abc", "T", "text", paths=("/seeds/000_9a.txt", "C.jsonl#row#7"))
    assert library_ids([document]) == {"abc": "abc", "000_9a": "abc", "row#7": "abc"}


def test_evidence_is_found_however_its_spaces_fall_and_short_evidence_as_a_word() -> None:
    text = "In 1985 there were\n 5 men, then 5 more."
    assert evidence_spans(text, ["there were 5 men"]) == [(8, 25)]
    assert evidence_spans(text, ["5"]) == [(20, 21), (32, 33)]
    assert evidence_spans(text, ["98"]) == [(4, 6)]
    assert evidence_spans(text, ["no such words", " "]) == []


@pytest.mark.parametrize(
    ("folder", "questions", "corpus", "counts"),
    [
        ("squad2_dev", "queries_dev_half_6078.jsonl", "corpus.jsonl", (6078, 1216)),
        ("scifact", "claims_validation.jsonl", "corpus.jsonl", (300, 5183)),
        ("clapnq_dev", "queries.jsonl", "corpus.jsonl", (600, 597)),  # three texts stand there twice
        ("mtragun", "queries.jsonl", "corpus_reference_passages.jsonl", (507, 1140)),  # twelve do
    ],
)
def test_the_development_sets_are_read_and_their_gold_is_found(
    folder: str, questions: str, corpus: str, counts: tuple[int, int]
) -> None:
    if not (DATA / folder).is_dir():
        pytest.skip(f"{DATA / folder} is not there")
    documents = read_corpus(DATA / folder / corpus)
    asked = read_questions(DATA / folder / questions)
    assert (len(asked), len(documents)) == counts
    names = library_ids(documents)
    texts = {document.doc_id: document.text for document in documents}
    for question in asked:
        gold = [texts[names[name]] for name in question.gold_docs]
        for piece in question.gold_evidence:
            assert any(evidence_spans(text, [piece]) for text in gold), question.id
