"""The command line, over a library of three short texts and the real embedding model."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from index.minilm import MiniLM
from rag import Assistant, local
from rag.types import Answer, from_json
from tests.live import hub
from ui.cli import app

PATIENCE_S = 600  # a process that hangs fails its test; one on a busy machine does not
COMMANDS = ("add", "remove", "list", "check", "export", "import", "ask", "search", "chat", "eval", "bench", "models")
TEXTS = {
    "harbour.txt": (
        "Storm closes the harbour of Lumen\n\n"
        "The harbour of Lumen was closed on 3 March 2024 after a storm broke its northern wall. "
        "Mayor Ada Quill said that the repairs would cost four million crowns.\n"
    ),
    "bees.md": (
        "# Bees return to the valley\n\n"
        "Beekeepers in the Orn valley counted 312 hives this spring, twice as many as a year ago. "
        "The biologist Tomas Reve thinks that the mild winter is the reason.\n"
    ),
    "trains.txt": (
        "Night train to Sarn\n\n"
        "The night train to Sarn will run again from June. Tickets cost 45 crowns, the railway said.\n"
    ),
}
SOURCES = """
[[document]]
file = "harbour.txt"
publisher = "Lumen Gazette"
published = "2024-03-04"

[[document]]
file = "bees.md"
publisher = "Orn Radio"
published = "2025-05"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("texts")
    for name, text in TEXTS.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "sources.toml").write_text(SOURCES, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory, folder: Path, embedder: MiniLM) -> Path:
    """Read by every test below and changed by none."""
    path = tmp_path_factory.mktemp("cli") / "lumen.library"
    with Assistant.open(path, embedder=embedder) as assistant:
        assistant.add(folder)
    return path


@pytest.fixture(autouse=True)
def _one_load(monkeypatch: pytest.MonkeyPatch, embedder: MiniLM) -> None:
    """The commands open their library as always, but with the model that is already in memory."""
    monkeypatch.delenv("SAYSO_LIBRARY", raising=False)
    open_library = Assistant.open
    monkeypatch.setattr(Assistant, "open", lambda path=None, **given: open_library(path, embedder=embedder, **given))


def sayso(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def start(*arguments: str | Path, **options: object) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "ui.cli", *map(str, arguments)],
        cwd=Path(__file__).parents[1],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        **options,  # type: ignore[call-overload]
    )


def lines(text: str) -> list[str]:
    return text.splitlines()


# Help and wrong use


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_every_command_shows_an_example(command: str) -> None:
    shown = sayso(command, "--help")
    assert shown.exit_code == 0
    assert f"Example: sayso {command} " in shown.stdout


def test_the_help_names_every_command_and_loads_nothing_heavy() -> None:
    code = (
        "import sys; from ui.cli import app\n"
        "try: app(['--help'])\n"
        "finally: print([m for m in ('torch', 'gradio', 'litellm', 'numpy') if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[1], capture_output=True, text=True, check=True
    )
    assert [line.split()[0] for line in lines(done.stdout)[-len(COMMANDS) :]] == list(COMMANDS)
    assert lines(done.stderr) == ["[]"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("ask",),
        ("nonsense",),
        ("search", "x", "-k", "0"),
        ("chat", "--port", "70000"),
        ("eval", "a.jsonl", "--corpus", "c.jsonl", "--library", "d"),
    ],
)
def test_wrong_use_exits_with_2_and_says_so_on_stderr(arguments: tuple[str, ...]) -> None:
    done = sayso(*arguments)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert "Error: " in done.stderr


@pytest.mark.parametrize("question", ["", "  \n", "why " * 5000])
def test_a_question_that_cannot_be_asked_is_one_line_and_exit_status_2(library: Path, question: str) -> None:
    done = sayso("ask", question, "--library", library)
    assert (done.exit_code, done.stdout) == (2, "")
    assert len(lines(done.stderr)) == 1
    assert done.stderr.startswith("sayso: ")


