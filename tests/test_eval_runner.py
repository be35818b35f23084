"""An evaluation judges what the public Assistant returns, over a small library with everything real but the model."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from eval import bench
from eval.bench.following import measure_following
from eval.bench.measure import Workload
from eval.questions import Question
from eval.report import check_writable, print_report, read_json, run_file, run_sets, write_json
from eval.runner import Evaluation, evaluate, only_ranks
from index.errors import DocumentError, UsageError
from index.load import document_id
from index.types import Document
from rag import Answer, Assistant, Settings
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
        answers=((answer,),) if answer else (),
        answerable=bool(answer or evidence),
        docs=(gold,) if gold else (),
        evidence=((evidence,),) if evidence else (),
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
    assert (outcome.first_accepted, outcome.any_accepted, outcome.evidence_all) == (True, True, True)
    assert [evaluation.overall[name].value for name in ("recall_at_1", "mrr", "ndcg_at_10")] == [1.0, 1.0, 1.0]
    assert (evaluation.name, evaluation.documents) == ("small", 3)


def test_evidence_in_another_document_is_not_right(assistant: Assistant) -> None:
    wrong = replace(QUESTIONS[0], docs=("bridge",), evidence=(("It cost forty million euros.",),), answers=(("x",),))
    with assistant:
        [outcome] = evaluate(assistant, [wrong]).outcomes
    assert outcome.rank != 1
    assert outcome.ndcg is not None
    assert outcome.ndcg < 1.0
    assert (outcome.first_accepted, outcome.any_accepted, outcome.evidence) == (False, False, False)


def test_an_unanswerable_question_counts_for_abstention_only(assistant: Assistant) -> None:
    with assistant:
        evaluation = evaluate(assistant, QUESTIONS)
    near_miss = evaluation.kinds["near miss"]
    assert list(evaluation.kinds) == ["fact", "near miss"]
    assert not {"recall_at_1", "any_accepted", "abstained_wrongly"} & set(near_miss)
    assert near_miss["abstained_rightly"].value == float(evaluation.outcomes[2].status == "abstained")
    assert evaluation.overall["evidence"].n == 2


def test_an_overlong_question_counts_as_wrong_and_the_run_goes_on(assistant: Assistant) -> None:
    with assistant:
        evaluation = evaluate(assistant, [replace(QUESTIONS[0], question="who " * 5000), QUESTIONS[1]])
    assert evaluation.outcomes[0].status == "error"
    assert evaluation.outcomes[0].first_accepted is False
    assert evaluation.outcomes[1].status == "answered"


def test_claims_without_answers_are_searched_and_never_asked(assistant: Assistant) -> None:
    claims = [
        replace(QUESTIONS[0], question="Li Hui arrived in Moscow.", answers=(), evidence=()),
        replace(QUESTIONS[2], question="Farmers blame the drought.", docs=("harvest",)),
    ]
    assert only_ranks(claims)
    assert not only_ranks(QUESTIONS)
    assert not only_ranks([QUESTIONS[2]])  # unanswerable questions alone measure abstention
    with assistant:
        evaluation = evaluate(assistant, claims)
    assert [outcome.status for outcome in evaluation.outcomes] == ["", ""]
    assert evaluation.overall["ndcg_at_10"].value == 1.0
    assert not {"abstained_rightly", "ask_p50_ms"} & set(evaluation.overall)


def test_a_gold_document_that_the_library_lacks_is_named_with_the_fix(assistant: Assistant) -> None:
    with assistant, pytest.raises(UsageError, match=r"'q1' names the document 'elsewhere'.*--library.*--corpus"):
        evaluate(assistant, [replace(QUESTIONS[0], docs=("elsewhere",))])
    with pytest.raises(UsageError, match="no questions"):
        evaluate(assistant, [])


def test_the_turns_before_a_question_are_asked_and_lead_to_it(assistant: Assistant) -> None:
    """ "And how far?" finds the harvest only through what was asked and answered before."""
    alone = replace(QUESTIONS[1], question="And how far did it fall?")
    led = replace(alone, id="led", before=("What happened to the wheat harvest in Kansas?",))
    with assistant:
        outcome = evaluate(assistant, [led]).outcomes[0]
    assert "wheat harvest" in outcome.asked_as
    assert outcome.evidence


def test_an_abstention_is_judged_by_what_it_kept_back(tmp_path: Path) -> None:
    """With a threshold of 1 nothing is said; whether it would have been right is known all the same."""
    settings = Settings(abstain_below=1.0)
    with Assistant.open(tmp_path / "a.library", settings=settings, embedder=WordHashEmbedder()) as assistant:
        assistant.add(*(Document(document_id(text), name, text) for name, text in TEXTS.items()))
        right, wrong = evaluate(assistant, [replace(QUESTIONS[0], docs=()), QUESTIONS[2]]).outcomes
    assert (right.status, right.citations, right.right) == ("abstained", 0, True)
    assert (wrong.status, wrong.right) == ("abstained", False)


def test_an_evaluation_goes_to_a_file_and_back_without_loss(assistant: Assistant, tmp_path: Path) -> None:
    with assistant:
        evaluation = evaluate(assistant, QUESTIONS)
    write_json(evaluation, tmp_path / "out.json")
    assert from_json(Evaluation, (tmp_path / "out.json").read_text(encoding="utf-8")) == evaluation
    write_json(evaluation, tmp_path / "out.json.gz")
    assert read_json(tmp_path / "out.json.gz") == read_json(tmp_path / "out.json") == evaluation
    half = replace(evaluation, name="half a character: \ud83d")
    write_json(half, tmp_path / "half.json")
    assert read_json(tmp_path / "half.json").name == "half a character: ?"
    with pytest.raises(DocumentError, match="cannot write"):
        write_json(evaluation, tmp_path / "no folder" / "out.json")


def test_a_file_that_cannot_be_written_is_told_before_anything_is_asked(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"cannot write '.*out\.json': No such file or directory; name another"):
        check_writable(tmp_path / "no folder" / "out.json")
    (tmp_path / "kept.json").write_text("kept")
    check_writable(tmp_path / "kept.json")
    assert (tmp_path / "kept.json").read_text() == "kept"
    check_writable(tmp_path / "new.json")
    assert not (tmp_path / "new.json").exists()


def test_what_is_no_evaluation_is_refused_with_the_way_to_make_one(tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text('{"questions": 3}')
    (tmp_path / "cut.json.gz").write_bytes(b"\x1f\x8b\x08")
    with pytest.raises(
        DocumentError, match=r"old\.json' is not an evaluation of this version; make one with: sayso eval"
    ):
        read_json(tmp_path / "old.json")
    with pytest.raises(DocumentError, match="is not an evaluation"):
        read_json(tmp_path / "cut.json.gz")
    with pytest.raises(DocumentError, match="no file at"):
        read_json(tmp_path / "gone.json")


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
    with serving(says("Bananas are blue [1].")) as script:
        settings = Settings.load(model="openai/scripted", api_base=script.address, cache=False)
        evaluation = run_sets(["seeds"], limit=2, settings=settings)
    assert len(script.requests) == 2
    assert evaluation.quoted is not None
    assert (evaluation.model, evaluation.quoted.model) == ("openai/scripted", "")
    assert evaluation.overall["tokens_p50"].value == 102
    assert (evaluation.overall["answered"].value, evaluation.overall["sentences_kept"].value) == (0.0, 0.0)
    assert not {"tokens_p50", "answered", "sentences_kept"} & set(evaluation.quoted.overall)
    evidence, quoted = evaluation.overall["evidence"], evaluation.quoted.overall["evidence"]
    assert evidence == quoted, "what is not carried becomes quotes"
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
    first = run_file(questions, corpus=corpus)
    assert Path(first.library).parent == tmp_path / "cache" / "sayso" / "eval"
    assert first.documents == 3
    assert first.overall["recall_at_1"].value == 1.0
    kept = {path: path.stat().st_mtime_ns for path in Path(first.library).rglob("*") if path.is_file()}
    second = run_file(questions, corpus=corpus)
    assert second.overall["recall_at_1"].value == 1.0
    assert {path: path.stat().st_mtime_ns for path in Path(first.library).rglob("*") if path.is_file()} == kept


def test_questions_about_the_seeds_are_asked_of_the_seeds_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    seeds = Path(__file__).parents[1] / "eval" / "questions" / "seeds.jsonl"
    evaluation = run_sets([str(seeds)], limit=2)
    assert evaluation.documents == 5
    assert (len(evaluation.outcomes), evaluation.uses) == (2, ("fitted",))


def corpus_folder(folder: Path, name: str = "talks") -> Path:
    (folder / "docs").mkdir(parents=True)
    (folder / "docs" / f"{name}.txt").write_text(TEXTS[name])
    row = {"id": f"{name}_1", "question": "Who arrived in Moscow?", "answers": ["Li Hui"], "answerable": True}
    row |= {"docs": [f"{name}.txt"], "evidence": ["Li Hui arrived in Moscow"], "kind": "fact"}
    (folder / "questions.jsonl").write_text(json.dumps(row) + "\n")
    pair = {"id": "p", "kind": "day", "quote": TEXTS["talks"], "label": "not", "sentence": "Li Hui came on Monday."}
    (folder / "pairs.jsonl").write_text(json.dumps(pair) + "\n")
    return folder


def test_a_folder_of_corpora_is_asked_each_of_its_own_documents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    corpus_folder(tmp_path / "sets" / "one")
    harvest = corpus_folder(tmp_path / "sets" / "two", "harvest") / "questions.jsonl"
    row = {"id": "w", "question": "How far did the harvest fall?", "answers": ["nine percent"], "answerable": True}
    harvest.write_text(json.dumps(row | {"docs": ["harvest"], "kind": "number"}) + "\n")
    evaluation = run_sets([str(tmp_path / "sets")])
    assert [(o.domain, o.id, o.any_accepted) for o in evaluation.outcomes] == [
        ("one", "talks_1", True),
        ("two", "w", True),
    ]
    assert (list(evaluation.domains), list(evaluation.kinds)) == (["one", "two"], ["fact", "number"])
    assert [(p.domain, p.passed) for p in evaluation.pairs] == [("one", False), ("two", False)]
    assert evaluation.overall["pairs_refused"].value == 1.0
    assert evaluation.documents == 2


def test_a_set_that_is_never_looked_at_leaves_figures_and_no_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    evaluation = run_sets(["reserve"], limit=3)
    assert evaluation.uses == ("held_out",)
    assert len(evaluation.outcomes) == 3
    assert evaluation.overall["evidence"].n == 3
    texts = [(o.question, o.expected, o.asked_as, o.text, o.quotes, o.documents) for o in evaluation.outcomes]
    assert texts == [("", (), "", "", (), ())] * 3
    assert {(p.quote, p.sentence, p.why) for p in evaluation.pairs} == {("", "", "")}


def test_a_run_over_it_that_is_cut_off_leaves_no_text_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    class Stops(Assistant):
        """Is interrupted at the third question."""

        def ask(self, question: str, **given: Any) -> Answer:
            asked.append(question)
            if len(asked) == 3:
                raise KeyboardInterrupt
            return super().ask(question, **given)

    asked: list[str] = []
    settings = Settings(abstain_below=0.0)
    with pytest.raises(KeyboardInterrupt):
        run_sets(["reserve"], opener=lambda folder: Stops.open(folder, settings=settings))
    [kept] = (tmp_path / "cache" / "sayso" / "eval" / "runs").iterdir()
    text = kept.read_text()
    assert text.count("\n") == 2
    assert not any(word in text for question in asked for word in question.split() if len(word) > 6)


def test_pairs_alone_are_measured_once_whoever_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    pairs = corpus_folder(tmp_path / "one") / "pairs.jsonl"
    evaluation = run_sets([str(pairs)], settings=Settings(model="openai/nobody"))
    assert (len(evaluation.pairs), evaluation.quoted) == (1, None)


def test_what_a_set_calls_its_kinds_is_shown_as_it_stands(assistant: Assistant, tmp_path: Path) -> None:
    odd = [replace(QUESTIONS[0], kind="[/b]"), replace(QUESTIONS[1], kind="\x1b[31mred")]
    with assistant:
        evaluation = evaluate(assistant, odd, name="[/b]")
    page = tmp_path / "page.txt"
    with page.open("w", encoding="utf-8") as file:
        print_report(evaluation, Console(file=file, width=80))
    assert "[/b]: 2 questions" in page.read_text(encoding="utf-8")
    assert "\x1b" not in page.read_text(encoding="utf-8")


def test_the_library_of_a_set_is_made_anew_when_its_documents_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = corpus_folder(tmp_path / "one")
    first = run_file(folder)
    (folder / "docs" / "talks.txt").write_text(TEXTS["talks"].replace("Friday", "Sunday"))
    second = run_file(folder)
    assert first.outcomes[0].quotes[0].endswith("on Friday.")
    assert second.outcomes[0].quotes[0].endswith("on Sunday.")


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
