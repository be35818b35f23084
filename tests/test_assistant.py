"""From a question to a cited answer, with the real models over the five seeds."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from index.errors import LibraryEmpty, QuestionError, SpecMismatch, UsageError
from index.minilm import MiniLM
from index.types import Document
from rag import Answer, Assistant, Filter, Turn
from rag.types import Done, Retrieved, Rewritten, Token, Verified
from tests.fakes import WordHashEmbedder


def test_every_quote_stands_in_its_document(seeds_assistant: Assistant) -> None:
    """document.text[start:end] is the quote, for every citation of an answer."""
    answer = seeds_assistant.ask("Who said that Russia was open to dialogue?")
    assert answer.status == "answered"
    assert answer.citations
    for citation in answer.citations:
        assert citation.stands_in(seeds_assistant.document(citation.doc_id))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(question=st.text(min_size=1, max_size=60).filter(str.strip))
def test_any_question_has_an_answer_whose_quotes_stand(seeds_assistant: Assistant, question: str) -> None:
    """Whatever is typed: an Answer, and never a quote that is not in its document."""
    answer = seeds_assistant.ask(question)
    assert answer.status in ("answered", "abstained")
    assert all(c.stands_in(seeds_assistant.document(c.doc_id)) for c in answer.citations)


def test_an_answer_says_who_speaks_where_and_when(seeds_assistant: Assistant) -> None:
    """The spokesman, the inferred date of the report, and his words as they stand there."""
    answer = seeds_assistant.ask("What did Peskov say about the outcome of the negotiations?")
    first = answer.citations[0]
    assert "carefully studying" in first.quote
    assert first.speaker == "Dmitri S. Peskov"
    assert (first.published.value, first.published.basis) == ("2025-03-12", "inferred")
    assert answer.text.splitlines()[0].endswith("[1]")
    assert "12 March 2025 (inferred)" in answer.text


def test_a_question_the_seeds_are_silent_on_is_abstained_from(seeds_assistant: Assistant) -> None:
    """No citation, the reason, and the closest passages to look at."""
    answer = seeds_assistant.ask("What is the melting point of tungsten?")
    assert (answer.status, answer.reason, answer.citations) == ("abstained", "no_evidence", ())
    assert str(answer) == "The sources do not say."
    assert answer.hits


def test_a_question_about_everything_quotes_each_document_once_by_date(seeds_assistant: Assistant) -> None:
    """Five documents, five quotes, from 2023 to 2025."""
    answer = seeds_assistant.ask("Compare what the sources say over time")
    dates = [c.published.value for c in answer.citations]
    assert len({c.doc_id for c in answer.citations}) == len(dates) == 5
    assert dates == sorted(dates)


def test_page_furniture_is_never_quoted(seeds_assistant: Assistant) -> None:
    """A counter, a breadcrumb and a plea for likes are asked for by name and still not evidence."""
    for question in ("How many comments are there?", "Should I give the video a like?", "Home US Prepares for Talks"):
        quotes = " ".join(c.quote for c in seeds_assistant.ask(question).citations)
        assert not any(scrap in quotes for scrap in ("0 Comments", "give it a like", "Home »"))


def test_a_filter_leaves_other_documents_out(seeds_assistant: Assistant) -> None:
    """Of 2025 and later only two documents remain; before 2020 none, and the answer says so."""
    hits = seeds_assistant.search("ceasefire", where=Filter(since="2025"))
    years = {seeds_assistant.document(hit.passage.doc_id).published.value[:4] for hit in hits}
    assert years == {"2025"}
    answer = seeds_assistant.ask("Who wants a ceasefire?", where=Filter(until="2020"))
    assert (answer.status, answer.reason) == ("abstained", "out_of_range")


def test_as_of_uses_nothing_published_later(seeds_assistant: Assistant) -> None:
    """Asked as of June 2023, only the two documents of May 2023 are read."""
    answer = seeds_assistant.ask("What do officials say about negotiations?", as_of="2023-06")
    assert {seeds_assistant.document(h.passage.doc_id).published.value[:7] for h in answer.hits} == {"2023-05"}


@pytest.mark.parametrize("topic", ["the melting point of tungsten", "Japan's elections"])
def test_an_overview_of_what_no_document_speaks_of_is_empty(seeds_assistant: Assistant, topic: str) -> None:
    """However many documents there are."""
    assert seeds_assistant.ask(f"What do the documents say about {topic}?").status == "abstained"


def test_a_follow_up_is_asked_as_a_question_that_stands_alone(seeds_assistant: Assistant) -> None:
    """ "he" is looked up together with what the last question was about, and the answer shows it."""
    answer = seeds_assistant.ask("Where did he give it?", history=[Turn("How long was Lavrov's interview?")])
    assert answer.question == "Where did he give it?"
    assert answer.asked_as == "How long was Lavrov's interview? Where did Lavrov give it?"


def test_the_stream_ends_with_the_answer_that_ask_returns(seeds_assistant: Assistant) -> None:
    """Rewritten, Retrieved, a Token a claim, Verified, Done; and the async call gives the same."""
    question = "Who is Ilya Grashchenkov?"
    events = list(seeds_assistant.stream(question))
    kinds = [type(event) for event in events]
    assert kinds[:2] == [Rewritten, Retrieved]
    assert set(kinds[2:-2]) == {Token}
    assert kinds[-2:] == [Verified, Done]
    done = events[-1]
    assert isinstance(done, Done)
    later = asyncio.run(seeds_assistant.aask(question))
    assert isinstance(later, Answer)
    assert later.text == done.answer.text == "".join(e.text for e in events if isinstance(e, Token)).strip()


@pytest.mark.parametrize(
    ("question", "message"), [("", "is blank"), (" \n ", "is blank"), ("why " * 5000, "has 20000 characters")]
)
def test_a_question_that_is_none_is_refused(seeds_assistant: Assistant, question: str, message: str) -> None:
    """One line that says what to do."""
    with pytest.raises(QuestionError, match=message):
        seeds_assistant.ask(question)


def test_a_question_with_half_a_character_is_asked_all_the_same(seeds_assistant: Assistant) -> None:
    """What a terminal makes of a broken byte is read like any unknown character."""
    assert seeds_assistant.ask("Who met Sergei Naryshkin\udcff?").citations


def test_a_filter_that_is_no_date_is_refused(seeds_assistant: Assistant) -> None:
    """The value and how to write it."""
    with pytest.raises(UsageError, match="'last week' is not a date; write it as 2025"):
        seeds_assistant.ask("Who?", where=Filter(since="last week"))


def test_an_empty_library_says_how_to_fill_it(tmp_path: Path) -> None:
    """The folder's name and the command."""
    with Assistant.open(tmp_path / "new.library") as assistant, pytest.raises(LibraryEmpty, match="sayso add PATH"):
        assistant.ask("Who?")


