"""Pairs of a quote and a sentence, and whether the verifier says of each what is known.

A row of pairs.jsonl: id, kind (what was done to the sentence), quote, sentence, label ("supported" or "not").
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from eval.questions import read_rows
from index.errors import DocumentError
from index.load import document_id, normalise
from index.types import Document
from rag.types import Citation, Verdict

Verify = Callable[[str, Sequence[Citation]], Verdict]


@dataclass(frozen=True, slots=True)
class Pair:
    """supported: whether the quote carries the sentence."""

    id: str
    kind: str
    quote: str
    sentence: str
    supported: bool


@dataclass(frozen=True, slots=True)
class PairOutcome:
    """What the verifier said of one pair. quote, sentence, why: left out of sets that are never looked at."""

    id: str
    kind: str
    supported: bool
    passed: bool
    domain: str = ""
    quote: str = ""
    sentence: str = ""
    why: str = ""


_Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


class _Row(BaseModel):
    model_config = ConfigDict(coerce_numbers_to_str=True)

    id: _Text
    kind: str
    quote: _Text
    sentence: _Text
    label: Literal["supported", "not"]


def is_pairs(path: Path) -> bool:
    """Whether a file's first row is a pair. Raises DocumentError for a file that has no rows."""
    _, values = next(iter(read_rows(path)))
    return "sentence" in values and "quote" in values


def read_pairs(path: Path) -> list[Pair]:
    """Raises DocumentError naming the file, the line and the fix."""
    pairs: dict[str, Pair] = {}
    for line, values in read_rows(path):
        try:
            row = _Row.model_validate(values)
        except ValidationError as error:
            first = error.errors()[0]
            raise DocumentError(
                f"{str(path)!r} line {line}: {'.'.join(map(str, first['loc']))!r}: {first['msg'].lower()}; each line "
                "needs id, kind, quote, sentence and label ('supported' or 'not')"
            ) from error
        if row.id in pairs:
            raise DocumentError(f"{str(path)!r} line {line}: id {row.id!r} is taken; give each pair its own")
        pairs[row.id] = Pair(row.id, row.kind, row.quote, row.sentence, row.label == "supported")
    return list(pairs.values())


def verify_pairs(pairs: Sequence[Pair], verify: Verify, domain: str = "") -> list[PairOutcome]:
    """verify: as of `Assistant.verifier`. The quote is all that the verifier is given, the whole of a document."""
    outcomes = []
    for pair in pairs:
        text = normalise(pair.quote)
        document = Document(document_id(text), "", text)
        verdict = verify(pair.sentence, [Citation.of(document, 0, len(text), marker=1)])
        outcomes.append(
            PairOutcome(
                pair.id, pair.kind, pair.supported, verdict.supported, domain, pair.quote, pair.sentence, verdict.why
            )
        )
    return outcomes
