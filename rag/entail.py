"""A sentence and a text to the probability that the text carries it, by a CrossEncoder of the user's choice."""

import math
import threading

from sentence_transformers import CrossEncoder
from transformers.utils.logging import disable_progress_bar

from index.errors import ModelError


class CrossEncoderCloseness:
    """model: a folder, or a name it was downloaded under; nothing is fetched. Safe to share between threads.

    One score is taken through the logistic function; of three (natural language inference) that called "entailment" is
    taken. Raises ModelError when it cannot be loaded or scores in another way.
    """

    def __init__(self, model: str) -> None:
        disable_progress_bar()  # type: ignore[no-untyped-call]
        try:
            self._model = CrossEncoder(model, device="cpu", local_files_only=True, trust_remote_code=False)
        except (OSError, ValueError) as error:
            raise ModelError(
                f"cannot load the verifier {model!r}: {str(error).partition(chr(10))[0]}; name a CrossEncoder that "
                "is on this machine, or none"
            ) from error
        labels = {str(name).lower(): int(i) for i, name in (self._model.config.id2label or {}).items()}
        self._entails = labels.get("entailment")
        if self._model.config.num_labels != 1 and self._entails is None:
            raise ModelError(f"the verifier {model!r} has no label 'entailment'; name another")
        self._turn = threading.Lock()

    def __call__(self, sentence: str, text: str) -> float:
        with self._turn:
            scores = self._model.predict([(text, sentence)], convert_to_numpy=True, show_progress_bar=False)[0]
        if self._entails is None:
            return float(scores) if 0 <= float(scores) <= 1 else 1 / (1 + math.exp(-float(scores)))
        exponentials = [math.exp(float(score) - max(map(float, scores))) for score in scores]
        return exponentials[self._entails] / sum(exponentials)
