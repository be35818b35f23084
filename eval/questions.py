"""Question files and corpus files -> Questions and Documents.

Both are JSONL, one object a line. A question: id, question, answers, answerable, gold_docs, gold_evidence, kind, and
the conversation before it as `history` ([{"question": …, "answer": …}]) or `conversation` (turns of role and text, the
last one the question itself). A corpus row: doc_id, title, text, date, source, url. Other fields are passed over.

Knows nothing of libraries: which of their ids a gold document has there is looked up through `Document.paths`.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from index.dates import from_iso
from index.errors import DocumentError
from index.load import document_id, normalise
from index.types import DateInfo, Document
from rag.types import Turn


@dataclass(frozen=True, slots=True)
class Question:
    """One question and what a right answer to it is.

    answers: accepted wordings. gold_docs: the corpus's own ids, or file stems. gold_evidence: verbatim pieces of
    those documents. kind: what is tested, for grouping ("exact words", "near miss").
    """

    id: str
    question: str
    answers: tuple[str, ...]
    answerable: bool
    gold_docs: tuple[str, ...]
    gold_evidence: tuple[str, ...]
    kind: str
    history: tuple[Turn, ...] = ()


_Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


class _Exchange(BaseModel):
    question: str
    answer: str = ""


class _Said(BaseModel):
    role: str
    text: str


class _QuestionRow(BaseModel):
    model_config = ConfigDict(coerce_numbers_to_str=True)  # ids are numbers in some sets

    id: _Text
    question: _Text
    answers: tuple[str, ...] = ()
    answerable: bool
    gold_docs: tuple[str, ...] = ()
    gold_evidence: tuple[str, ...] = ()
    kind: str = ""
    history: tuple[_Exchange, ...] = ()
    conversation: tuple[_Said, ...] = ()


class _CorpusRow(BaseModel):
    model_config = ConfigDict(coerce_numbers_to_str=True)

    doc_id: _Text
    title: str = ""
    text: str
    date: str = ""
    source: str = ""
    url: str = ""


Row = TypeVar("Row", bound=BaseModel)


def read_questions(path: Path) -> list[Question]:
    """Every question of the file in order. Raises DocumentError naming the file, the line and the fix."""
    questions: list[Question] = []
    seen: dict[str, int] = {}
    for line, values in _rows(path):
        row = _checked(_QuestionRow, values, path, line)
        if row.id in seen:
            raise DocumentError(
                f"{str(path)!r} line {line}: id {row.id!r} is taken by line {seen[row.id]}; give each question its own"
            )
        seen[row.id] = line
        history = tuple(Turn(turn.question, turn.answer) for turn in row.history)
        questions.append(
            Question(
                id=row.id,
                question=row.question,
                answers=tuple(answer for answer in row.answers if answer.strip()),
                answerable=row.answerable,
                gold_docs=row.gold_docs,
                gold_evidence=tuple(normalise(piece) for piece in row.gold_evidence if piece.strip()),
                kind=row.kind,
                history=history or _exchanges([(said.role, said.text) for said in row.conversation]),
            )
        )
    return questions


def read_corpus(path: Path) -> list[Document]:
    """Every row of the file as a Document; rows with the same text become one that has the paths of all.

    Raises DocumentError naming the file, the line and the fix.
    """
    documents: dict[str, Document] = {}
    seen: dict[str, int] = {}
    for line, values in _rows(path):
        row = _checked(_CorpusRow, values, path, line)
        if row.doc_id in seen:
            raise DocumentError(
                f"{str(path)!r} line {line}: doc_id {row.doc_id!r} is taken by line {seen[row.doc_id]}; "
                "give each document its own"
            )
        seen[row.doc_id] = line
        text = normalise(row.text)
        if not text.strip():
            raise DocumentError(f"{str(path)!r} line {line}: the text is empty; fill it or remove the line")
        document = Document(
            doc_id=document_id(text),
            title=normalise(row.title),
            text=text,
            source=row.source,
            url=row.url,
            published=_published(row.date, path, line),
            paths=(f"{path.name}#{row.doc_id}",),
        )
        twin = documents.get(document.doc_id)
        documents[document.doc_id] = replace(twin, paths=twin.paths + document.paths) if twin else document
    return list(documents.values())


def library_ids(documents: Iterable[Document]) -> dict[str, str]:
    """What a gold document may be called -> its id in the library: the part behind "#" of a path, a path's stem, or
    the id itself."""
    ids: dict[str, str] = {}
    for document in documents:
        ids[document.doc_id] = document.doc_id
        for path in document.paths:
            _, mark, name = path.partition("#")
            ids[name if mark else PurePath(path).stem] = document.doc_id
    return ids


def evidence_spans(text: str, evidence: Iterable[str]) -> list[tuple[int, int]]:
    """Where the pieces of evidence stand in a document's text, however its spaces and line breaks fall.

    A short piece ("5") is looked for as a word first, so that it is not found inside "1985".
    """
    spans: list[tuple[int, int]] = []
    for piece in evidence:
        pattern = r"\s+".join(re.escape(word) for word in piece.split())
        if pattern:
            found = [*re.finditer(rf"(?<!\w){pattern}(?!\w)", text)] or [*re.finditer(pattern, text)]
            spans += [match.span() for match in found]
    return spans


def _rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Line number, from 1, and object of every line that is not blank."""
    try:
        # Split at \n only: str.splitlines would also cut at the U+2028 that a JSON string may carry.
        lines = path.read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        raise DocumentError(f"no file at {str(path)!r}; check the spelling") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DocumentError(f"cannot read {str(path)!r} ({error}); it must be a UTF-8 file of JSON lines") from error
    rows = 0
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
        except json.JSONDecodeError as error:
            raise DocumentError(
                f"{str(path)!r} line {number} is not JSON ({error.msg} at column {error.colno}); "
                "put one JSON object on each line"
            ) from error
        if not isinstance(values, dict):
            raise DocumentError(f"{str(path)!r} line {number} is not a JSON object; put one on each line")
        rows += 1
        yield number, values
    if not rows:
        raise DocumentError(f"{str(path)!r} has no lines; put one JSON object on each")


def _checked(model: type[Row], values: Mapping[str, Any], path: Path, line: int) -> Row:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        what = first["msg"][:1].lower() + first["msg"][1:]
        raise DocumentError(
            f"{str(path)!r} line {line}: {field!r}: {what}; each line needs {_needed(model)}"
        ) from error


def _needed(model: type[BaseModel]) -> str:
    return ", ".join(name for name, field in model.model_fields.items() if field.is_required())


def _exchanges(turns: Sequence[tuple[str, str]]) -> tuple[Turn, ...]:
    """(role, text) turns as questions with their answers; the last turn is the question itself, so it is left out."""
    exchanges: list[Turn] = []
    for role, text in turns[:-1]:
        if role == "user":
            exchanges.append(Turn(text))
        elif exchanges:
            exchanges[-1] = Turn(exchanges[-1].question, text)
    return tuple(exchanges)


def _published(date: str, path: Path, line: int) -> DateInfo:
    try:
        return from_iso(date, "metadata")
    except ValueError as error:
        raise DocumentError(
            f"{str(path)!r} line {line}: date {date!r} is not an ISO date; write 2025-05-20, 2025-05, 2025 or nothing"
        ) from error
