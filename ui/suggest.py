"""An answer to what may be asked next, drawn from its evidence, and only what the library holds more about. Pure.

Knows no language model: a name that was cited, and passages that name it elsewhere.
"""

import re
from collections.abc import Callable, Iterator, Sequence

from rag.types import Answer, Hit

_MOST = 3
_LOOKED_AT = 6  # searches for one answer
_NAME = re.compile(r"[A-Z][\w’'-]+(?: (?:of |for |the |de |van |von |al-)?[A-Z][\w.’'-]*)*")
_RANKS = re.compile(
    r"^.*\b(?:Mr|Mrs|Ms|Dr|President|Minister|Chancellor|Secretary|Director|General|Senator|Professor)\b\.? (?=[A-Z])"
)
_NATIONALITY = re.compile(r"\w+(?:ians?|eses?|ish|Americans?)$")
_NO_NAMES = frozenset(
    "I He She It We They You This That These Those There Here If When While What Who Why How In On At For From To And "  # noqa: SIM905
    "But Or As By With Without After Before During Since Until A An The My His Her Its Our Their Your Details No Yes "
    "January February March April May June July August September October November December Monday Tuesday Wednesday "
    "Thursday Friday Saturday Sunday Some Many Most All Both Each Every Another Other However Moreover Despite".split()
)
_SPEAKS = (
    r"(?:\W+\w+){0,3}?\W+(?:said|says?|told|claim|stat|warn|argu|believ|announc|insist|note[ds]|added|remark|repli|ask)"
)


def suggested(answer: Answer, search: Callable[[str], Sequence[Hit]]) -> tuple[str, ...]:
    """At most three questions. search: the library's passages nearest to a question."""
    quotes = [citation.quote for citation in answer.citations]
    found: list[str] = []
    for looked, (question, about) in enumerate(_candidates(answer)):
        if looked == _LOOKED_AT or len(found) == _MOST:
            break
        # Something must be left when all that was quoted is taken away.
        if any(re.search(about, _without(hit.text, quotes)) for hit in search(question)):
            found.append(question)
    return tuple(found)


def _candidates(answer: Answer) -> Iterator[tuple[str, str]]:
    """Questions, each with a pattern of what a passage about it holds; those about who spoke come first."""
    asked = f"{answer.question} {answer.asked_as}"
    told: set[str] = set()  # last words of names
    for citation in answer.citations:
        name = _last_name(citation.speaker)
        if name and name.split()[-1] not in told:
            told.add(name.split()[-1])
            yield f"What else did {name} say?", _word(name) + _SPEAKS
    for citation in answer.citations:
        for match in _NAME.finditer(citation.quote):
            name = re.sub(r"[’']s?$", "", _RANKS.sub("", match[0]))
            last = name.split()[-1]
            known = last in told or re.search(_word(name), asked) or len(last) < 4
            if known or name.split()[0] in _NO_NAMES or _NATIONALITY.fullmatch(name):
                continue
            told.add(last)
            the = "the " if re.search(r"\bthe $", citation.quote[: match.start()]) else ""
            yield f"What do the sources say about {the}{name}?", _word(name)


def _last_name(speaker: str) -> str:
    """The name that a speaker's description ends in, without ranks: "Foreign Minister Ada Quill" is Ada Quill."""
    match = re.search(r"(?:[A-Z][\w.’'-]*(?: |$))+$", speaker)
    return _RANKS.sub("", match[0]).strip() if match else ""


def _word(name: str) -> str:
    return rf"\b{re.escape(name.split()[-1])}\b"


def _without(text: str, quotes: Sequence[str]) -> str:
    for quote in quotes:
        text = text.replace(quote, " ")
    return text