@pytest.mark.parametrize("option", [("--since", "yesterday"), ("--until", "2025-02-30")])
def test_a_date_that_is_none_is_one_line_and_exit_status_2(library: Path, option: tuple[str, str]) -> None:
    done = sayso("ask", "Who spoke?", "--library", library, *option)
    assert (done.exit_code, done.stdout) == (2, "")
    assert lines(done.stderr) == [
        f"sayso: {option[1]!r} is not a date; write it as 2025, 2025-05 or 2025-05-20",
    ]


# add, remove, list, check


def test_add_reports_what_it_did_and_does_nothing_the_second_time(tmp_path: Path, folder: Path) -> None:
    where = ("--library", tmp_path / "new.library")
    first = sayso("add", folder, *where)
    assert first.exit_code == 0
    assert first.stdout.startswith("3 added, 0 changed, 0 unchanged, 0 failed; 3 passages embedded in ")
    assert lines(first.stderr)[-1].startswith("3/3 documents, 3 passages")
    second = sayso("add", folder, *where, "--json")
    report = json.loads(second.stdout)
    assert (report["added"], report["passages"], len(report["skipped"])) == ([], 0, 3)


def test_add_names_what_failed_and_adds_the_rest(tmp_path: Path, folder: Path) -> None:
    binary = tmp_path / "picture.txt"
    binary.write_bytes(b"\x89PNG\x00\x00\x01\x02" * 50)
    missing = tmp_path / "missing.txt"
    done = sayso("add", missing, binary, folder / "trains.txt", "--library", tmp_path / "new.library", "--json")
    assert done.exit_code == 1
    report = json.loads(done.stdout)
    assert [Path(path).name for path in report["added"]] == ["trains.txt"]
    assert sorted(Path(failure["path"]).name for failure in report["failed"]) == ["missing.txt", "picture.txt"]
    said = [line for line in lines(done.stderr) if line.startswith("sayso: ")]
    assert len(said) == 2
    assert any(str(missing) in line for line in said)
    assert any(str(binary) in line for line in said)


def test_add_tells_what_is_gone_and_takes_it_out_when_told_to(tmp_path: Path, folder: Path) -> None:
    """The first time only a line on stderr, with the way to do it."""
    where = ("--library", tmp_path / "new.library")
    texts = tmp_path / "texts"
    shutil.copytree(folder, texts)
    sayso("add", texts, *where)
    (texts / "bees.md").unlink()
    told = sayso("add", texts, *where)
    assert "1 no more in the folder and still in the library: bees.md; take them out with --prune" in told.stderr
    assert len(listed(*where)) == 3
    assert sayso("add", texts, "--prune", *where).stdout.startswith("0 added, 0 changed, 2 unchanged, 1 removed, 0 ")
    assert len(listed(*where)) == 2


def test_a_watched_folder_is_kept_in_step(tmp_path: Path, folder: Path, environment: dict[str, str]) -> None:
    """A new file is added and a deleted one taken out, until Ctrl-C."""
    texts = tmp_path / "texts"
    shutil.copytree(folder, texts)
    library = tmp_path / "new.library"
    process = start("add", texts, "--watch", "--prune", "--library", library, env=environment)
    assert process.stdout
    assert process.stderr
    assert process.stdout.readline().startswith("3 added, ")
    while "watching" not in process.stderr.readline():
        pass
    (texts / "trains.txt").unlink()
    assert process.stdout.readline().startswith("0 added, 0 changed, 2 unchanged, 1 removed, 0 failed")
    (texts / "ferry.txt").write_text("The ferry to Orn left at dawn.\n")
    assert process.stdout.readline().startswith("1 added, 0 changed, 2 unchanged, 0 removed, 0 failed")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert sorted(Path(str(path)).name for d in listed("--library", library) for path in d["paths"]) == [
        "bees.md",
        "ferry.txt",
        "harbour.txt",
    ]


