"""Judgements to figures. Pure functions; every one names where its definition comes from.

Nothing here knows of assistants, files or passages: ranks, texts and booleans go in, numbers come out. A share of
nothing is None, never 0: a set without unanswerable questions has no abstention recall.
"""

import re
import string
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from math import ceil, floor

# ASCII symbols as SQuAD's script strips them, and every character that Unicode calls punctuation (“ ” ’ – …):
# the script predates texts with typographic quotes.
_ASCII_PUNCTUATION = frozenset(string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")


def recall_at_k(ranks: Sequence[int | None], k: int) -> float | None:
    """The share of questions with a relevant passage among the first k.

    ranks: per question the rank of its first relevant passage, from 1, None when none was found.
    Source: top-k retrieval accuracy of Karpukhin et al., "Dense Passage Retrieval for Open-Domain Question
    Answering", EMNLP 2020, which later work calls recall@k.
    """
    return share(rank is not None and rank <= k for rank in ranks)


def mean_reciprocal_rank(ranks: Sequence[int | None]) -> float | None:
    """The mean of 1/rank, 0 where nothing relevant was found. Ranks as for `recall_at_k`.

    Source: Voorhees, "The TREC-8 Question Answering Track Report", TREC 1999.
    """
    return mean([0.0 if rank is None else 1.0 / rank for rank in ranks])


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


def abstention_precision(abstained: Sequence[bool], answerable: Sequence[bool]) -> float | None:
    """Of the abstentions, the share where the question was unanswerable.

    Source: Wen et al., "Know Your Limits: A Survey of Abstention in Large Language Models", TACL 2025.
    """
    return share(not possible for silent, possible in zip(abstained, answerable, strict=True) if silent)


def abstention_recall(abstained: Sequence[bool], answerable: Sequence[bool]) -> float | None:
    """Of the unanswerable questions, the share where it abstained. Source: as for `abstention_precision`."""
    return share(silent for silent, possible in zip(abstained, answerable, strict=True) if not possible)


def false_abstention_rate(abstained: Sequence[bool], answerable: Sequence[bool]) -> float | None:
    """Of the answerable questions, the share where it abstained all the same.

    Source: over-abstention in Wen et al., as for `abstention_precision`.
    """
    return share(silent for silent, possible in zip(abstained, answerable, strict=True) if possible)


def percentile(values: Sequence[float], q: float) -> float | None:
    """The value below which q per cent of the values lie, interpolated between the two nearest.

    Source: definition 7 of Hyndman & Fan, "Sample Quantiles in Statistical Packages", The American Statistician 1996;
    numpy's default.
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


def _is_punctuation(character: str) -> bool:
    return character in _ASCII_PUNCTUATION or unicodedata.category(character).startswith("P")
