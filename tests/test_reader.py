"""The reader on text it has not seen: it reads the question and the passage together."""

import numpy as np
import pytest

import rag.reader
from index.errors import ModelError
from rag.reader import Reader

TEXT = "The ferry was built in Gdansk by Marta Kowalska. It sank off Bornholm in 1931 after a fire in the engine room."
SPANS = [(0, 48), (49, len(TEXT))]


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader("float32")


def test_the_probabilities_of_a_text_add_up_to_one(reader: Reader) -> None:
    """No answer, or an answer in one of the sentences: there is nothing else."""
    chances = reader.read("Who built the ferry?", [TEXT], [SPANS])[0].chances
    assert chances.shape == (3,)
    assert float(chances.sum()) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(
    ("question", "sentence"), [("Who built the ferry?", 1), ("When did the ferry sink?", 2), ("Why did it sink?", 2)]
)
def test_it_finds_the_sentence_that_answers(reader: Reader, question: str, sentence: int) -> None:
    """The sentence with the answer is likelier than the other one."""
    chances = reader.read(question, [TEXT], [SPANS])[0].chances
    assert int(np.argmax(chances[1:])) + 1 == sentence


@pytest.mark.parametrize(
    ("question", "answers"), [("Who built the ferry?", ("Marta Kowalska", None)), ("When did it sink?", (None, "1931"))]
)
def test_it_points_at_the_words_that_answer(reader: Reader, question: str, answers: tuple[str | None, ...]) -> None:
    """In the sentence that holds them; what it points at in the others is not asked."""
    (reading,) = reader.read(question, [TEXT], [SPANS])
    assert [own for own, wanted in zip(reading.answers, answers, strict=True) if wanted] == [a for a in answers if a]


def test_it_tells_a_question_the_text_answers_from_a_near_miss(reader: Reader) -> None:
    """The same people and things, but nothing about the captain's name."""
    answered, missed = reader.read("Who built the ferry?", [TEXT], [SPANS])[0], reader.read(
        "What was the name of the captain's dog?", [TEXT], [SPANS]
    )[0]  # fmt: skip
    assert missed.chances[0] > answered.chances[0]


def test_reading_together_or_alone_is_the_same(reader: Reader) -> None:
    """Padding beside a longer text changes nothing."""
    alone = reader.read("Who built the ferry?", [TEXT[:48]], [SPANS[:1]])[0]
    beside = reader.read("Who built the ferry?", [TEXT[:48], TEXT * 3], [SPANS[:1], SPANS])[0]
    assert np.allclose(alone.chances, beside.chances, atol=1e-4)


def test_a_long_question_and_a_long_text_are_read_as_far_as_the_window_goes(reader: Reader) -> None:
    """Nothing fails; sentences behind the window have no probability."""
    text = TEXT + " More of it." * 400
    (reading,) = reader.read("Who? " * 300, [text], [[(0, 48), (len(text) - 12, len(text))]])
    assert reading.chances[2] == 0
    assert reading.answers[1] == ""


def test_nothing_to_read_is_nothing_read(reader: Reader) -> None:
    """No texts, no results."""
    assert reader.read("Who?", [], []) == []


def test_missing_weights_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line with the file and the fix."""
    monkeypatch.setattr(rag.reader, "WEIGHTS", rag.reader.WEIGHTS.with_name("gone.safetensors"))
    with pytest.raises(ModelError, match=r"gone.safetensors' are missing; install sayso again"):
        Reader("float32")
