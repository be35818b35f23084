"""The page around the answers -> HTML: header, welcome, what is being done, the list of conversations, what is handed
to the browser. Pure; foreign text passes through `ui.render.safe`, as there.
"""

import base64
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from rag.types import Answer
from ui import render
from ui.answering import STAGES, Stage, Working
from ui.conversations import MAX_COMMENT_CHARS, Exchange, Summary
from ui.explain import explained, restricted
from ui.libraries import MAX_NAME_CHARS, Place
from ui.render import safe, safe_attribute

_DOING: dict[Stage, str] = {
    "searching": "Searching",
    "reading": "Reading",
    "writing": "Writing",
    "checking": "Checking",
}
SHOWN_TURNS = 50  # of a longer conversation the last ones


def header_html(
    documents: int,
    libraries: Sequence[Place] = (),
    here: Path | None = None,
    *,
    grows: bool = False,
    tried: str = "",
    problem: str = "",
) -> str:
    """The name, and what is asked: documents, in one of the libraries, whose folder is `here`.

    grows: new libraries can be made. tried, problem: the name that one was to have, and why it has not been made.
    """
    held = f"{documents:,} document{'' if documents == 1 else 's'}"
    title = '<h1 class="brand"><strong>sayso</strong></h1>'
    if len(libraries) < 2 and not grows:
        return f'<div class="head">{title}<span class="held">{held} on this computer</span></div>'
    named = next((place.name for place in libraries if place.folder == here), "")
    links = "".join(
        f'<li><a href="{safe_attribute(place.address)}"{" aria-current=page" if place.folder == here else ""} '
        f'dir="auto">{safe(place.name)}</a></li>'
        for place in libraries
    )
    return (
        f'<div class="head">{title}<details class="libraries"{" open" if problem else ""}>'
        f'<summary><span class="named" dir="auto">{safe(named)}</span> <span class="held">{held}</span></summary>'
        f'<nav aria-label="Libraries"><ul>{links}</ul>{_new_library_html(tried, problem) if grows else ""}</nav>'
        "</details></div>"
    )


def _new_library_html(tried: str, problem: str) -> str:
    return (
        '<form><label for="new-library">New library</label>'
        f'<input id="new-library" name="name" maxlength="{MAX_NAME_CHARS}" required autocomplete="off" '
        f'value="{safe_attribute(tried)}"><button type="submit">Make</button>'
        f"{render.error_html(problem) if problem else ''}</form>"
    )


def gone_to_html(address: str) -> str:
    """The browser goes on to this address."""
    return f'<p data-go="{safe_attribute(address)}" role="status">Opening…</p>'


def log_html(
    exchanges: Sequence[Exchange],
    titles: Mapping[str, str],
    examples: Sequence[str] = (),
    *,
    conversation: int = 0,
    problem: str = "",
    empty: bool = False,
    again: bool = False,
) -> str:
    """A conversation, or the welcome where it has not begun.

    titles: by doc_id, of the passages that an abstention shows. conversation: its number. problem: what kept the last
    question from being answered. empty: there is nothing to ask yet. again: for a page that shows a welcome; one that
    shows an answer by now keeps it.
    """
    first = max(0, len(exchanges) - SHOWN_TURNS)
    parts = [
        f'<p class="label">The {first} turns before these are in the export</p>' if first else "",
        *(turn_html(exchange, turn, titles) for turn, exchange in enumerate(exchanges[first:], start=first)),
        "" if exchanges else welcome_html(examples, empty=empty),
        render.error_html(problem) if problem else "",
    ]
    return (
        f'<div role="log" aria-label="Conversation" aria-live="polite" data-conversation="{conversation:d}"'
        f"{' data-renewed' if again else ''}>{''.join(parts)}</div>"
    )


def turn_html(exchange: Exchange, turn: int, titles: Mapping[str, str]) -> str:
    answer = exchange.answer
    limits = restricted(exchange.where, answer.as_of)
    limits = f'<p class="asked-as" dir="auto">Only from: {safe(limits)}</p>' if limits else ""
    foot = f'<div class="foot">{_actions_html(exchange, turn)}{_how_html(exchange)}{_next_html(exchange, turn)}</div>'
    return (
        f'<section class="turn">{render.question_html(answer.question)}{limits}'
        f"{render.answer_html(answer, turn=turn, titles=titles, foot=foot)}</section>"
    )


