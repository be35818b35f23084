"""Document -> Sentences and Passages, each an exact slice of its text.

Paragraphs are found first, then sentences inside them (nupunkt, which keeps offsets and is not misled by "5 p.m.
Friday" or nested quotation marks); sentences are packed into passages that fit the embedder's window. Nothing is cut
off: a sentence longer than the window becomes several. Knows nothing of models beyond a function that counts word
pieces.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from index.furniture import is_furniture, says_nothing
from index.types import Document, Passage, Sentence

RECIPE = "paragraphs+nupunkt-2"  # part of IndexSpec: libraries split by other rules are rebuilt
_SPECIAL_TOKENS = 2
_CONTEXT_TOKENS = 32  # at most this much of the window goes to the title

CountTokens = Callable[[Sequence[str]], list[int]]

_BLANK_LINES = re.compile(r"\n[ \t\xa0]*\n\s*")
_FRONT_MATTER = re.compile(r"\A---\n.*?\n---(?=\n|\Z)", re.DOTALL)


def split_sentences(document: Document, count_tokens: CountTokens, window: int) -> list[Sentence]:
    """All sentences in order. window: word pieces a passage may have, special ones included."""
    text = document.text
    spans: list[tuple[int, int, bool]] = []
    # A first line that is a whole sentence, or the whole text, says something though it also serves as the title.
    heading = "" if document.title.endswith((".", "!")) or text.strip() == document.title else document.title
    for start, end in _paragraphs(text):
        if is_furniture(text[start:end], heading):
            spans.append((start, end, True))
            continue
        places = list(_sentence_spans(text, start, end))
        empty = says_nothing(text[s:e] for s, e in places)
        spans.extend((s, e, furniture) for (s, e), furniture in zip(places, empty, strict=True))
    limit = window - _SPECIAL_TOKENS - _CONTEXT_TOKENS
    sentences: list[Sentence] = []
    for start, end, furniture in spans:
        sentence = text[start:end]
        # No tokenizer makes more pieces than there are bytes, and most sentences need not be counted for that.
        fits = len(sentence.encode()) <= limit or count_tokens([sentence])[0] <= limit
        for s, e in [(start, end)] if fits else _split_long(text, start, end, count_tokens, limit):
            sentences.append(Sentence(document.doc_id, len(sentences), s, e, furniture))
    return sentences


def pack_passages(
    document: Document, sentences: Sequence[Sentence], count_tokens: CountTokens, window: int
) -> list[tuple[Passage, tuple[Sentence, ...]]]:
    """Runs of whole sentences that fit the window together with the title, evenly filled; furniture is left out."""
    limit = window - _SPECIAL_TOKENS - _CONTEXT_TOKENS
    kept = [sentence for sentence in sentences if not sentence.furniture]
    if not kept:
        return []
    counts = count_tokens([document.text[s.start : s.end] for s in kept])
    # Furniture between two sentences lies inside their passage and takes its share of the window.
    between_two = [document.text[a.end : b.start].strip() for a, b in pairwise(kept)]
    gaps = [count_tokens([gap])[0] if gap else 0 for gap in between_two]
    total = sum(counts)
    # Even passages: 300 word pieces make two of 150, not one of 222 and a stub.
    target = total / max(1, -(-total // limit))
    packed: list[tuple[Passage, tuple[Sentence, ...]]] = []
    run: list[Sentence] = []
    filled = between = 0
    for sentence, count, gap in zip(kept, counts, [0, *gaps], strict=True):
        if run and (filled + between + gap + count > limit or filled + count / 2 > target):
            packed.append(_passage(document, run, len(packed)))
            run, filled, between = [], 0, 0
        between += gap if run else 0
        run.append(sentence)
        filled += count
    packed.append(_passage(document, run, len(packed)))
    return packed


def context_of(document: Document, count_tokens: CountTokens) -> str:
    """The title, cut at a word to its share of the window: a passage is read under its headline."""
    words = document.title.split()
    while words and count_tokens([" ".join(words)])[0] > _CONTEXT_TOKENS - 1:
        words = words[: len(words) * 3 // 4]
    return " ".join(words)


def _passage(document: Document, run: Sequence[Sentence], ordinal: int) -> tuple[Passage, tuple[Sentence, ...]]:
    return Passage(document.doc_id, ordinal, run[0].start, run[-1].end), tuple(run)


def _paragraphs(text: str) -> Iterator[tuple[int, int]]:
    """Spans between blank lines, and between single line ends unless the lines are one wrapped paragraph."""
    begin = 0
    front = _FRONT_MATTER.match(text)
    if front:
        yield front.span()
        begin = front.end()
    edges = [begin, *(m.start() for m in _BLANK_LINES.finditer(text, begin)), len(text)]
    for block_start, block_end in pairwise(edges):
        starts = [block_start, *(m.end() for m in re.finditer(r"\n", text[block_start:block_end]))]
        starts[1:] = [block_start + at for at in starts[1:]]
        lines = [(a, b) for a, b in pairwise([*starts, block_end]) if text[a:b].strip()]
        wrapped = _is_wrapped([len(text[a:b].rstrip()) for a, b in lines])
        span: tuple[int, int] | None = None
        for a, b in lines:
            joins = span is not None and (wrapped or text[a:b].lstrip()[:1].islower())
            if span is not None and not joins:
                yield _trim(text, *span)
            span = (span[0] if span is not None and joins else a, b)
        if span is not None:
            yield _trim(text, *span)


def _is_wrapped(lengths: Sequence[int]) -> bool:
    """Lines broken by an editor: three or more, none long, all but the last nearly as long as the longest."""
    return len(lengths) >= 3 and max(lengths) <= 120 and min(lengths[:-1]) >= 0.7 * max(lengths)


def _sentence_spans(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    from nupunkt import sent_spans  # loads its model on first use

    for s, e in sent_spans(text[start:end]):
        span = _trim(text, start + s, start + e)
        if span[0] < span[1]:
            yield span


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def _split_long(text: str, start: int, end: int, count_tokens: CountTokens, limit: int) -> list[tuple[int, int]]:
    from semantic_text_splitter import TextSplitter  # rarely needed

    splitter = TextSplitter.from_callback(lambda piece: count_tokens([piece])[0], limit, trim=True)
    return [(start + at, start + at + len(piece)) for at, piece in splitter.chunk_indices(text[start:end])]
