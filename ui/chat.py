"""The chat in a browser: the Gradio owner. Questions in, cited answers out; each citation opens its document.

The page is HTML made in ui/render.py and put in whole. What comes back from the browser is a question or a few numbers
(which turn, which citation); offsets and documents are looked up here, so a page cannot ask for anything else.
"""

import asyncio
import itertools
import logging
import secrets
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from importlib.resources import files
from pathlib import PurePath
from typing import Any

import gradio as gr
from fastapi import FastAPI

from index.errors import DocumentError, SaysoError
from index.types import Document
from rag.assistant import Assistant
from rag.types import Answer, Done, Filter, Token, Turn, to_dict
from ui import evaluation_page, library_page, render, server
from ui.work import Work

_log = logging.getLogger(__name__)

MAX_TURNS = 50  # shown and kept for each open page
_HISTORY_TURNS = 10
_DRAFT_EVERY_S = 0.2
_STATE_TTL_S = 24 * 3600

# Shown where the library holds the documents that answer them, by the file names of seeds/.
EXAMPLES = (
    ("Who said that Russia was open to dialogue?", "000_"),
    ("Why does the speaker think Putin is not sincere about negotiations?", "002_"),
    ("What did Peskov say about the outcome of the negotiations?", "003_"),
    ("Compare what the sources say about negotiations over time", ""),
)

# Gradio's own themes fetch fonts; these are the reader's.
_SANS = [
    gr.themes.Font(name) for name in ("ui-sans-serif", "system-ui", "Segoe UI", "Roboto", "Helvetica", "sans-serif")
]
_MONO = [gr.themes.Font(name) for name in ("ui-monospace", "Consolas", "monospace")]


def serve(
    assistant: Assistant, *, host: str = "127.0.0.1", port: int = 7860, users: Mapping[str, bytes] | None = None
) -> None:
    """Serve the chat until Ctrl-C. users: those who may come in, as `access.read_users` gives them; None for everybody.

    Raises SaysoError for an address or a port that cannot be used.
    """
    listener = server.open_socket(host, port, signed_in=users is not None)
    assistant.warm_up()
    with closing(Work(assistant, local=server.is_loopback(host) and users is None)) as work:
        server.run(app(assistant, host, users, work), listener, host)


def app(
    assistant: Assistant, host: str = "127.0.0.1", users: Mapping[str, bytes] | None = None, work: Work | None = None
) -> FastAPI:
    """The chat behind the guards of ui/server.py. work: what the other tabs do, made here when it is not given."""
    work = work or Work(assistant, local=server.is_loopback(host) and users is None)
    guarded = server.new_app(host, users, health=lambda: {"documents": assistant.listing(limit=0)[1]})
    work.add_routes(guarded)

    async def made() -> FastAPI:
        return _mount(build(assistant, work), guarded)

    # Gradio opens event loops that it never closes unless one is running, and the caller's thread may have its own.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(made())).result()


def _mount(blocks: gr.Blocks, guarded: FastAPI) -> FastAPI:
    theme = gr.themes.Base(primary_hue="teal", neutral_hue="slate", font=_SANS, font_mono=_MONO, radius_size="lg")
    mounted: FastAPI = gr.mount_gradio_app(
        guarded,
        blocks,
        path="/",
        theme=theme,
        head=f"<style>{_asset('chat.css')}{_asset('tabs.css')}</style>",  # as `css` Gradio would rewrite its selectors
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        show_error=False,
        max_file_size=1,
        ssr_mode=False,
        mcp_server=False,
        pwa=False,
    )
    return mounted