def working_html(question: str, working: Working, run: int) -> str:
    """The question being answered, and how far that is. run: another number for each time that something is asked."""
    at = STAGES.index(working.stage)
    steps = "".join(
        f'<li class="{"done" if n < at else "now" if n == at else "later"}">{_DOING[stage]}</li>'
        for n, stage in enumerate(STAGES)
    )
    said = {
        "searching": "Searching the documents",
        "reading": f"Reading {working.passages} passage{'' if working.passages == 1 else 's'}",
        "writing": "Writing; nothing of this is checked yet" if working.draft else "Writing",
        "checking": "Checking each sentence against its sources",
    }[working.stage]
    asked = working.asked_as
    understood = (
        f'<p class="asked-as" dir="auto">Understood as: {safe(asked)}</p>' if asked not in ("", question) else ""
    )
    return (
        f'<section class="turn" data-run="{run:d}">{render.question_html(question)}'
        f'<ol class="stages" aria-hidden="true">{steps}</ol>'
        f'<p class="searching" role="status">{said}</p>{understood}{render.draft_html(working.draft)}</section>'
    )


def stopped_html(question: str, run: int) -> str:
    """In the place of that run's work; the page lets nothing of it that comes late take this place."""
    return (
        f'<section class="turn" data-over="{run:d}">{render.question_html(question)}'
        '<p class="stopped" role="status">Stopped. The question is in the box again.</p></section>'
    )


def ended_html(run: int) -> str:
    """The same where nothing is to be seen; run 0 for none."""
    return f'<i hidden data-over="{run:d}"></i>' if run else ""


def problem_html(message: str) -> str:
    """What kept a question from being answered."""
    return f'<section class="trouble">{render.error_html(message)}</section>'


def welcome_html(examples: Sequence[str], *, empty: bool = False) -> str:
    tries = "".join(
        f'<li><button type="button" class="example" data-example="{number}">{safe(question)}</button></li>'
        for number, question in enumerate(examples)
    )
    tries = f'<p class="label">Try</p><ul class="examples">{tries}</ul>' if tries else ""
    if empty:
        tries = '<p class="nothing">This library holds no documents yet. Add some in the tab “Library”.</p>'
    return (
        '<section class="welcome"><h2>What do your documents say?</h2><p>Every sentence of an answer is quoted from a '
        "document, with who said it and when. Choose a number to read it where it stands. "
        f"Where the documents do not say, you are told so.</p>{tries}</section>"
    )


def writers_html(names: Sequence[str], chosen: str) -> str:
    """The choice of who writes the answers; nothing where there is none. names: as `--model` takes them."""
    if len(names) < 2:
        return ""
    options = "".join(
        f'<option value="{safe_attribute(name)}"{" selected" if name == chosen else ""}>{safe(_writer(name))}</option>'
        for name in names
    )
    return f'<label class="by">Answers <select data-writer>{options}</select></label>'


def _writer(name: str) -> str:
    """ "written by model.gguf", without the folder that a local file lies in."""
    return f"written by {name.rpartition('/')[2] if name.startswith('gguf:') else name}" if name else "quoted"


def conversations_html(summaries: Iterable[Summary], current: int) -> str:
    """The list to go back to. current: the number of the one that is open, 0 for none."""
    items = "".join(_conversation_html(summary, summary.number == current) for summary in summaries)
    if not items:
        items = (
            '<li class="empty">What you ask is kept on the computer that sayso runs on, and seen by nobody else.</li>'
        )
    export = (
        f'<p class="export"><span>Export this conversation</span>{_hand_buttons(current, None)}</p>' if current else ""
    )
    return (
        '<div class="aside"><p class="bar"><button type="button" class="toggle" data-toggle aria-expanded="false" '
        'aria-controls="conversation-list">Conversations</button>'
        '<button type="button" class="new" data-new>New conversation</button></p>'
        '<nav id="conversation-list" aria-label="Conversations"><h2 class="label">Conversations</h2>'
        f"<ul>{items}</ul>{export}</nav></div>"
    )


