"""Which sentences make an answer, and in which order."""

from dataclasses import replace

import pytest

from index.lexical import analyse, content_words
from index.types import Document
from rag.quote import about_nothing_else, choose, choose_one_each, own_question, topic, wants_overview, whose_words
from rag.types import Evidence
from tests.indexing import document


def evidence(doc_id: str, ordinal: int, text: str, score: float) -> Evidence:
    return Evidence(doc_id, ordinal, ordinal * 100, ordinal * 100 + len(text), text, score)


def shelf(**dates: str) -> dict[str, Document]:
    """Documents of these ids and dates."""
    return {doc_id: replace(document(doc_id, date=date), doc_id=doc_id) for doc_id, date in dates.items()}


def test_the_best_sentence_comes_first_and_the_rest_in_reading_order() -> None:
    """After the best, sentences stand by document and place, not by score."""
    ranked = [
        evidence("a", 5, "The bridge opened in March.", 0.9),
        evidence("b", 1, "Ships had to wait until noon.", 0.8),
        evidence("a", 2, "Forty million euros were spent.", 0.7),
    ]
    assert [(e.doc_id, e.ordinal) for e in choose(ranked, analyse, max_quotes=3)] == [("a", 5), ("a", 2), ("b", 1)]


def test_a_sentence_that_says_the_same_is_passed_over() -> None:
    """Two documents with the same sentence give it once; the next different one takes the place."""
    ranked = [
        evidence("a", 0, "The harvest fell by nine percent.", 0.9),
        evidence("b", 0, "The harvest fell by nine percent!", 0.89),
        evidence("c", 0, "Farmers blame the drought.", 0.5),
    ]
    assert [e.doc_id for e in choose(ranked, analyse, max_quotes=2)] == ["a", "c"]


def test_a_far_weaker_sentence_is_not_added() -> None:
    """0.05 is less than an eighth of 0.9."""
    ranked = [evidence("a", 0, "The harvest fell.", 0.9), evidence("b", 0, "A dog barked.", 0.05)]
    assert [e.doc_id for e in choose(ranked, analyse, max_quotes=3)] == ["a"]


def test_an_overview_has_one_sentence_of_each_document_by_date() -> None:
    """The best sentence of each of the best documents; undated documents come last."""
    ranked = [
        evidence("new", 0, "It was late.", 0.9),
        evidence("new", 1, "It was later.", 0.8),
        evidence("undated", 0, "Nobody knows.", 0.7),
        evidence("old", 0, "It was early.", 0.5),
        evidence("weak", 0, "A dog barked.", 0.1),
    ]
    chosen = choose_one_each(ranked, shelf(new="2025", old="2023", undated="", weak="2020"), most=3)
    assert [e.text for e in chosen] == ["It was early.", "It was late.", "Nobody knows."]


def test_near_copies_have_one_sentence_of_an_overview() -> None:
    """The best of them all, at its own date."""
    ranked = [evidence("b", 0, "It cost 5.", 0.9), evidence("c", 0, "It rained.", 0.8), evidence("a", 0, "4.", 0.7)]
    documents = shelf(a="2023", b="2025", c="2024")
    documents |= {name: replace(documents[name], near="a") for name in "ab"}
    assert [e.text for e in choose_one_each(ranked, documents, most=3)] == ["It rained.", "It cost 5."]


@pytest.mark.parametrize(
    ("question", "overview"),
    [
        ("Compare what the sources say over time", True),
        ("Where do the articles disagree about the truce?", True),
        ("How do the reports differ on grain prices?", True),
        ("Who opened the bridge?", False),
        ("What did the minister say about the harvest?", False),
        ("Did anyone dispute that the dam is safe?", True),
        ("The dam is safe. Who says otherwise?", True),
        ("Did the mayor dispute the bill?", False),
        ("Who denied that the dam is safe?", False),
    ],
)
def test_a_question_about_all_documents_is_told_from_one_about_a_fact(question: str, overview: bool) -> None:
    """Words that ask for a comparison make an overview; a who or what alone does not."""
    assert wants_overview(question) is overview


