"""Answers and conversations to files: Markdown for people, JSON for programs. Pure.

Foreign text stays text in Markdown too: no mark of it makes a link, an image or a heading.
"""

import json
import re
from collections.abc import Sequence

from rag.types import Answer, Citation, to_dict, to_json
from ui.conversations import Exchange
from ui.explain import explained, restricted
from ui.render import BASES, date_words, safe_url

_MARKS = re.compile(r"[\\`*_{}\[\]<>#|~&$!@]|(?<=\w)(?=://)|\b(?=www\.)|^(?=[-+=]|\d+[.)])", re.MULTILINE)


def answer_markdown(exchange: Exchange) -> str:
    """One answer with its sources."""
    return f"# {_plain(exchange.answer.question)}\n\n{_body(exchange)}"


def conversation_markdown(title: str, exchanges: Sequence[Exchange]) -> str:
    turns = (f"## {_plain(exchange.answer.question)}\n\n{_body(exchange)}" for exchange in exchanges)
    return f"# {_plain(title)}\n\n" + "\n".join(turns)


def answer_json(exchange: Exchange) -> str:
    """The Answer, as `sayso ask --json` prints it."""
    return to_json(exchange.answer, indent=2) + "\n"


def conversation_json(title: str, exchanges: Sequence[Exchange]) -> str:
    """title, and exchanges as `ui.conversations.Exchange`."""
    return (
        json.dumps({"title": title, "exchanges": [to_dict(e) for e in exchanges]}, ensure_ascii=False, indent=2) + "\n"
    )


def answer_text(answer: Answer) -> str:
    """For the clipboard: the answer as it stands, and where each number leads."""
    lines = [answer.text]
    if answer.citations:
        lines.append("")
    for citation in answer.citations:
        facts = [citation.title, *_facts(citation), citation.url]
        lines.append(f"[{citation.marker}] " + ", ".join(fact for fact in facts if fact))
    return "\n".join(lines)


def _body(exchange: Exchange) -> str:
    answer = exchange.answer
    parts = [_plain(line, keep_markers=True) for line in answer.text.splitlines() if line.strip()]
    parts += [f"Status: {answer.status}" + (f" ({answer.reason.replace('_', ' ')})" if answer.reason else "")]
    if limits := restricted(exchange.where, answer.as_of):
        parts.append(f"Only from: {_plain(limits)}")
    if answer.citations:
        parts.append("### Sources")
        parts += [_source(citation) for citation in answer.citations]
    parts.append("### How it was answered")
    parts.append("\n".join(f"- {what}: {_plain(how)}" for what, how in explained(answer, exchange.where)))
    return "\n\n".join(parts) + "\n"


def _source(citation: Citation) -> str:
    facts = ", ".join(_plain(fact) for fact in _facts(citation))
    link = f", <{url}>" if (url := safe_url(citation.url)) and not re.search(r"[<>\\]", url) else ""
    return f"{citation.marker}. **{_plain(citation.title)}**, {facts}{link}\n\n   > {_plain(citation.quote)}"


def _facts(citation: Citation) -> list[str]:
    published = citation.published
    known = f" ({BASES[published.basis]})" if published.value and published.basis != "inferred" else ""
    facts = [
        citation.source,
        date_words(published, reason=True) + known,
        f"{citation.page_unit} {citation.page}" if citation.page else "",
        f"speaker: {citation.speaker}" if citation.speaker else "",
        f"via {citation.via}" if citation.via else "",
    ]
    return [fact for fact in facts if fact]


def _plain(text: str, *, keep_markers: bool = False) -> str:
    """Foreign text on one line, whose marks mean nothing. keep_markers: numbers in brackets stay as they are."""
    shown = _MARKS.sub(lambda mark: f"\\{mark[0]}", " ".join(text.split()))
    return re.sub(r"\\\[(\d{1,4})\\\]", r"[\1]", shown) if keep_markers else shown
