"""Which kind of thing a question asks for, and what plainly is no answer of that kind."""

import pytest

from rag.kinds import fits, holds, introduces, wanted


@pytest.mark.parametrize(
    ("question", "kinds"),
    [
        ("How many ferries sank?", {"number"}),
        ("In which year did it sink?", {"date"}),
        ("Who built it, and where?", {"person", "place"}),
        ("Why did it sink?", {"cause"}),
        ("What did the mayor say?", set()),
    ],
)
def test_a_question_asks_for_kinds_of_things(question: str, kinds: set[str]) -> None:
    assert wanted(question) == kinds


def test_a_year_that_the_question_names_is_no_date_that_answers_it() -> None:
    assert not holds("date", "It sank in 1931.", "When in 1931 did it sink?", [], [])
    assert holds("date", "It sank in May 1931.", "When in 1931 did it sink?", [], [])


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("How long did the voyage last?", "February 12"),
        ("How long did the voyage last?", "the ferry to Bergen"),
        ("How many passengers were there?", "the harbour office"),
        ("How much did the repairs cost?", "Mayor Quill"),
        ("On what date did the envoy arrive?", "the night train"),
        ("In which year was the pier built?", "Bergen"),
        ("Which Norwegian town is hosting the meeting?", "Norway"),
        ("Who asked the mayor besides Anna Lind?", "Anna Lind"),
        ("names of the other captains who sailed with Lind", "Captain Anna Lind"),
    ],
)
def test_what_is_plainly_of_another_kind_does_not_fit(question: str, answer: str) -> None:
    assert not fits(question, answer)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("How long did the voyage last?", "ninety minutes"),
        ("How long did the voyage last?", "a 90-minute crossing"),
        ("How long was he mayor?", "until 1931"),
        ("How long is the pier?", "40 metres"),
        ("How long is the pier?", "40m"),
        ("How long was he mayor?", "between 1919 and 1931"),
        ("How many times did it sink?", "once"),
        ("On what date did it sink?", "the day after the storm"),
        ("How many passengers were there?", "dozens"),
        ("How many captains survived?", "both"),
        ("On what date did the envoy arrive?", "12 February"),
        ("On which day did the envoy arrive?", "Tuesday"),
        ("Which town is hosting the meeting?", "Bergen"),
        ("Who asked the mayor besides Anna Lind?", "Marta Kowalska"),
        ("Who asked the mayor?", "the mayor's own sister"),  # not only a name
        ("Who is Anna Lind?", "Anna Lind"),  # what is said of her stands beside her name
        ("Who did the mayor say asked, and how long ago?", "Mayor"),  # two things are asked: nothing is plain
        ("What is Norway?", "Norway"),
        ("How long did the voyage last?", ""),
    ],
)
def test_what_may_be_of_the_kind_fits(question: str, answer: str) -> None:
    assert fits(question, answer)


@pytest.mark.parametrize(
    ("question", "sentence", "says"),
    [
        ("Who is Quill?", "It rained, said Ada Quill, the mayor of Sarn.", True),
        ("and who was Ada Quill", "Ada Quill, a pilot from Sarn, left.", True),
        ("who is quill", "Ada Quill, Mr. Lind's deputy, left.", True),
        ("Who is Quill?", "Ada Quill, who had been mayor, left.", True),
        ("Who is Quill?", "Ada Quill, Tomas Reve and others left.", False),
        ("Who is Quill?", "Ada Quill, in the end, left.", False),
        ("Who is Quill?", "Tomas Reve, the mayor, left.", False),
        ("Who met Quill?", "Ada Quill, the mayor, left.", False),
        ("Who is the mayor of Sarn?", "In Sarn, the capital, it rained.", False),
    ],
)
def test_what_stands_behind_a_name_says_who_it_is(question: str, sentence: str, says: bool) -> None:
    assert introduces(question, sentence) is says
