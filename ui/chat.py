"""The chat in a browser: the Gradio owner. Questions in, cited answers out; each citation opens its document.

The page is HTML made in ui/render.py and ui/frame.py and put in whole. What comes back from the browser is a question,
a title or a comment, or a few numbers (which turn, which citation); ui/talk.py looks up the rest, so a page cannot ask
for anything else.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import gradio as gr
from fastapi import FastAPI

from index.errors import SaysoError
from rag.assistant import Assistant
from rag.settings import Settings
from rag.types import Answer, Filter, to_dict
from ui import access, evaluation_page, frame, library_page, server
from ui.answering import Problem, Working, answering
from ui.conversations import is_owner, new_owner, owner_of
from ui.elements import QUIETLY, asset, element, sent
from ui.libraries import MAX_NAME_CHARS, Libraries
from ui.pages import Pages
from ui.sent import whole
from ui.streams import Streams
from ui.talk import Talk
from ui.work import Work

_STATE_TTL_S = 24 * 3600
_SUGGEST_AFTER_S = 0.2  # searching would else take the processor from showing the answer

# Gradio's own themes fetch fonts; these are the reader's.
_SANS = [
    gr.themes.Font(name) for name in ("ui-sans-serif", "system-ui", "Segoe UI", "Roboto", "Helvetica", "sans-serif")
]
_MONO = [gr.themes.Font(name) for name in ("ui-monospace", "Consolas", "monospace")]


def serve(
    assistant: Assistant,
    others: Sequence[Path] = (),
    *,
    host: str = "127.0.0.1",
    port: int = 7860,
    users: Mapping[str, bytes] | None = None,
) -> None:
    """Serve the chat until Ctrl-C. others: libraries that can be changed to, as of `app`.

    users: those who may come in, as `access.read_users` gives them; None for everybody. Raises SaysoError for an
    address or a port that cannot be used.
    """
    listener = server.open_socket(host, port, signed_in=users is not None)
    assistant.warm_up()
    server.run(app(assistant, others, host=host, users=users), listener, host)


def app(
    assistant: Assistant,
    others: Sequence[Path] = (),
    *,
    host: str = "127.0.0.1",
    users: Mapping[str, bytes] | None = None,
) -> FastAPI:
    """The chat behind the guards of ui/server.py: a page for each library.

    others: libraries that can be changed to. Served to this machine alone, all of the user's can, and new ones be made;
    whoever comes from elsewhere sees only what was named.
    """
    local = server.is_loopback(host) and users is None
    libraries = Libraries(assistant, others, home=Settings.libraries_folder() if local else None)
    pages = Pages(libraries, lambda opened: _page(opened, libraries, local=local))
    documents = lambda: {"documents": assistant.listing(limit=0)[1]}  # noqa: E731
    guarded = server.new_app(host, users, health=documents, lifespan=pages.running)
    guarded.mount("/", pages)
    return guarded


def _page(assistant: Assistant, libraries: Libraries, *, local: bool) -> FastAPI:
    """The page of one library with its routes. local: whoever sees it sits at this machine."""
    work = Work(assistant, local=local)

    @asynccontextmanager
    async def served(_: FastAPI) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await asyncio.to_thread(work.close)

    page = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=served)
    work.add_routes(page)

    async def made() -> FastAPI:
        blocks = build(assistant, work, libraries)
        page.add_middleware(Streams, queue=lambda: blocks._queue)
        return _mount(blocks, page)

    # Gradio opens event loops that it never closes unless one is running, and the caller's thread may have its own.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(made())).result()


def _mount(blocks: gr.Blocks, page: FastAPI) -> FastAPI:
    theme = gr.themes.Base(primary_hue="teal", neutral_hue="slate", font=_SANS, font_mono=_MONO, radius_size="lg")
    mounted: FastAPI = gr.mount_gradio_app(
        page,
        blocks,
        path="/",
        theme=theme,
        head=f"<style>{asset('chat.css')}{asset('tabs.css')}</style>",  # as `css` Gradio would rewrite its selectors
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


def build(assistant: Assistant, work: Work, libraries: Libraries) -> gr.Blocks:
    """The page and what happens on it. The assistant stays open as long as the page is served."""

    def head(tried: str = "", problem: str = "") -> str:
        held, here = assistant.listing(limit=0)[1], assistant.path.absolute()
        grows = libraries.grows
        return frame.header_html(held, libraries.places(), here, grows=grows, tried=tried, problem=problem)

    def make_library(event: gr.EventData) -> str:
        name = sent(event).text("name", MAX_NAME_CHARS)
        try:
            return frame.gone_to_html(libraries.make(name).address)
        except SaysoError as error:
            return head(name, str(error))

    async def api_ask(question: str) -> dict[str, Any]:
        """Ask one question of the library; returns the Answer as JSON."""
        try:
            async for step in answering(assistant, question):
                if not isinstance(step, Working):
                    return to_dict(step)
        except Problem as problem:
            raise gr.Error(str(problem), print_exception=False) from None
        raise AssertionError("answering ends with the answer")

    page = gr.Blocks(title="sayso", analytics_enabled=False, delete_cache=(3600, 3600))
    with page:
        with gr.Row(elem_id="top"):
            brand = element(head(), "brand", "head.js")
        where = gr.State(Filter(), time_to_live=_STATE_TTL_S)
        with gr.Tabs(elem_id="tabs"):
            with gr.Tab("Ask", elem_id="talk"):
                scope, refresh = _ask_tab(page, Talk(assistant), where)
            changing = library_page.tab(work, where, scope)
            evaluation_page.tab(work)
        page.load(head, None, [brand], **QUIETLY)
        # Not at the change of the list itself: on a busy machine the header was seen to miss that.
        for changed in changing:
            refresh(changed.then(head, None, [brand], trigger_mode="multiple", **QUIETLY).then)
        brand.make_library(make_library, None, [brand], **QUIETLY)
        gr.events.api(api_ask, api_name="ask")
    page.queue(max_size=server.MAX_QUEUE, default_concurrency_limit=4, api_open=False)
    # Gradio computes statistics after every question for its dashboard, which is off.
    page._queue.ANAYLTICS_CACHE_FREQUENCY = sys.maxsize
    return page


def _ask_tab(page: gr.Blocks, talk: Talk, where: gr.State) -> tuple[gr.HTML, Callable[..., None]]:
    """The tab in which questions are asked, and its events. where: what a question is limited to.

    Returns the place that says so, and what brings the welcome up to date at an event: other documents, other examples.
    """
    # The word that only this browser knows. Gradio encrypts it with a "secret" that it also sends to the page, and
    # would make a new one at each start, with which nothing kept could be read.
    owner = gr.BrowserState("", storage_key="sayso", secret="sayso")  # noqa: S106  # hides nothing
    number = gr.Number(0, precision=0, visible=False)  # of the open conversation: held by the page, not the server
    asked = gr.State((0, ""), time_to_live=_STATE_TTL_S)  # the run under way, and its question
    listed = element(talk.listed("", 0), "conversations")
    log = element(talk.log("", 0), "log", "chat.js")
    live = element("", "live")
    scope = gr.HTML("", elem_id="scope", apply_default_css=False)
    writer = gr.State(talk.own_writer, time_to_live=_STATE_TTL_S)
    by = element("", "by")
    box = gr.Textbox(
        label="Your question",
        show_label=False,
        placeholder="Ask the documents a question",
        lines=1,
        max_lines=6,
        max_length=talk.longest,
        submit_btn="Ask",
        elem_id="ask",
        interactive=False,  # until it is known whose page this is
    )
    panel = element("", "panel")
    handed = element("", "handed", "hand.js")

    async def converse(
        typed: str, owner: str, number: float, where: Filter, writer: str, event: gr.EventData
    ) -> AsyncIterator[tuple[Any, ...]]:
        """How far the answer is, a model's draft as it grows, then the answer, or what is wrong."""
        same, held, run = gr.skip(), whole(number) or 0, talk.new_run()
        asking: Any = gr.update(value="", submit_btn=False, stop_btn="Stop")
        try:
            now = talk.asked(owner, held, typed, sent(event), where)
            answer: Answer | None = None
            async with aclosing(talk.answering(now, writer)) as steps:
                async for step in steps:
                    if isinstance(step, Answer):
                        answer = step
                    else:
                        working = frame.working_html(now.question, step, run)
                        yield asking, same, working, same, same, (run, now.question)
                        asking = same
            assert answer is not None, "answering ends with the answer"
            unkept, problem = None, ""
            try:
                held = await asyncio.to_thread(talk.keep, owner, held, answer, now.where)
            except Problem as error:
                unkept, problem = answer, frame.problem_html(str(error))
            yield _ready(), talk.log(owner, held, unkept=unkept), problem, talk.listed(owner, held), held, (0, "")
        except Problem as error:  # the question goes back into the box: it only needs mending
            again = _ready(typed.strip()[: talk.longest])
            yield again, same, frame.problem_html(str(error)), same, same, (0, "")

    async def suggest(owner: str, number: float) -> Any:
        """What may be asked next, under the answer that has just been shown."""
        await asyncio.sleep(_SUGGEST_AFTER_S)
        held = whole(number) or 0
        return talk.log(owner, held) if await asyncio.to_thread(talk.suggest, owner, held) else gr.skip()

    def stopped(asked: tuple[int, str]) -> tuple[Any, str]:
        """The work has been cancelled; the question goes back into the box."""
        run, question = asked
        return _ready(question), frame.stopped_html(question, run)

    def offer(writer: str) -> str:
        """Who may write, once the page is there: a machine that does not answer would hold it up."""
        return frame.writers_html(talk.writers(), writer)

    def choose(event: gr.EventData) -> str:
        return talk.writer(sent(event).text("writer", 1000))

    def show(owner: str, number: float, event: gr.EventData) -> str:
        return talk.document(owner, whole(number) or 0, sent(event))

    def judge(owner: str, number: float, event: gr.EventData) -> str:
        return talk.judge(owner, whole(number) or 0, sent(event))

    def hand_over(owner: str, number: float, event: gr.EventData) -> str:
        return talk.hand_over(owner, whole(number) or 0, sent(event))

    def rename(owner: str, number: float, event: gr.EventData) -> str:
        talk.rename(owner, sent(event))
        return talk.listed(owner, whole(number) or 0)

    def remove(owner: str, number: float, asked: tuple[int, str], event: gr.EventData) -> tuple[Any, ...]:
        held = whole(number) or 0
        if talk.remove(owner, sent(event)) == held:
            return opened(owner, 0, asked)
        return (gr.skip(),) * 3 + (talk.listed(owner, held),) + (gr.skip(),) * 2

    def go_back(owner: str, asked: tuple[int, str], event: gr.EventData) -> tuple[Any, ...]:
        return opened(owner, sent(event).number("conversation") or 0, asked)

    def welcome(number: float) -> Any:
        return gr.skip() if number else talk.welcome(again=True)

    def begin(owner: str, asked: tuple[int, str]) -> tuple[Any, ...]:
        return opened(owner, 0, asked)

    def arrive(owner: str, number: float, request: gr.Request) -> tuple[Any, ...]:
        """A page is opened or loaded again. Who signs in finds what is theirs in any browser."""
        user = request.request.scope.get(access.USER, "") if request.request else ""
        known = owner if is_owner(owner) else new_owner()
        if user:
            with suppress(SaysoError):  # then nothing can be kept either, which the list of conversations says
                known = owner_of(user)
        return known, *opened(known, whole(number) or 0, (0, ""))

    def opened(owner: str, number: int, ended: tuple[int, str]) -> tuple[Any, ...]:
        """ended: what was being asked until now."""
        number = number if talk.holds(owner, number) else 0
        live = frame.ended_html(ended[0])
        return _ready(""), talk.log(owner, number), live, talk.listed(owner, number), number, ""

    answer = gr.on(
        [box.submit, log.example_select],
        converse,
        [box, owner, number, where, writer],
        [box, log, live, listed, number, asked],
        trigger_mode="once",
        **QUIETLY,
    )
    following = answer.then(suggest, [owner, number], [log], **QUIETLY)
    mine, whole_page = [owner, number], [box, log, live, listed, number, panel]
    # Only when the cancelling is done: what is still on its way would else mostly be shown over it.
    stop = box.stop(None, cancels=[answer], **QUIETLY)
    stop.then(stopped, [asked], [box, live], **QUIETLY)
    log.select(show, mine, [panel], trigger_mode="always_last", **QUIETLY)
    log.judge(judge, mine, [log], **QUIETLY)
    log.hand_over(hand_over, mine, [handed], **QUIETLY)
    listed.hand_over(hand_over, mine, [handed], **QUIETLY)
    listed.rename(rename, mine, [listed], **QUIETLY)
    listed.remove(remove, [*mine, asked], whole_page, cancels=[answer, following], **QUIETLY)
    listed.go_back(go_back, [owner, asked], whole_page, cancels=[answer, following], **QUIETLY)
    listed.begin(begin, [owner, asked], whole_page, cancels=[answer, following], **QUIETLY)
    # A reload comes back to the conversation whose number the address ends in.
    place = "(owner, number) => [owner, Number(location.hash.slice(1)) || 0]"
    page.load(arrive, mine, [owner, *whole_page], js=place, **QUIETLY).then(offer, [writer], [by], **QUIETLY)
    by.choose_writer(choose, None, [writer], **QUIETLY)
    return scope, lambda event: event(welcome, [number], [log], trigger_mode="multiple", **QUIETLY)


def _ready(question: str | None = None) -> Any:
    """The box as it waits for a question; with one that needs mending, or None to leave what is being typed."""
    ready: dict[str, Any] = {"submit_btn": "Ask", "stop_btn": False, "interactive": True}
    return gr.update(**ready) if question is None else gr.update(value=question, **ready)