def test_remove_takes_a_document_out_and_an_unknown_id_is_an_error(tmp_path: Path, folder: Path) -> None:
    where = ("--library", tmp_path / "new.library")
    sayso("add", folder, *where)
    (doc_id,) = [d["doc_id"] for d in listed(*where) if d["title"] == "Bees return to the valley"]
    unknown = sayso("remove", doc_id, "0000000000000000", *where)
    assert (unknown.exit_code, unknown.stdout) == (1, "")
    assert "0000000000000000" in unknown.stderr
    assert len(listed(*where)) == 3
    assert sayso("remove", doc_id, *where).stdout == "1 removed\n"
    assert doc_id not in [d["doc_id"] for d in listed(*where)]


def listed(*where: str | Path) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(sayso("list", *where, "--json").stdout)["documents"]
    return found


def test_list_is_by_date_with_the_undated_last(library: Path) -> None:
    shown = [line.split(None, 2) for line in lines(sayso("list", "--library", library).stdout)]
    assert [date for _, date, _ in shown] == ["2024-03-04", "2025-05", "-"]
    assert shown[0][2] == "Storm closes the harbour of Lumen, Lumen Gazette"
    assert [d["doc_id"] for d in listed("--library", library)] == [doc_id for doc_id, _, _ in shown]


