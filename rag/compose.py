"""Evidence to a model's prose, of which only what the evidence carries is kept.

    prompt -> draft -> sentences -> each checked against what it cites, its numbers mended where another carries it

Joins `rag.generate`, `rag.rewrite` and `rag.cite` with a model; which one writes, and how a sentence is checked, is the
caller's.
"""

import logging
import re
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import combinations

from index.dates import from_iso
from index.errors import ModelError
from index.lexical import STOPWORDS, content_words
from index.types import Document
from rag.cite import introduce_document, renumbered
from rag.generate import DraftSentence, parse_draft, says_nothing, without_thinking, write_prompt
from rag.rewrite import read_rewritten, rewrite_prompt, standalone
from rag.types import Citation, Claim, LanguageModel, Reason, Token, Turn, Usage, Verdict

_log = logging.getLogger(__name__)

_ANSWER_TOKENS = 300
_QUESTION_TOKENS = 80
_YES_OR_NO = re.compile(
    r"\W*(?:and |but |so )?(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should|may|might|must)\b",
    re.IGNORECASE,
)
_NAMES = re.compile(r"\b[A-Z][\w’'-]*(?: [A-Z][\w’'-]*)*")
_TRIED = 4  # sentences nearest to one that fails are tried in the place of those it cites

Verify = Callable[[str, Sequence[Citation]], Verdict]


@dataclass(frozen=True, slots=True)
class Composed:
    """claims: those that stood the check, renumbered; dropped: how many did not. reason: why there are none, "silent"
    when the model says that the evidence does not answer the question."""

    claims: tuple[Claim, ...] = ()
    citations: tuple[Citation, ...] = ()
    dropped: int = 0
    reason: Reason = ""
    usage: Mapping[str, float] = field(default_factory=dict)


def compose(
    question: str,
    given: Sequence[Citation],
    model: LanguageModel,
    verify: Verify,
    analyse: Callable[[str], list[str]],
    *,
    deadline: float,
) -> Generator[Token, None, Composed]:
    """Yields the draft as it comes, provisional; returns what stood the check. A model that fails raises nothing here:
    `reason` says how it failed, and the log why.

    given: best first, each with its own marker. deadline: on time.monotonic's clock.
    """
    prompt = write_prompt(question, given, introduce_document, window=model.window, count_tokens=model.count_tokens)
    shown = given[: len(given) - prompt.left_out]
    used: dict[str, float] = {"evidence_left_out": prompt.left_out} if prompt.left_out else {}
    draft = ""
    try:
        with closing(model.write(prompt.messages, max_tokens=_ANSWER_TOKENS, deadline=deadline)) as pieces:  # type: ignore[type-var]
            for piece in pieces:
                if isinstance(piece, Usage):
                    used |= _figures(piece)
                else:
                    draft += piece
                    yield Token(piece)
    except ModelError as error:
        _log.warning("%s", error)
        return Composed(reason=error.reason, usage=used)
    yield Token("")
    sentences = parse_draft(draft, [c.marker for c in shown])
    judged = [
        None if _only_repeats(sentence.text, question, analyse) else _judge(sentence, shown, verify, analyse)
        for sentence in sentences
    ]
    kept = [claim for claim in judged if claim is not None]
    used["sentences_refused"] = len(judged) - len(kept)
    claims, citations = renumbered(kept, shown)
    return Composed(
        claims,
        citations,
        dropped=len(judged) - len(kept),
        reason="" if kept else "silent" if not sentences and says_nothing(draft) else "unsupported",
        usage=used,
    )


def in_full(
    question: str, history: Sequence[Turn], model: LanguageModel, *, deadline: float
) -> tuple[str, Mapping[str, float]]:
    """A follow-up as a question that stands alone, in the model's words, and what that used.

    By rule where the model fails, or writes what the conversation does not say.
    """
    draft, used = "", Usage(0, 0)
    try:
        prompt = rewrite_prompt(question, history)
        for piece in model.write(prompt, max_tokens=_QUESTION_TOKENS, deadline=deadline):
            if isinstance(piece, Usage):
                used = piece
            else:
                draft += piece
    except ModelError as error:
        _log.warning("%s", error)
    written = read_rewritten(without_thinking(draft), question, history)
    return written or standalone(question, history), _figures(used)


