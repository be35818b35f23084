"""Learn how evidence is ranked and when to abstain: ../shared/data -> rag/evidence.json and eval/calibration.json.

    python -m eval.fit ../shared/data

1. The weights of the sentence features, by a softmax over the sentences found for each question, from the SQuAD
questions of train_reader.jsonl.gz. 2. Which sentence is best: how features and reading add up, by logistic regression
on sampled questions of squad2_dev. 3. Whether any answers: the weights with the largest area under the curve, over the
mean of squad2_dev, clapnq_dev and domains, made a probability by logistic regression; and the curve: for each
threshold, how often each set abstains rightly and wrongly. No set that eval/questions/sets.toml calls developed or held
out is ever read.
Run after `eval.train_reader`.
"""

import argparse
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import platformdirs
from scipy.optimize import minimize

from eval.libraries import corpus_library
from eval.measures import contains_answer
from eval.questions import Question, read_questions
from eval.train_reader import read_rows
from index.load import document_id, normalise
from index.types import Document
from rag import Assistant
from rag.evidence import FEATURES, WEIGHTS_FILE, load_weights, log_odds
from rag.quote import wants_overview
from rag.rewrite import standalone

_TRAIN_PASSAGES, _TRAIN_QUESTIONS = 1500, 4000
_PENALTY = 1e-4
_ASKED = 600  # questions of each set: enough for three weights and a curve
CURVE = Path(__file__).with_name("calibration.json")
# By their names in eval/questions/sets.toml: questions with their corpus, in the folder of data.
FITTED_ON = {
    "squad2_dev sample": [("squad2_dev/queries_sample2000_seed7.jsonl", "squad2_dev/corpus.jsonl")],
    "clapnq_dev": [("clapnq_dev/queries.jsonl", "clapnq_dev/corpus.jsonl")],
    "domains": [
        (f"domains/{name}/questions.jsonl", f"domains/{name}/docs")
        for name in ("handbook", "health", "legal", "news", "novel", "science", "software")
    ],
}


