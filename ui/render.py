"""Answers, citations and documents -> HTML that is safe to put in a page.

Everything that comes from a document, a file name, a question or a model passes through `safe`; nothing else does the
escaping, and no foreign text is ever cut after it was escaped. Knows nothing of Gradio, of events or of the library:
a button only carries the numbers (turn, citation, passage) by which the server finds the rest again.
"""

import html
import re
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from index.types import DateInfo, Document
from rag.types import Answer, Citation, Claim, Hit

_MONTHS = [  # at the month's number
    *("", "January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
]
_BADGES = {
    "answered": "Answered",
    "partial": "Partly answered",
    "abstained": "Not in these documents",
    "error": "Failed",
}
_REASONS = {
    "no_evidence": "no sentence of the documents answers this",
    "unsupported": "quotes, since the sources do not carry what the model wrote",
    "silent": "quotes, since the model found no answer",
    "unavailable": "quotes, since the model could not be used",
    "timeout": "quotes, since the model was too slow",
    "refused": "quotes, since the model refused",
    "cut_off": "quotes, since the model broke off",
    "conflicting": "the sources contradict each other",
    "out_of_range": "no document lies in the chosen range",
    "empty_library": "the library holds no documents yet",
}
BASES = {
    "stated": "as the document states",
    "metadata": "from the file's metadata",
    "inferred": "inferred",
    "unknown": "",
}
_HIT_CHARS = 240
_AROUND_CHARS = 200  # of a passage, shown before and after the cited sentence
_CLOSEST = 3

# Control characters, bidirectional overrides and isolates, tags and the like: they change what a reader sees without
# being seen. Joiners, soft hyphens and the left/right marks stay, because real text in many scripts needs them.
_ODD = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u180e\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff"
    "\ud800-\udfff\U000e0000-\U000e007f]+"
)
# Beyond what html.escape does: with these gone, the result means nothing to a template engine either.
_TEMPLATE_MARKS = str.maketrans({"{": "&#123;", "}": "&#125;", "$": "&#36;", "`": "&#96;"})
TRAILING_MARKERS = re.compile(r"(?:\s*\[\d{1,4}\])+\s*$")


def safe(text: str) -> str:
    """Foreign text as HTML: every character shown as itself, invisible ones by their number."""
    parts: list[str] = []
    at = 0
    for match in _ODD.finditer(text):
        parts += (_escape(text[at : match.start()]), f'<span class="odd">{_odd_words(match[0])}</span>')
        at = match.end()
    parts.append(_escape(text[at:]))
    return "".join(parts)


def safe_attribute(text: str) -> str:
    """Foreign text as the inside of a double-quoted attribute."""
    return _escape(_ODD.sub(lambda match: _odd_words(match[0]), text))


def safe_url(url: str) -> str:
    """The address when a click on it can only open a web page, else the empty string. Not escaped yet."""
    if _ODD.search(url) or any(character.isspace() for character in url):
        return ""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return url if parts.scheme.lower() in ("http", "https") and parts.hostname else ""


def date_words(published: DateInfo, *, reason: bool = False) -> str:
    """ "20 May 2025", "May 2024 (inferred)", "2023", "date unknown"; with the reason, "May 2024 (inferred: ...)".

    Not escaped: the reason is foreign text.
    """
    if not published.value:
        return "date unknown"
    year, *rest = published.value.split("-")
    words = [str(int(rest[1]))] if len(rest) > 1 else []
    words += [_MONTHS[int(rest[0])], year] if rest else [year]
    shown = " ".join(words)
    if published.basis != "inferred":
        return shown
    return f"{shown} (inferred: {published.reason})" if reason and published.reason else f"{shown} (inferred)"


def draft_html(draft: str) -> str:
    """What a model is writing. Not read out as it grows: it may be dropped."""
    return f'<p class="draft" aria-live="off" dir="auto">{safe(draft)}</p>' if draft.strip() else ""


def answer_html(answer: Answer, *, turn: int = 0, titles: Mapping[str, str] | None = None, foot: str = "") -> str:
    """The whole answer: badge, claims with their markers, and beside them the sources.

    turn: which answer of the conversation this is; its buttons carry it. titles: by doc_id, for the passages that an
    abstention shows. foot: HTML that stands under the answer.
    """
    if answer.status in ("abstained", "error"):
        body = _lines_html(answer.text) + _closest_html(answer, turn, titles or {})
    elif answer.claims:
        citations = {citation.marker: citation for citation in answer.citations}
        body = "".join(_claim_html(claim, citations, turn, at) for at, claim in enumerate(answer.claims))
    else:
        body = _lines_html(answer.text)
    return (
        f'<div class="answer" data-status="{safe_attribute(answer.status)}">'
        f'<div class="said">{badge_html(answer)}{_asked_as_html(answer)}{body}</div>'
        f"{sources_html(answer, turn=turn)}{foot}</div>"
    )


