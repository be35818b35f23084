"""Near copies: which documents say nearly the same, and which of their passages share one place among the results.

The owner of datasketch. Knows nothing of files, libraries or questions.
"""

import re
import zlib
from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from datasketch import MinHash

_HASHES = 128  # the estimate's standard error is then 0.04 at a similarity of 0.7
_SHINGLE = 3  # words in a row: one changed word changes three of them
_NEAR = 0.7  # of the shingles in common: 30 words with one or two changed, 200 words with ten
_SAME = 0.8  # of a passage's words in common: it says nearly the same as the other
_AT_ONCE = 512  # shingles hashed together, so that the work stays in the processor's cache
_WORD = re.compile(r"\w+")


def signature(text: str) -> bytes:
    """128 bytes, of which two texts have about that share in common that their three-word shingles have (Jaccard).

    The lowest byte of each of 128 MinHash values. Source: Li & König, "b-Bit Minwise Hashing", WWW 2010.
    """
    words = _WORD.findall(text.casefold())
    runs = zip(*(words[i:] for i in range(_SHINGLE)), strict=False) if len(words) > _SHINGLE else [words]
    shingles = list({" ".join(run).encode("utf-8", "surrogatepass") for run in runs})
    made = _empty().copy()
    for start in range(0, len(shingles), _AT_ONCE):
        made.update_batch(shingles[start : start + _AT_ONCE])
    return bytes(made.hashvalues.astype(np.uint8).tobytes())


@cache
def _empty() -> "MinHash":
    """Of no text. A copy of it has its permutations, which take longer to draw than a short text to hash."""
    from datasketch import MinHash  # a second to import, and only needed for what is new

    return MinHash(num_perm=_HASHES, seed=1, hashfunc=zlib.crc32, scheme="affine32")


class Groups:
    """Documents by what they are near copies of. known: (label, signature) of each document, oldest first."""

    def __init__(self, known: Iterable[tuple[str, bytes]]) -> None:
        rows = list(known)
        self._labels = [label for label, _ in rows]
        self._signatures = _matrix(b"".join(made for _, made in rows))

    def join(self, doc_id: str, made: bytes) -> str:
        """The label of the document most like this one, "" when none is near; it is then known by its own id."""
        alike = np.count_nonzero(self._signatures == _matrix(made), axis=1)
        nearest = int(alike.argmax()) if len(alike) else 0
        label = self._labels[nearest] if len(alike) and alike[nearest] >= _NEAR * _HASHES else ""
        self._labels.append(label or doc_id)
        self._signatures = np.concatenate([self._signatures, _matrix(made)])
        return label


def twins(passages: Mapping[int, str], others: Mapping[int, str]) -> dict[int, int]:
    """For each passage that says nearly the same as one of the others, the most like it. Both: id -> text."""
    known = {i: frozenset(_WORD.findall(text.casefold())) for i, text in others.items()}
    found = {}
    for passage_id, text in passages.items():
        words = frozenset(_WORD.findall(text.casefold()))
        best = max(known, key=lambda i: _jaccard(words, known[i]), default=None)
        if best is not None and _jaccard(words, known[best]) >= _SAME:
            found[passage_id] = best
    return found


def _matrix(signatures: bytes) -> np.ndarray:
    return np.frombuffer(signatures, dtype=np.uint8).reshape(-1, _HASHES)


def _jaccard(a: frozenset[str], b: frozenset[str]) -> float:
    return len(a & b) / (len(a | b) or 1)
