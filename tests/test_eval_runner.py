"""An evaluation judges what the public Assistant returns, over a small library with everything real but the model."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from eval import bench
from eval.bench.following import measure_following
from eval.bench.measure import Workload
from eval.questions import Question
from eval.report import print_report, run_file, write_json
from eval.runner import Evaluation, Outcome, evaluate, figures, only_ranks
from index.errors import DocumentError, UsageError
from index.load import document_id
from index.types import Document
from rag import Assistant, Settings
from rag.types import Turn, from_json
from tests.fakes import WordHashEmbedder
from tests.openai_server import says, serving

TEXTS = {
    "talks": "Li Hui arrived in Moscow on Friday. He met the minister in the old palace.",
    "harvest": "The wheat harvest in Kansas fell by nine percent. Farmers blame the long drought.",
    "bridge": "The new bridge over the Danube opened in March. It cost forty million euros.",
}


def asked(id: str, question: str, gold: str = "", answer: str = "", evidence: str = "", kind: str = "fact") -> Question:
    return Question(
        id=id,
        question=question,
        answers=(answer,) if answer else (),
        answerable=bool(answer or evidence),
        gold_docs=(gold,) if gold else (),
        gold_evidence=(evidence,) if evidence else (),
        kind=kind,
    )


QUESTIONS = [
    asked("q1", "Who arrived in Moscow on Friday?", "talks", "Li Hui", "Li Hui arrived in Moscow on Friday."),
    asked("q2", "How far did the wheat harvest in Kansas fall?", "harvest", "nine percent", "fell by nine percent"),
    asked("q3", "Which orchestra recorded zithers yesterday?", kind="near miss"),
]


@pytest.fixture
def assistant(tmp_path: Path) -> Assistant:
    assistant = Assistant.open(tmp_path / "small.library", embedder=WordHashEmbedder())
    assistant.add(*(Document(document_id(text), name, text, paths=(f"{name}.txt",)) for name, text in TEXTS.items()))
    return assistant


def test_a_right_answer_is_judged_right_from_the_passage_to_the_quote(assistant: Assistant) -> None:
    with assistant:
        evaluation = evaluate(assistant, QUESTIONS[:1], name="small")
    [outcome] = evaluation.outcomes
    assert outcome.status == "answered"
    assert outcome.quotes[0] == "Li Hui arrived in Moscow on Friday."
    assert (outcome.rank, outcome.ndcg) == (1, 1.0)
    assert (outcome.first_quote_right, outcome.any_quote_right, outcome.evidence_cited) == (True, True, True)
    assert evaluation.overall.recall_at_1 == evaluation.overall.mrr == evaluation.overall.ndcg_at_10 == 1.0
    assert (evaluation.name, evaluation.documents) == ("small", 3)


def test_evidence_in_another_document_is_not_right(assistant: Assistant) -> None:
    wrong = replace(
        QUESTIONS[0], gold_docs=("bridge",), gold_evidence=("It cost forty million euros.",), answers=("x",)
    )
    with assistant:
        [outcome] = evaluate(assistant, [wrong]).outcomes
    assert outcome.rank != 1
    assert outcome.ndcg is not None
    assert outcome.ndcg < 1.0
    assert (outcome.first_quote_right, outcome.any_quote_right, outcome.evidence_cited) == (False, False, False)


def test_an_unanswerable_question_counts_for_abstention_only(assistant: Assistant) -> None:
    with assistant:
        evaluation = evaluate(assistant, QUESTIONS)
    near_miss = evaluation.kinds["near miss"]
    assert list(evaluation.kinds) == ["fact", "near miss"]
    assert near_miss.recall_at_1 is near_miss.any_quote_right is near_miss.false_abstention_rate is None
    assert near_miss.abstention_recall == float(evaluation.outcomes[2].status == "abstained")
    assert evaluation.overall.questions == 3
    assert evaluation.overall.answerable == 2


def test_an_overlong_question_counts_as_wrong_and_the_run_goes_on(assistant: Assistant) -> None:
    with assistant:
        evaluation = evaluate(assistant, [replace(QUESTIONS[0], question="who " * 5000), QUESTIONS[1]])
    assert evaluation.outcomes[0].status == "error"
    assert evaluation.outcomes[0].first_quote_right is False
    assert evaluation.outcomes[1].status == "answered"


def test_claims_without_answers_are_searched_and_never_asked(assistant: Assistant) -> None:
    claims = [
        replace(QUESTIONS[0], question="Li Hui arrived in Moscow.", answers=(), gold_evidence=()),
        replace(QUESTIONS[2], question="Farmers blame the drought.", gold_docs=("harvest",)),
    ]
    assert only_ranks(claims)
    assert not only_ranks(QUESTIONS)
    assert not only_ranks([QUESTIONS[2]])  # unanswerable questions alone measure abstention
    with assistant:
        evaluation = evaluate(assistant, claims)
    assert [outcome.status for outcome in evaluation.outcomes] == ["", ""]
    assert evaluation.overall.ndcg_at_10 == 1.0
    assert evaluation.overall.abstention_recall is evaluation.overall.ask_p50_ms is None


def test_a_gold_document_that_the_library_lacks_is_named_with_the_fix(assistant: Assistant) -> None:
    with assistant, pytest.raises(UsageError, match=r"'q1' names the document 'elsewhere'.*--library.*--corpus"):
        evaluate(assistant, [replace(QUESTIONS[0], gold_docs=("elsewhere",))])
    with pytest.raises(UsageError, match="no questions"):
        evaluate(assistant, [])


def test_figures_over_four_outcomes_worked_by_hand() -> None:
    def outcome(
        id: str, answerable: bool, status: str, seconds: float, rank: int | None, right: bool | None
    ) -> Outcome:
        made = Outcome(id, id, "k", answerable, id, status=status, seconds=seconds, ranked=answerable, rank=rank)
        return replace(made, first_quote_right=right, any_quote_right=right, evidence_cited=right)

    found = figures(
        [
            outcome("a", True, "answered", 0.010, 1, True),
            outcome("b", True, "abstained", 0.020, 5, False),
            outcome("c", True, "answered", 0.030, None, True),
            outcome("d", False, "abstained", 0.040, None, None),
        ]
    )
    assert (found.questions, found.answerable) == (4, 3)
    assert found.recall_at_1 == found.recall_at_4 == pytest.approx(1 / 3)
    assert found.recall_at_5 == found.recall_at_10 == pytest.approx(2 / 3)
    assert found.mrr == pytest.approx((1 + 1 / 5) / 3)
    assert found.first_quote_right == found.evidence_cited == pytest.approx(2 / 3)
    assert found.abstention_precision == 0.5
    assert found.abstention_recall == 1.0
    assert found.false_abstention_rate == pytest.approx(1 / 3)
    assert found.ask_p50_ms == pytest.approx(25.0)
    assert found.ask_p95_ms == pytest.approx(38.5)


def test_an_evaluation_goes_to_a_file_and_back_without_loss(assistant: Assistant, tmp_path: Path) -> None:
    with assistant:
        evaluation = evaluate(assistant, QUESTIONS)
    write_json(evaluation, tmp_path / "out.json")
    assert from_json(Evaluation, (tmp_path / "out.json").read_text(encoding="utf-8")) == evaluation
    with pytest.raises(DocumentError, match="cannot write"):
        write_json(evaluation, tmp_path / "no folder" / "out.json")


def test_the_report_fits_a_terminal_of_80_columns(assistant: Assistant, tmp_path: Path) -> None:
    with assistant:
        evaluation = evaluate(assistant, QUESTIONS, name="small.jsonl")
    page = tmp_path / "page.txt"
    with page.open("w", encoding="utf-8") as file:
        print_report(replace(evaluation, library="small"), Console(file=file, width=80))
    lines = page.read_text(encoding="utf-8").splitlines()
    assert max(map(len, lines)) <= 80
    assert any("small.jsonl: 3 questions, 2 answerable" in line for line in lines)
    assert any("evidence passage first" in line and "1.000" in line for line in lines)
    assert not any("…" in line for line in lines if "among" not in line), "a cell was cut"


def test_a_models_answers_stand_beside_the_quotes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same questions of the same library, in two columns that fit a terminal."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    seeds = Path(__file__).parents[1] / "eval" / "questions" / "seeds.jsonl"
    with serving(says("Bananas are blue [1].")) as script:
        settings = Settings.load(model="openai/scripted", api_base=script.address, cache=False)
        evaluation = run_file(seeds, limit=2, settings=settings)
    assert len(script.requests) == 2
    assert evaluation.quoted is not None
    assert (evaluation.model, evaluation.overall.tokens_p50, evaluation.quoted.tokens_p50) == (
        "openai/scripted",
        102,
        None,
    )
    assert evaluation.overall.evidence_cited == evaluation.quoted.evidence_cited, "what is not carried becomes quotes"
    page = tmp_path / "page.txt"
    with page.open("w", encoding="utf-8") as file:
        print_report(replace(evaluation, library="small"), Console(file=file, width=80))
    lines = page.read_text(encoding="utf-8").splitlines()
    assert max(map(len, lines)) <= 80
    assert any("quoted" in line and "scripted" in line for line in lines)


def test_a_corpus_is_indexed_once_and_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    corpus, questions = tmp_path / "corpus.jsonl", tmp_path / "questions.jsonl"
    corpus.write_text("".join(json.dumps({"doc_id": n, "text": t}) + "\n" for n, t in TEXTS.items()), encoding="utf-8")
    row = {"id": "q1", "question": "Who arrived in Moscow?", "answers": ["Li Hui"], "answerable": True}
    questions.write_text(json.dumps(row | {"gold_docs": ["talks"]}) + "\n", encoding="utf-8")
    first = run_file(questions, corpus=corpus, out=tmp_path / "out.json")
    assert Path(first.library).parent == tmp_path / "cache" / "sayso" / "eval"
    assert first.documents == 3
    assert first.overall.recall_at_1 == 1.0
    assert (tmp_path / "out.json").is_file()
    kept = {path: path.stat().st_mtime_ns for path in Path(first.library).rglob("*") if path.is_file()}
    second = run_file(questions, corpus=corpus)
    assert second.overall.recall_at_1 == 1.0
    assert {path: path.stat().st_mtime_ns for path in Path(first.library).rglob("*") if path.is_file()} == kept


def test_questions_about_the_seeds_are_asked_of_the_seeds_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    seeds = Path(__file__).parents[1] / "eval" / "questions" / "seeds.jsonl"
    evaluation = run_file(seeds, limit=2)
    assert evaluation.documents == 5
    assert evaluation.overall.questions == 2


def test_a_benchmark_that_does_not_exist_or_half_a_corpus_is_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no benchmark 'speed'; there are: index, ask, cold"):
        bench.run(["speed"], corpus=None, questions=None, out=None)
    with pytest.raises(UsageError, match="give both --corpus FILE and --questions FILE"):
        bench.run(["cold"], corpus=tmp_path / "corpus.jsonl", questions=None, out=None)


def test_a_follow_up_in_full_finds_what_it_does_not_find_alone(assistant: Assistant) -> None:
    """The benchmark of rewriting: of the documents that answer, the share among the first five."""
    asked = replace(QUESTIONS[0], question="Why?", history=(Turn(QUESTIONS[0].question, ""),))
    with assistant:
        workload = Workload("small", tuple(assistant.documents()), (asked,), assistant)
        found = measure_following(workload)
        assert [m.system for m in found.measurements] == ["last turn alone", "by rule"]
        assert found.measurements[1].figures["recall@5 %"] == 100
        with pytest.raises(UsageError, match="no question here has a conversation before it"):
            measure_following(replace(workload, questions=QUESTIONS))