def badge_html(answer: Answer) -> str:
    """Status and reason in words."""
    label = _BADGES.get(answer.status, answer.status)
    detail = _REASONS.get(answer.reason, answer.reason)
    if not detail and answer.status == "partial":
        detail = "what the sources do not carry was left out"
    if not detail and answer.citations:
        count = len({citation.doc_id for citation in answer.citations})
        detail = f"from {count} document{'' if count == 1 else 's'}"
    detail = f'<span class="detail">{safe(detail)}</span>' if detail else ""
    return f'<p class="badge"><strong>{safe(label)}</strong>{detail}</p>'


def sources_html(answer: Answer, *, turn: int = 0) -> str:
    """The numbered list of what the answer rests on, each sentence marked in its passage; empty without citations."""
    if not answer.citations:
        return ""
    told: set[str] = set()  # documents whose date was explained: once is enough
    items = ""
    for citation in answer.citations:
        items += _source_html(citation, turn, answer.hits, basis=citation.doc_id not in told)
        told.add(citation.doc_id)
    return f'<div class="evidence"><h3 class="label">Sources</h3><ol class="sources">{items}</ol></div>'


def document_html(document: Document, start: int, end: int) -> str:
    """The whole document with `document.text[start:end]` marked; the mark can be focused and has the id "cited".

    Line ends stay as they are: the style sheet keeps them. Raises ValueError for offsets outside the text.
    """
    text = document.text
    if not 0 <= start < end <= len(text):
        raise ValueError(f"offsets {start}:{end} are outside document {document.doc_id!r}")
    before, cited, after = safe(text[:start]), safe(text[start:end]), safe(text[end:])
    facts = [document.source, document.author if document.author != document.source else ""]
    facts.append(date_words(document.published, reason=True))
    if page := sum(first <= start for first in document.pages):
        facts.append(f"{document.page_unit} {page}")
    return (
        '<article class="document" aria-label="Source document"><header>'
        '<button type="button" class="close" data-close aria-label="Close the document">Close</button>'
        f'<h2 dir="auto">{safe(document.title)}</h2>{_facts_html(facts, document.url)}</header>'
        f'<div class="text" dir="auto" tabindex="0">{before}<mark id="cited" tabindex="0">{cited}</mark>{after}</div>'
        "</article>"
    )


def question_html(question: str) -> str:
    return f'<h2 class="question" dir="auto">{safe(question)}</h2>'


def error_html(message: str) -> str:
    """One line for something the user can mend."""
    return f'<p class="error" role="alert">{safe(message)}</p>'


def _lines_html(text: str) -> str:
    return "".join(f'<p class="claim" dir="auto">{safe(line)}</p>' for line in text.splitlines() if line)


def _claim_html(claim: Claim, citations: Mapping[int, Citation], turn: int, at: int) -> str:
    text = claim.text
    trailing = TRAILING_MARKERS.search(text)
    # Only the markers at the end are ours; a "[3]" inside a quote belongs to the document.
    if trailing and {int(n) for n in re.findall(r"\d+", trailing[0])} <= set(claim.markers):
        text = text[: trailing.start()]
    cited = [citations[marker] for marker in claim.markers if marker in citations]
    shown = next((html for html in (_with_quote(text, citation.quote) for citation in cited) if html), safe(text))
    buttons = "".join(_marker_html(citation, turn, at) for citation in cited)
    why = f' <span class="doubt">{safe(claim.why or "not supported")}</span>' if claim.support == "unsupported" else ""
    return f'<p class="claim" data-support="{safe_attribute(claim.support)}" dir="auto">{shown} {buttons}{why}</p>'


def _with_quote(text: str, quote: str) -> str:
    """A claim that contains a quote: what leads up to it, the quote in a <q>, the rest. Empty when it does not."""
    before, found, after = text.partition(quote)
    if not found:
        return ""
    if before[-1:] in ("“", '"') and after[:1] in ("”", '"'):  # <q> brings its own
        before, after = before[:-1], after[1:]
    lead = f'<span class="lead">{safe(before)}</span>' if before.strip() else ""
    return f"{lead}<q>{safe(quote)}</q>{safe(after)}"


