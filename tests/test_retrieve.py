"""Fusion and retrieval, with numbers worked by hand."""

from collections.abc import Iterable, Sequence

import numpy as np
import pytest

from index.types import Passage, PassageRecord, Sentence
from rag.retrieve import min_max_fusion, retrieve


class Shelf:
    """Three passages with fixed scores; what is asked for is remembered."""

    def __init__(self) -> None:
        self.among: list[Sequence[int] | None] = []

    def nearest(self, vector: np.ndarray, k: int, among: Sequence[int] | None) -> dict[int, float]:
        self.among.append(among)
        return {1: 1.0, 2: 0.0}

    def by_words(self, words: Sequence[str], k: int, among: Sequence[int] | None) -> dict[int, float]:
        return {3: 8.0, 1: 4.0}

    def twins(self, passage_ids: Iterable[int]) -> dict[int, int]:
        return {}

    def rarity(self, words: Sequence[str]) -> dict[str, float]:
        return {"any": 3.0, "text": 1.0}

    def records(self, passage_ids: Sequence[int]) -> list[PassageRecord]:
        vectors = {1: (1.0, 0.0), 2: (0.0, 1.0), 3: (0.6, 0.8)}
        return [
            PassageRecord(
                i,
                Passage("d", i, 0, 4),
                "text",
                "title",
                (Sentence("d", i, 0, 4),),
                np.array(vectors[i], np.float32),
                np.array([vectors[i]], np.float32),
            )
            for i in passage_ids
        ]


def test_scores_are_scaled_to_one_before_they_are_added() -> None:
    """[1, 3] becomes [0, 1] and [10, 0] becomes [1, 0]; with weights 1 and 2 that is [2, 1]."""
    fused = min_max_fusion([np.array([1.0, 3.0]), np.array([10.0, 0.0])], [1.0, 2.0])
    assert fused.tolist() == [2.0, 1.0]


def test_a_constant_list_says_nothing_about_order() -> None:
    """Equal scores scale to zeros."""
    assert min_max_fusion([np.array([5.0, 5.0])], [1.0]).tolist() == [0.0, 0.0]


def test_all_signals_count() -> None:
    """Cosines 1, 0, 0.6; words 4, 0, 8: passage 1 has 1 + 0.5 + 1 and passage 3 has 0.6 + 1 + 0.6. Each has the word
    "text" in its sentence, of rarity 1 of 4, for which 1.5 / 4 is added."""
    found = retrieve(Shelf(), np.array([1.0, 0.0], np.float32), ["any"], str.split, k=3)
    assert [(c.record.passage_id, round(c.score, 3)) for c in found] == [(1, 2.875), (3, 2.575), (2, 0.375)]
    assert (found[1].words, round(found[1].dense, 2)) == (8.0, 0.6)


def test_a_passage_found_by_words_alone_gets_its_true_cosine() -> None:
    """Passage 3 is not among the nearest, yet its cosine is that of its stored vector."""
    found = retrieve(Shelf(), np.array([0.0, 1.0], np.float32), ["any"], str.split, k=3)
    assert next(c.dense for c in found if c.record.passage_id == 3) == pytest.approx(0.8)


def test_only_allowed_passages_are_asked_for() -> None:
    """The filter goes to the index, so that k allowed passages are found."""
    shelf = Shelf()
    retrieve(shelf, np.array([1.0, 0.0], np.float32), ["any"], str.split, k=1, among=[1, 2])
    assert shelf.among == [[1, 2]]


class Flood:
    """Passages 1 to 1000 say nearly the same, 1001 to 1060 are apart and less near; all have the same words."""

    def __init__(self, copies: range, others: range) -> None:
        self.copies, self.others = copies, others
        self.fetched = 0

    def nearest(self, vector: np.ndarray, k: int, among: Sequence[int] | None) -> dict[int, float]:
        found = [*((i, 1.0 - i * 1e-5) for i in self.copies), *((i, 0.5 - i * 1e-5) for i in self.others)]
        return dict(found[:k])

    def by_words(self, words: Sequence[str], k: int, among: Sequence[int] | None) -> dict[int, float]:
        return {7: 9.0} if 7 in self.copies else {}

    def twins(self, passage_ids: Iterable[int]) -> dict[int, int]:
        return {i: 1 for i in passage_ids if i in self.copies and i != 1}

    def rarity(self, words: Sequence[str]) -> dict[str, float]:
        return {}

    def records(self, passage_ids: Sequence[int]) -> list[PassageRecord]:
        self.fetched += len(passage_ids)
        cosines = self.nearest(np.zeros(2), 5000, None)
        vectors = {i: np.array([cosines[i], 0.0], np.float32) for i in passage_ids}
        return [
            PassageRecord(
                i, Passage("d", i, 0, 4), "text", "", (Sentence("d", i, 0, 4),), vectors[i], vectors[i][None, :]
            )
            for i in passage_ids
        ]


QUESTION = np.array([1.0, 0.0], np.float32)


def found(shelf: Flood, k: int) -> list[int]:
    return [c.record.passage_id for c in retrieve(shelf, QUESTION, ["any"], str.split, k=k)]


def test_a_thousand_near_copies_take_one_place() -> None:
    """Of them the one that has the question's word too; then the ten nearest others."""
    shelf = Flood(range(1, 1001), range(1001, 1061))
    assert found(shelf, 11) == [7, *range(1001, 1011)]
    assert shelf.fetched <= 51  # the texts of the copies that take no place are not read


def test_near_copies_are_still_found_when_nothing_else_is_left() -> None:
    """Only copies, or two others beside them: what there is, each place once."""
    assert found(Flood(range(1, 1001), range(0)), 10) == [7]
    assert found(Flood(range(1, 101), range(1001, 1003)), 10) == [7, 1001, 1002]


def test_a_near_copy_stands_for_the_others_when_the_first_is_left_out() -> None:
    """As when a filter lets only some of them pass: the mark that they share need not be of one that is there."""
    assert found(Flood(range(2, 5), range(1001, 1002)), 10) == [2, 1001]
