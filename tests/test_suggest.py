"""What may be asked next comes from the evidence, and the library holds more about it."""

from dataclasses import replace

import pytest

from index.types import Passage
from rag.types import Answer, Citation, Hit
from tests.test_render import document
from ui.suggest import suggested


def quoting(quote: str, speaker: str = "", question: str = "Who?") -> Answer:
    citation = replace(Citation.of(document(text=quote), 0, len(quote), marker=1), speaker=speaker)
    return Answer(question, quote, "answered", citations=(citation,))


def holding(*texts: str) -> list[Hit]:
    return [Hit(Passage("d2", n, 0, len(text)), 1.0, text) for n, text in enumerate(texts)]


def test_who_spoke_is_asked_about_where_the_library_holds_more_of_their_words() -> None:
    answer = quoting("The ferry was late.", "Harbour Minister Ada Quill")
    more = holding("The ferry was late. Asked again, Quill said it was the fog.")
    assert suggested(answer, lambda question: more) == ("What else did Ada Quill say?",)


def test_who_is_only_quoted_once_is_not_asked_about() -> None:
    quote = "Ada Quill said that the ferry was late."
    answer = quoting(quote, "Ada Quill")
    assert suggested(answer, lambda question: holding(f"{quote} The Quill house stands empty.")) == ()


def test_a_name_in_a_quote_is_asked_about_with_its_article_unless_the_question_names_it() -> None:
    answer = quoting("In spring the Northern League met Bergen's mayor in Oslo.", question="What happened in Oslo?")
    more = holding("The Northern League grew; Bergen did not.")
    assert suggested(answer, lambda question: more) == (
        "What do the sources say about the Northern League?",
        "What do the sources say about Bergen?",
    )


@pytest.mark.parametrize(
    "quote",
    ["On Tuesday they met.", "Russian ships left.", "The Ukrainians agreed.", "He left.", "an unnamed official"],
)
def test_what_is_no_name_is_not_asked_about(quote: str) -> None:
    answer = quoting(quote, "an unnamed official")
    assert suggested(answer, lambda question: holding(f"Tuesday Russian Ukrainians He official said {quote}")) == ()


def test_at_most_three_are_suggested_and_few_searches_are_made() -> None:
    asked: list[str] = []

    def search(question: str) -> list[Hit]:
        asked.append(question)
        return holding("Bergen Oslo Narvik Bodin Tromso")

    quote = "Ships go from Bergen, Oslo, Narvik, Bodin and Tromso."
    assert len(suggested(quoting(quote), search)) == 3
    assert len(asked) == 3
    asked.clear()
    assert suggested(quoting("Ships go from Aaaa, Bbbb, Cccc, Dddd, Eeee, Ffff, Gggg and Hhhh."), search) == ()
    assert len(asked) == 6
