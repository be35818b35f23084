"""What a benchmark reads and what it gives back. Plain data; nothing is measured here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from eval import measures
from eval.questions import Question
from index.types import Document
from rag import Assistant


@dataclass(frozen=True, slots=True)
class Workload:
    """The documents, the questions about them, and a library that holds exactly these documents."""

    name: str
    documents: tuple[Document, ...]
    questions: tuple[Question, ...]
    assistant: Assistant


@dataclass(frozen=True, slots=True)
class Measurement:
    """One system's figures; the unit stands in each figure's name. samples: the seconds they were made from."""

    system: str
    figures: Mapping[str, float]
    samples: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """One benchmark. ratio: how many times better the first system is than the second, with what that compares.

    notes: what a reader must know to judge the figures.
    """

    name: str
    workload: str
    measurements: tuple[Measurement, ...]
    ratio: float | None = None
    ratio_of: str = ""
    notes: tuple[str, ...] = field(default=())


def timed(system: str, samples: Sequence[float]) -> Measurement:
    """samples: seconds."""
    figures = {f"p{q} ms": (measures.percentile(samples, q) or 0.0) * 1000 for q in (50, 95)}
    return Measurement(system, figures, tuple(samples))