def train_set(folder: Path) -> tuple[list[Document], list[tuple[str, str, int]]]:
    """Documents, and (question, document id, start of the answer)."""
    rows = [
        r for r in read_rows(folder / "train_reader.jsonl.gz") if r["source"].startswith("SQuAD") and r["answerable"]
    ]
    passages = list(dict.fromkeys(row["passage"] for row in rows))
    kept = set(passages[:: max(1, len(passages) // _TRAIN_PASSAGES)])
    documents = [Document("", "", text, paths=(f"train#{i}",)) for i, text in enumerate(kept)]
    asked = [
        (row["question"], document_id(normalise(row["passage"])), row["start"])
        for row in rows
        if row["passage"] in kept and normalise(row["passage"]) == row["passage"]
    ]
    random.Random(3).shuffle(asked)  # noqa: S311
    return documents, asked[:_TRAIN_QUESTIONS]


def fit_features(matrices: Sequence[np.ndarray], right: Sequence[np.ndarray]) -> np.ndarray:
    """matrices: (n_i, f) a question; right: (n_i,) ones where the answer is. Returns (f,) weights.

    Maximises the softmax probability of the right sentences among those found, with a small quadratic penalty.
    """
    spread = np.concatenate(matrices).std(axis=0) + 1e-6
    scaled = [m / spread for m in matrices]

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        total, slope = _PENALTY * len(scaled) * float(weights @ weights), 2 * _PENALTY * len(scaled) * weights
        for matrix, is_right in zip(scaled, right, strict=True):
            values = matrix @ weights
            chances = np.exp(values - values.max())
            chances /= chances.sum()
            mass = float(chances @ is_right)
            total -= np.log(max(mass, 1e-12))
            slope = slope + matrix.T @ (chances - chances * is_right / max(mass, 1e-12))
        return total, slope

    found = minimize(loss, np.zeros(len(spread)), jac=True, method="L-BFGS-B", options={"maxiter": 200})
    return np.asarray(found.x / spread)


def fit_probability(signals: np.ndarray, right: np.ndarray, weight: np.ndarray | float = 1.0) -> np.ndarray:
    """signals: (n, k); right: (n,) of 0 and 1; weight: (n,), how much each row counts.

    Returns (k + 1,): the weights and the offset of a logistic regression.
    """
    table = np.column_stack([signals, np.ones(len(signals))])

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        odds = table @ weights
        slope = table.T @ (weight * (1 / (1 + np.exp(-odds)) - right))
        return float((weight * (np.logaddexp(0, odds) - right * odds)).sum()), slope

    return np.asarray(minimize(loss, np.zeros(table.shape[1]), jac=True, method="L-BFGS-B").x)


def learn_features(folder: Path, cache: Path) -> np.ndarray:
    documents, asked = train_set(folder)
    matrices, right = [], []
    with Assistant.open(cache / "fit-train.library") as assistant:
        assistant.add(*documents)
        for question, doc_id, start in asked:
            described = assistant.consider(question).described
            is_right = np.array([float(s.doc_id == doc_id and s.start <= start < s.end) for s in described.sentences])
            if is_right.any():
                matrices.append(described.matrix)
                right.append(is_right)
    print(f"the right sentence is among those found for {len(right)} of {len(asked)} questions")
    return fit_features(matrices, right)


@dataclass(frozen=True, slots=True)
class Signals:
    """What was found for one question: for each sentence its value, the reader's log odds, whether it is right."""

    answerable: bool
    values: np.ndarray
    readings: np.ndarray
    right: np.ndarray


def signals(questions: Sequence[Question], assistant: Assistant) -> list[Signals]:
    """Overviews are left out: they are not abstained from."""
    found = []
    for question in questions:
        asked = standalone(question.question, question.history)
        if wants_overview(asked):
            continue
        considered = assistant.consider(asked, also=question.question)
        values = considered.described.values()
        rows = [
            (
                values[member],
                log_odds(float(chance)),
                float(contains_answer(considered.described.sentences[member].text, question.accepted)),
            )
            for window, chances in considered.read
            for member, chance in zip(window.members, chances[1:], strict=True)
        ]
        table = np.array(rows).reshape(-1, 3)
        found.append(Signals(question.answerable, table[:, 0], table[:, 1], table[:, 2]))
    return found


def learn_chance(sets: Mapping[str, Sequence[Signals]]) -> np.ndarray:
    """(3,): weights of value and reading, and the offset, for the log odds that a question is answered here.

    There is one threshold for every library, and the features of one are higher than those of another: the weights
    stand to each other as tells best between the answered questions of any set and the unanswered ones of any other.
    Their size and the offset make the best sentence's value a probability, where both kinds are as many.
    """

    def best(some: Sequence[Signals], ratio: float) -> np.ndarray:
        return np.array([(ratio * s.values + s.readings).max() for s in some if len(s.values)])

    labels = {name: np.array([s.answerable for s in some if len(s.values)]) for name, some in sets.items()}

    def area_across(ratio: float) -> float:
        scores = {name: best(some, ratio) for name, some in sets.items()}
        areas = [(scores[a][labels[a]][:, None] > scores[b][~labels[b]][None, :]).mean() for a in sets for b in sets]
        return float(np.mean(areas))

    ratio = max((0.0, 0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 1.0, 1.5), key=area_across)
    weight = [np.where(y, 0.5 / y.mean(), 0.5 / (1 - y.mean())) / len(y) for y in labels.values()]
    scores = np.concatenate([best(some, ratio) for some in sets.values()])
    answered = np.concatenate([*labels.values()]).astype(float)
    scale, offset = fit_probability(scores[:, None], answered, np.concatenate(weight))
    return np.array([ratio * scale, scale, offset])


def curve(odds: Sequence[tuple[bool, float]], offset: float) -> list[dict[str, float]]:
    """For thresholds from 0 to 0.95: the share abstained from among the unanswerable, and among the answerable.

    odds: each question's answerability and the log odds of its best sentence, without the offset.
    """
    answerable = np.array([1 / (1 + np.exp(-o - offset)) for is_answerable, o in odds if is_answerable])
    silent = np.array([1 / (1 + np.exp(-o - offset)) for is_answerable, o in odds if not is_answerable])
    return [
        {
            "abstain_below": round(float(t), 2),
            "abstained_rightly": round(float((silent < t).mean()), 4),
            "abstained_wrongly": round(float((answerable < t).mean()), 4),
        }
        for t in np.arange(0, 1, 0.05)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument(
        "--keep", choices=("features", "weights"), help="learn only how features and reading add up; only the curve"
    )
    given = parser.parse_args()
    cache = platformdirs.user_cache_path("sayso") / "eval"
    stored = json.loads(WEIGHTS_FILE.read_text(encoding="utf-8"))
    if given.keep is None:
        stored["features"] = dict(zip(FEATURES, learn_features(given.data, cache).round(4).tolist(), strict=True))
        _store(stored)
    sets: dict[str, list[Signals]] = {}
    for name, parts in FITTED_ON.items():
        sets[name] = []
        for questions, corpus in parts:
            with corpus_library(given.data / corpus) as assistant:
                sets[name] += signals(read_questions(given.data / questions)[:_ASKED], assistant)
    if given.keep != "weights":
        squad = sets["squad2_dev sample"]
        table = np.concatenate([np.column_stack([s.values, s.readings]) for s in squad])
        weights = fit_probability(table, np.concatenate([s.right for s in squad]))
        stored["order_features"], stored["order_reader"] = weights[:2].round(4).tolist()
        chance = learn_chance(sets).round(4).tolist()
        stored["chance_features"], stored["chance_reader"], stored["chance_offset"] = chance
        _store(stored)
    final = load_weights()
    curves = {
        name: curve(
            [
                (
                    s.answerable,
                    float((final.chance_features * s.values + final.chance_reader * s.readings).max(initial=-9.0)),
                )
                for s in some
            ],
            final.chance_offset,
        )
        for name, some in sets.items()
    }
    CURVE.write_text(json.dumps(curves, indent=1) + "\n", encoding="utf-8")


def _store(weights: dict[str, object]) -> None:
    WEIGHTS_FILE.write_text(json.dumps(weights, indent=1) + "\n", encoding="utf-8")
    load_weights.cache_clear()


if __name__ == "__main__":
    main()
