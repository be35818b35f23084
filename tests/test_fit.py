"""What ranks evidence and when to abstain are learned: each fit on data whose answer is known."""

import gzip
import json
import math
from pathlib import Path

import numpy as np
import pytest

from eval import fit
from eval.fit import Signals, curve, fit_features, fit_probability, learn_chance, signals, train_set
from eval.questions import Question
from rag import Assistant
from rag.evidence import FEATURES


def test_the_feature_that_marks_the_right_sentence_gets_the_weight() -> None:
    """The first feature is higher on the right sentence, the second is noise, the third is lower there."""
    draw = np.random.default_rng(1)
    matrices, right = [], []
    for _ in range(60):
        at = draw.integers(4)
        is_right = np.eye(4)[at]
        noise = draw.normal(size=(4, 3))
        matrices.append(noise * 0.5 + np.outer(is_right, [1.0, 0.0, -1.0]))
        right.append(is_right)
    weights = fit_features(matrices, right)
    assert weights[0] > 1
    assert weights[2] < -1
    assert abs(weights[1]) < 0.5 * weights[0]
    found = [int((matrix @ weights).argmax()) == int(own.argmax()) for matrix, own in zip(matrices, right, strict=True)]
    assert np.mean(found) > 0.8


def test_a_probability_is_the_share_where_the_signal_says_nothing() -> None:
    weights = fit_probability(np.zeros((4, 1)), np.array([1.0, 1.0, 1.0, 0.0]))
    assert weights == pytest.approx([0.0, math.log(3)], abs=1e-3)


def test_a_row_that_counts_twice_is_as_two_rows() -> None:
    signal, right = np.array([[0.0], [1.0], [1.0], [2.0]]), np.array([0.0, 0.0, 1.0, 1.0])
    twice = fit_probability(np.vstack([signal, signal[2:3]]), np.append(right, 1.0))
    assert fit_probability(signal, right, np.array([1.0, 1.0, 2.0, 1.0])) == pytest.approx(twice, abs=1e-2)


def test_the_probability_of_known_odds_is_found_again() -> None:
    draw = np.random.default_rng(2)
    signal = draw.normal(size=(20_000, 1))
    right = (draw.random(20_000) < 1 / (1 + np.exp(-(2 * signal[:, 0] - 1)))).astype(float)
    assert fit_probability(signal, right) == pytest.approx([2.0, -1.0], abs=0.1)


def test_the_curve_counts_below_each_threshold() -> None:
    """Probabilities 0.5 and 0.9 of answerable questions, 0.1 and 0.5 of others; what equals a threshold is answered."""
    odds = [(True, 0.0), (True, math.log(9)), (False, -math.log(9)), (False, 0.0)]
    rows = {row["abstain_below"]: (row["abstained_rightly"], row["abstained_wrongly"]) for row in curve(odds, 0.0)}
    assert list(rows)[:3] == [0.0, 0.05, 0.1]
    assert rows[0.05] == (0.0, 0.0)
    assert rows[0.15] == (0.5, 0.0)
    assert rows[0.55] == (1.0, 0.5)
    assert rows[0.95] == (1.0, 1.0)


def question(answerable: bool, value: float, reading: float) -> Signals:
    return Signals(answerable, np.array([value]), np.array([reading]), np.array([float(answerable)]))


def test_the_chance_leans_on_the_signal_that_tells_answerable_questions() -> None:
    """Reading tells them, value does not: the log odds rise with reading, and both kinds as many give one half."""
    draw = np.random.default_rng(3)
    some = [
        question(bool(i % 2), float(draw.normal()), float(draw.normal() + (2 if i % 2 else -2))) for i in range(200)
    ]
    value, reading, offset = learn_chance({"one": some[:100], "other": some[100:]})
    assert reading > 0.5
    assert abs(value) < 0.2 * reading
    assert abs(offset) < 0.5 * reading, "the odds are even where both kinds are as many"


def test_what_is_trained_on_is_squad_with_its_answers_in_place(tmp_path: Path) -> None:
    rows = [
        {"source": "SQuAD 1.1", "answerable": True, "question": "Who came?", "passage": "Li Hui came.", "start": 0},
        {"source": "SQuAD 2.0", "answerable": False, "question": "Who left?", "passage": "Li Hui came.", "start": None},
        {"source": "TimeQA", "answerable": True, "question": "When?", "passage": "In May it rained.", "start": 3},
    ]
    with gzip.open(tmp_path / "train_reader.jsonl.gz", "wt", encoding="utf-8") as file:
        file.write("".join(json.dumps(row) + "\n" for row in rows))
    documents, asked = train_set(tmp_path)
    assert [document.text for document in documents] == ["Li Hui came."]
    [(asks, doc_id, start)] = asked
    assert (asks, start) == ("Who came?", 0)
    assert doc_id


def test_the_signals_of_a_question_mark_the_sentences_that_hold_its_answer(seeds_assistant: Assistant) -> None:
    asked = [
        Question("1", "Which Chinese official turned up in Moscow?", (("Li Hui",),), True, (), (), "fact"),
        Question("2", "Summarise what the sources say", (), False, (), (), "overview"),
    ]
    [found] = signals(asked, seeds_assistant)
    assert found.answerable
    assert found.right.any()
    assert not found.right.all()
    assert len(found.values) == len(found.readings) == len(found.right)
    best = int((found.values + found.readings).argmax())
    assert found.right[best] == 1.0


def test_fitting_reads_what_is_called_fitted_and_writes_weights_and_curve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole command over two tiny sets: the features stay, the rest is learned, both sets have a curve."""
    data = tmp_path / "data"
    facts = [("harbour", "four million"), ("bridge", "nine hundred"), ("school", "seven thousand"), ("mill", "six")]
    monkeypatch.setattr(
        fit,
        "FITTED_ON",
        {"squad2_dev sample": [("one.jsonl", "one/docs.jsonl")], "other": [("two.jsonl", "two/docs.jsonl")]},
    )
    for [(questions, corpus)] in fit.FITTED_ON.values():
        (data / corpus).parent.mkdir(parents=True)
        texts = [{"doc_id": name, "text": f"The {name} will cost {cost} euros. It rained."} for name, cost in facts]
        asked = [
            {"id": name, "question": f"How much will the {name} cost?", "answers": [cost], "answerable": True}
            for name, cost in facts
        ]
        missing = [
            {"id": f"no {name}", "question": f"Who designed the {name}?", "answerable": False} for name, _ in facts
        ]
        (data / corpus).write_text("".join(json.dumps(row) + "\n" for row in texts))
        (data / questions).write_text("".join(json.dumps(row) + "\n" for row in [*asked, *missing]))
    weights, curves = tmp_path / "evidence.json", tmp_path / "calibration.json"
    weights.write_text(fit.WEIGHTS_FILE.read_text())
    before = json.loads(weights.read_text())
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(fit, "WEIGHTS_FILE", weights)
    monkeypatch.setattr(fit, "CURVE", curves)
    monkeypatch.setattr("sys.argv", ["fit", str(data), "--keep", "features"])
    fit.main()
    after = json.loads(weights.read_text())
    assert after["features"] == before["features"]
    assert list(after["features"]) == list(FEATURES)
    assert after["order_reader"] > 0
    assert set(json.loads(curves.read_text())) == set(fit.FITTED_ON)
