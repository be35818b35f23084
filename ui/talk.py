"""What the chat's page asks for -> HTML. Between the assistant, the conversations that are kept, and the page.

Holds no conversation: each is read from the file by the word that only one browser knows and the number that its page
sends, so a reload and a restart change nothing. Knows nothing of Gradio.
"""

import itertools
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from threading import Lock

from index.errors import DocumentError, SaysoError
from rag.assistant import Assistant
from rag.models import models_here
from rag.types import Answer, Filter, Turn
from ui import export, frame, render
from ui.answering import Problem, Working, answering
from ui.conversations import MAX_COMMENT_CHARS, MAX_TITLE_CHARS, Conversations, Exchange, Feedback, is_owner, now
from ui.sent import Sent
from ui.suggest import suggested

_HISTORY_TURNS = 10
_SEARCHED = 5

# Shown where the library holds the documents that answer them, by the file names of seeds/.
EXAMPLES = (
    ("Who said that Russia was open to dialogue?", "000_"),
    ("Why does the speaker think Putin is not sincere about negotiations?", "002_"),
    ("What did Peskov say about the outcome of the negotiations?", "003_"),
    ("Compare what the sources say about negotiations over time", ""),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of a page. history: the conversation before it; where: what it is limited to."""

    question: str
    history: tuple[Turn, ...]
    where: Filter


class Talk:
    """One for all pages. owner: as of `ui.conversations.new_owner`; number: of a conversation, 0 for none yet."""

    def __init__(
        self, assistant: Assistant, conversations: Conversations | None = None, feedback: Feedback | None = None
    ) -> None:
        self._assistant = assistant
        self._offered: tuple[int, tuple[str, ...]] = (0, ())  # number of documents, and the examples about them
        self._kept = conversations or Conversations(library=assistant.path)
        self._feedback = feedback or Feedback()
        self._count = itertools.count(1)
        self._assistants: dict[str, Assistant | None] = {assistant.settings.model: assistant}  # by whom they write
        self._turn = Lock()
        self.longest = assistant.settings.max_question_chars
        self.own_writer = assistant.settings.model

    # -- asking ---------------------------------------------------------------------------------------------------

    def asked(self, owner: str, number: int, typed: str, sent: Sent, where: Filter) -> Asked:
        """What is asked: an example, what was suggested, a question of the conversation again, or what was typed."""
        example, turn, following, again = (sent.number(name) for name in ("example", "turn", "next", "again"))
        exchanges = self._exchanges(owner, number)
        history = tuple(exchange.as_turn() for exchange in exchanges)
        asked = Asked(typed, history[-_HISTORY_TURNS:], where)
        if example is not None and 0 <= example < len(self._examples()):
            return replace(asked, question=self._examples()[example])
        if again is not None and 0 <= again < len(exchanges):
            before = history[max(0, again - _HISTORY_TURNS) : again]
            return Asked(exchanges[again].answer.question, before, exchanges[again].where)
        if turn is not None and following is not None and 0 <= turn < len(exchanges):
            offered = exchanges[turn].suggested
            return replace(asked, question=offered[following]) if 0 <= following < len(offered) else asked
        return asked

    def answering(self, asked: Asked, writer: str) -> AsyncGenerator[Working | Answer, None]:
        """As `ui.answering.answering`. Raises Problem.

        writer: one of `writers`; another counts as that of the settings.
        """
        return answering(self._by(writer), asked.question, asked.history, asked.where)

    def writers(self) -> list[str]:
        """Names of the models that can be chosen now, the settings' first, "" for quotes. Can take half a second."""
        names = list(dict.fromkeys([self.own_writer, "", *models_here()]))
        with self._turn:
            for name in names:
                self._assistants.setdefault(name, None)
        return names

    def writer(self, name: str) -> str:
        """The name where it was offered, else the settings' model."""
        return name if name in self._assistants else self.own_writer

    def _by(self, writer: str) -> Assistant:
        writer = self.writer(writer)
        with self._turn:
            found = self._assistants[writer] or self._assistant.writing_with(writer)
            self._assistants[writer] = found
        return found

    def keep(self, owner: str, number: int, answer: Answer, where: Filter) -> int:
        """Returns the conversation's number. Raises Problem where it could not be kept."""
        if not is_owner(owner):
            raise Problem("this browser keeps nothing for the page, so the answer will be lost; allow it, and reload")
        try:
            return self._kept.append(owner, number, Exchange(answer, where, at=now()))
        except SaysoError as error:
            raise Problem(f"this answer will be lost: {error}") from error

    def suggest(self, owner: str, number: int) -> bool:
        """Keep what may be asked next with the conversation's last answer; whether there is anything new."""
        exchanges = self._exchanges(owner, number)
        if not exchanges or exchanges[-1].suggested:
            return False
        try:
            following = suggested(exchanges[-1].answer, lambda asked: self._assistant.search(asked, k=_SEARCHED))
            if following:
                self._kept.change(owner, number, len(exchanges) - 1, suggested=following)
        except SaysoError:  # the library has been emptied: the answer stands without
            return False
        return bool(following)

    def new_run(self) -> int:
        """Another number for each time that something is asked."""
        return next(self._count)

    # -- what is shown --------------------------------------------------------------------------------------------

    def log(self, owner: str, number: int, problem: str = "", unkept: Answer | None = None) -> str:
        """unkept: an answer that is shown at the end though it could not be kept."""
        exchanges = self._exchanges(owner, number)
        if unkept:
            exchanges = (*exchanges, Exchange(unkept))
        titles = {}
        for doc_id in frame.titles_needed(exchanges):
            try:
                titles[doc_id] = self._assistant.document(doc_id).title
            except DocumentError:  # removed since; it is listed without a title
                continue
        if exchanges:
            return frame.log_html(exchanges, titles, conversation=number, problem=problem)
        return self.welcome(problem)

    def welcome(self, problem: str = "", *, again: bool = False) -> str:
        """The log where nothing has been asked yet. again: as of `frame.log_html`."""
        examples = self._examples()
        return frame.log_html((), {}, examples, problem=problem, empty=not self._offered[0], again=again)

    def listed(self, owner: str, number: int) -> str:
        """The owner's conversations."""
        if not is_owner(owner):
            return frame.conversations_html((), 0)
        try:
            return frame.conversations_html(self._kept.summaries(owner), number)
        except SaysoError as error:
            return frame.conversations_html((), 0) + render.error_html(str(error))

    def document(self, owner: str, number: int, sent: Sent) -> str:
        """The document of a citation, or of one of the closest passages, with its sentence marked."""
        # Another number each time: the page sees that the same document was asked for again.
        return f'<div data-opened="{next(self._count)}">{self._document(owner, number, sent)}</div>'

    def _document(self, owner: str, number: int, sent: Sent) -> str:
        turn, citation, hit = (sent.number(name) for name in ("turn", "citation", "hit"))
        exchanges = self._exchanges(owner, number)
        if turn is None or not 0 <= turn < len(exchanges):
            return render.error_html("this conversation is no longer kept; ask the question again")
        answer = exchanges[turn].answer
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
            document = self._assistant.document(doc_id)
        except DocumentError:
            return render.error_html("this document is no longer in the library")
        if document.text[start:end] != quote:
            return render.error_html("the document has changed since this answer was given; ask the question again")
        return render.document_html(document, start, end)

    # -- what is done with a conversation ---------------------------------------------------------------------------

    def judge(self, owner: str, number: int, sent: Sent) -> str:
        """Keep what is thought of an answer; returns the conversation."""
        turn, verdict = sent.number("turn"), sent.number("verdict")
        problem = ""
        if is_owner(owner) and turn is not None and verdict in (-1, 0, 1):
            try:
                comment = sent.text("comment", MAX_COMMENT_CHARS) if verdict else ""
                judged = self._kept.change(owner, number, turn, verdict=verdict, comment=comment)
                if judged is not None:
                    self._feedback.keep(judged)
            except SaysoError as error:
                problem = str(error)
        return self.log(owner, number, problem)

    def hand_over(self, owner: str, number: int, sent: Sent) -> str:
        """An answer, or without a turn the conversation, to copy (0), or to save as Markdown (1) or JSON (2)."""
        turn, kind = sent.number("turn"), sent.number("hand")
        exchanges = self._exchanges(owner, number)
        count = next(self._count)
        if not exchanges or kind not in (0, 1, 2) or (turn is not None and not 0 <= turn < len(exchanges)):
            return frame.handed_html("", name="", said="This conversation is no longer kept", number=0)
        if turn is None:
            title = next((s.title for s in self._kept.summaries(owner) if s.number == number), "")
            text = (export.conversation_markdown if kind == 1 else export.conversation_json)(title, exchanges)
            name = f"sayso-{number}"
        else:
            if kind == 0:
                said = "Copied"
                return frame.handed_html(export.answer_text(exchanges[turn].answer), name="", said=said, number=count)
            text = (export.answer_markdown if kind == 1 else export.answer_json)(exchanges[turn])
            name = f"sayso-{number}-{turn + 1}"
        name += ".md" if kind == 1 else ".json"
        return frame.handed_html(text, name=name, said=f"Saved as {name}", number=count)

    def rename(self, owner: str, sent: Sent) -> None:
        number, title = sent.number("conversation"), sent.text("title", MAX_TITLE_CHARS)
        if number is not None and is_owner(owner):
            self._kept.rename(owner, number, title)

    def remove(self, owner: str, sent: Sent) -> int | None:
        """Returns the number of the conversation that is gone."""
        number = sent.number("conversation")
        if number is not None and is_owner(owner):
            self._kept.delete(owner, number)
        return number

    def holds(self, owner: str, number: int) -> bool:
        return bool(self._exchanges(owner, number))

    def _examples(self) -> tuple[str, ...]:
        """Those of `EXAMPLES` that the library's documents answer."""
        count = self._assistant.listing(limit=0)[1]
        if count != self._offered[0]:
            names = [PurePath(path).name for summary in self._assistant.listing()[0] for path in summary.paths]
            about = (question for question, name in EXAMPLES if any(n.startswith(name) for n in names))
            self._offered = (count, tuple(about))
        return self._offered[1]

    def _exchanges(self, owner: str, number: int) -> Sequence[Exchange]:
        if not is_owner(owner) or number <= 0:
            return ()
        try:
            return self._kept.exchanges(owner, number)
        except SaysoError as error:
            raise Problem(str(error)) from error
