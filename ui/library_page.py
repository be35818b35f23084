"""The Library tab: files in, documents seen, searched and removed, questions limited to some. Gradio's half of it.

The HTML is made in ui/library_html.py and the work is done in ui/work.py; here events meet them. What comes back from
the browser are numbers, ids that are looked up, and the words of a search, a date or a path that somebody typed.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import gradio as gr

from index.errors import SaysoError
from rag.models import usable_models
from rag.types import Filter, to_dict
from ui import library_html as html
from ui.elements import EVERY_S, QUIETLY, in_tab, sent
from ui.render import error_html
from ui.work import Job, Result, Work, is_token


def tab(work: Work, where: gr.State, scope: gr.HTML) -> list[gr.events.Dependency]:
    """Build the tab, inside gr.Tabs. Returns the events after which other documents may be there.

    where: holds the Filter that questions are asked with; the Ask tab gives it to `Assistant.stream(where=…)`. scope:
    on the Ask tab, says what the questions are limited to.
    """
    assistant = work.assistant

    def documents(contains: str = "", offset: int = 0) -> str:
        found, total = assistant.listing(offset, html.PAGE, contains)
        return html.documents_html(found, total, offset, contains)

    def sources() -> list[tuple[str, int]]:
        return html.sources_of(assistant.listing()[0])

    def opened(where: Filter) -> Iterator[tuple[Any, ...]]:
        """The list as it is now, and work that is under way."""
        yield documents(), gr.skip(), gr.skip(), ""  # first: the publishers of a large library take longer
        yield gr.skip(), html.filter_html(sources(), where), gr.skip(), gr.skip()
        if work.adding is not None and work.adding.running:
            for done, shown in _following(work.adding):
                yield (documents() if done else gr.skip()), gr.skip(), shown, gr.skip()

    def doing(start: Any, where: Filter) -> Iterator[tuple[Any, ...]]:
        """start: begins the work. Shows how far it is, then what became of each file."""
        try:
            job = start()
        except SaysoError as error:
            yield gr.skip(), gr.skip(), gr.skip(), error_html(str(error))
            return
        for done, shown in _following(job):
            if done:
                yield documents(), html.filter_html(sources(), where), shown, ""
            else:
                yield gr.skip(), gr.skip(), shown, ""

    def add(where: Filter, event: gr.EventData) -> Iterator[tuple[Any, ...]]:
        tokens = [token for token in sent(event).several("files") if is_token(token)]
        yield from doing(partial(work.add, tokens), where)

    def sync(where: Filter, event: gr.EventData) -> Iterator[tuple[Any, ...]]:
        data = sent(event)
        yield from doing(partial(work.sync, data.text("folder"), prune=data.ticked("prune")), where)

    def cancel() -> None:
        if work.adding is not None:
            work.adding.cancel()

    def show(event: gr.EventData) -> str:
        data = sent(event)
        return documents(data.text("contains"), max(0, data.number("offset") or 0))

    def remove(where: Filter, event: gr.EventData) -> tuple[Any, ...]:
        data = sent(event)
        try:
            work.remove(data.text("doc"))
        except SaysoError as error:
            return gr.skip(), gr.skip(), gr.skip(), error_html(str(error))
        return documents(data.text("contains")), html.filter_html(sources(), where), gr.skip(), ""

    def choose(event: gr.EventData) -> tuple[Any, ...]:
        data, known = sent(event), sources()
        try:
            where = html.filter_of(known, data.several("sources"), data.text("since"), data.text("until"))
        except SaysoError as error:
            return gr.skip(), gr.skip(), gr.skip(), error_html(str(error))
        return where, html.scope_html(where), html.filter_html(known, where), html.scope_html(where) or _ALL

    def choose_all() -> tuple[Any, ...]:
        return Filter(), "", html.filter_html(sources(), Filter()), _ALL

    def usable() -> str:
        return html.models_html(usable_models(), assistant.settings.model)

    with gr.Tab("Library", id="library", elem_id="library") as page:
        drop = in_tab(html.drop_html(local=work.local), "library-add")
        problem = in_tab("", "library-problem")
        report = in_tab("", "library-report")
        chosen = in_tab("", "library-filter")
        said = in_tab("", "library-scope")
        find = in_tab(_FIND, "library-find")
        listed = in_tab("", "library-documents")
        models = in_tab(_MODELS, "library-models")
        seen = [listed, chosen, report, problem]

        changing = [
            page.select(opened, [where], seen, **QUIETLY),
            drop.add_files(add, [where], seen, concurrency_limit=8, **QUIETLY),
            drop.sync_folder(sync, [where], seen, concurrency_limit=8, **QUIETLY),
            listed.remove_document(remove, [where], seen, **QUIETLY),
        ]
        report.cancel_work(cancel, None, None, **QUIETLY)
        for look in (find.find_documents, listed.turn_page):
            look(show, None, [listed], trigger_mode="always_last", **QUIETLY)
        chosen.use_filter(choose, None, [where, scope, chosen, said], **QUIETLY)
        chosen.use_all(choose_all, None, [where, scope, chosen, said], **QUIETLY)
        models.show_models(usable, None, [models], **QUIETLY)
        _api(work)
    return changing


def _api(work: Work) -> None:
    """What programs may call beside `ask`."""

    def search(query: str, k: float = 10) -> dict[str, Any]:
        """Find passages, best first; returns {"query", "hits"} as JSON."""
        if len(query) > work.assistant.settings.max_question_chars or not 1 <= k <= 100:
            raise gr.Error("the query is too long, or k is not from 1 to 100", print_exception=False)
        try:
            return {"query": query, "hits": [to_dict(hit) for hit in work.assistant.search(query, k=int(k))]}
        except SaysoError as error:
            raise gr.Error(str(error), print_exception=False) from None

    def documents(offset: float = 0, limit: float = 100, contains: str = "") -> dict[str, Any]:
        """List documents without their texts, by date; returns {"documents", "total"} as JSON."""
        found, total = work.assistant.listing(max(0, int(offset)), max(0, min(int(limit), 1000)), contains[:500])
        kept = ("doc_id", "title", "source", "published", "passages", "near")
        return {"documents": [{name: to_dict(s)[name] for name in kept} for s in found], "total": total}

    gr.events.api(search, api_name="search")
    gr.events.api(documents, api_name="documents")


def _following(job: Job[list[Result]]) -> Iterator[tuple[bool, str]]:
    """Whether the work is done, and what is shown of it: its progress, then the results or what went wrong."""
    while not job.wait(EVERY_S):
        yield False, html.progress_html(job.done, job.total, job.at, "Adding documents")
    try:
        yield True, html.results_html(job.result())
    except SaysoError as error:
        yield True, error_html(str(error))


_ALL = '<p class="facts" role="status">Questions are asked of all documents.</p>'
_MODELS = '<details class="fold" data-event="show_models"><summary>Models</summary></details>'
_FIND = (
    '<section class="find"><h2>Documents</h2><label for="find">Find by title, publisher or file name</label>'
    '<input id="find" type="search" data-event="find_documents" maxlength="200" autocomplete="off"></section>'
)
