"""A question and passages to the probability that each sentence holds the answer, and that none does.

The reader is the default embedding model's network, its layers trained further (reader.safetensors, made by
`eval.train_reader`); the word vectors, half of the weights, are the embedding model's own. It reads the question and a
passage together, which the vectors of retrieval cannot: "Why did A leave?" is near to every sentence about A.
"""

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from tokenizers import Encoding
from torch import nn

from index.errors import ModelError
from index.minilm import Network, load_tokenizer
from index.processor import Dtype, prepared
from rag.types import Reading

WEIGHTS = Path(__file__).with_name("reader.safetensors")
MAX_TOKENS = 320  # question and passage together; a passage has at most 256
_WIDTH_STEP = 16  # tokens: a network read in other widths takes up to 45 % longer
_LONGEST = 25  # tokens of an answer
_KEPT = ("words.weight", "positions.weight")


class ReaderNetwork(nn.Module):
    """Tokens to start and end logits. The word and position embeddings stay those of the embedding model."""

    def __init__(self) -> None:
        super().__init__()
        self.base = Network()
        self.head = nn.Linear(self.base.size, 2)

    def forward(self, ids: torch.Tensor, segments: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
        """ids: (b, t); segments: (b, t), one in the passage; present: (b, t), false where padded.

        Returns (b, 2, t): start and end logits; outside the passage and the first token they are very small.
        """
        logits: torch.Tensor = self.head(self.base(ids, segments, present)).transpose(1, 2)
        readable = segments.bool() & present
        readable[:, 0] = True
        return logits.masked_fill(~readable[:, None, :], -1e4)

    def learned(self) -> dict[str, nn.Parameter]:
        """By name, what `eval.train_reader` changes and the weights' file holds."""
        return {name: p for name, p in self.named_parameters() if not name.endswith(_KEPT)}


class Reader:
    """Reads passages for a question. The weights are loaded once; safe to share between threads."""

    def __init__(self, dtype: Dtype = "auto") -> None:
        """dtype: as of `index.minilm.MiniLM`. Raises ModelError when the weights are missing."""
        if not WEIGHTS.is_file():
            raise ModelError(f"the reader's weights {str(WEIGHTS)!r} are missing; install sayso again")
        self._tokenizer = load_tokenizer(MAX_TOKENS)
        network = ReaderNetwork()
        stored = load_file(WEIGHTS)
        missing = set(network.learned()) ^ set(stored)
        if missing:
            raise ModelError(f"{str(WEIGHTS)!r} is not of this version ({min(missing)!r} differs); install sayso again")
        network.load_state_dict(stored, strict=False)
        self._network = prepared(network, dtype)
        self._turn = threading.Lock()  # torch's own threads do the work

    def read(self, question: str, texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]]) -> list[Reading]:
        """One Reading for each text; spans: where its sentences stand in it.

        An answer's probability of beginning in a sentence and of ending in it are averaged.
        """
        if not texts:
            return []
        encoded = self._tokenizer.encode_batch([(question, text) for text in texts])
        # In one call: in groups of like length, with less padding, they take as long.
        width = -(-max(len(row) for row in encoded) // _WIDTH_STEP) * _WIDTH_STEP
        ids, segments = torch.zeros(2, len(encoded), width, dtype=torch.long)
        for i, row in enumerate(encoded):
            ids[i, : len(row)] = torch.tensor(row.ids)
            segments[i, : len(row)] = torch.tensor(row.type_ids)
        with self._turn, torch.inference_mode():
            logits = self._network(ids, segments, ids > 0).float()
        chances = torch.softmax(logits, dim=2).numpy()
        return [_by_sentence(*each) for each in zip(encoded, texts, chances, spans, strict=True)]


def _by_sentence(encoded: Encoding, text: str, chances: np.ndarray, spans: Sequence[tuple[int, int]]) -> Reading:
    """chances: (2, t), that an answer begins and ends at each token, of which a row may have fewer."""
    offsets = np.array(encoded.offsets)
    begins = np.where(np.array(encoded.type_ids) == 1, offsets[:, 0], -1)
    # The last token stands for the end of the text and has no place in it.
    begins[-1] = -1
    found, answers = [float(chances[:, 0].mean())], []
    for start, end in spans:
        own = np.flatnonzero((begins >= start) & (begins < end))
        first, last = chances[0, own], chances[1, own]
        found.append(float(first.sum() + last.sum()) / 2)
        pairs = np.outer(first, last)
        together = np.triu(pairs) - np.triu(pairs, _LONGEST)
        at = np.unravel_index(together.argmax(), together.shape) if len(own) else ()
        answers.append(text[offsets[own[at[0]], 0] : offsets[own[at[1]], 1]] if len(own) else "")
    return Reading(np.array(found), tuple(answers))
