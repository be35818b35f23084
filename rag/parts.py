"""The models of a pipeline, each loaded when it is first needed: embedding, reading, writing, judging.

Which of them there is follows from the settings; a test or a program may hand in its own.
"""

from collections.abc import Callable
from pathlib import Path
from threading import RLock

from index.types import Embedder
from rag.settings import Settings
from rag.types import LanguageModel, SentenceReader


class Parts:
    """Safe to share between threads."""

    def __init__(
        self,
        settings: Settings,
        embedder: Embedder | None = None,
        reader: SentenceReader | None = None,
        model: LanguageModel | None = None,
    ) -> None:
        self._settings = settings
        self._embedder = embedder
        self._reader = reader
        self._model = model
        self._cross_encoder: Callable[[str, str], float] | None = None
        self._turn = RLock()
        self.writes = bool(model or settings.model)

    def with_model_of(self, settings: Settings) -> "Parts":
        """The same parts but the language model, which is the one that these settings name."""
        return Parts(settings, self.embedder(), self.reader())

    def embedder(self) -> Embedder:
        with self._turn:
            if self._embedder is None:
                self._embedder = _open_embedder(self._settings)
            return self._embedder

    def reader(self) -> SentenceReader:
        with self._turn:
            if self._reader is None:
                from rag.reader import Reader

                self._reader = Reader(self._settings.dtype)
            return self._reader

    def model(self) -> LanguageModel:
        """Only where `writes`. Raises ModelError when it cannot be loaded."""
        with self._turn:
            if self._model is None:
                self._model = open_model(self._settings)
            return self._model

    def closeness(self) -> Callable[[str, str], float]:
        """How probably a text carries a sentence: by the reader, or by the CrossEncoder that the settings name."""
        if self._settings.verifier:
            with self._turn:
                if self._cross_encoder is None:
                    from rag.entail import CrossEncoderCloseness

                    self._cross_encoder = CrossEncoderCloseness(self._settings.verifier)
                return self._cross_encoder
        reader = self.reader()
        return lambda sentence, text: float(reader.read(sentence, [text], [[(0, len(text))]])[0].chances[1])


def _open_embedder(settings: Settings) -> Embedder:
    """Loads torch, and for a model that is not the default one sentence-transformers."""
    from index import minilm

    if settings.embedder == minilm.NAME:
        return minilm.MiniLM(settings.dtype)
    from index.embed import SentenceTransformerEmbedder

    return SentenceTransformerEmbedder(settings.embedder, settings.dtype)


def open_model(settings: Settings) -> LanguageModel:
    """Loads litellm, and for a GGUF file llama.cpp. Raises ModelError and UsageError."""
    from rag.llm import LiteLLMModel, load_keys

    if settings.key_file:
        load_keys(Path(settings.key_file))
    path = model_file(settings)
    if path is None:
        return LiteLLMModel(settings.model, api_base=settings.api_base, window=settings.window)
    from rag.local import serve

    return LiteLLMModel(f"openai/{path.stem}", api_base=serve(path, settings.window), window=settings.window)


def model_file(settings: Settings, progress: Callable[[int, int], None] | None = None) -> Path | None:
    """The GGUF file of `gguf:` and `hf:` names, fetched if it is not here yet; None for other models.

    progress: of fetching, the bytes so far and in all. Raises ModelError and UsageError as `rag.local.fetch`.
    """
    kind, _, rest = settings.model.partition(":")
    if kind == "gguf":
        return Path(rest).expanduser()
    if kind != "hf":
        return None
    from rag.local import fetch
    from rag.models import models_folder

    return fetch(rest, models_folder(), progress)