@pytest.mark.parametrize(
    ("question", "topicless"),
    [
        ("Compare what the sources say over time", True),
        ("Compare what the sources say about the harvest", False),
    ],
)
def test_an_overview_without_a_topic_is_about_everything(question: str, topicless: bool) -> None:
    """Nothing is left of it once the words that ask for a comparison are gone."""
    assert about_nothing_else(question, content_words) is topicless


@pytest.mark.parametrize(
    ("question", "who", "topic"),
    [
        ("What did Ada Quill say?", "Quill", ""),
        ("What did Ada Quill tell him?", "Quill", ""),
        ("What did Ada Quill say about the repairs?", "Quill", "the repairs"),
        ("What else has President Quill promised the town?", "Quill", None),
        ("What does the Institute for the Study of War think?", "War", ""),
        ("What does Ada Quill think will happen?", "Quill", None),
        ("What is Ada Quill's view of the repairs?", "Quill", "the repairs"),
        ("What’s Mr. Quill’s answer to Reve?", "Quill", "Reve"),
        ("How did Ada Quill respond to the council?", "", None),  # she may have acted
        ("And what did Quill's office say?", "", None),
        ("What did the mayor say?", "", None),
        ("What did Ada Quill buy?", "", None),
        ("What is Ada Quill's address?", "", None),
        ("Who said that Ada Quill left?", "", None),
        ("What has Ada Quill herself said?", "Quill", ""),
        ("What did Ada Quill say about the repairs? and about the pier?", "Quill", "the repairs? and about the pier"),
        ("What did Ada Quill say about the repairs? and who asked her?", "", None),
        ("What is the exact wording of Ada Quill's statement on the repairs?", "Quill", "the repairs"),
        ("What were Quill's own words?", "Quill", ""),
        ("What are the comments of Ada Quill about the repairs?", "Quill", "the repairs"),
        ("What is the wording of the Quill report on the repairs?", "", None),
        ("What is the name of Ada Quill?", "", None),
        ("What did Ada Quill say about the repairs? When did Ada Quill say that?", "Quill", None),
        ("When did Ada Quill leave?", "", None),
    ],
)
def test_whose_words_are_asked_for_and_on_what(question: str, who: str, topic: str | None) -> None:
    """A name between "what did" and a verb of speaking. topic: "" for all, None for what is a question of its own."""
    assert whose_words(question, content_words) == (who, topic)


@pytest.mark.parametrize(
    ("text", "who"),
    [
        ("It was Quill who asked.", "Quill"),
        ("The quill was dipped. Quill asked.", ""),  # not only a name
        ("Nobody was asked.", ""),
    ],
)
def test_a_name_typed_in_small_letters_is_known_by_how_the_texts_write_it(text: str, who: str) -> None:
    assert whose_words("what did quill say about the repairs", content_words, [text])[0] == who


@pytest.mark.parametrize(
    ("question", "about"),
    [
        ("What do the documents say about grain prices?", "grain prices"),
        ("Compare what the sources say over time about whether the bridge will open.", "the bridge will open"),
        ("Do the reports agree on how many ships waited?", "how many ships waited"),
        ("What do the reports say about grain prices over time?", "grain prices"),
        ("Compare what the sources say over time", "Compare what the sources say over time"),
        (
            "Compare the queues at the bridge on 3 May and on 4 May",
            "Compare the queues at the bridge on 3 May and on 4 May",
        ),
        ("Who knows about the bridge?", "Who knows about the bridge?"),
    ],
)
def test_an_overview_is_searched_by_its_topic(question: str, about: str) -> None:
    """The order around the topic is not what documents say; a question for one fact stays whole."""
    assert topic(question, content_words) == about


@pytest.mark.parametrize(
    ("question", "own"),
    [
        ("What does the Post say about the pier? who met Quill?", "who met Quill"),
        ("What does the Post say about the pier? and about the mill?", ""),
        ("Who met Quill?", "Who met Quill"),
    ],
)
def test_a_follow_up_that_asks_for_something_itself_stands_by_itself(question: str, own: str) -> None:
    """What limited the question before it, a source or a speaker, does not limit it. own: "" for all of it."""
    assert own_question(question) == (own or question)
