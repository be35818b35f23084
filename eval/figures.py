"""Outcomes to figures with their intervals: the one list of what is measured, and how two runs differ.

Every figure is made of two values a question and is a function of weights, so that the same resampling of questions
gives every interval (`eval.measures.bootstrap_weights`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from eval import measures
from eval.judge import Outcome, is_right
from eval.pairs import PairOutcome

SAMPLES = 1000
_FEW = 5
Judged = Outcome | PairOutcome


@dataclass(frozen=True, slots=True)
class Figure:
    """value: None where nothing counts for it. low, high: the 95 % bootstrap interval. n: questions that count."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0


@dataclass(frozen=True, slots=True)
class Measure:
    """One thing that is measured. words: what it is, for a table. better: 1 when more is better, -1 when less is.

    of: two values of one question or pair, None when it does not count. statistic: the first and the second values and
    weights -> the figure, (n,), (n,), (b, n) -> (b,); by default what was gained over what was counted. unit: of the
    figure, "" for a share from 0 to 1. source: where the definition comes from.
    """

    name: str
    words: str
    better: int
    of: Callable[[Judged], tuple[float, float] | None]
    statistic: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray] = measures.ratio
    unit: str = ""
    source: str = ""

    def over(self, judged: Sequence[Judged]) -> tuple[Callable[[np.ndarray], np.ndarray], int]:
        """The figure as a function of weights, (b, len(judged)) -> (b,), and how many count for it."""
        rows = [self.of(one) for one in judged]
        kept = [i for i, row in enumerate(rows) if row is not None]
        first, second = np.array([row for row in rows if row is not None]).reshape(-1, 2).T
        return lambda weights: self.statistic(first, second, weights[:, kept]), len(kept)


Of = Callable[[Outcome], bool | float | None]


def _each(of: Of) -> Callable[[Judged], tuple[float, float] | None]:
    """of: a judgement or a share, None when the question does not count."""

    def row(judged: Judged) -> tuple[float, float] | None:
        value = of(judged) if isinstance(judged, Outcome) else None
        return None if value is None else (float(value), 1.0)

    return row


def _both(of: Of, other: Of, *, counted: bool = False) -> Callable[[Judged], tuple[float, float] | None]:
    """Of questions that have both values. counted: and of whose second value is not 0."""

    def row(judged: Judged) -> tuple[float, float] | None:
        if not isinstance(judged, Outcome):
            return None
        first, second = of(judged), other(judged)
        return None if first is None or second is None or (counted and not second) else (float(first), float(second))

    return row


def _pairs(supported: bool) -> Callable[[Judged], tuple[float, float] | None]:
    def row(judged: Judged) -> tuple[float, float] | None:
        if not isinstance(judged, PairOutcome) or judged.supported != supported:
            return None
        return float(judged.passed == supported), 1.0

    return row


def _percentile(q: float) -> Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]:
    return lambda values, _, weights: measures.weighted_percentile(values, q, weights)


