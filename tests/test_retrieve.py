"""Fusion and retrieval, with numbers worked by hand."""

from collections.abc import Sequence

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
