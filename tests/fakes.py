"""Small real implementations of the ports, for tests that are about something else."""

import hashlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from index.chunk import RECIPE
from index.lexical import analyse
from index.types import IndexSpec, PassageInput, PassageVectors
from rag.types import Message, Usage


class WordHashEmbedder:
    """A bag of hashed word stems: texts with the same words are near, and nothing is loaded."""

    def __init__(self, model: str = "word-hash", dimension: int = 256, window: int = 256) -> None:
        self._spec = IndexSpec(model, hashlib.sha256(model.encode()).hexdigest(), dimension, window, RECIPE)
        self.passages_encoded = 0

    @property
    def spec(self) -> IndexSpec:
        return self._spec

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(analyse(text)) for text in texts]

    def encode_passages(self, passages: Sequence[PassageInput]) -> list[PassageVectors]:
        self.passages_encoded += len(passages)
        return [
            PassageVectors(
                self._vector(p.text),
                np.stack([self._vector(p.text[s:e]) for s, e in p.spans]),
            )
            for p in passages
        ]

    def encode_query(self, text: str) -> np.ndarray:
        return self._vector(text)

    def _vector(self, text: str) -> np.ndarray:
        vector = np.zeros(self._spec.dimension, dtype=np.float32)
        for word in analyse(text):
            vector[int(hashlib.sha256(word.encode()).hexdigest(), 16) % self._spec.dimension] += 1
        return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-12), dtype=np.float32)


class ScriptedModel:
    """
    A language model that writes what a function of its messages says, word by word, pause_s before each; the last one
    when held is set.
    """

    name = "scripted"
    window = 4096

    def __init__(
        self, script: Callable[[Sequence[Message]], str], pause_s: float = 0.0, held: threading.Event | None = None
    ) -> None:
        self._script = script
        self._pause_s = pause_s
        self._held = held
        self.asked = 0
        self.closed = False

    def count_tokens(self, text: str) -> int:
        return len(text) // 3

    def write(self, messages: Sequence[Message], *, max_tokens: int, deadline: float) -> Iterator[str | Usage]:
        self.asked += 1
        words = self._script(messages).split(" ")
        try:
            for n, word in enumerate(words, 1):
                time.sleep(self._pause_s)
                if self._held is not None and n == len(words):
                    self._held.wait(60)
                yield word + " "
            yield Usage(100, len(words))
        finally:
            self.closed = True
