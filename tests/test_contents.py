"""What goes into a library comes out of it: documents, passages, vectors, words, and what a filter lets pass."""

from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from index.library import Library
from index.types import DateInfo, Sentence
from tests.indexing import BREAD_NEWS, FERRY_NEWS, MILL_NEWS, RAIN_NEWS, document, file_record, ids, indexed


def test_a_document_comes_back_as_it_was_put(library: Library) -> None:
    """Every field, and the paths that it was read from, in order."""
    made = replace(
        FERRY_NEWS,
        author="Ann Lee",
        url="https://a.example/x",
        published=DateInfo("2024-05-20", "day", "inferred", "the events"),
        pages=(0, 24),
    )
    library.put([indexed(made, "/d/b.txt", "/d/a.txt")])
    assert library.document(made.doc_id) == replace(made, paths=("/d/a.txt", "/d/b.txt"))
    assert library.file("/d/a.txt") == file_record("/d/a.txt", made)
    assert library.file("/d/c.txt") is None


def test_documents_are_ordered_by_date_then_title_undated_last(filled: Library) -> None:
    """A coarse date stands before the days that it holds."""
    assert [d.title for d in filled.documents()] == ["Mill", "Bread", "Ferry", "Rain"]
    assert [d.title for d in filled.documents(ids(RAIN_NEWS, FERRY_NEWS))] == ["Ferry", "Rain"]


def test_a_listing_is_the_documents_without_their_texts_a_page_at_a_time(filled: Library) -> None:
    """In the same order; found by title, publisher or path, without case; the total is that of all that match."""
    listed, total = filled.listing()
    assert [(s.doc_id, s.title, s.source, s.published, s.paths, s.near) for s in listed] == [
        (d.doc_id, d.title, d.source, d.published, d.paths, d.near) for d in filled.documents()
    ]
    assert ([s.passages for s in listed], total) == ([1, 1, 1, 1], 4)
    for offset, limit, contains, titles, found in (
        (1, 2, "", ["Bread", "Ferry"], 4),
        (3, 2, "", ["Rain"], 4),
        (9, 2, "", [], 4),
        (0, 1, "DAILY", ["Mill"], 2),
        (0, 9, "bread.txt", ["Bread"], 1),
        (0, 9, "dawn", [], 0),
    ):
        listed, total = filled.listing(offset, limit, contains)
        assert ([s.title for s in listed], total) == (titles, found)


def test_a_passage_record_holds_what_evidence_is_drawn_from(filled: Library) -> None:
    """Its text cut by its offsets, its sentences, and a vector for each."""
    (record,) = filled.passages(filled.passage_ids(ids(FERRY_NEWS)))
    assert (record.text, record.title) == (FERRY_NEWS.text, "Ferry")
    assert record.sentences == (Sentence(FERRY_NEWS.doc_id, 0, 0, 23), Sentence(FERRY_NEWS.doc_id, 1, 24, 37))
    entry = indexed(FERRY_NEWS).passages[0][2]
    assert np.array_equal(record.vector, entry.passage)
    assert np.allclose(record.sentence_vectors, entry.sentences, atol=1e-3)  # kept in half precision
    assert filled.sentences(FERRY_NEWS.doc_id) == list(record.sentences)


def test_passages_come_in_the_order_asked_for(filled: Library) -> None:
    """An id that is gone is left out."""
    assert [r.title for r in filled.passages([3, 99, 1])] == ["Mill", "Ferry"]


def test_characters_beyond_the_first_plane_count_as_one(library: Library) -> None:
    """The database cuts a text where Python does."""
    made = document("🙂 Çà, dit-il. 東京は雨です。 Rain fell.", "t")
    library.put([indexed(made)])
    (record,) = library.passages(library.passage_ids([made.doc_id]))
    assert record.text == made.text[record.passage.start : record.passage.end] == made.text


def test_all_vectors_come_with_the_version_they_belong_to(filled: Library) -> None:
    """In the order of their ids."""
    found, vectors, version = filled.vectors()
    assert found.tolist() == [1, 2, 3, 4]
    assert vectors.shape == (4, 256)
    assert version == filled.version() == 1


def test_vectors_that_are_known_are_not_read_again(filled: Library) -> None:
    """All ids come, and the vectors of those that are new; one that is known and gone is no matter."""
    everything = filled.vectors()[1]
    found, vectors, _ = filled.vectors(np.array([3, 1, 99]))
    assert found.tolist() == [1, 2, 3, 4]
    assert np.array_equal(vectors, everything[[1, 3]])
    assert len(filled.vectors(np.array([4, 3, 2, 1]))[1]) == 0


def test_an_empty_library_has_nothing(library: Library) -> None:
    """No documents, no vectors, no model, version 0."""
    found, vectors, version = library.vectors()
    assert (len(found), len(vectors), version) == (0, 0, 0)
    assert library.counts() == (0, 0, 0)
    assert library.spec() is None
    assert library.search_words(["rain"], 3) == {}


def test_words_are_searched_in_text_and_title(filled: Library) -> None:
    """Passage ids with their scores."""
    assert set(filled.search_words(["mill", "bread"], 5)) == {2, 3}
    assert list(filled.search_words(["mill", "bread"], 5, among=[2])) == [2]
    assert filled.rarity(["nowhere"])["nowhere"] > filled.rarity(["mill"])["mill"]


def test_a_library_is_the_same_when_opened_again(filled: Library) -> None:
    """Everything is on the disk."""
    before = filled.documents()
    filled.close()
    with closing(Library.open(filled.folder)) as again:
        assert again.documents() == before
        assert again.counts() == (4, 4, 5)


# -- filters ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("since", "until", "passing"),
    [
        ("2024", "", {"Bread", "Ferry"}),
        ("", "2023", {"Mill"}),
        ("2024-05-21", "", {"Bread"}),  # May 2024 may be as late as the 31st
        ("2024-06", "", set()),
        ("", "2024-05-10", {"Mill", "Bread"}),  # and as early as the 1st
        ("2023-07", "2023-08", {"Mill"}),  # some day of 2023 may lie between
        ("2024-05-20", "2024-05-20", {"Bread", "Ferry"}),
        ("", "", {"Mill", "Bread", "Ferry", "Rain"}),
    ],
)
def test_a_date_filter_lets_pass_what_may_lie_in_it(filled: Library, since: str, until: str, passing: set[str]) -> None:
    """A year or a month stands for all its days; an undated document passes only where no date is asked for."""
    found = filled.matching((), (), since, until)
    assert {d.title for d in filled.documents(found)} == passing


def test_filters_of_several_kinds_must_all_be_passed(filled: Library) -> None:
    """Publishers without regard to case, ids as they are."""
    assert filled.matching((), ("DAILY",), "", "") == ids(FERRY_NEWS, MILL_NEWS)
    assert filled.matching((), ("Daily", "Weekly"), "2024", "") == ids(FERRY_NEWS, BREAD_NEWS)
    assert filled.matching((MILL_NEWS.doc_id, RAIN_NEWS.doc_id), (), "", "") == ids(MILL_NEWS, RAIN_NEWS)
    assert filled.matching((MILL_NEWS.doc_id,), ("weekly",), "", "") == set()


def test_the_publishers_are_known_as_they_are_written(filled: Library) -> None:
    """Each once; a document without one adds none."""
    assert filled.sources() == ["Daily", "Weekly", "daily"]