def test_the_library_may_be_named_in_the_environment(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAYSO_LIBRARY", str(library))
    assert len(json.loads(sayso("list", "--json").stdout)["documents"]) == 3


def test_check_finds_a_sound_library_sound(library: Path) -> None:
    done = sayso("check", "--library", library)
    assert done.exit_code == 0
    assert done.stdout == f"{library}: 3 documents, 3 passages, {sentences(library)} sentences, no problems\n"


def sentences(library: Path) -> int:
    return int(json.loads(sayso("check", "--library", library, "--json").stdout)["sentences"])


def test_a_damaged_library_is_told_with_its_mending_and_mended(tmp_path: Path, folder: Path) -> None:
    """The line on stderr is the command; after it the same question is answered."""
    where = ("--library", tmp_path / "new.library")
    sayso("add", folder, *where)
    database = tmp_path / "new.library" / "library.sqlite"
    database.write_bytes(database.read_bytes().replace(b"Beekeepers", b"Beekeeper.", 1))
    refused = sayso("ask", "Who counted hives?", *where)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert f"mend it with: sayso check --repair --library {tmp_path / 'new.library'}" in refused.stderr
    mended = sayso("check", "--repair", *where, "--json")
    report = json.loads(mended.stdout)
    assert (mended.exit_code, report["problems"], report["repaired"]["documents"]) == (0, [], 2)
    assert f"{folder / 'bees.md'}: its text is lost; add it again with: sayso add PATH" in mended.stderr
    sayso("add", folder, *where)
    assert "312 hives" in sayso("ask", "How many hives did beekeepers count?", *where).stdout
    compacted = json.loads(sayso("check", "--compact", *where, "--json").stdout)
    assert compacted["bytes_given_back"] > 0  # the damaged database was kept until now


def test_a_library_goes_into_one_file_and_out_of_it(tmp_path: Path, library: Path) -> None:
    """Into a file that is not there yet, and a library that is not there yet."""
    file = tmp_path / "lumen.sayso"
    assert sayso("export", file, "--library", library).stdout.startswith(f"{file}: 3 documents, ")
    again = sayso("export", file, "--library", library)
    assert (again.exit_code, "is there already; name another file" in again.stderr) == (2, True)
    where = ("--library", tmp_path / "copy.library")
    assert sayso("import", file, *where).stdout == f"{tmp_path / 'copy.library'}: 3 documents, 3 passages\n"
    assert listed(*where) == listed("--library", library)
    assert sayso("import", file, *where).exit_code == 2
    file.write_bytes(file.read_bytes()[:-100])
    broken = sayso("import", file, "--library", tmp_path / "other.library")
    assert (broken.exit_code, len(lines(broken.stderr))) == (1, 1)
    assert "is not a whole exported library" in broken.stderr


def test_a_folder_that_is_no_library_is_named_in_one_line(folder: Path) -> None:
    done = sayso("list", "--library", folder)
    assert (done.exit_code, done.stdout) == (1, "")
    assert len(lines(done.stderr)) == 1
    assert str(folder) in done.stderr


# ask, search, models


def test_an_answer_is_its_text_and_then_its_numbered_sources(library: Path) -> None:
    done = sayso("ask", "How much will the repairs of the harbour cost?", "--library", library)
    assert done.exit_code == 0
    shown = lines(done.stdout)
    assert "four million crowns" in shown[0]
    assert "[1]" in shown[0]
    source = shown.index("Sources:") + 1
    assert shown[source] == "[1] Storm closes the harbour of Lumen, Lumen Gazette, 4 March 2024 (stated)"
    doc_id, offsets = shown[source + 1].split()
    first, last = map(int, offsets.split("-"))
    with Assistant.open(library) as assistant:
        assert "four million crowns" in assistant.document(doc_id).text[first:last]


def test_ask_json_is_the_answer_and_nothing_else(library: Path) -> None:
    done = sayso("ask", "How much will the repairs of the harbour cost?", "--library", library, "--json")
    assert len(lines(done.stdout)) == 1
    answer = from_json(Answer, done.stdout)
    assert answer.status == "answered"
    with Assistant.open(library) as assistant:
        assert all(citation.stands_in(assistant.document(citation.doc_id)) for citation in answer.citations)


def test_an_abstention_exits_with_0_and_shows_what_came_closest(library: Path) -> None:
    done = sayso("ask", "Which football club won the cup in Brazil?", "--library", library)
    assert done.exit_code == 0
    assert "Sources:" not in done.stdout
    assert "The closest passages:" in lines(done.stdout)


def test_ask_reads_only_the_sources_and_dates_it_is_given(library: Path) -> None:
    def cited(*options: str) -> set[str]:
        done = sayso("ask", "How many hives did the beekeepers count?", "--library", library, "--json", *options)
        return {citation.source for citation in from_json(Answer, done.stdout).citations}

    assert cited("--source", "orn radio", "--source", "Lumen Gazette", "--since", "2025") == {"Orn Radio"}
    assert cited("--until", "2024-12-31") == set()
    assert cited("--source", "Lumen Gazette") == set()


def test_search_finds_the_passage_and_says_where_it_stands(library: Path) -> None:
    done = sayso("search", "night train tickets", "--library", library, "-k", "2")
    assert lines(done.stdout)[0].startswith(" 1. Night train to Sarn, date unknown, ")
    found = json.loads(sayso("search", "night train tickets", "--library", library, "-k", "2", "--json").stdout)
    assert found["query"] == "night train tickets"
    assert len(found["hits"]) == 2
    assert "45 crowns" in found["hits"][0]["text"]


def test_models_names_the_model_and_its_fingerprint(library: Path, embedder: MiniLM) -> None:
    shown = sayso("models", "--library", library).stdout
    assert "usable  (quotes)" in shown
    assert embedder.spec.fingerprint in shown
    told = json.loads(sayso("models", "--library", library, "--json").stdout)
    assert told["models"][0]["needs"] == ""
    assert told["embedder"]["fingerprint"] == embedder.spec.fingerprint


def question_file(folder: Path, library: Path, **more: object) -> Path:
    row = {
        "id": "q1",
        "question": "How much will the repairs of the harbour cost?",
        "answerable": True,
        "answers": ["four million"],
        "docs": [listed("--library", library)[0]["doc_id"]],
    }
    file = folder / "questions.jsonl"
    file.write_text(json.dumps(row | more) + "\n", encoding="utf-8")
    return file


def test_eval_prints_one_object_and_keeps_it_in_a_file(library: Path, tmp_path: Path) -> None:
    questions = question_file(tmp_path, library)
    done = sayso("eval", questions, "--library", library, "--json", "--out", tmp_path / "out.json")
    assert (done.exit_code, done.stderr) == (0, "")
    evaluation = json.loads(done.stdout)["evaluation"]
    assert evaluation["overall"]["first_accepted"]["value"] == 1.0
    assert json.loads((tmp_path / "out.json").read_text(encoding="utf-8")) == evaluation


def test_eval_says_what_differs_from_an_earlier_run_and_makes_a_page(library: Path, tmp_path: Path) -> None:
    questions = question_file(tmp_path, library)
    old, page = tmp_path / "old.json", tmp_path / "page.html"
    sayso("eval", questions, "--library", library, "--out", old)
    done = sayso("eval", questions, "--library", library, "--compare", old, "--report", page)
    assert done.exit_code == 0, done.stderr
    assert "0 became right" in done.stdout
    assert "0 became wrong" in done.stdout
    assert "How much will the repairs of the harbour cost?" in page.read_text(encoding="utf-8")


def test_eval_reports_evidence_that_stands_nowhere_on_stderr(library: Path, tmp_path: Path) -> None:
    questions = question_file(tmp_path, library, evidence=["The repairs will cost nine million"])
    for more in ((), ("--json",)):
        done = sayso("eval", questions, "--library", library, *more)
        assert done.exit_code == 0
        assert "line 1, 'q1': this evidence stands in none of its documents" in " ".join(done.stderr.split())


def test_eval_of_a_set_that_there_is_not_says_which_there_are() -> None:
    done = sayso("eval", "handbok")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "no question set 'handbok'" in done.stderr


@pytest.mark.parametrize("option", ["--out", "--report"])
def test_eval_tells_at_once_that_it_cannot_write(library: Path, tmp_path: Path, option: str) -> None:
    questions = question_file(tmp_path, library)
    done = sayso("eval", questions, "--library", library, option, tmp_path / "no" / "file")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "cannot write" in done.stderr


def test_eval_lists_the_sets_with_what_they_may_be_used_for() -> None:
    done = sayso("eval")
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["handbook", "developed"] in [row[:2] for row in rows]
    assert ["reserve", "held", "out"] in [row[:3] for row in rows]


# Real processes


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An empty home and no library named, so that a process finds nothing of this machine's user."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SAYSO_", "XDG_"))}
    return {**kept, "HOME": str(tmp_path)}


def test_a_process_answers_on_stdout_alone(library: Path, environment: dict[str, str]) -> None:
    process = start("ask", "When did the harbour close?", "--library", library, "--json", env=environment)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, err) == (0, "")
    assert "3 March 2024" in from_json(Answer, out).text


