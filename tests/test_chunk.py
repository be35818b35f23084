"""Sentences and passages are exact slices of the text, nothing is lost, and every passage fits the window."""

from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from index.chunk import CountTokens, context_of, pack_passages, split_sentences
from index.load import normalise
from index.minilm import MiniLM
from index.types import Document, Sentence
from tests.fakes import WordHashEmbedder
from tests.indexing import document

count_words = WordHashEmbedder().count_tokens
WINDOW = 256
NARROW = 44  # ten words beside the 32 kept for the title and the two special tokens


def sentences_of(text: str, title: str = "t") -> list[str]:
    made = document(text, title)
    return [text[s.start : s.end] for s in split_sentences(made, count_words, WINDOW)]


def evidence_of(text: str, title: str = "t") -> list[str]:
    made = document(text, title)
    return [text[s.start : s.end] for s in split_sentences(made, count_words, WINDOW) if not s.furniture]


def passages_of(text: str, window: int) -> list[str]:
    made = document(text, "t")
    packed = pack_passages(made, split_sentences(made, count_words, window), count_words, window)
    return [text[passage.start : passage.end] for passage, _ in packed]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("He left at 5 p.m. Friday. She stayed.", ["He left at 5 p.m. Friday.", "She stayed."]),
        ("“Stop!” cried Dr. Lee. Nobody did.", ["“Stop!” cried Dr. Lee.", "Nobody did."]),
        ("  One.\n\n\n  Two. ", ["One.", "Two."]),
        ("A headline without a stop\n\nThe text.", ["A headline without a stop", "The text."]),
        ("A line\nAnother line\nand its end", ["A line", "Another line\nand its end"]),
        (
            "These words were broken\nby an editor at a width\nthat it was told to keep.",
            ["These words were broken\nby an editor at a width\nthat it was told to keep."],
        ),
        (
            "Broken where a capital\nBegins the second line\nBut one sentence still.",
            ["Broken where a capital\nBegins the second line\nBut one sentence still."],
        ),
    ],
)
def test_sentences_are_found_inside_paragraphs(text: str, sentences: list[str]) -> None:
    """Abbreviations and quotes do not end one; a blank line does; lines that an editor wrapped are one paragraph."""
    assert sentences_of(text) == sentences


@pytest.mark.parametrize(
    "line",
    [
        "0 Comments",
        "Home » World » Europe",
        "Source",
        "Sources:",
        "Share this on Facebook",
        "Advertisement",
        "Read more about the talks",
        "Leave a comment",
        "Log in to reply",
        "Subscribe for updates",
        "© 2024 The Paper",
        "All rights reserved.",
        "We use cookies to make this page better.",
        "Tags: war, peace",
        "Skip to main content",
        "5 min read",
        "Europe France Global News Politics",
        "* * *",
        "## A heading",
        "If you liked it, please give the video a like.",
        "Sign up for our free newsletter",
        "Thank you for watching.",
    ],
)
def test_page_furniture_is_no_evidence(line: str) -> None:
    """Navigation, counters, labels and appeals are kept as text and marked as saying nothing."""
    text = f"Rain fell in Oslo.\n\n{line}\n\nSnow fell in Bergen."
    assert line in sentences_of(text)
    assert evidence_of(text) == ["Rain fell in Oslo.", "Snow fell in Bergen."]


@pytest.mark.parametrize(
    "sentence",
    [
        "Home prices rose by three percent.",
        "Sources said the talks would go on.",
        "Share prices fell on Monday.",
        "Two comments by the minister caused a stir.",
        "Print is not dead.",
        "Follow the money, he said.",
        "He would like to subscribe to the theory that she was right.",
        "The next article of the treaty forbids it, and the parties have agreed to that since they signed it in 1990.",
    ],
)
def test_a_sentence_that_only_looks_like_furniture_is_evidence(sentence: str) -> None:
    """The same words in a statement about the world."""
    assert evidence_of(f"It began so.\n\n{sentence}") == ["It began so.", sentence]


def test_front_matter_is_furniture() -> None:
    """What describes the text is not said by it."""
    assert evidence_of("---\ntitle: A\ndate: 2024\n---\nRain fell.") == ["Rain fell."]


def test_the_title_is_not_evidence_for_itself() -> None:
    """Every citation names it anyway; also as a Markdown heading."""
    assert evidence_of("Rain in Oslo\n\nIt fell all day.", "Rain in Oslo") == ["It fell all day."]
    assert evidence_of("# Rain in Oslo\n\nIt fell all day.", "Rain in Oslo") == ["It fell all day."]


def test_a_first_sentence_that_serves_as_the_title_is_evidence() -> None:
    """A text without a headline is called by its first line, which is then all the same something it says."""
    assert evidence_of("Ann lives in Oslo.\nBob lives in Rome.", "Ann lives in Oslo.") == [
        "Ann lives in Oslo.",
        "Bob lives in Rome.",
    ]
    assert evidence_of("Meeting on Tuesday, room 4\n", "Meeting on Tuesday, room 4") == ["Meeting on Tuesday, room 4"]


def test_passages_are_evenly_filled() -> None:
    """Twenty words in a window of ten make two passages of ten; twelve make eight and four, not ten and a stub."""
    five = "One two three four five."
    assert passages_of(" ".join([five] * 4), NARROW) == [f"{five} {five}", f"{five} {five}"]
    four = "One two three four."
    assert passages_of(" ".join([four] * 3), NARROW) == [f"{four} {four}", four]


