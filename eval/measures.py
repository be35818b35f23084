"""Judgements to figures. Pure functions; every one names where its definition comes from.

The first half judges one question; the second makes one number of many judgements. A number over many is a function of
weights, (b, n) for b samples of n questions: ones give the figure itself, resampled ones its interval. A figure of
nothing is nan or None, never 0: a set without unanswerable questions has no abstention recall.

Nothing here knows of assistants, files or passages.
"""

import re
import string
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from math import ceil, floor

import numpy as np

# ASCII symbols as SQuAD's script strips them, and every character that Unicode calls punctuation (“ ” ’ – …):
# the script predates texts with typographic quotes.
_ASCII_PUNCTUATION = frozenset(string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_WORD = re.compile(r"[^\W_]+")
_PART_WORDS, _PART = 4, 0.6  # of evidence that a quote is only a part of
_BINS = 10
_CURVE_POINTS = 200

# -- one question ------------------------------------------------------------------------------------------------------


def plain(text: str) -> str:
    """Words in lower case, one space between them: mark-up, punctuation and line breaks do not count."""
    return " ".join(_WORD.findall(text.lower()))


def holds(text: str, piece: str) -> bool:
    """Whether a piece stands in a text, as whole words. Both as `plain` makes them. An empty piece never does."""
    return bool(piece) and f" {piece} " in f" {text} "


def is_evidence(quote: str, piece: str) -> bool:
    """Whether a quote holds a piece of evidence, or is a good part of it: at least 0.6 of its words, and four.

    Source: own definition, for the citation precision and recall of Gao et al., "Enabling Large Language Models to
    Generate Text with Citations", EMNLP 2023, where the supporting text is known.
    """
    quote, piece = plain(quote), plain(piece)
    least = max(_PART_WORDS, _PART * len(piece.split()))
    return holds(quote, piece) or (len(quote.split()) >= least and holds(piece, quote))


def normalise_answer(text: str) -> str:
    """Lower case, no punctuation, no articles, single spaces.

    Source: the evaluation script of Rajpurkar et al., "SQuAD: 100,000+ Questions for Machine Comprehension of Text",
    EMNLP 2016; here all of Unicode's punctuation goes, not ASCII's alone.
    """
    kept = "".join(character for character in text.lower() if not _is_punctuation(character))
    return " ".join(_ARTICLES.sub(" ", kept).split())


def contains_answer(text: str, answers: Iterable[str]) -> bool:
    """Whether one of the accepted answers stands in the text, both normalised. An answer of articles only never does.

    Source: the "accuracy" of Mallen et al., "When Not to Trust Language Models", ACL 2023 (a prediction is right when
    an accepted answer is a substring of it), with SQuAD's normalisation.
    """
    inside = normalise_answer(text)
    return any(answer in inside for answer in map(normalise_answer, answers) if answer)


def ndcg_at_10(relevant: Mapping[str, Iterable[str]], rankings: Mapping[str, Sequence[str]]) -> dict[str, float]:
    """Per question the normalised discounted cumulative gain of the first ten documents, gains 0 or 1.

    relevant: question id -> the ids of its relevant documents. rankings: question id -> distinct ids, best first;
    a question without a ranking scores 0.
    Source: Järvelin & Kekäläinen, "Cumulated Gain-Based Evaluation of IR Techniques", TOIS 2002, as computed by
    ir-measures (MacAvaney et al., ECIR 2022), the measure of BEIR's tables. This function is its only owner.
    """
    from ir_measures import iter_calc, nDCG  # imported late: only an evaluation needs it

    qrels = {question: dict.fromkeys(documents, 1) for question, documents in relevant.items()}
    # trec_eval reorders ties by id, so scores are made from the ranks.
    run = {
        question: {document: float(len(ranking) - at) for at, document in enumerate(ranking)}
        for question, ranking in rankings.items()
    }
    return {found.query_id: float(found.value) for found in iter_calc([nDCG @ 10], qrels, run)}


# -- many questions ----------------------------------------------------------------------------------------------------


def unit_weights(n: int) -> np.ndarray:
    """(1, n): every question counts once."""
    return np.ones((1, n))


def bootstrap_weights(n: int, samples: int, seed: int = 7) -> np.ndarray:
    """(samples, n): how often each question is drawn in each sample of n with replacement.

    Source: Efron & Tibshirani, "An Introduction to the Bootstrap", 1993. The same seed draws the same questions, so
    that two runs over the same questions are compared in pairs (Koehn, "Statistical Significance Tests for Machine
    Translation Evaluation", EMNLP 2004).
    """
    draws = np.random.default_rng(seed).integers(n, size=(samples, n))
    weights = np.zeros((samples, n))
    np.add.at(weights, (np.arange(samples)[:, None], draws), 1)
    return weights


def interval(values: np.ndarray) -> tuple[float, float] | None:
    """The 95 % percentile interval of a figure's values over resamples (Efron & Tibshirani, chapter 13).

    None where fewer than half of the samples have a value.
    """
    known = values[~np.isnan(values)]
    if 2 * len(known) < max(1, len(values)):
        return None
    low, high = np.quantile(known, (0.025, 0.975))
    return float(low), float(high)


def ratio(gained: np.ndarray, counted: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """What was gained over what was counted: a mean where each question counts 0 or 1. (n,), (n,), (b, n) -> (b,)."""
    with np.errstate(invalid="ignore"):
        return np.asarray((weights @ gained) / (weights @ counted))


def area_under_curve(scores: np.ndarray, positive: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """How often a positive has a higher score than a negative, a tie counting half. (n,), (n,), (b, n) -> (b,).

    Source: Hanley & McNeil, "The Meaning and Use of the Area under a Receiver Operating Characteristic Curve",
    Radiology 1982.
    """
    if not len(scores):
        return np.full(len(weights), np.nan)
    order = np.argsort(scores, kind="stable")
    ties = np.flatnonzero(np.diff(scores[order], prepend=-np.inf))  # where each distinct score begins
    won = np.add.reduceat(weights[:, order] * positive[order], ties, axis=1)
    lost = np.add.reduceat(weights[:, order] * ~positive[order], ties, axis=1)
    below = np.cumsum(lost, axis=1) - lost / 2
    with np.errstate(invalid="ignore"):
        return np.asarray((won * below).sum(axis=1) / (won.sum(axis=1) * lost.sum(axis=1)))


def calibration_error(probabilities: np.ndarray, right: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """How far probabilities and shares of right ones lie apart, over ten bins. (n,), (n,), (b, n) -> (b,).

    Source: expected calibration error of Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.
    """
    member = _bins(probabilities)
    gaps = np.abs(weights @ (member * (probabilities - right)[:, None])).sum(axis=1)
    with np.errstate(invalid="ignore"):
        return np.asarray(gaps / weights.sum(axis=1))


def reliability(probabilities: np.ndarray, right: np.ndarray) -> list[tuple[float, float, int]]:
    """Of each bin that holds some: the mean probability, the share that is right, and how many. Bins as above."""
    rows = []
    for inside in _bins(probabilities).T.astype(bool):
        if inside.any():
            rows.append((float(probabilities[inside].mean()), float(right[inside].mean()), int(inside.sum())))
    return rows


def error_by_coverage(probabilities: np.ndarray, right: np.ndarray) -> list[tuple[float, float, float]]:
    """(coverage, error, threshold) as the threshold falls: of those at or above it the share that is wrong.

    Source: the risk-coverage curve of El-Yaniv & Wiener, "On the Foundations of Noise-free Selective Classification",
    JMLR 2010.
    """
    order = np.argsort(-probabilities, kind="stable")
    errors = np.cumsum(~right[order]) / np.arange(1, len(order) + 1)
    ends = np.flatnonzero(np.diff(probabilities[order], append=-1.0))  # a threshold takes all ties or none
    ends = np.append(ends[: -1 : max(1, len(ends) // _CURVE_POINTS)], ends[-1:])
    return [((int(i) + 1) / len(order), float(errors[i]), float(probabilities[order][i])) for i in ends]


def weighted_percentile(values: np.ndarray, q: float, weights: np.ndarray) -> np.ndarray:
    """The smallest value that q per cent of the weight lie at or below. (n,), (b, n) -> (b,).

    Source: definition 1 of Hyndman & Fan, "Sample Quantiles in Statistical Packages", The American Statistician 1996.
    """
    if not len(values):
        return np.full(len(weights), np.nan)
    order = np.argsort(values, kind="stable")
    cumulative = np.cumsum(weights[:, order], axis=1)
    with np.errstate(invalid="ignore"):
        reached = cumulative >= q / 100 * cumulative[:, -1:]
    found = values[order][reached.argmax(axis=1)]
    return np.where(cumulative[:, -1] > 0, found, np.nan)


def percentile(values: Sequence[float], q: float) -> float | None:
    """The value below which q per cent of the values lie, interpolated between the two nearest.

    Source: definition 7 of Hyndman & Fan; numpy's default.
    """
    if not values:
        return None
    ordered = sorted(values)
    place = (len(ordered) - 1) * q / 100
    low, high = ordered[floor(place)], ordered[ceil(place)]
    return low + (high - low) * (place - floor(place))


def mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def share(judgements: Iterable[bool]) -> float | None:
    return mean([float(judgement) for judgement in judgements])


def _bins(probabilities: np.ndarray) -> np.ndarray:
    """(n, bins) of 0 and 1."""
    at = np.minimum((probabilities * _BINS).astype(int), _BINS - 1)
    return np.asarray(np.eye(_BINS)[at])


def _is_punctuation(character: str) -> bool:
    return character in _ASCII_PUNCTUATION or unicodedata.category(character).startswith("P")
