"""Question files and corpus files are read as they stand, and what is wrong with one is said with its line."""

import json
from pathlib import Path

import pytest

from eval.questions import Question, evidence_spans, library_names, locate, read_corpus, read_questions
from index.errors import DocumentError, UsageError
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
            answers=(("Li Hui",),),
            answerable=True,
            docs=("d1",),
            evidence=(("Li Hui spoke.",),),
            kind="fact",
            history=(Turn("Where?", "In Moscow."),),
            line=1,
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
        (json.dumps(QUESTION | {"turns": ["Who?"]}), "line 1: give 'question', or 'turns'"),
        (json.dumps(QUESTION | {"polarity": "maybe"}), "line 1: 'polarity' is yes or no"),
        (json.dumps(QUESTION | {"dates": ["2024", "2025"]}), "line 1: give one of 'dates' for each piece of evidence"),
        (json.dumps(QUESTION | {"sides": ["a", "b"]}), "line 1: give one of 'sides' for each group of answers"),
        ('{"id": ' + "1" * 5000 + "}", "line 1 cannot be read"),
        (json.dumps(QUESTION | {"answers": [{"text": "x"}]}), "line 1: 'answers.0"),
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
    names = library_names(documents)
    for name in ("d1", "d2", document_id("Li Hui spoke.")):
        assert list(names[name]) == [documents[0].doc_id]


def test_a_row_twice_or_without_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="line 2: doc_id 'd1' is taken by line 1"):
        read_corpus(written(tmp_path / "corpus.jsonl", ROW, ROW))
    with pytest.raises(DocumentError, match="line 1: the text is empty"):
        read_corpus(written(tmp_path / "corpus.jsonl", ROW | {"text": "\u200b \n"}))


def named_by(*documents: Document) -> dict[str, set[str]]:
    return {name: set(ids) for name, ids in library_names(documents).items()}


def test_a_document_is_called_by_its_path_its_end_its_stem_its_row_and_its_id() -> None:
    document = Document("abc", "T", "text", paths=("/seeds/a/000_9a.txt", "C.jsonl#row#7"))
    names = named_by(document)
    for name in ("abc", "000_9a", "000_9a.txt", "a/000_9a.txt", "seeds/a/000_9a", "/seeds/a/000_9a.txt", "row#7"):
        assert names[name] == {"abc"}, name
    assert "9a.txt" not in names


def question(**given: object) -> Question:
    values: dict[str, object] = {"answers": (("x",),), "docs": (), "evidence": (), "kind": "fact", "answerable": True}
    return Question(id="q7", question="Who?", line=4, **{**values, **given})  # type: ignore[arg-type]


NOTES = (
    Document("a", "", "The fee is **15 euros**.", paths=("/x/a/notes.txt",)),
    Document("b", "", "The pier opened.", paths=("/x/b/notes.txt",)),
)


def test_a_name_that_two_documents_have_is_refused_with_both_paths() -> None:
    with pytest.raises(UsageError, match=r"'q7' names the document 'notes', which may be '/x/a/.*' and '/x/b/.*'"):
        locate([question(docs=("notes",))], NOTES, "lib")
    assert locate([question(docs=("b/notes",))], NOTES, "lib").gold == {"q7": ("b",)}


def test_every_document_that_is_nowhere_is_named_at_once_with_the_fix() -> None:
    with pytest.raises(UsageError) as caught:
        locate([question(docs=("gone", "lost"))], NOTES, "lib")
    assert "'gone', which 'lib' does not hold; question 'q7' names the document 'lost'" in str(caught.value)
    assert "--library" in str(caught.value)
    assert "--corpus" in str(caught.value)


def test_evidence_that_stands_in_none_of_its_documents_is_told_with_its_row() -> None:
    asked = question(docs=("a/notes",), evidence=(("the fee is 15 euros",), ("The pier opened", "The pier closed")))
    assert locate([asked], NOTES, "lib").remarks == (
        "line 4, 'q7': this evidence stands in none of its documents: 'The pier opened'",
    )


def test_evidence_without_documents_counts_wherever_it_stands() -> None:
    located = locate([question(docs=(), evidence=(("the pier opened",),))], NOTES, "lib")
    assert (located.gold, located.remarks) == ({"q7": ("b",)}, ())


def test_a_file_with_a_hash_in_its_name_is_called_by_it() -> None:
    names = named_by(Document("c", "", "text", paths=("/x/notes #1.md",)))
    assert names["notes #1.md"] == names["x/notes #1"] == {"c"}


def test_an_answerable_question_without_anything_to_judge_by_is_told() -> None:
    [remark] = locate([question(answers=())], NOTES, "lib").remarks
    assert remark == "line 4, 'q7': it names no answers, evidence or docs, so its answer cannot be judged"
    assert locate([question(answers=(), answerable=False)], NOTES, "lib").remarks == ()


def test_turns_answers_and_evidence_may_be_nested_or_alone(tmp_path: Path) -> None:
    row = {
        "id": 7,
        "turns": ["Who came?", "And when?"],
        "answerable": True,
        "answers": [["May 26", "26 May"], ["noon"]],
        "docs": "talks.txt",
        "evidence": ["He came on May 26", ["at noon", "at 12"]],
        "polarity": "yes",
        "note": "passed over",
    }
    [asked] = read_questions(written(tmp_path / "q.jsonl", row))
    assert (asked.id, asked.before, asked.question) == ("7", ("Who came?",), "And when?")
    assert asked.answers == (("May 26", "26 May"), ("noon",))
    assert asked.accepted == ("May 26", "26 May", "noon")
    assert asked.docs == ("talks.txt",)
    assert asked.evidence == (("He came on May 26",), ("at noon", "at 12"))
    [asked] = read_questions(written(tmp_path / "q.jsonl", QUESTION | {"answers": "Li Hui"}))
    assert asked.answers == (("Li Hui",),)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_no_fault(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "q.jsonl"
    file.write_text(json.dumps(QUESTION, ensure_ascii=False) + "\n", encoding=encoding)
    assert read_questions(file)[0].id == "q1"


@pytest.mark.parametrize(
    ("wrong", "right"), [("answer", "answers"), ("gold_doc", "gold_docs"), ("Evidence", "evidence"), ("turn", "turns")]
)
def test_a_misspelt_field_is_refused_with_the_right_one(tmp_path: Path, wrong: str, right: str) -> None:
    with pytest.raises(DocumentError, match=rf"line 1: '{wrong}' is no field of a question; did you mean '{right}'"):
        read_questions(written(tmp_path / "q.jsonl", QUESTION | {wrong: ["x"]}))


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
    gold = locate(asked, documents, folder).gold
    texts = {document.doc_id: document.text for document in documents}
    for one in asked:
        for piece in one.pieces:
            assert any(evidence_spans(texts[doc_id], [piece]) for doc_id in gold[one.id]), one.id
