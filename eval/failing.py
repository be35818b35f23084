"""What the fault benchmark writes into libraries, and what its child processes do until they are killed."""

import hashlib
import os
import random
import signal
import time
from collections.abc import Sequence
from contextlib import closing
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from index import durable, sync
from index.lexical import analyse
from index.library import Library
from index.load import document_id
from index.types import Document, IndexSpec, PassageInput, PassageVectors

_DIMENSION = 64
WORDS = (
    *("harbour", "storm", "wall", "mayor", "bees", "valley", "winter", "train"),
    *("ticket", "crown", "mill", "river", "bridge", "bread", "spring", "dawn"),
)


class HashEmbedder:
    """A text is the sum of a fixed random vector for each of its words: nothing to load, and the same everywhere."""

    def __init__(self, model: str = "hash", dimension: int = _DIMENSION) -> None:
        self.spec = IndexSpec(model, hashlib.sha256(model.encode()).hexdigest(), dimension, 256, "bench")
        self.embedded = 0

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    def encode_passages(self, passages: Sequence[PassageInput]) -> list[PassageVectors]:
        self.embedded += len(passages)
        return [
            PassageVectors(self.encode_query(p.text), np.stack([self.encode_query(p.text[s:e]) for s, e in p.spans]))
            for p in passages
        ]

    def encode_query(self, text: str) -> np.ndarray:
        seeds = [int.from_bytes(hashlib.sha256(word.encode()).digest()[:4], "big") for word in analyse(text)] or [0]
        vector = np.sum([np.random.default_rng(s).standard_normal(self.spec.dimension) for s in seeds], axis=0)
        return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)


def text_of(number: int) -> str:
    """A text of its own for each number."""
    draw = random.Random(number)  # noqa: S311  # the same texts each time, nothing secret
    sentences = [f"{' '.join(draw.choices(WORDS, k=9)).capitalize()}." for _ in range(4)]
    return f"Report {number} of the {draw.choice(WORDS)}. " + " ".join(sentences)


def document(number: int) -> Document:
    return Document(document_id(text_of(number)), f"Report {number}", text_of(number))


def ingest(tells: Connection, folder: Path, first: int, count: int) -> None:
    """Add documents one by one and tell each that is acknowledged; None at the start."""
    with closing(Library.open(folder)) as library:
        tells.send(None)
        for number in range(first, first + count):
            sync.add(library, HashEmbedder, [document(number)])
            tells.send(number)


def hold(tells: Connection, folder: Path) -> None:
    """Hold the right to write, tell it, and wait until killed."""
    with closing(Library.open(folder)) as library, library.writer():
        tells.send(None)
        time.sleep(600)


def die_at(_tells: Connection, folder: Path, number: int, at: int) -> None:
    """Add a document and die before the at-th durable step; exit status 0 when there are not so many."""

    def step(_name: str) -> None:
        nonlocal at
        if at == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        at -= 1

    with closing(Library.open(folder)) as library:
        durable.step = step
        sync.add(library, HashEmbedder, [document(number)])
