"""Question files and corpus files -> Questions and Documents.

Both are JSONL, one object a line. A question: id, question (or turns, a conversation whose last one is the question),
answerable, answers, docs, evidence and kind; `_QuestionRow` names every field. gold_docs and gold_evidence are other
names of docs and evidence. A corpus row: doc_id, title, text, date, source, url. Fields that no set has are passed
over; one that is nearly a known one is a misspelling and refused.

Knows nothing of libraries: where in one a question's documents and evidence stand is looked up by `locate`.
"""

import codecs
import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints, ValidationError, model_validator

from eval.measures import holds, plain
from index.dates import from_iso
from index.errors import DocumentError, UsageError
from index.load import document_id, normalise
from index.types import DateInfo, Document
from rag.types import Turn

_MISTAKES = 8  # of one file that are reported at once
_MISSPELT = 0.8  # likeness from which a field is taken for a misspelt one ("answer", "gold_doc")


@dataclass(frozen=True, slots=True)
class Question:
    """One question and what a right answer to it is.

    answers: groups of accepted wordings; one of every group is needed. docs: where the evidence stands, as paths or
    the ends of paths, with or without suffix, or ids of a corpus. evidence: pieces of these documents, all needed;
    any wording of a piece will do. kind: what is tested, for grouping ("fact", "unanswerable"). before: questions
    that are asked first, so that the question follows on what was answered; history: exchanges that are given.
    polarity: "yes" or "no" where that is asked. sides: who holds each group of answers. superseded: older statements
    that are no answer any more. dates: of each piece of evidence, where their order counts. line: in its file, from 1.
    """

    id: str
    question: str
    answers: tuple[tuple[str, ...], ...]
    answerable: bool
    docs: tuple[str, ...]
    evidence: tuple[tuple[str, ...], ...]
    kind: str
    history: tuple[Turn, ...] = ()
    before: tuple[str, ...] = ()
    polarity: str = ""
    sides: tuple[str, ...] = ()
    superseded: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()
    line: int = 0

    @property
    def accepted(self) -> tuple[str, ...]:
        """Every accepted wording, whichever group it is of."""
        return tuple(answer for group in self.answers for answer in group)

    @property
    def pieces(self) -> tuple[str, ...]:
        """Every wording of every piece of evidence."""
        return tuple(wording for piece in self.evidence for wording in piece)


def _one_or_many(value: object) -> object:
    return [value] if isinstance(value, str | int | float) else value


def _groups(value: object) -> object:
    """A list of answers is one group of them; a list of lists is several."""
    value = _one_or_many(value)
    alone = isinstance(value, list) and not any(isinstance(answer, list) for answer in value)
    return [value] if alone and value else value


_Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
_Strings = Annotated[tuple[str, ...], BeforeValidator(_one_or_many)]
_Piece = Annotated[tuple[str, ...], BeforeValidator(_one_or_many)]
_Pieces = Annotated[tuple[_Piece, ...], BeforeValidator(_one_or_many)]


class _Exchange(BaseModel):
    question: str
    answer: str = ""


class _Said(BaseModel):
    role: str
    text: str


class _QuestionRow(BaseModel):
    model_config = ConfigDict(coerce_numbers_to_str=True)  # ids are numbers in some sets

    NEEDED: ClassVar = "id, question (or turns) and answerable"

    id: _Text
    question: _Text = ""
    turns: tuple[_Text, ...] = ()
    answerable: bool
    answers: Annotated[tuple[_Piece, ...], BeforeValidator(_groups)] = ()
    docs: _Strings = ()
    evidence: _Pieces = ()
    kind: str = ""
    history: tuple[_Exchange, ...] = ()
    conversation: tuple[_Said, ...] = ()
    polarity: str = ""
    sides: _Strings = ()
    superseded: _Strings = ()
    dates: _Strings = ()

    @model_validator(mode="before")
    @classmethod
    def _other_names(cls, values: Any) -> Any:
        for name in ("docs", "evidence"):
            if f"gold_{name}" in values:
                values = {**values, name: values[f"gold_{name}"]}
        return values

    @model_validator(mode="after")
    def _asks_something(self) -> "_QuestionRow":
        if bool(self.question) == bool(self.turns):
            raise ValueError("give 'question', or 'turns' whose last one is the question")
        if self.polarity not in ("", "yes", "no"):
            raise ValueError("'polarity' is yes or no")
        if self.dates and len(self.dates) != len(self.evidence):
            raise ValueError("give one of 'dates' for each piece of evidence")
        if self.sides and len(self.sides) != len(self.answers):
            raise ValueError("give one of 'sides' for each group of answers")
        return self


