"""One line of English news prose to the phrases in it that say who speaks.

Patterns only, read top to bottom: what stands before a verb of speech, what stands after it, and the phrases made of
both; the words are in `rag.speech_words`. Quoted text must have been blanked to "_" before: what is quoted attributes
nothing. Where a pattern is unsure it finds nothing: a missing name can be looked up, a wrong one misleads.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import ClassVar

from rag.speech_words import (
    ACT,
    ADVERBS,
    BELIEVE,
    CLAIM,
    CLEAR,
    ENDS_IN_ROLE,
    FULL_NAME,
    KNOWN,
    LOW,
    NAME,
    OUTLET,
    PARTICIPLES,
    PRONOUN,
    SAY,
    SHOW,
    STOP,
    TELL,
    THING,
    TIME,
    VERBS,
    WRITING,
    Span,
    any_of,
)

# Attributing phrases

_START = (
    r"(?:^|[,;:—–(\"“”»]\s*|(?:[,;]|\b\w{3,})\s+(?:and|but|yet|while)\s+|,\s+as\s+|^(?:But|And|Yet|As|So|Still|However|Meanwhile)\s+"
    rf"|(?:{TIME}|\d{{1,4}}|\bweek|\bmonth|\byear|\btime|\bday)\s+)"
)
_RELATIVE = r"\s+(?:who|whose|which)\s+[^,;:]{3,150}?"
_APPOSITION = r",\s+(?P<apposition>[^,;:\"“”]{2,140}?(?:,\s+(?:of|in|at|who|a|an|the|and)\b[^,;:\"“”]{2,100})?),"


class _Late:
    """A pattern that is compiled when it is first used: those with a noun phrase in them take a quarter of a second."""

    all: ClassVar[list["_Late"]] = []

    def __init__(self, pattern: str) -> None:
        self._source = pattern
        _Late.all.append(self)

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile(self._source)

    def search(self, line: str) -> re.Match[str] | None:
        return self._pattern.search(line)

    def match(self, line: str, start: int = 0) -> re.Match[str] | None:
        return self._pattern.match(line, start)

    def finditer(self, line: str) -> Iterator[re.Match[str]]:
        return self._pattern.finditer(line)


def compile_all() -> None:
    """Now, rather than when the first sentence needs them."""
    for late in _Late.all:
        late.match("")


def _before_verb(phrase: str, between: str = "") -> _Late:
    return _Late(rf"{_START}(?P<who>{phrase}){between}{ADVERBS}$")


_SUBJECT_THING = _before_verb(THING)
_SUBJECTS = [
    _before_verb(PRONOUN),
    _before_verb(r"(?i:his|her|their)\b", rf"\s+(?:{LOW}\s+)?{WRITING}"),  # "His statement indicated"
    _before_verb(KNOWN, _RELATIVE),
    _before_verb(KNOWN),
    _SUBJECT_THING,
]
_SUBJECT_APART = _before_verb(KNOWN, _APPOSITION)
_THING_APART = _before_verb(THING, _APPOSITION)
_MARK = re.compile(r"[,;:—\"“”»]")
_LAST_MARK = re.compile(r".*[,;:—\"“”»]")
_ONLY_ADVERBS = re.compile(rf",?{ADVERBS}")
_FIRST = _Late(rf"^(?:[^,;:]{{1,60}},\s+)??(?P<who>{KNOWN})(?:{_APPOSITION})?{ADVERBS}(?:[a-z]+ed|{STOP})\b")
_NOT_SAID = re.compile(
    r"\b(?:will|would|can|could|may|might|must|should|shall|not|never"
    r"|(?<!continue )(?<!continues )(?<!continued )to)\s+(?:\w+ly\s+)?$"
)
_NOT_INNER = re.compile(r"^(?:his|her|its|their)\b|(?:[’']s|s[’'])$")
_NOUN_BEFORE = re.compile(r"(?:[’']s|s[’'])$")  # "Trump's claims that": no verb follows
_STATES = re.compile(r"(?:member|nation|ic|ern|an|ab|[A-Z])$")  # "the Baltic states that"
_LISTED = re.compile(rf"(?:^|,\s+){NAME},\s+and\s+$")  # "A, B, and C said": C alone is not who said it
_ACTOR = re.compile(rf"{NAME}\s+(?!(?:is|was|has|does)\b)[a-z]+(?:s|ed)\s")
_SHARED = re.compile(r"\band(?:\s+(?:then|also|later))?\s+$")
_BREAK = re.compile(r"\b(?:who|which|whom|while|but|when|after|that|before)\b")
_PARTICIPLE = re.compile(rf",\s+(?:{any_of(PARTICIPLES)})\s+that\b")
_VERB = re.compile(rf"\b(?:{ACT}|{CLEAR}|[a-z]+)\b")
_PUT_FIRST = (
    rf"[,\"“”»?!]\s+(?:{any_of(' '.join(v for v in SAY | CLAIM | SHOW if re.search('ed$|s$|said|found|wrote', v)))})\s"
)
_SAYS_BEFORE = re.compile(_PUT_FIRST)
_INVERTED = _Late(
    rf"{_PUT_FIRST}+(?P<who>{PRONOUN}|{KNOWN})"
    r"(?=\s*(?:[,;.:!?]|$)|\s+(?:who|on|in|at|last|this|yesterday|today|during|after)\b)"
)
_INNER = _Late(rf"\s+(?P<who>{KNOWN}){ADVERBS}(?:{any_of(' '.join(VERBS - BELIEVE))}|{ACT})\b")
_MORE = r"\s+(?!(?:in|on|at|who|which|as|for|last|this|published|and|but|while|released|quoted|cited)\b)[\w§]"
_ACCORDING = _Late(
    rf"\b[Aa]ccording\s+to\s+(?:(?:the\s+|an?\s+)?(?:\w+\s+)?{WRITING}\s+(?:by|from|in|of)\s+)?"
    rf"(?:(?:the\s+)?(?P<outlet>{OUTLET})(?![’'])|(?P<who>(?:him|her|them)\b(?!\s+\w)|{KNOWN}(?![\w-])(?!{_MORE})))"
    rf"(?:[’']s?\s+(?:\w+\s+)?{WRITING}|(?![’']))"
    rf"(?P<apposition>,\s+{NAME}(?=\s*(?:,|\.|$)))?"
)
_VIEW = _Late(
    rf"\b[Ii]n\s+(?:(?P<who>(?i:his|her|their)|{KNOWN})(?:(?<=s)[’']|[’']s)?\s+(?:words|opinion|view|assessment|account)\b"
    rf"|the\s+(?:words|opinion|view|assessment)\s+of\s+(?P<of>{KNOWN}))"
)
_LABEL = _Late(rf"^(?:Quotes?|Statement|Excerpt|Comment)\s+(?:from|by|of)\s+(?P<who>{KNOWN})\s*:")
_QUOTED_BY = _Late(
    rf"{_START}(?P<who>{KNOWN}),?\s+(?:(?:is|was|were|are|as)\s+)?(?:quoted|cited)\s+"
    rf"(?:by\s+(?:the\s+)?(?P<outlet>{OUTLET})|as\s+saying)"
)
_QUOTED_AS = _Late(rf"{_START}(?P<via>{KNOWN}){ADVERBS}(?:quote[sd]?|cite[sd]?)\s+(?P<who>{KNOWN})\s+as\s+saying")
_SOURCES = [  # a cheap look first: most lines have none of these, and the patterns are slow to say so
    (re.compile(r"ccording\s"), _ACCORDING),
    (re.compile(r"\b(?:words|opinion|view|assessment|account)\b"), _VIEW),
    (re.compile(r"^[QSEC].*:"), _LABEL),
    (re.compile(r"\b(?:quoted|cited)\b"), _QUOTED_BY),
    (re.compile(r"\bas\s+saying\b"), _QUOTED_AS),
]

# What may follow the verb. A verb without its complement ("he reported to work") attributes nothing.
_WORDS = r"(?:\s+(?!(?:that|who|which)\b)[^\s,;:\"“”]+){0,12}?"
_WHEN = (
    r"(?:\s+(?:to|in|at|on|during|last|this|yesterday|today|earlier|later|again|after|before|through|via|by|from|for)\b"
    rf"{_WORDS})?"
)
_THAT = r"(?:,[^,]{2,80},)?\s+that\b(?!\s+(?:night|day|morning|evening|afternoon|week|month|year)\b)"
_QUOTE = r"(?:\s*[,:]\s*[\"“«„]|\s+[\"“«„]_{25})"  # a shorter one without a mark is a word: announced "free votes"
_CLAUSE = (
    r"\s+(?:(?!that\b)[^\s,;:\"“”]+\s+){0,8}?(?:[^\s,;:\"“”]+n[’']t|(?:it|he|she|that|there)[’']s|is|are|was|were|will|would|has|have|had"
    r"|can|could|may|might|must|should|does|did)\b"
)
# Many verbs of speech are nouns too ("the small claims process is"): their clause must open like one.
_STARTED = (
    r"(?=\s+(?:[A-Z0-9]"
    r"|(?:the|an?|he|she|it|they|there|this|these|those|his|her|its|their|no|all|some|many|most|more)\b))"
)
_PRONOUN_CLAUSE = r"\s+(?:(?:he|she|they|there)\s+[a-z]+|it\s+(?:[a-z]+ed|won|lost|needs|wants|plans))\b"
_NO_CLAUSE = r"(?!\s+(?:to|on|in|for|by|of|the\s+li(?:fe|ves)|responsibility|credit|victory)\b)"
_EMPTY = r"(?!\s+(?:nothing|little|no|yes|so|goodbye|hello|anything|much|more)\b)"
_COMPLEMENTS = [
    (SAY, re.compile(rf"{_EMPTY}(?:{_WHEN}(?:{_THAT}|{_QUOTE}|\s*:)|\b|(?=[\s,.]))")),
    (TELL, re.compile(rf"{_WORDS}(?:{_THAT}|{_QUOTE}|\s*:)|\s+\S+{_CLAUSE}|{_WORDS}{_PRONOUN_CLAUSE}")),
    (BELIEVE, re.compile(rf"{_WHEN}(?:{_THAT}|{_QUOTE}|:\s*$)|{_NO_CLAUSE}(?:{_CLAUSE}|{_PRONOUN_CLAUSE})")),
    (CLAIM, re.compile(rf"{_WHEN}(?:{_THAT}|{_QUOTE}|:\s*$)|{_NO_CLAUSE}(?:{_STARTED}{_CLAUSE}|{_PRONOUN_CLAUSE})")),
    (SHOW, re.compile(rf"{_WHEN}(?:{_THAT}|{_QUOTE}|:\s*$)|\s+(?!(?:on|to|for|back|in)\b)\w+\s+(?:in|from|near)\b")),
]
_TAIL = re.compile(rf"{_WORDS}\s*(?:[.!?…]*[\"”]?$|[,:;—])")
_SHORT_TAIL = re.compile(rf"(?:\s+to\s+(?:the\s+)?{OUTLET})?(?!\s+to\b){_WHEN}\s*(?:[.!?…]*[\"”]?$|[,:;—])")
_VIA = re.compile(
    rf"(?:\s+(?:exclusively|later))?(?P<to>\s+to)?\s+(?:the\s+)?(?P<outlet>{OUTLET})"
    rf"|{_WORDS}\s+(?:interview\s+(?:with|to|on|in|for)|speaking\s+(?:to|on)|(?:article|essay|column|piece|post)\s+(?:in|for|on))"
    rf"\s+(?:the\s+)?(?P<outlet2>{OUTLET})"
)


@dataclass(frozen=True, slots=True)
class Phrase:
    """One attributing phrase. Offsets are into the line. outer: it stands beside the clause, not in front of it."""

    start: int
    end: int
    who: Span | None
    via: Span | None = None
    outer: bool = False


def _complement(verb: str, rest: str) -> int:
    """Where what follows the verb begins in `rest`; -1 when nothing is being said."""
    if re.fullmatch(ACT, verb):
        return 0
    rules = [rule for forms, rule in _COMPLEMENTS if verb in forms] or [_COMPLEMENTS[2][1]]
    found = rules[0].match(rest)
    return found.end() if found else -1


_BEFORE = 300
_MOST_VERBS = 10
_MOST_LETTERS = 1500
"""Bounds against text that was made to be slow; no sentence of prose comes near them."""


def _is_weak(verb: str) -> bool:
    """Whether things do it too: the attack suggests, the plan called for."""
    return verb in SHOW or re.fullmatch(ACT, verb) is not None


def _subject(line: str, verb: re.Match[str]) -> Span | None:
    base = max(0, verb.start() - _BEFORE)
    if base:
        mark = _MARK.search(line, base, verb.start())
        base = mark.start() if mark else verb.start()
    left = line[base : verb.start()]
    if _NOT_SAID.search(left):
        return None
    cut = _LAST_MARK.match(left)
    near = cut.end() - 1 if cut else 0  # no subject reaches over a comma, except by an apposition
    if not _ONLY_ADVERBS.fullmatch(left, near):
        return _near_subject(line, base + near, verb)
    found = _SUBJECT_APART.search(left) or (None if _is_weak(verb.group()) else _THING_APART.search(left))
    if not found:
        return None
    # "Mr. Putin's spokesman, Dmitri Peskov, said": the name, not the office
    named = FULL_NAME.fullmatch(found["apposition"]) and ENDS_IN_ROLE.search(found["who"])
    start, end = found.span("apposition" if named else "who")
    return base + start, base + end


def _near_subject(line: str, near: int, verb: re.Match[str]) -> Span | None:
    for rule in _SUBJECTS:
        if rule is _SUBJECT_THING and _is_weak(verb.group()):
            continue
        if found := rule.search(line[near : verb.start()]):
            who = near + found.start("who"), near + found.end("who")
            noun = _NOUN_BEFORE.search(found["who"]) or _LISTED.search(line[: who[0]])
            return None if noun or (verb.group() in ("state", "states") and _STATES.search(found["who"])) else who
    if _SHARED.search(line, near, verb.start()) and (found := _FIRST.match(line)):
        return None if _BREAK.search(line, found.end(), verb.start()) else found.span("who")
    return None


def _channel(verb: re.Match[str], rest: str) -> Span | None:
    found = _VIA.match(rest)
    if not found or (found["outlet"] and not found["to"] and verb.group() not in TELL):
        return None
    start, end = found.span("outlet" if found["outlet"] else "outlet2")
    return verb.end() + start, verb.end() + end


def _spoken(line: str) -> list[Phrase]:
    """'X said that', '..., X said', '..., said X', 'X, who ..., told Y'."""
    phrases = []
    verbs = (m for m in _VERB.finditer(line) if m.group() in VERBS or not m.group().isalpha())
    for verb in islice(verbs, _MOST_VERBS):
        rest = line[verb.end() : verb.end() + _BEFORE]
        said, tail = _complement(verb.group(), rest), (_TAIL if verb.group() in SAY | TELL else _SHORT_TAIL).match(rest)
        if (said < 0 and not tail) or not (who := _subject(line, verb)):
            continue
        before = line[: who[0]].rstrip()
        # "Russia, Peskov said, is ready" or, with a clause before it, "..., Peskov said on Monday."
        outer = tail is not None and before.endswith((",", '"', "”", "»"))
        if tail and before.endswith(",") and not tail.group().endswith(",") and len(before.split()) < 4:
            outer = False
        if said < 0 and not outer:
            continue
        end = verb.end() + (tail.end() if outer and tail else said)
        phrases.append(Phrase(who[0], end, who, _channel(verb, rest), outer))
    if _SAYS_BEFORE.search(line):
        phrases += [Phrase(m.start() + 1, m.end(), m.span("who"), outer=True) for m in _INVERTED.finditer(line)]
    if not phrases and (part := _PARTICIPLE.search(line)) and (first := _FIRST.match(line)):
        phrases.append(Phrase(part.start(), part.end(), first.span("who")))
    return phrases


def _sourced(line: str) -> list[Phrase]:
    """'according to X', 'in X's words', 'Quote from X:', 'X, quoted by Y', 'Y quoted X as saying'."""
    phrases = []
    for hint, rule in _SOURCES:
        for found in rule.finditer(line) if hint.search(line) else ():
            groups = found.groupdict()
            who = next((found.span(key) for key in ("who", "of") if groups.get(key)), None)
            via = next((found.span(key) for key in ("outlet", "via") if groups.get(key)), None)
            name = (groups.get("apposition") or "")[1:].strip()
            if rule is _ACCORDING and who and name.count(" ") and ENDS_IN_ROLE.search(line[who[0] : who[1]]):
                who = found.end("apposition") - len(name), found.end("apposition")
            phrases.append(Phrase(found.start(), found.end(), who, via, outer=True))
    return phrases


def find_phrases(line: str) -> list[Phrase]:
    """Every attributing phrase of a line, in no order. The line has no paragraph break."""
    return _spoken(line) + _sourced(line) if len(line) <= _MOST_LETTERS else []


def find_inner(line: str, phrase: Phrase) -> Span | None:
    """Z in 'X reported that Z had called for ...': whose speech the phrase's own speaker reports."""
    found = _INNER.match(line, phrase.end) if line[: phrase.end].endswith("that") else None
    return found.span("who") if found and not _NOT_INNER.search(found["who"]) else None


def opens_with_actor(line: str) -> bool:
    """'Benvolio urges Romeo to go, he claims': a pronoun after such an opening more likely means somebody in it."""
    return _ACTOR.match(line) is not None


def first_subject(line: str) -> str:
    """The subject that the line opens with, empty when it opens otherwise."""
    found = _FIRST.match(line)
    return found["who"] if found else ""