def _marker_html(citation: Citation, turn: int, at: int) -> str:
    """A citation's number; hovering or focusing it shows the quote. at: which claim of the answer it stands in."""
    label = safe_attribute(f"Source {citation.marker}: {citation.title}. Open the document")
    tip = f"tip-{turn}-{at}-{citation.marker:d}"
    return (
        f'<span class="ref"><button type="button" class="cite" data-turn="{turn}" data-citation="{citation.marker:d}" '
        f'aria-label="{label}" aria-describedby="{tip}">[{citation.marker:d}]</button>'
        f'<span class="tip" role="tooltip" id="{tip}" dir="auto">{safe(citation.quote)}</span></span>'
    )


def _source_html(citation: Citation, turn: int, hits: Sequence[Hit], *, basis: bool) -> str:
    published = citation.published
    known = f" ({BASES[published.basis]})" if published.value and published.basis != "inferred" else ""
    facts = [
        citation.source,
        date_words(published) + known,
        f"{citation.page_unit} {citation.page}" if citation.page else "",
    ]
    facts.append(f"speaker: {citation.speaker}" if citation.speaker else "")
    facts.append(f"via {citation.via}" if citation.via else "")
    return (
        f'<li value="{citation.marker:d}"><span class="number" aria-hidden="true">{citation.marker:d}</span>'
        f'<button type="button" class="title" data-turn="{turn}" data-citation="{citation.marker:d}" dir="auto">'
        f"{safe(citation.title)}</button>{_facts_html(facts, citation.url)}{_basis_html(published) if basis else ''}"
        f"{_passage_html(citation, hits)}</li>"
    )


def _passage_html(citation: Citation, hits: Sequence[Hit]) -> str:
    """The cited sentence marked in what stands around it, as far as that was read for the answer."""
    before = after = ""
    for hit in hits:
        passage = hit.passage
        if passage.doc_id == citation.doc_id and passage.start <= citation.start and citation.end <= passage.end:
            before = hit.text[: citation.start - passage.start][-_AROUND_CHARS:]
            after = hit.text[citation.end - passage.start :][:_AROUND_CHARS]
            if citation.start - passage.start > _AROUND_CHARS:  # cut between words
                before = "… " + before.partition(" ")[2]
            if passage.end - citation.end > _AROUND_CHARS:
                after = after.rpartition(" ")[0] + " …"
            break
    return f'<blockquote dir="auto">{safe(before)}<mark>{safe(citation.quote)}</mark>{safe(after)}</blockquote>'


def _closest_html(answer: Answer, turn: int, titles: Mapping[str, str]) -> str:
    """Where there is no answer, the closest passages, so that the reader can judge."""
    closest = "".join(
        _hit_html(hit, number, turn, titles.get(hit.passage.doc_id, ""))
        for number, hit in enumerate(answer.hits[:_CLOSEST], start=1)
    )
    if not closest:
        return ""
    return (
        f'<details class="fold closest"><summary>The closest passages</summary><ol class="sources">{closest}</ol>'
        "</details>"
    )


def _hit_html(hit: Hit, number: int, turn: int, title: str) -> str:
    excerpt = hit.text if len(hit.text) <= _HIT_CHARS else hit.text[:_HIT_CHARS].rsplit(" ", 1)[0] + " …"
    return (
        f'<li value="{number}"><span class="number" aria-hidden="true">{number}</span>'
        f'<button type="button" class="title" data-turn="{turn}" data-hit="{number}" dir="auto">'
        f'{safe(title or "Open the document")}</button><blockquote dir="auto">{safe(excerpt)}</blockquote></li>'
    )


def _facts_html(facts: list[str], url: str) -> str:
    shown = [f"<bdi>{safe(fact)}</bdi>" for fact in facts if fact]
    if link := safe_url(url):
        shown.append(
            f'<a href="{safe_attribute(link)}" target="_blank" rel="noopener noreferrer nofollow" '
            'referrerpolicy="no-referrer">original</a>'
        )
    elif url:
        shown.append(f"<bdi>{safe(url)}</bdi>")
    return f'<p class="facts">{" · ".join(shown)}</p>'


def _basis_html(published: DateInfo) -> str:
    """What an inferred date rests on, folded: it is a sentence or two."""
    if published.basis != "inferred" or not published.reason:
        return ""
    return (
        '<details class="basis"><summary>How the date is known</summary>'
        f'<p dir="auto">inferred: {safe(published.reason)}</p></details>'
    )


def _asked_as_html(answer: Answer) -> str:
    if not answer.asked_as or answer.asked_as == answer.question:
        return ""
    return f'<p class="asked-as" dir="auto">Understood as: {safe(answer.asked_as)}</p>'


def _escape(text: str) -> str:
    return html.escape(text, quote=True).translate(_TEMPLATE_MARKS)


def _odd_words(run: str) -> str:
    first = f"U+{ord(run[0]):04X}"
    return f"⟨{first}⟩" if len(run) == 1 else f"⟨{first} and {len(run) - 1} more⟩"
