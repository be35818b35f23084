"""A sentence to who says it, through which channel, and whether its words stand in quotation marks.

`rag.speech` finds the attributing phrases of a line; here quotations are followed over sentences and paragraphs, and
pronouns to the names they stand for. A name is always a slice of the document's text; "" is the document's own voice.

Not known: single quotation marks, speakers named further away than the previous paragraph, and who "it" is.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache

from index.types import Document, Sentence
from rag.speech import find_inner, find_phrases, first_subject, opens_with_actor
from rag.speech_words import Span, fits, is_outlet, is_person, is_some_outlet, trim
from rag.types import Attribution

# Quotations


_CLOSING = {"“": "”", "„": "“”", "«": "»", '"': '"'}
_MOST_PARAGRAPHS = 12
"""A quotation over more paragraphs is taken for a mark that somebody forgot."""


@lru_cache(maxsize=8)
def _quotations(text: str) -> tuple[Span, ...]:
    """The stretches inside double quotation marks, marks included, in order; also those over several paragraphs.

    A paragraph inside a quotation may open it again. An opening mark anywhere else shows that the one before was stray.
    """
    spans: list[Span] = []
    opened = -1
    for mark in re.finditer(r"[“”„«»\"]", text):
        at, char = mark.start(), mark.group()
        before, after = text[at - 1 : at] if at else "\n", text[at + 1 : at + 2]
        opens = char in _CLOSING and (char != '"' or (before in " \n\xa0([—–-" and bool(after.strip())))
        if opened >= 0 and text.count("\n", opened, at) > _MOST_PARAGRAPHS:
            opened = -1
        if opened < 0:
            opened = at if opens else -1
        elif char in _CLOSING[text[opened]] and not (opens and char == '"'):
            spans.append((opened, at + 1))
            opened = -1
        elif opens and char == text[opened] and before != "\n":
            opened = at
    return tuple(spans)


def _blank(text: str, start: int, end: int) -> str:
    """text[start:end] with the inside of every quotation replaced by "_": what is quoted attributes nothing."""
    line = text[start:end]
    spans = _quotations(text)
    for first, last in spans[max(0, bisect_right(spans, (start, start)) - 1) :]:
        if first >= end:
            break
        a, b = max(first + 1, start) - start, min(last - 1, end) - start
        if a < b:
            line = line[:a] + "_" * (b - a) + line[b:]
    return line


def _letters(text: str) -> int:
    return sum(c.isalnum() for c in text)


# Resolution


class _Reader:
    """One document for the length of one call; sentences already read are remembered."""

    def __init__(self, text: str, sentences: Sequence[Sentence], floor: int) -> None:
        self.text = text
        self.sentences = sentences
        self.floor = floor  # how far back names are looked for, so that a call's cost has a bound
        self.seen: dict[int, tuple[Span | None, Span | None, bool]] = {}

    def read(self, ordinal: int) -> tuple[Span | None, Span | None, bool]:
        if ordinal not in self.seen:
            self.seen[ordinal] = self._read(ordinal)
        return self.seen[ordinal]

    def _read(self, ordinal: int) -> tuple[Span | None, Span | None, bool]:
        start, end = self._line(ordinal)
        if start >= end:
            return None, None, False
        introduced = self._introduction(start, ordinal)
        if introduced:
            return introduced, None, True
        speaker, via, frame = self._attributed(start, end, ordinal)
        outside = _letters(_blank(self.text, start, end))
        inside = _letters(self.text[start:end]) - outside
        quoted = inside > 0 and inside >= outside - frame
        if speaker is None and inside > 4 * outside:
            speaker = self._quotation_speaker(start, ordinal)
        return speaker, via, quoted

    def _line(self, ordinal: int) -> Span:
        """The sentence without outer blanks, and without a heading that the splitter left before it."""
        sentence = self.sentences[ordinal]
        raw = self.text[sentence.start : sentence.end]
        end = sentence.start + len(raw.rstrip())
        raw = raw.rstrip()
        first = raw.rfind("\n") + 1
        return sentence.start + first + len(raw[first:]) - len(raw[first:].lstrip()), end

    def _attributed(self, start: int, end: int, ordinal: int) -> tuple[Span | None, Span | None, int]:
        """The speaker and the channel that the line itself names, and how many letters naming them takes."""
        line = _blank(self.text, start, end)
        via: Span | None = None
        beside: list[Span | None] = []
        within: list[Span | None] = []
        outlet: Span | None = None
        framing: set[int] = set()
        for phrase in find_phrases(line):
            framing.update(range(phrase.start, phrase.end))
            who = self._name(start, phrase.who, ordinal)
            if phrase.who and phrase.who[0] > 0 and self._is_he_or_she(start, phrase.who) and opens_with_actor(line):
                who = None
            if phrase.via:
                via = trim(self.text, (start + phrase.via[0], start + phrase.via[1]))
            if inner := find_inner(line, phrase):
                via, who = via or who, self._name(start, inner, ordinal)
            if who and phrase.outer and is_outlet(self.text[slice(*who)]):
                outlet = who
            elif phrase.who:
                (beside if phrase.outer else within).append(who)
        letters = _letters("".join(line[i] for i in framing))
        if outlet and (beside or within):
            via = outlet  # "Putin said no, Reuters reported": the outlet is only the channel
        elif outlet:
            within.append(outlet)
        return self._agreed(beside or within), via, letters

    def _agreed(self, names: list[Span | None]) -> Span | None:
        """The one speaker; none where the sentence gives the words of two."""
        last_words = {self.text[slice(*name)].split()[-1] if name else "" for name in names}
        return names[0] if len(last_words) == 1 else None

    def _name(self, offset: int, span: Span | None, ordinal: int) -> Span | None:
        """A phrase's span as a name in the text; a pronoun as the name that it stands for."""
        if span is None:
            return None
        name = trim(self.text, (offset + span[0], offset + span[1]))
        word = self.text[slice(*name)]
        if pronoun := _PRONOUNS.get(word.lower()):
            return self._earlier(ordinal, pronoun)
        return (is_some_outlet(word) and self._earlier(ordinal, "outlet")) or name

    def _is_he_or_she(self, offset: int, span: Span) -> bool:
        return _PRONOUNS.get(self.text[offset + span[0] : offset + span[1]].lower()) in ("he", "she")

    def _earlier(self, ordinal: int, wanted: str) -> Span | None:
        """The nearest fitting speaker before, in this paragraph or the last. wanted: he, she, they, outlet or any."""
        breaks = 0
        for before in range(ordinal - 1, self.floor - 1, -1):
            breaks += "\n" in self.text[self._line(before)[1] : self._line(before + 1)[0]]
            if breaks > 1:
                break
            speaker, via, _ = self.read(before)
            if wanted == "outlet":
                found = next((s for s in (via, speaker) if s and is_outlet(self.text[slice(*s)])), None)
            elif wanted == "any":
                found = speaker
            else:
                found = speaker if speaker and fits(wanted, self.text[slice(*speaker)], self.text) else None
            if found:
                return found
            # Somebody else has come up since, and the pronoun may well mean them.
            subject = first_subject(_blank(self.text, *self._line(before)))
            if wanted in ("he", "she") and subject and is_person(subject, self.text):
                break
        return None

    def _introduction(self, start: int, ordinal: int) -> Span | None:
        """The speaker of a paragraph without marks that is quoted after 'X said:' at the end of the one before."""
        first = self.text.rfind("\n", 0, start) + 1
        last = self.text.find("\n", start)
        paragraph = self.text[first : last if last >= 0 else len(self.text)]
        before = self.text[max(0, first - 500) : first].rstrip()
        if not before.endswith(":") or re.search(r"[“”«»\"]", paragraph):
            return None
        end = max(0, first - 500) + len(before)
        introducing = ordinal
        while introducing > self.floor and self.sentences[introducing].start >= end:
            introducing -= 1
        begin = max(self.text.rfind("\n", 0, end) + 1, self.sentences[introducing].start, end - 400)
        line = _blank(self.text, begin, end)
        names = [self._name(begin, p.who, introducing) for p in find_phrases(line) if p.end >= len(line) - 1]
        return self._agreed(names) if names else None

    def _quotation_speaker(self, start: int, ordinal: int) -> Span | None:
        """Whose words a sentence inside a quotation gives: named after it, before it, or in the lines before."""
        spans = _quotations(self.text)
        first, last = next(span for span in spans if span[1] > start)
        close = self.text.find("\n", last)
        after = _blank(self.text, last - 1, min(last + 200, close if close >= 0 else len(self.text)))
        names = [self._name(last - 1, p.who, ordinal) for p in find_phrases(after) if p.outer and p.start <= 3]
        if not names:
            begin = max(self.text.rfind("\n", 0, first) + 1, first - 300)
            before = _blank(self.text, begin, first + 1)
            names = [self._name(begin, p.who, ordinal) for p in find_phrases(before) if p.end >= len(before) - 2]
        return self._agreed(names) if names else self._earlier(ordinal, "any")


_PRONOUNS = {
    "he": "he",
    "him": "he",
    "his": "he",
    "she": "she",
    "her": "she",
    "they": "they",
    "them": "they",
    "their": "they",
}
_REACH = 40
"""How many sentences back a chain of pronouns is followed."""


def attribute(document: Document, sentences: Sequence[Sentence], ordinal: int) -> Attribution:
    """Who says `sentences[ordinal]`. sentences: the document's, in order. Names are slices of `document.text`."""
    reader = _Reader(document.text, sentences, max(0, ordinal - _REACH))
    speaker, via, quoted = reader.read(ordinal)
    return Attribution(
        speaker=document.text[slice(*speaker)] if speaker else "",
        via=document.text[slice(*via)] if via else "",
        quoted=quoted,
    )
