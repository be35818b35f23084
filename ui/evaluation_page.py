"""The Evaluation tab: a question set is asked, and what came of it is shown. Gradio's half of it.

The HTML is made in ui/evaluation_html.py and the work is done in ui/work.py.
"""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from index.errors import SaysoError
from ui import evaluation_html as html
from ui.elements import EVERY_S, QUIETLY, in_tab, sent
from ui.library_html import progress_html
from ui.render import error_html
from ui.work import Cancelled, Job, Work, offered_sets

_EMPTY = '<p class="empty">Nothing has been measured yet. The questions about the seeds take about half a minute.</p>'


def tab(work: Work) -> None:
    """Build the tab, inside gr.Tabs."""

    def begin(event: gr.EventData) -> Iterator[tuple[Any, str]]:
        data = sent(event)
        number, token = data.number("set"), data.text("questions")
        try:
            if number is not None:
                job = work.evaluate_built_in(number)
            elif token:
                job = work.evaluate(token)
            else:
                job = work.evaluate_path(data.text("named"))
        except SaysoError as error:
            yield gr.skip(), error_html(str(error))
            return
        yield from following(job)

    def opened(run: str) -> Iterator[tuple[Any, str]]:
        """What is under way, or was shown before."""
        if work.evaluating is not None and work.evaluating.running:
            yield from following(work.evaluating)
        else:
            yield run, shown(run)

    def following(job: Job[str]) -> Iterator[tuple[Any, str]]:
        while not job.wait(EVERY_S):
            yield gr.skip(), progress_html(job.done, job.total, job.at, "Asking")
        try:
            run = job.result()
        except Cancelled:
            yield gr.skip(), error_html(f"cancelled after {job.done} of {job.total} questions")
        except SaysoError as error:
            yield gr.skip(), error_html(str(error))
        else:
            yield run, shown(run)

    def shown(token: str, failures: bool = False, offset: int = 0) -> str:
        run = work.run(token)
        return html.run_html(run, token, failures=failures, offset=offset) if run else _EMPTY

    def show(token: str, event: gr.EventData) -> str:
        data = sent(event)
        return shown(token, data.number("failures") == 1, max(0, data.number("offset") or 0))

    def cancel() -> None:
        if work.evaluating is not None:
            work.evaluating.cancel()

    with gr.Tab("Evaluation", id="evaluation", elem_id="evaluation") as page:
        run = gr.State("")
        choose = in_tab(html.choose_html([name for name, _ in offered_sets()], local=work.local), "evaluation-choose")
        report = in_tab("", "evaluation-report")

        page.select(opened, [run], [run, report], **QUIETLY)
        for start in (choose.run_set, choose.run_file):
            start(begin, None, [run, report], concurrency_limit=8, **QUIETLY)
        report.show_questions(show, [run], [report], **QUIETLY)
        report.cancel_work(cancel, None, None, **QUIETLY)