def build(assistant: Assistant, work: Work) -> gr.Blocks:
    """The page and what happens on it. The assistant stays open as long as the page is served."""
    documents = assistant.documents()
    examples = _examples(documents)
    limit = assistant.settings.max_question_chars
    opened = itertools.count(1)

    def converse(
        question: str, turns: tuple[Answer, ...], where: Filter, event: gr.EventData
    ) -> Iterator[tuple[Any, str, tuple[Answer, ...]]]:
        """First the question with "Searching", a model's draft as it grows, then the answer, or what is wrong."""
        suggested = _number(event, "example")
        if suggested is not None and 0 <= suggested < len(examples):
            question = examples[suggested]
        yield "", _log_html(assistant, turns, examples, pending=question), turns
        try:
            for step in _answering(assistant, question, turns, where):
                if isinstance(step, Answer):
                    turns = (*turns, step)[-MAX_TURNS:]
                    yield gr.skip(), _log_html(assistant, turns, examples), turns
                else:
                    yield gr.skip(), _log_html(assistant, turns, examples, pending=question, draft=step), turns
        except _Problem as problem:
            # The question goes back into the box: it only needs mending.
            yield question.strip()[:limit], _log_html(assistant, turns, examples, problem=str(problem)), turns

    def show(turns: tuple[Answer, ...], event: gr.EventData) -> str:
        return f'<div data-opened="{next(opened)}">{_panel_html(assistant, turns, event)}</div>'

    def clear() -> tuple[str, str, tuple[Answer, ...], str]:
        return "", _log_html(assistant, (), examples), (), ""

    def api_ask(question: str) -> dict[str, Any]:
        """Ask one question of the library; returns the Answer as JSON."""
        try:
            *_, answer = _answering(assistant, question, ())
        except _Problem as problem:
            raise gr.Error(str(problem), print_exception=False) from None
        return to_dict(answer)

    page = gr.Blocks(title="sayso", analytics_enabled=False, delete_cache=(3600, 3600))
    with page:
        turns = gr.State((), time_to_live=_STATE_TTL_S)
        with gr.Row(elem_id="top"):
            gr.HTML(_header_html(documents), elem_id="brand")
            new = gr.Button("New conversation", elem_id="new", size="sm", variant="secondary")
        where = gr.State(Filter(), time_to_live=_STATE_TTL_S)
        with gr.Tabs(elem_id="tabs"):
            with gr.Tab("Ask", id="ask-tab"):
                log = gr.HTML(
                    _log_html(assistant, (), examples),
                    elem_id="log",
                    js_on_load=_asset("chat.js"),
                    apply_default_css=False,
                )
                scope = gr.HTML("", elem_id="scope", apply_default_css=False)
                box = gr.Textbox(
                    label="Your question",
                    show_label=False,
                    placeholder="Ask the documents a question",
                    lines=1,
                    max_lines=6,
                    max_length=limit,
                    submit_btn="Ask",
                    elem_id="ask",
                )
            library_page.tab(work, where, scope)
            evaluation_page.tab(work)
        panel = gr.HTML("", elem_id="panel", js_on_load=_asset("panel.js"), apply_default_css=False)

        gr.on(
            [box.submit, log.example_select],
            converse,
            [box, turns, where],
            [box, log, turns],
            trigger_mode="once",
            show_progress="hidden",
            api_visibility="private",
        )
        log.select(show, [turns], [panel], trigger_mode="always_last", show_progress="hidden", api_visibility="private")
        new.click(clear, None, [box, log, turns, panel], show_progress="hidden", api_visibility="private")
        gr.events.api(api_ask, api_name="ask")
    page.queue(max_size=server.MAX_QUEUE, default_concurrency_limit=4, api_open=False)
    # Gradio computes statistics after every question for its dashboard, which is off.
    page._queue.ANAYLTICS_CACHE_FREQUENCY = sys.maxsize
    return page


class _Problem(Exception):
    """One line for the page that says why there is no answer."""


def _answering(
    assistant: Assistant, question: str, turns: tuple[Answer, ...], where: Filter | None = None
) -> Iterator[str | Answer]:
    """The draft of a language model now and then as it grows, and at the end the answer. Raises _Problem.

    Whoever stops reading, as when the page is closed, ends the model's work.
    """
    history = [Turn(turn.question, str(turn)) for turn in turns[-_HISTORY_TURNS:]]
    draft, shown = "", time.monotonic()
    try:
        with closing(assistant.stream(question, history=history, where=where or None)) as events:  # type: ignore[type-var]
            for event in events:
                if isinstance(event, Done):
                    yield event.answer
                elif isinstance(event, Token) and assistant.settings.model:
                    draft += event.text
                    if time.monotonic() - shown > _DRAFT_EVERY_S:
                        shown = time.monotonic()
                        yield draft
    except SaysoError as error:
        raise _Problem(str(error)) from error
    except Exception as error:  # a bug: the page must not hang, nor show what a traceback may hold
        number = secrets.token_hex(4)
        _log.exception("question failed, number %s", number)
        raise _Problem(
            f"something went wrong inside sayso (number {number}); the terminal it runs in says what"
        ) from error