def handed_html(text: str, *, name: str, said: str, number: int) -> str:
    """Text for the browser to save in a file, or without a name to copy. Base64, so that no character is changed.

    said: what it then says. number: another each time, so that the page notices.
    """
    data = base64.b64encode(text.encode("utf-8", "replace")).decode("ascii")
    return (
        f'<p class="said" role="status" data-handed="{number:d}" data-name="{safe_attribute(name)}" '
        f'data-text="{data}">{safe(said)}</p>'
    )


def _conversation_html(summary: Summary, current: bool) -> str:
    title = safe(summary.title)
    about = safe_attribute(summary.title)
    number = f'data-conversation="{summary.number:d}"'
    return (
        f'<li><button type="button" class="open" {number} aria-current="{"page" if current else "false"}" dir="auto">'
        f"{title}</button>"
        f'<button type="button" class="small" {number} data-rename aria-label="Rename {about}">Rename</button>'
        f'<button type="button" class="small" {number} data-delete aria-label="Delete {about}">Delete</button></li>'
    )


def _actions_html(exchange: Exchange, turn: int) -> str:
    def judge(verdict: int, words: str) -> str:
        pressed = "true" if exchange.verdict == verdict else "false"
        return (
            f'<button type="button" class="small" data-turn="{turn}" data-verdict="{verdict}" aria-pressed="{pressed}">'
            f"{words}</button>"
        )

    comment = ""
    if exchange.verdict:
        comment = (
            f'<div class="comment"><textarea rows="2" maxlength="{MAX_COMMENT_CHARS}" dir="auto" '
            f'aria-label="Why this answer is judged so" placeholder="Why? Kept on this computer, for evaluation">'
            f"{safe(exchange.comment)}</textarea>"
            f'<button type="button" class="small" data-turn="{turn}" data-comment="{exchange.verdict}">Keep</button>'
            "</div>"
        )
    return (
        f'<div class="actions" role="group" aria-label="This answer">'
        f'<button type="button" class="small" data-turn="{turn}" data-hand="0">Copy</button>{_hand_buttons(None, turn)}'
        f'<button type="button" class="small" data-again="{turn}">Ask again</button>'
        f"{judge(1, 'Helpful')}{judge(-1, 'Not helpful')}</div>{comment}"
    )


def _hand_buttons(conversation: int | None, turn: int | None) -> str:
    """What saves an answer, or a conversation, as Markdown and as JSON."""
    of = f'data-conversation="{conversation:d}"' if turn is None else f'data-turn="{turn}"'
    what = "conversation" if turn is None else "answer"
    return "".join(
        f'<button type="button" class="small" {of} data-hand="{kind}" aria-label="Save this {what} as {words}">{words}'
        "</button>"
        for kind, words in ((1, "Markdown"), (2, "JSON"))
    )


def _how_html(exchange: Exchange) -> str:
    rows = "".join(
        f'<div><dt>{safe(what)}</dt><dd dir="auto">{safe(how)}</dd></div>'
        for what, how in explained(exchange.answer, exchange.where)
    )
    return f'<details class="fold how"><summary>How it was answered</summary><dl>{rows}</dl></details>'


def _next_html(exchange: Exchange, turn: int) -> str:
    if not exchange.suggested:
        return ""
    items = "".join(
        f'<li><button type="button" class="next" data-turn="{turn}" data-next="{number}" dir="auto">{safe(question)}'
        "</button></li>"
        for number, question in enumerate(exchange.suggested)
    )
    return f'<p class="label">Ask next</p><ul class="nexts">{items}</ul>'


def titles_needed(exchanges: Sequence[Exchange]) -> set[str]:
    """doc_ids of the passages that abstentions show; an answer brings its own titles."""
    answers: list[Answer] = [exchange.answer for exchange in exchanges[-SHOWN_TURNS:]]
    return {hit.passage.doc_id for answer in answers if not answer.citations for hit in answer.hits}