def _auroc(scores: np.ndarray, positive: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return measures.area_under_curve(scores, positive.astype(bool), weights)


def _within(rank: int) -> Of:
    return lambda o: (o.rank is not None and o.rank <= rank) if o.ranked else None


def _if_answerable(of: Of) -> Of:
    return lambda o: of(o) if o.answerable and o.status else None


def _silent(outcome: Outcome) -> bool:
    return outcome.status == "abstained"


def _near_miss(outcome: Outcome) -> bool:
    return bool(outcome.status) and not outcome.answerable and not outcome.premise


def _probability(outcome: Outcome) -> float | None:
    return outcome.probability


def _ms(outcome: Outcome) -> float | None:
    return None if outcome.seconds is None else outcome.seconds * 1000


_ALCE = "citation recall and precision of Gao et al., EMNLP 2023, where the supporting text is known"
_ABSTAINING = "Wen et al., “Know Your Limits: A Survey of Abstention in Large Language Models”, TACL 2025"
_SQUAD = "Mallen et al., ACL 2023, with the normalisation of SQuAD"
_DPR = "top-k accuracy of Karpukhin et al., EMNLP 2020"
_QUANTILE = "definition 1 of Hyndman & Fan, The American Statistician 1996"
_OWN = "own definition, see eval/judge.py"

_ALL = (
    Measure("recall_at_1", "evidence passage first", 1, _each(_within(1)), source=_DPR),
    Measure("recall_at_4", "evidence passage among the first 4", 1, _each(_within(4)), source=_DPR),
    Measure("recall_at_10", "evidence passage among the first 10", 1, _each(_within(10)), source=_DPR),
    Measure(
        "mrr",
        "MRR of the evidence passage",
        1,
        _each(lambda o: (1 / o.rank if o.rank else 0.0) if o.ranked else None),
        source="Voorhees, TREC 1999",
    ),
    Measure(
        "ndcg_at_10",
        "nDCG@10 of the documents",
        1,
        _each(lambda o: o.ndcg),
        source="Järvelin & Kekäläinen, TOIS 2002, by ir-measures",
    ),
    Measure("read", "evidence in a passage that was read", 1, _each(_if_answerable(lambda o: o.read)), source=_OWN),
    Measure("evidence", "any evidence quoted", 1, _each(_if_answerable(lambda o: o.evidence)), source=_ALCE),
    Measure("evidence_all", "all evidence quoted", 1, _each(_if_answerable(lambda o: o.evidence_all)), source=_ALCE),
    Measure("first", "first citation is evidence", 1, _each(_if_answerable(lambda o: o.first)), source=_ALCE),
    Measure(
        "citations_right",
        "citations that are evidence",
        1,
        _both(_if_answerable(lambda o: o.citations_right), lambda o: o.citations, counted=True),
        source=_ALCE,
    ),
    Measure("accepted", "accepted answer in text or quotes", 1, _each(lambda o: o.accepted), source=_OWN),
    Measure(
        "first_accepted", "first quote contains an accepted answer", 1, _each(lambda o: o.first_accepted), source=_SQUAD
    ),
    Measure("any_accepted", "any quote contains one", 1, _each(lambda o: o.any_accepted), source=_SQUAD),
    Measure("docs_cited", "documents with evidence quoted", 1, _each(lambda o: o.docs_cited), source=_OWN),
    Measure(
        "both_sides",
        "both sides of a comparison",
        1,
        _each(lambda o: o.evidence_all if o.kind == "compare" else None),
        source=_OWN,
    ),
    Measure("sides", "sides of a disagreement with who holds them", 1, _each(lambda o: o.sides), source=_OWN),
    Measure("list", "share of a list", 1, _each(lambda o: o.share if o.kind == "list" else None), source=_OWN),
    Measure("yes_or_no", "yes or no, with evidence and not contrary", 1, _each(lambda o: o.yes_or_no), source=_OWN),
    Measure("current", "latest statement before older ones", 1, _each(lambda o: o.current), source=_OWN),
    Measure("in_order", "all events, in their order", 1, _each(lambda o: o.in_order), source=_OWN),
    Measure(
        "near_misses",
        "near misses abstained from",
        1,
        _each(lambda o: _silent(o) if _near_miss(o) else None),
        source=_ABSTAINING,
    ),
    Measure(
        "premises",
        "false premises met with silence or correction",
        1,
        _each(lambda o: (_silent(o) or bool(o.evidence)) if o.premise and o.status else None),
        source=_OWN,
    ),
    Measure(
        "abstained_rightly",
        "abstention recall",
        1,
        _each(lambda o: _silent(o) if o.status and not o.answerable else None),
        source=_ABSTAINING,
    ),
    Measure("abstained_wrongly", "abstained from wrongly", -1, _each(_if_answerable(_silent)), source=_ABSTAINING),
    Measure(
        "abstention_precision",
        "abstention precision",
        1,
        _each(lambda o: not o.answerable if _silent(o) else None),
        source=_ABSTAINING,
    ),
    Measure(
        "answerable_auroc",
        "answerable from not, AUROC",
        1,
        _both(_probability, lambda o: o.answerable),
        _auroc,
        source="Hanley & McNeil, Radiology 1982",
    ),
    Measure(
        "calibration_error",
        "calibration error of the probability",
        -1,
        _both(_probability, lambda o: o.right),
        measures.calibration_error,
        source="Guo et al., ICML 2017",
    ),
    Measure(
        "answered",
        "answered by the model",
        1,
        _each(_if_answerable(lambda o: o.sentences > 0 if o.written else None)),
        source=_OWN,
    ),
    Measure(
        "sentences_kept",
        "sentences shown, of those the model wrote",
        1,
        _both(
            lambda o: o.sentences if o.written else None,
            lambda o: o.sentences + o.refused,
            counted=True,
        ),
        source=_OWN,
    ),
    Measure(
        "carried",
        "shown sentences whose numbers, names, negations are quoted",
        1,
        _each(lambda o: o.carried),
        source="rag/verify.py",
    ),
    Measure("ask_p50_ms", "ask() p50", -1, _each(_ms), _percentile(50), "ms", _QUANTILE),
    Measure("ask_p95_ms", "ask() p95", -1, _each(_ms), _percentile(95), "ms", _QUANTILE),
    Measure("tokens_p50", "tokens p50", -1, _each(lambda o: o.tokens), _percentile(50), "tokens", _QUANTILE),
    Measure("pairs_refused", "unsupported sentences refused", 1, _pairs(supported=False), source=_OWN),
    Measure("pairs_passed", "supported sentences passed", 1, _pairs(supported=True), source=_OWN),
)
MEASURES: Mapping[str, Measure] = {measure.name: measure for measure in _ALL}
# What depends on the machine, not on the answers.
TIMES = ("ask_p50_ms", "ask_p95_ms")


def judged_right(judged: Judged) -> bool:
    """Whether a question is answered rightly (`eval.judge.is_right`), or the verifier is right about a pair."""
    return judged.passed == judged.supported if isinstance(judged, PairOutcome) else is_right(judged)


def figures(judged: Sequence[Judged], samples: int = SAMPLES) -> dict[str, Figure]:
    """Every measure that some outcome counts for, by name, in the order of `MEASURES`."""
    weights = measures.bootstrap_weights(len(judged), samples) if samples else np.zeros((0, len(judged)))
    found: dict[str, Figure] = {}
    for name, measure in MEASURES.items():
        of, n = measure.over(judged)
        if n:
            value = float(of(measures.unit_weights(len(judged)))[0])
            low, high = (measures.interval(of(weights)) if samples else None) or (None, None)
            found[name] = Figure(None if np.isnan(value) else value, low, high, n)
    return found


def group_figures(
    of: Callable[[Judged], str], *judged: Iterable[Judged], samples: int = SAMPLES
) -> dict[str, dict[str, Figure]]:
    """The figures of each group, in the order in which the groups first come. judged: questions, and pairs beside."""
    found: dict[str, dict[str, Figure]] = {}
    for some in judged:
        groups: dict[str, list[Judged]] = {}
        for one in some:
            groups.setdefault(of(one), []).append(one)
        for name, members in groups.items():
            found[name] = found.get(name, {}) | figures(members, samples)
    return found


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure in an old and a new run over the same questions. low, high: the paired 95 % interval of new - old."""

    name: str
    old: float
    new: float
    low: float
    high: float
    n: int

    @property
    def is_clear(self) -> bool:
        """Whether the interval excludes zero. Of fewer than five questions it says too little to be clear."""
        return self.n >= _FEW and (self.low > 0 or self.high < 0)

    @property
    def is_worse(self) -> bool:
        return self.is_clear and (self.new - self.old) * MEASURES[self.name].better < 0


def differences(old: Sequence[Judged], new: Sequence[Judged], samples: int = SAMPLES) -> list[Difference]:
    """Of outcomes of the same questions in the same order: each figure that both runs have."""
    weights = measures.bootstrap_weights(len(new), samples)
    every = measures.unit_weights(len(new))
    rows = []
    for name, measure in MEASURES.items():
        (before, n_before), (after, n) = measure.over(old), measure.over(new)
        if not (n_before and n):
            continue
        first, second = float(before(every)[0]), float(after(every)[0])
        spread = measures.interval(after(weights) - before(weights))
        if spread and not np.isnan(first + second):
            rows.append(Difference(name, first, second, *spread, n))
    return rows
