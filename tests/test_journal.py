"""An evaluation that is cut off goes on where it stopped, and ends with the figures of an unbroken one."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from eval.journal import Journal, Journals, journal_key
from eval.judge import Outcome
from eval.report import read_json

RUN = "from ui.cli import main; main()"


def test_outcomes_are_found_again_until_the_run_is_done() -> None:
    key = journal_key("found again")
    outcome = Outcome("a", "fact", True, question="Who?", quotes=("Ada\u2028Quill",), probability=0.25)

    def interrupted() -> None:
        with Journals() as journals:
            journals.open(key).keep(outcome)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with Journals() as journals:
        assert journals.open(key).done == {"a": outcome}
    assert Journal(key).done == {}


def test_a_line_that_was_cut_off_is_asked_again() -> None:
    key = journal_key("cut off")
    journal = Journal(key)
    journal.keep(Outcome("a", "fact", True))
    with journal._path.open("a") as file:
        file.write('{"id": "b", "ki')
    again = Journal(key)
    assert list(again.done) == ["a"]
    again.keep(Outcome("c", "fact", True))
    assert list(Journal(key).done) == ["a", "c"]


def test_a_damaged_line_and_what_follows_is_asked_again() -> None:
    key = journal_key("damaged")
    journal = Journal(key)
    journal.keep(Outcome("a", "fact", True))
    with journal._path.open("a") as file:
        file.write('{"id": "b", "ki{"id": "c"}\n')
    journal.keep(Outcome("d", "fact", True))
    assert list(Journal(key).done) == ["a"]
    assert journal._path.read_bytes().count(b"\n") == 1
    Journal(key).forget()


def test_another_question_library_or_setting_is_another_run() -> None:
    assert journal_key("q", "library", "abc") == journal_key("q", "library", "abc")
    assert len({journal_key("q", "library", "abc"), journal_key("r", "library", "abc"), journal_key("q", "x")}) == 3


def test_a_cache_that_cannot_be_written_costs_nothing_but_the_going_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    journal = Journal("key")
    journal.keep(Outcome("a", "fact", True))
    journal.forget()
    assert list(journal.done) == ["a"]


def test_a_run_killed_three_times_ends_with_the_figures_of_an_unbroken_one(tmp_path: Path) -> None:
    """A question that was asked is not asked again: the kills cost at most the one under way."""
    lines = [
        json.dumps({"id": str(i), "question": question, "answers": ["Li Hui"], "answerable": True, "kind": "fact"})
        for i, question in enumerate(f"Which official {word} Moscow in May 2023?" for word in _WORDS)
    ]
    file = tmp_path / "questions.jsonl"
    file.write_text("\n".join(lines) + "\n")
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "talks.txt").write_text("Li Hui arrived in Moscow on 26 May 2023. He met the minister in the old palace.")
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", RUN, "eval", str(file), "--out"]
    unbroken = tmp_path / "unbroken.json"
    subprocess.run([*command, str(unbroken)], check=True, env=environment, capture_output=True)

    draw = random.Random(3)  # noqa: S311  # the same moments each time
    runs = tmp_path / "cache" / "sayso" / "eval" / "runs"
    kept = 0
    for _ in range(3):
        process = subprocess.Popen(
            [*command, str(tmp_path / "killed.json")],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        least = kept + draw.randint(1, 8)
        while process.poll() is None and sum(len(p.read_bytes().split(b"\n")) - 1 for p in runs.glob("*")) < least:
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert process.returncode == -signal.SIGKILL, "it was done before it was killed"
        now = sum(len(p.read_bytes().split(b"\n")) - 1 for p in runs.glob("*"))
        assert now > kept
        kept = now
    assert not (tmp_path / "killed.json").exists()
    done = subprocess.run([*command, str(tmp_path / "killed.json")], check=True, env=environment, capture_output=True)
    assert done.stderr == b""

    whole, broken = read_json(unbroken), read_json(tmp_path / "killed.json")
    untimed = [[replace(o, seconds=None) for o in evaluation.outcomes] for evaluation in (whole, broken)]
    assert untimed[0] == untimed[1]
    times = ("ask_p50_ms", "ask_p95_ms")
    assert {n: f for n, f in whole.overall.items() if n not in times} == {
        n: f for n, f in broken.overall.items() if n not in times
    }
    assert list(runs.glob("*")) == []


_WORDS = (
    *("visited", "reached", "saw", "left", "toured", "praised", "knew", "called", "met", "blamed", "loved", "feared"),
    *("entered", "chose", "missed", "phoned", "liked", "passed", "crossed", "viewed", "found", "joined", "sought"),
    *("walked", "drove", "filmed", "mapped", "drew", "sang", "wrote", "told", "asked", "heard", "felt", "held"),
)