def _figures(used: Usage) -> dict[str, float]:
    figures: dict[str, float] = {"prompt_tokens": used.prompt_tokens, "completion_tokens": used.completion_tokens}
    return figures if used.cost_usd is None else {**figures, "cost_usd": used.cost_usd}


@dataclass(frozen=True, slots=True)
class Trial:
    """What a model made of one question. cites: each sentence ended in its numbers, as it was told."""

    draft: str
    cites: bool
    first_s: float
    seconds: float
    tokens_per_s: float
    cost_usd: float | None
    window: int


def try_model(model: LanguageModel, *, timeout_s: float) -> Trial:
    """Ask a model one question about two sentences. Raises ModelError when it cannot be used."""
    quotes = ("The ferry to Bergen left at dawn.", "Jana Horak denied on 3 May that it would be sold.")
    text = " ".join(quotes)
    document = Document("trial", "A trial", text, published=from_iso("2025-05-04"))
    starts = [text.index(quote) for quote in quotes]
    given = [
        Citation.of(document, start, start + len(quote), marker=i)
        for i, (start, quote) in enumerate(zip(starts, quotes, strict=True), 1)
    ]
    window = model.window
    prompt = write_prompt(
        "What did Jana Horak say?", given, introduce_document, window=window, count_tokens=model.count_tokens
    )
    started = time.perf_counter()
    first, draft, used = 0.0, "", Usage(0, 0)
    for piece in model.write(prompt.messages, max_tokens=200, deadline=time.monotonic() + timeout_s):
        if isinstance(piece, Usage):
            used = piece
        else:
            first = first or time.perf_counter() - started
            draft += piece
    seconds = time.perf_counter() - started
    sentences = parse_draft(draft, [1, 2])
    return Trial(
        draft=draft.strip(),
        cites=bool(sentences) and all(sentence.markers for sentence in sentences),
        first_s=first,
        seconds=seconds,
        tokens_per_s=used.completion_tokens / max(seconds - first, 1e-6),
        cost_usd=used.cost_usd,
        window=window,
    )


def _only_repeats(sentence: str, question: str, analyse: Callable[[str], list[str]]) -> bool:
    """Whether it says no more than the question, a name that the question has in part included. What answers yes or no
    may."""
    if _YES_OR_NO.match(question):
        return False
    asked = set(analyse(question))
    rest = _NAMES.sub(lambda name: "" if asked & set(analyse(name[0])) else name[0], sentence)
    return set(content_words(rest)) <= asked | STOPWORDS  # of a rest without content these are its words


def _judge(
    sentence: DraftSentence, shown: Sequence[Citation], verify: Verify, analyse: Callable[[str], list[str]]
) -> Claim | None:
    """The claim with what carries it: what it cites, else the sentence nearest to it, alone or beside that."""
    by_marker = {c.marker: c for c in shown}
    cited = [by_marker[marker] for marker in sentence.markers]
    first = verify(sentence.text, cited)
    if first.supported:
        return Claim(sentence.text, sentence.markers, "supported", first.why)
    stems = set(analyse(sentence.text))
    near = sorted(shown, key=lambda c: -len(stems & set(analyse(c.quote))))[:_TRIED]
    for instead in [*([c] for c in near), *(list(pair) for pair in combinations(near, 2))]:
        verdict = verify(sentence.text, instead)
        if verdict.supported:
            markers = tuple(sorted(c.marker for c in instead))
            why = f"{verdict.why}; the draft cited {'another' if sentence.markers else 'no'} sentence"
            return Claim(sentence.text, markers, "supported", why)
    return None