def test_a_text_that_fits_is_one_passage() -> None:
    """Its sentences are read in each other's context."""
    assert passages_of("Ann came. Bob went. Eve stayed.", WINDOW) == ["Ann came. Bob went. Eve stayed."]


def test_a_sentence_longer_than_the_window_is_split_not_cut_off() -> None:
    """Every word of it stands in one of the pieces."""
    words = " ".join(f"word{n}" for n in range(25))
    pieces = passages_of(words + ".", NARROW)
    assert " ".join(pieces) == words + "."
    assert all(count_words([piece])[0] <= 10 for piece in pieces)


def test_furniture_inside_a_passage_takes_its_share_of_the_window() -> None:
    """Four words and four words would fit, but not with the five between them."""
    text = "One two three four.\n\nHome » World » Europe » News\n\nFive six seven eight."
    assert passages_of(text, NARROW) == ["One two three four.", "Five six seven eight."]


def test_a_text_of_nothing_but_furniture_has_sentences_and_no_passage() -> None:
    """It is stored whole and never found."""
    made = document("0 Comments\n\nSource", "Page")
    sentences = split_sentences(made, count_words, WINDOW)
    assert sentences == [Sentence(made.doc_id, 0, 0, 10, True), Sentence(made.doc_id, 1, 12, 18, True)]
    assert pack_passages(made, sentences, count_words, WINDOW) == []


def test_a_counter_that_counts_nothing_still_gives_a_passage() -> None:
    """Characters that a model has no piece for are text all the same."""
    made = document("Rain fell.", "t")

    def count_none(texts: list[str]) -> list[int]:  # type: ignore[misc]
        return [0] * len(texts)

    sentences = split_sentences(made, count_none, WINDOW)  # type: ignore[arg-type]
    ((passage, _),) = pack_passages(made, sentences, count_none, WINDOW)  # type: ignore[arg-type]
    assert (passage.start, passage.end) == (0, 10)


def test_a_long_title_is_cut_at_a_word_to_its_share() -> None:
    """A passage is read under its headline, which may take 32 pieces of the window and no more."""
    assert context_of(document("x", "Rain in Oslo"), count_words) == "Rain in Oslo"
    cut = context_of(document("x", " ".join(f"w{n}" for n in range(50))), count_words)
    assert cut == " ".join(f"w{n}" for n in range(27))  # 50, 37, 27: three quarters each time


# Texts that look like real ones in pieces: words, stops, quotes, odd spaces, page furniture, other scripts.
SCRAPS = st.sampled_from(
    [
        "word", "Rain fell.", "Dr. Lee", "5 p.m.", "“Stop!”", "He said so?", "…", "\n", "\n\n", "\n \xa0\n", "\t", " ",
        "\u2003", "0 Comments", "Home » World", "# Title\n", "---\n", "give it a like.", "東京は雨です。", "e\u0301",
        "🙂", "a" * 130, "1,234.5", "(", ")", "http://a.example/?x=1", "Ünïcode", "\u00ad", "i.e.", "U.S.", "- item\n",
    ]
)  # fmt: skip
TEXTS = (st.lists(SCRAPS, max_size=60).map(" ".join) | st.lists(SCRAPS, max_size=60).map("".join) | st.text()).map(
    normalise
)
PATIENT = settings(
    deadline=None, max_examples=80, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)


def split(text: str, count: CountTokens, window: int) -> tuple[Document, list[Sentence]]:
    made = document(text, "A title")
    return made, split_sentences(made, count, window)


@PATIENT
@given(TEXTS)
def test_sentences_never_overlap_and_cover_all_that_is_not_space(text: str) -> None:
    """In order, none empty, and only space between them."""
    _, sentences = split(text, count_words, NARROW)
    edges = [0, *(edge for s in sentences for edge in (s.start, s.end)), len(text)]
    assert edges == sorted(edges)
    assert all(text[s.start : s.end].strip() for s in sentences)
    assert not "".join(text[end:start] for end, start in list(pairwise(edges))[::2]).strip()
    assert [s.ordinal for s in sentences] == list(range(len(sentences)))


@PATIENT
@given(TEXTS)
def test_a_passage_is_a_slice_of_its_document_and_made_of_whole_sentences(text: str) -> None:
    """It begins where its first sentence begins and ends where its last one ends; each evidence sentence is in one."""
    made, sentences = split(text, count_words, NARROW)
    packed = pack_passages(made, sentences, count_words, NARROW)
    for ordinal, (passage, inside) in enumerate(packed):
        assert (passage.start, passage.end) == (inside[0].start, inside[-1].end)
        assert (passage.doc_id, passage.ordinal) == (made.doc_id, ordinal)
    assert [s for _, inside in packed for s in inside] == [s for s in sentences if not s.furniture]


@PATIENT
@given(TEXTS)
def test_no_passage_exceeds_the_window(embedder: MiniLM, text: str) -> None:
    """Counted as the model counts, with the title before it and the two special tokens around it."""
    window = 80
    made, sentences = split(text, embedder.count_tokens, window)
    prefix = context_of(made, embedder.count_tokens) + ". "
    for passage, _ in pack_passages(made, sentences, embedder.count_tokens, window):
        assert embedder.count_tokens([prefix + text[passage.start : passage.end]])[0] + 2 <= window


@PATIENT
@given(TEXTS)
def test_the_same_text_is_always_split_the_same(text: str) -> None:
    """Nothing depends on what was split before."""
    assert split(text, count_words, WINDOW) == split(text, count_words, WINDOW)