def test_a_library_of_another_model_is_refused_with_the_fix(tmp_path: Path) -> None:
    """Both models are named, and what to set."""
    with Assistant.open(tmp_path / "a.library", embedder=WordHashEmbedder("first")) as assistant:
        assistant.add(Document("", "Note", "The ferry sank off Bornholm."))
    with (
        Assistant.open(tmp_path / "a.library", embedder=WordHashEmbedder("second")) as assistant,
        pytest.raises(
            SpecMismatch, match="built with 'first' but the settings name 'second'; set SAYSO_EMBEDDER=first"
        ),
    ):
        assistant.ask("What sank?")


def test_a_removed_document_is_never_quoted_again(tmp_path: Path, embedder: MiniLM) -> None:
    """After `remove` the same question is met with silence."""
    with Assistant.open(tmp_path / "a.library", embedder=embedder) as assistant:
        assistant.add(
            Document("", "Ferry", "The ferry Astrid sank off Bornholm in 1931."),
            Document("", "Wheat", "The wheat harvest in Kansas fell by nine percent."),
        )
        answer = assistant.ask("When did the ferry Astrid sink?")
        assert answer.citations[0].quote == "The ferry Astrid sank off Bornholm in 1931."
        assistant.remove(answer.citations[0].doc_id)
        assert "Bornholm" not in str(assistant.ask("When did the ferry Astrid sink?"))
        assert assistant.check().problems == ()


def test_what_somebody_said_is_not_answered_with_anothers_words(tmp_path: Path, embedder: MiniLM) -> None:
    """However near they are to the question, and though the title has the name."""
    text = "Mayor Ada Quill said that the repairs of the harbour would cost four million crowns. It was a cold day."
    with Assistant.open(tmp_path / "harbour.library", embedder=embedder) as assistant:
        assistant.add(Document("", "Tomas Reve and the harbour of Lumen", text))
        assert "four million" in str(assistant.ask("What did Ada Quill say about the repairs of the harbour?"))
        other = assistant.ask("What did Tomas Reve say about the repairs of the harbour?")
    assert (other.status, other.reason) == ("abstained", "no_evidence")
    assert other.hits
