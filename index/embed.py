"""Text to unit vectors: the owner of sentence-transformers.

One forward pass gives two granularities: a passage's vector is the model's own pooling, a sentence's is the mean of
the passage's token vectors that fall inside it, so each sentence is read in its context and costs nothing more.
(Late pooling: Günther et al., "Late Chunking", arXiv:2409.04701.) Knows nothing of files or libraries.
"""

import hashlib
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from transformers.utils.logging import disable_progress_bar

from index import minilm
from index.chunk import RECIPE
from index.errors import ModelError
from index.processor import Dtype, prepared, processor_dtype
from index.types import IndexSpec, PassageInput, PassageVectors

_BATCH = 32
_WIDTH_STEP = 16  # odd widths take up to 15 % longer: attention goes by whole vectors of the processor


class SentenceTransformerEmbedder:
    """Any sentence-transformers model on this machine, by path or by the name it was downloaded under. Nothing is
    fetched.

    dtype "auto" is bfloat16 where the processor multiplies it in hardware, float32 elsewhere.
    Raises ModelError when the model cannot be loaded.
    """

    def __init__(self, model: str, dtype: Dtype = "auto") -> None:
        self.dtype = processor_dtype() if dtype == "auto" else dtype
        disable_progress_bar()  # type: ignore[no-untyped-call]  # of loading 90 MB of weights
        try:
            loaded = SentenceTransformer(
                model,
                device="cpu",
                model_kwargs={"dtype": self.dtype},
                trust_remote_code=False,
                local_files_only=True,  # a mistyped name would otherwise be asked of the network, for minutes
            )
        except (OSError, ValueError) as error:
            raise ModelError(
                f"cannot load the embedding model {model!r}: {str(error).partition(chr(10))[0]}; "
                f"name a folder or a model that is on this machine, or use {minilm.NAME!r}"
            ) from error
        self._model = prepared(loaded, self.dtype)
        self._tokenizer: Any = self._model.tokenizer
        self._mean_pooled = _pools_by_mean(self._model)
        self._prompts: dict[str, str] = {k: v for k, v in (self._model.prompts or {}).items() if v}
        # torch's own threads do the work; two callers at once would only take turns at the same cores.
        self._lock = threading.Lock()
        self._spec = IndexSpec(
            model=model,
            fingerprint=_fingerprint(model),
            dimension=int(self._model.get_embedding_dimension() or 0),
            window=int(self._model.max_seq_length or 512),
            recipe=RECIPE,
        )

    @property
    def spec(self) -> IndexSpec:
        return self._spec

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        if not texts:
            return []
        encoded = self._tokenizer(list(texts), add_special_tokens=False, truncation=False, verbose=False)
        return [len(ids) for ids in encoded["input_ids"]]

    def encode_passages(self, passages: Sequence[PassageInput]) -> list[PassageVectors]:
        """Batches of 32 by length, so that little is padded. Sentence vectors of models that do not pool by mean
        are encoded on their own: the mean of their token vectors means nothing."""
        prompt = self._prompts.get("document", self._prompts.get("passage", ""))
        order = sorted(range(len(passages)), key=lambda i: len(passages[i].text), reverse=True)
        vectors: dict[int, PassageVectors] = {}
        for at in range(0, len(order), _BATCH):
            batch = order[at : at + _BATCH]
            prefixes = [prompt + (f"{passages[i].context}. " if passages[i].context else "") for i in batch]
            whole, tokens, offsets = self._forward([p + passages[i].text for p, i in zip(prefixes, batch, strict=True)])
            for row, i in enumerate(batch):
                if self._mean_pooled:
                    spans = [(s + len(prefixes[row]), e + len(prefixes[row])) for s, e in passages[i].spans]
                    sentences = _span_means(tokens[row], offsets[row], spans)
                else:
                    sentences = self._forward([prompt + passages[i].text[s:e] for s, e in passages[i].spans])[0]
                vectors[i] = PassageVectors(_unit(whole[row]), _unit(sentences))
        return [vectors[i] for i in range(len(passages))]

    def encode_query(self, text: str) -> np.ndarray:
        vector: np.ndarray = _unit(self._forward([self._prompts.get("query", "") + text])[0][0])
        return vector

    def _forward(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(n, d) pooled vectors, (n, t, d) token vectors, (n, t, 2) character offsets; (0, 0) where padded."""
        encoded = self._tokenizer(
            list(texts),
            padding=True,
            pad_to_multiple_of=_WIDTH_STEP,
            truncation=True,  # only a question can be longer than the window; passages are packed to fit
            max_length=self._spec.window,
            return_offsets_mapping=True,
        )
        # Tensors made here: the tokenizer would look at each offset by itself, for a tenth of the time in all.
        offsets = np.array(encoded.pop("offset_mapping"))
        features = {name: torch.tensor(values) for name, values in encoded.items()}
        with self._lock, torch.inference_mode():
            out = self._model.forward(features)
        return out["sentence_embedding"].float().numpy(), out["token_embeddings"].float().numpy(), offsets


def _span_means(tokens: np.ndarray, offsets: np.ndarray, spans: Sequence[tuple[int, int]]) -> np.ndarray:
    """tokens: (t, d); offsets: (t, 2). Returns (len(spans), d): the mean of the tokens that begin inside each span."""
    starts, ends = offsets[:, 0], offsets[:, 1]
    real = ends > starts  # special and padding tokens have the empty offset (0, 0)
    means = np.zeros((len(spans), tokens.shape[1]), dtype=np.float32)
    for row, (start, end) in enumerate(spans):
        inside = real & (starts >= start) & (starts < end)
        if inside.any():
            means[row] = tokens[inside].mean(axis=0)
    return means


def _unit(vectors: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(norms, 1e-12), dtype=np.float32)


def _pools_by_mean(model: SentenceTransformer) -> bool:
    return any(getattr(module, "pooling_mode", None) in ("mean", ("mean",)) for module in model)


def _fingerprint(model: str) -> str:
    """The sha256 of the weights; of the name, for a model from a hub."""
    weights = Path(model) / "model.safetensors"
    if not weights.is_file():
        return hashlib.sha256(model.encode()).hexdigest()
    with weights.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
