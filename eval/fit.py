"""Learn how evidence is ranked and when to abstain: ../shared/data -> rag/evidence.json and eval/calibration.json.

    python -m eval.fit ../shared/data

1. The weights of the sentence features, by a softmax over the sentences found for each question, from the SQuAD
   questions of train_reader.jsonl.gz. 2. How features and reading add up to a probability, by logistic regression on
the 2,000 sampled questions of squad2_dev. 3. The curve: for each threshold, how often each set abstains rightly and
wrongly. Run after `eval.train_reader`; nothing here is learned from a question of eval/questions.
"""

import argparse
import json
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import platformdirs
from scipy.optimize import minimize

from eval.metrics import contains_answer
from eval.questions import Question, read_corpus, read_questions
from eval.train_reader import read_rows
from index.load import document_id, normalise
from index.types import Document
from rag import Assistant
from rag.evidence import FEATURES, WEIGHTS_FILE, load_weights, log_odds, rank
from rag.quote import wants_overview
from rag.rewrite import standalone

_TRAIN_PASSAGES, _TRAIN_QUESTIONS = 1500, 4000
_PENALTY = 1e-4
CURVE = Path(__file__).with_name("calibration.json")


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


def fit_probability(signals: np.ndarray, right: np.ndarray) -> np.ndarray:
    """signals: (n, 2); right: (n,) of 0 and 1. Returns the two weights and the offset of a logistic regression."""
    table = np.column_stack([signals, np.ones(len(signals))])

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        odds = table @ weights
        return float(np.logaddexp(0, odds).sum() - right @ odds), table.T @ (1 / (1 + np.exp(-odds)) - right)

    return np.asarray(minimize(loss, np.zeros(3), jac=True, method="L-BFGS-B").x)


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


def learn_probability(questions: Sequence[Question], assistant: Assistant) -> np.ndarray:
    signals, right = [], []
    for question in questions:
        considered = assistant.consider(question.question)
        values = considered.described.values()
        for window, chances in considered.read:
            for member, chance in zip(window.members, chances[1:], strict=True):
                signals.append((values[member], log_odds(float(chance))))
                text = considered.described.sentences[member].text
                right.append(float(question.answerable and contains_answer(text, question.answers)))
    return fit_probability(np.array(signals), np.array(right))


def curve(scores: Sequence[tuple[bool, float]]) -> list[dict[str, float]]:
    """For thresholds from 0 to 0.95: the share abstained from among the unanswerable, and among the answerable."""
    answerable = np.array([score for is_answerable, score in scores if is_answerable])
    silent = np.array([score for is_answerable, score in scores if not is_answerable])
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
    folder = parser.parse_args().data
    cache = platformdirs.user_cache_path("sayso") / "eval"
    stored = json.loads(WEIGHTS_FILE.read_text(encoding="utf-8"))
    stored["features"] = dict(zip(FEATURES, learn_features(folder, cache).round(4).tolist(), strict=True))
    _store(stored)
    squad = folder / "squad2_dev"
    sample = read_questions(squad / "queries_sample2000_seed7.jsonl")
    with Assistant.open(cache / "fit-squad2_dev.library") as assistant:
        assistant.add(*read_corpus(squad / "corpus.jsonl"))
        weights = learn_probability(sample, assistant).round(4).tolist()
        stored["features_weight"], stored["reader_weight"], stored["offset"] = weights
        _store(stored)
        curves = {"squad2_dev sample": curve(_scores(assistant, sample))}
    clapnq = folder / "clapnq_dev"
    with Assistant.open(cache / "fit-clapnq_dev.library") as assistant:
        assistant.add(*read_corpus(clapnq / "corpus.jsonl"))
        curves["clapnq_dev"] = curve(_scores(assistant, read_questions(clapnq / "queries.jsonl")))
    with Assistant.open(cache / "fit-seeds.library") as assistant:
        assistant.add(Path(__file__).parents[1] / "seeds")
        own = read_questions(Path(__file__).parent / "questions" / "seeds.jsonl")
        curves["seeds"] = curve(_scores(assistant, own))
    CURVE.write_text(json.dumps(curves, indent=1) + "\n", encoding="utf-8")


def _store(weights: dict[str, object]) -> None:
    WEIGHTS_FILE.write_text(json.dumps(weights, indent=1) + "\n", encoding="utf-8")
    load_weights.cache_clear()


def _scores(assistant: Assistant, questions: Sequence[Question]) -> list[tuple[bool, float]]:
    """Each question's answerability and the probability of its best sentence. Overviews are not abstained from."""
    scores = []
    for question in questions:
        asked = standalone(question.question, question.history)
        if not wants_overview(asked):
            considered = assistant.consider(asked)
            ranked = rank(considered.described, considered.read)
            scores.append((question.answerable, ranked[0].score if ranked else 0.0))
    return scores


if __name__ == "__main__":
    main()