def test_a_reader_that_leaves_is_met_with_silence(library: Path, environment: dict[str, str]) -> None:
    process = start("search", "crowns", "--library", library, env=environment)
    assert process.stdout
    assert process.stderr
    process.stdout.close()
    err = process.stderr.read()
    process.wait(timeout=PATIENCE_S)
    process.stderr.close()
    assert err == ""


def test_ctrl_c_is_one_line_and_exit_status_130(tmp_path: Path, environment: dict[str, str]) -> None:
    texts = tmp_path / "many"
    texts.mkdir()
    for number in range(3000):
        (texts / f"{number}.txt").write_text(f"Report {number}\n\nItem {number} was seen at {number} metres.\n")
    process = start("add", texts, "--library", tmp_path / "many.library", env=environment)
    assert process.stderr
    process.stderr.readline()  # the first line of progress: it is at work
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert [line for line in lines(err) if "documents," not in line] == ["sayso: interrupted"]


def test_a_model_of_the_hub_is_fetched_in_sight(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line says what and how much; a file that llama.cpp cannot load is named, and not fetched again."""
    there = tmp_path / "hub" / "owner" / "repo" / "resolve" / "main"
    there.mkdir(parents=True)
    (there / "m.gguf").write_bytes(b"GGUF" + bytes(2_000_000))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    with hub(tmp_path / "hub") as address:
        monkeypatch.setattr(local, "_HUB", address)
        first = sayso("models", "test", "hf:owner/repo/m.gguf")
    again = sayso("models", "test", "hf:owner/repo/m.gguf")
    assert (first.exit_code, again.exit_code) == (1, 1)
    assert "sayso: fetching hf:owner/repo/m.gguf, 2 MB" in first.stderr
    assert "fetching" not in again.stderr
    assert "cannot load" in first.stderr
    assert "cannot load" in again.stderr
