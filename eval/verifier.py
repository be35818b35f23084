"""The verifier against pairs whose answer is known: sentences that a quote carries, and the same ones altered.

Mined from the evidence of a question file: a number, date, name, negation or speaker is exchanged, nothing else, so
that each pair asks one thing. Faithful are the quote as it stands, the quote told as its speaker's words, and the quote
with its numbers written the other way.
"""

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from eval.metrics import share
from eval.questions import Question, evidence_spans
from index.chunk import split_sentences
from index.lexical import STOPWORDS
from index.types import Document
from rag.attribute import attribute
from rag.types import Citation, Verdict

_WORDS = dict(zip("one two three four five six seven eight nine ten".split(), range(1, 11), strict=True))  # noqa: SIM905
_DIGITS = {str(value): word for word, value in _WORDS.items()}
_NUMBER = re.compile(r"(?<![\w.,])\d[\d,]*(?:\.\d+)?(?![\w.,]*\d)")
_NAME = re.compile(r"(?<![.!?] )(?<!^)(?<![\"“] )\b[A-Z][a-z]+(?: [A-Z][a-z]+)*\b")
_MONTH = re.compile(
    r"\b(?:January|February|March|April|June|July|August|September|October|November|December)\b|\bMay(?= \d)"
)
_WEEKDAY = re.compile(r"\b(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day\b")
_AUXILIARY = re.compile(r"\b(?:is|are|was|were|has|have|had|will|would|can|could|does|did|must|should)\b(?! not|n[’'])")
_NOT = re.compile(
    r"\b(?:(?<=is )|(?<=are )|(?<=was )|(?<=were )|(?<=has )|(?<=have )|(?<=will )|(?<=does )|(?<=did ))not "
)
_WINDOW = 200  # words; only sentences longer than that would be split
_MONTHS = "January February March April June July August September October November December".split()  # noqa: SIM905
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()  # noqa: SIM905


@dataclass(frozen=True, slots=True)
class Pair:
    """kind: what was done to the sentence. faithful: whether the citation carries it still."""

    kind: str
    sentence: str
    citation: Citation
    faithful: bool


def mine_pairs(questions: Sequence[Question], documents: Mapping[str, Document], seed: int = 7) -> list[Pair]:
    """documents: by the ids that the questions use."""
    draw = random.Random(seed)  # noqa: S311
    pairs: dict[tuple[str, str], Pair] = {}
    for citation, document in _evidence(questions, documents):
        others = sorted(
            {n for n in _NAME.findall(document.text) if n.split()[0].lower() not in STOPWORDS and len(n) > 3}
        )
        for kind, sentence in _faithful(citation):
            pairs[kind, sentence] = Pair(kind, sentence, citation, True)
        for kind, sentence in _altered(citation, others, draw):
            pairs[kind, sentence] = Pair(kind, sentence, citation, False)
    return list(pairs.values())


def _evidence(questions: Sequence[Question], documents: Mapping[str, Document]) -> Iterator[tuple[Citation, Document]]:
    seen: set[tuple[str, int]] = set()
    for question in questions:
        for doc_id in question.gold_docs:
            document = documents[doc_id]
            sentences = split_sentences(document, lambda texts: [len(text.split()) for text in texts], _WINDOW)
            for start, end in evidence_spans(document.text, question.gold_evidence):
                for sentence in sentences:
                    if sentence.start < end and sentence.end > start and (doc_id, sentence.start) not in seen:
                        seen.add((doc_id, sentence.start))
                        who = attribute(document, sentences, sentence.ordinal)
                        yield (
                            Citation.of(document, sentence.start, sentence.end, marker=1, attribution=who),
                            document,
                        )


def _faithful(citation: Citation) -> Iterator[tuple[str, str]]:
    quote = citation.quote
    yield "verbatim", quote
    if citation.speaker:
        yield "told as the speaker's", f"According to {citation.speaker}, {quote}"
    rewritten = re.sub(r"\b(\d{1,2})(?=[ -][a-z])", lambda m: _DIGITS.get(m[1], m[1]), quote)
    rewritten = re.sub(
        rf"\b({'|'.join(_WORDS)})\b(?=[ -][a-z])", lambda m: str(_WORDS[m[1]]) if m[1] != "one" else m[1], rewritten
    )
    if rewritten != quote:
        yield "number rewritten", rewritten


def _altered(citation: Citation, names: Sequence[str], draw: random.Random) -> Iterator[tuple[str, str]]:
    quote = citation.quote
    for kind, pattern, choices in (
        ("number", _NUMBER, ["3", "17", "45", "120", "2,000"]),
        ("month", _MONTH, _MONTHS),
        ("weekday", _WEEKDAY, _DAYS),
        ("name", _NAME, [name for name in names if not _prefixes(name) & _prefixes(_known(citation))]),
    ):
        found = list(pattern.finditer(quote))
        if found and choices:
            old = draw.choice(found)
            new = draw.choice([choice for choice in choices if choice != old.group()])
            yield kind, quote[: old.start()] + new + quote[old.end() :]
    if _NOT.search(quote):
        yield "negation", _NOT.sub("", quote, count=1)
    elif found := list(_AUXILIARY.finditer(quote)):
        at = draw.choice(found).end()
        yield "negation", f"{quote[:at]} not{quote[at:]}"
    strangers = [n for n in names if " " in n and not _prefixes(n) & _prefixes(_known(citation))]
    if citation.speaker and citation.speaker in quote and strangers:
        yield "speaker", quote.replace(citation.speaker, draw.choice(strangers), 1)


def _prefixes(text: str) -> set[str]:
    """ "Ukraine" and "Ukrainian" name the same: exchanging them alters nothing."""
    return {word[:4].lower() for word in re.findall(r"\w+", text)}


def _known(citation: Citation) -> str:
    return f"{citation.quote} {citation.title} {citation.source} {citation.speaker} {citation.via}"


@dataclass(frozen=True, slots=True)
class VerifierFigures:
    """Shares of 0 to 1. passed: by kind, the share of pairs that the verifier let through; faithful ones should pass.

    precision, recall, f1: of refusing what is altered.
    """

    pairs: int
    altered_passed: float
    faithful_refused: float
    precision: float
    recall: float
    f1: float
    passed: Mapping[str, float]


def measure(pairs: Sequence[Pair], verify: Callable[[str, Sequence[Citation]], Verdict]) -> VerifierFigures:
    judged = [(pair, verify(pair.sentence, [pair.citation]).supported) for pair in pairs]
    refused_altered = sum(not ok for pair, ok in judged if not pair.faithful)
    altered = sum(not pair.faithful for pair in pairs)
    refused = sum(not ok for _, ok in judged)
    precision, recall = refused_altered / max(refused, 1), refused_altered / max(altered, 1)
    return VerifierFigures(
        pairs=len(pairs),
        altered_passed=1 - recall,
        faithful_refused=(refused - refused_altered) / max(len(pairs) - altered, 1),
        precision=precision,
        recall=recall,
        f1=2 * precision * recall / max(precision + recall, 1e-9),
        passed={
            kind: share([ok for pair, ok in judged if pair.kind == kind]) or 0.0
            for kind in dict.fromkeys(pair.kind for pair in pairs)
        },
    )