_NAMES = (*_QuestionRow.model_fields, "gold_docs", "gold_evidence")
# Fields of known sets that are nearly, but not, one of these.
_OTHER_FIELDS = frozenset(
    {"answerability", "expression", "context_doc", "docs_given", "note", "speaker", "via", "date"}
)


class _CorpusRow(BaseModel):
    model_config = ConfigDict(coerce_numbers_to_str=True)

    NEEDED: ClassVar = "doc_id and text"

    doc_id: _Text
    title: str = ""
    text: str
    date: str = ""
    source: str = ""
    url: str = ""


Row = TypeVar("Row", _QuestionRow, _CorpusRow)


def read_questions(path: Path) -> list[Question]:
    """Every question of the file in order. Raises DocumentError naming the file, the line and the fix."""
    questions: list[Question] = []
    seen: dict[str, int] = {}
    for line, values in read_rows(path):
        for name in values.keys() - {*_NAMES, *_OTHER_FIELDS}:
            if near := difflib.get_close_matches(name.lower(), _NAMES, 1, _MISSPELT):
                raise DocumentError(
                    f"{str(path)!r} line {line}: {name!r} is no field of a question; did you mean {near[0]!r}?"
                )
        row = _checked(_QuestionRow, values, path, line)
        if row.id in seen:
            raise DocumentError(
                f"{str(path)!r} line {line}: id {row.id!r} is taken by line {seen[row.id]}; give each question its own"
            )
        seen[row.id] = line
        questions.append(_question(row, line))
    return questions


def _question(row: _QuestionRow, line: int) -> Question:
    groups = (tuple(normalise(a) for a in group if a.strip()) for group in row.answers)
    pieces = (tuple(normalise(w) for w in piece if w.strip()) for piece in row.evidence)
    history = tuple(Turn(turn.question, turn.answer) for turn in row.history)
    return Question(
        id=row.id,
        question=normalise(row.question or row.turns[-1]),
        answers=tuple(filter(None, groups)),
        answerable=row.answerable,
        docs=row.docs,
        evidence=tuple(filter(None, pieces)),
        kind=row.kind,
        history=history or _exchanges([(said.role, said.text) for said in row.conversation]),
        before=tuple(map(normalise, row.turns[:-1])),
        polarity=row.polarity,
        sides=tuple(map(normalise, row.sides)),
        superseded=tuple(map(normalise, row.superseded)),
        dates=row.dates,
        line=line,
    )


def read_corpus(path: Path) -> list[Document]:
    """Every row of the file as a Document; rows with the same text become one that has the paths of all.

    Raises DocumentError naming the file, the line and the fix.
    """
    documents: dict[str, Document] = {}
    seen: dict[str, int] = {}
    for line, values in read_rows(path):
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


@dataclass(frozen=True, slots=True)
class Located:
    """Where in a library each question's documents stand, and what is odd about the set, a sentence a row.

    gold: question id -> ids of its documents, in its order.
    """

    gold: Mapping[str, tuple[str, ...]]
    remarks: tuple[str, ...]