def _panel_html(assistant: Assistant, turns: tuple[Answer, ...], event: gr.EventData) -> str:
    turn, citation, hit = (_number(event, name) for name in ("turn", "citation", "hit"))
    if turn is None or not 0 <= turn < len(turns):
        return render.error_html("this conversation is no longer held by the server; ask the question again")
    answer = turns[turn]
    for cited in answer.citations:
        if cited.marker == citation:
            doc_id, start, end, quote = cited.doc_id, cited.start, cited.end, cited.quote
            break
    else:
        if hit is None or not 0 < hit <= len(answer.hits):
            return render.error_html("this answer has no such source")
        passage = answer.hits[hit - 1].passage
        doc_id, start, end, quote = passage.doc_id, passage.start, passage.end, answer.hits[hit - 1].text
    try:
        document = assistant.document(doc_id)
    except DocumentError:
        return render.error_html("this document is no longer in the library")
    if document.text[start:end] != quote:
        return render.error_html("the document has changed since this answer was given; ask the question again")
    return render.document_html(document, start, end)


def _log_html(
    assistant: Assistant,
    turns: tuple[Answer, ...],
    examples: tuple[str, ...],
    *,
    pending: str = "",
    draft: str = "",
    problem: str = "",
) -> str:
    """The conversation so far.

    pending: the question being answered. draft: what a model has written of it, unchecked. problem: what kept the last
    one from being answered.
    """
    parts = [
        f'<section class="turn">{render.question_html(answer.question)}'
        f"{render.answer_html(answer, turn=number, titles=_titles(assistant, answer))}</section>"
        for number, answer in enumerate(turns)
    ]
    if pending:
        doing = "Writing; nothing of this is checked yet" if draft else "Searching the documents"
        parts.append(
            f'<section class="turn">{render.question_html(pending)}'
            f'<p class="searching" role="status">{doing}</p>{render.draft_html(draft)}</section>'
        )
    if not parts:
        parts.append(_welcome_html(examples))
    if problem:
        parts.append(render.error_html(problem))
    return f'<div role="log" aria-label="Conversation" aria-live="polite">{"".join(parts)}</div>'


def _titles(assistant: Assistant, answer: Answer) -> Mapping[str, str]:
    """Titles for the passages that an abstention shows; an answer brings its own."""
    if answer.citations:
        return {}
    titles = {}
    for doc_id in {hit.passage.doc_id for hit in answer.hits}:
        try:
            titles[doc_id] = assistant.document(doc_id).title
        except DocumentError:  # removed since; it is listed without a title
            continue
    return titles


def _welcome_html(examples: tuple[str, ...]) -> str:
    tries = "".join(
        f'<li><button type="button" class="example" data-example="{number}">{render.safe(question)}</button></li>'
        for number, question in enumerate(examples)
    )
    tries = f'<p class="label">Try</p><ul class="examples">{tries}</ul>' if tries else ""
    return (
        '<section class="welcome"><h1>What do your documents say?</h1><p>Every sentence of an answer is quoted from a '
        "document, with who said it and when. Choose a number to read it where it stands. "
        f"Where the documents do not say, you are told so.</p>{tries}</section>"
    )


def _header_html(documents: list[Document]) -> str:
    held = f"{len(documents):,} document{'' if len(documents) == 1 else 's'}"
    return f'<p class="brand"><strong>sayso</strong><span>{held} on this computer</span></p>'


def _examples(documents: list[Document]) -> tuple[str, ...]:
    names = [PurePath(path).name for document in documents for path in document.paths]
    return tuple(question for question, name in EXAMPLES if any(n.startswith(name) for n in names))


def _number(event: gr.EventData, name: str) -> int | None:
    """A whole number that the page sent with an event; anything else counts as not sent."""
    data = event._data
    value = data.get(name) if isinstance(data, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _asset(name: str) -> str:
    return (files("ui") / name).read_text(encoding="utf-8")
