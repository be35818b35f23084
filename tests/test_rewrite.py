"""Follow-ups to questions that stand alone."""

import pytest

from rag.rewrite import read_rewritten, rewrite_prompt, standalone
from rag.types import Turn

HISTORY = (Turn("When did the Danube bridge open?", "In March."),)


@pytest.mark.parametrize("question", ["What did it cost?", "And in 2025?", "Why?", "What about the ferry?"])
def test_a_question_that_leans_on_the_last_one_takes_its_topic_along(question: str) -> None:
    """A pronoun without a name, a continuation or a bare question word needs what came before."""
    assert standalone(question, HISTORY) == f"When did the Danube bridge open? {question}"


@pytest.mark.parametrize(
    "question",
    ["Who is the minister of agriculture in Kansas?", "How much wheat did farmers harvest?", "Who is Olsen?"],
)
def test_a_question_that_stands_alone_is_left_alone(question: str) -> None:
    """Not a character changes."""
    assert standalone(question, HISTORY) == question


def test_without_a_history_nothing_changes() -> None:
    """Even a question that leans has nothing to lean on."""
    assert standalone("Why?", ()) == "Why?"


def test_a_chain_of_follow_ups_leads_back_to_the_question_that_stood_alone() -> None:
    """The topic is the bridge, not "Why?"."""
    history = (*HISTORY, Turn("Why?", "Because of the flood."))
    assert standalone("And who paid?", history) == "When did the Danube bridge open? And who paid?"


@pytest.mark.parametrize(
    ("before", "question", "asked"),
    [
        ("Who is Jana Horak?", "When is she coming back?", "When is Jana Horak coming back?"),
        ("What did Jana Horak ask of the Danes?", "and what was she told?", "and what was Jana Horak told?"),
        ("Who is Jana Horak?", "What is her boat called?", "What is Jana Horak’s boat called?"),
        ("Who is Jana Horak?", "Did they thank her in the end?", "Did they thank Jana Horak in the end?"),
        ("What did Horak say about Olsen?", "What did he say then?", "What did Horak say then?"),
        ("What did Horak ask for?", "what did he say about Olsen?", "what did Horak say about Olsen?"),
        ("What do the reports say about Olsen?", "Who is he?", "Who is Olsen?"),
        ("What happened in Bergen?", "What did he say?", "What happened in Bergen? What did he say?"),
        ("Did Horak meet Olsen?", "What did he say?", "Did Horak meet Olsen? What did he say?"),
    ],
)
def test_a_pronoun_gets_the_name_of_the_one_person_it_can_stand_for(before: str, question: str, asked: str) -> None:
    """Two people, or a place, are no answer to who "he" is: then the question takes its topic along."""
    assert standalone(question, [Turn(before, "")]) == asked


@pytest.mark.parametrize(
    ("before", "question", "asked"),
    [
        (
            ["Who is Jana Horak?", "What did she say about the pier?"],
            "and about Bergen?",
            "What did Jana Horak say about Bergen?",
        ),
        (
            ["Who is Jana Horak?", "What did she say about the pier?"],
            "When was that?",
            "What did Jana Horak say about the pier? When was that?",
        ),
        (["Did Horak talk about a book about fish?"], "And about boats?", "Did Horak talk about a book about boats?"),
        (
            ["What did Horak say about the pier?"],
            "When did he say that?",
            "What did Horak say about the pier? When did Horak say that?",
        ),
        (["What does Horak expect?"], "and Olsen?", "What does Olsen expect?"),
        (["What does Horak expect?"], "What about Jana Olsen?", "What does Jana Olsen expect?"),
        (["Did Horak meet Olsen?"], "And Lind?", "Did Horak meet Olsen? And Lind?"),
        (["Who is Jana Horak?"], "And about the pier?", "Who is Jana Horak? And about the pier?"),
        (["Who is Jana Horak?", "Why?", "What is her boat called?"], "Why?", "What is Jana Horak’s boat called? Why?"),
    ],
)
def test_a_follow_up_leans_on_the_last_one_as_it_was_understood(before: list[str], question: str, asked: str) -> None:
    """Not on the first of the conversation, once a pronoun's name is known."""
    assert standalone(question, [Turn(earlier, "") for earlier in before]) == asked


def test_what_a_model_is_shown_is_the_end_of_the_conversation() -> None:
    """The last turns, each on its own lines, and the question last."""
    turns = [Turn(f"Who is number {i}?", "x" * 900) for i in range(9)]
    system, user = rewrite_prompt("And\nthen?", turns)
    assert (system.role, user.role) == ("system", "user")
    assert "number 4" not in user.content
    assert "number 5" in user.content
    assert max(map(len, user.content.splitlines())) < 500
    assert user.content.endswith("Last question: And then?\nIn full:")


@pytest.mark.parametrize(
    ("draft", "asked"),
    [
        ("Who paid for the Danube bridge?", "Who paid for the Danube bridge?"),
        ("\nQuestion: Who paid for the Danube bridge?\nIt was the state.", "Who paid for the Danube bridge?"),
        ('"Who paid for the Danube bridge in March?"', "Who paid for the Danube bridge in March?"),
        ("The state paid.", ""),
        ("Who paid for the Rhine bridge?", ""),
        ("Who paid 40 for the Danube bridge?", ""),
        ("Who paid " + "very " * 200 + "much?", ""),
        ("", ""),
    ],
)
def test_a_models_question_is_taken_when_the_conversation_says_all_of_it(draft: str, asked: str) -> None:
    """An answer, a name or a number from elsewhere, or a page of text is none."""
    assert read_rewritten(draft, "Who paid?", HISTORY) == asked