def locate(questions: Sequence[Question], documents: Iterable[Document], library: str) -> Located:
    """Look up what each question names.

    Remarks tell of evidence that stands in none of its documents, and of answerable questions that say nothing to be
    judged by. Raises UsageError for a document that the library does not hold, or that several have the name of.
    """
    documents = list(documents)
    names = library_names(documents)
    words = {document.doc_id: plain(document.text) for document in documents}
    gold: dict[str, tuple[str, ...]] = {}
    wrong: list[str] = []
    remarks: list[str] = []
    for question in questions:
        found: list[str] = []
        for name in question.docs:
            at = names.get(name, {})
            if not at:
                wrong.append(f"question {question.id!r} names the document {name!r}, which {library!r} does not hold")
            elif len(at) > 1:
                paths = " and ".join(map(repr, sorted(at.values())[:3]))
                wrong.append(
                    f"question {question.id!r} names the document {name!r}, which may be {paths}; write so much of "
                    "the path that it is one"
                )
            found += at
        if not question.docs:  # then evidence counts wherever it stands
            found = [id for id, text in words.items() if any(holds(text, plain(w)) for w in question.pieces)]
        gold[question.id] = tuple(dict.fromkeys(found))
        where = f"line {question.line}, {question.id!r}: " if question.line else f"{question.id!r}: "
        among = [words[doc_id] for doc_id in gold[question.id]] or list(words.values())
        remarks += [
            f"{where}this evidence stands in none of its documents: {piece[0]!r}"
            for piece in question.evidence
            if not any(holds(text, plain(wording)) for text in among for wording in piece)
        ]
        if question.answerable and not (question.answers or question.evidence or question.docs):
            remarks.append(f"{where}it names no answers, evidence or docs, so its answer cannot be judged")
    if wrong:
        more = f" (and {len(wrong) - _MISTAKES} more)" if len(wrong) > _MISTAKES else ""
        raise UsageError(
            "; ".join(wrong[:_MISTAKES]) + more + "; ask the library that the questions are about with --library, or "
            "their corpus file with --corpus"
        )
    return Located(gold, tuple(remarks))


def library_names(documents: Iterable[Document]) -> dict[str, dict[str, str]]:
    """What a document may be called -> the ids of those that are called so, each with a path of its own.

    A document is called by its id, the part behind "#" of a path, or the end of a path, with or without its suffix.
    """
    names: dict[str, dict[str, str]] = {}
    for document in documents:
        names.setdefault(document.doc_id, {})[document.doc_id] = document.doc_id
        for path in document.paths:
            file, mark, row = path.partition("#")  # a file's name may hold one too
            called = [row, *_ends(path), *_ends(file)] if mark else _ends(path)
            for name in called:
                names.setdefault(name, {})[document.doc_id] = path
    return names


def _ends(path: str) -> list[str]:
    parts = PurePosixPath(path.replace("\\", "/")).parts
    ends = [PurePosixPath(*parts[first:]) for first in range(len(parts))]
    return [name for end in ends if end.name for name in (str(end), str(end.with_suffix("")))]


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


def read_rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Line number, from 1, and object of every line that is not blank. Raises DocumentError as `read_questions`."""
    try:
        data = path.read_bytes()
        utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        text = data.decode("utf-16" if utf16 else "utf-8-sig")
    except FileNotFoundError:
        raise DocumentError(f"no file at {str(path)!r}; check the spelling") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DocumentError(f"cannot read {str(path)!r} ({error}); it must be a UTF-8 file of JSON lines") from error
    rows = 0
    # Split at \n only: str.splitlines would also cut at the U+2028 that a JSON string may carry.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
        except json.JSONDecodeError as error:
            raise DocumentError(
                f"{str(path)!r} line {number} is not JSON ({error.msg} at column {error.colno}); "
                "put one JSON object on each line"
            ) from error
        except (ValueError, RecursionError) as error:  # a number of 5,000 digits, a thousand brackets
            raise DocumentError(f"{str(path)!r} line {number} cannot be read ({error}); mend or remove it") from error
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
        field = ".".join(str(part) for part in first["loc"] if "[" not in str(part))
        said = first["msg"].removeprefix("Value error, ")
        what = said[:1].lower() + said[1:]
        where = f"{field!r}: {what}" if field else what
        raise DocumentError(f"{str(path)!r} line {line}: {where}; each line needs {model.NEEDED}") from error


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
