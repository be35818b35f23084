"""Conversations are kept for the one who had them, and for nobody else."""

import json
import sqlite3
import stat
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path

import pytest

from index.errors import SaysoError
from rag.types import Answer, Filter, from_json
from tests.test_render import answer, document
from ui.conversations import Conversations, Exchange, Feedback, is_owner, new_owner, owner_of

ADA, BEN = new_owner(), new_owner()


def exchange(question: str) -> Exchange:
    return Exchange(replace(answer(document()), question=question), Filter(since="2024"), ("Next?",), at="2025-01-01")


@pytest.fixture
def kept(tmp_path: Path) -> Conversations:
    return Conversations(tmp_path / "data" / "conversations.sqlite")


def test_what_is_kept_comes_back_as_it_was_from_another_process(kept: Conversations) -> None:
    """The file is all there is: whoever opens it next finds the same."""
    number = kept.append(ADA, 0, exchange("Who?"))
    assert kept.append(ADA, number, exchange("And why?")) == number
    again = Conversations(kept.file)
    assert again.exchanges(ADA, number) == (exchange("Who?"), exchange("And why?"))
    assert [(s.number, s.title) for s in again.summaries(ADA)] == [(number, "Who?")]


def test_nobody_reads_changes_or_continues_anothers_conversation(kept: Conversations) -> None:
    number = kept.append(ADA, 0, exchange("Who?"))
    assert kept.exchanges(BEN, number) == ()
    assert kept.summaries(BEN) == []
    assert kept.change(BEN, number, 0, verdict=1) is None
    kept.rename(BEN, number, "mine")
    kept.delete(BEN, number)
    assert kept.append(BEN, number, exchange("Mine?")) != number
    assert kept.exchanges(ADA, number) == (exchange("Who?"),)
    assert [s.title for s in kept.summaries(ADA)] == ["Who?"]


def test_a_conversation_is_seen_in_its_own_library_only(kept: Conversations, tmp_path: Path) -> None:
    bread, ferry = (Conversations(kept.file, tmp_path / name) for name in ("bread.library", "ferry.library"))
    number = bread.append(ADA, 0, exchange("Who?"))
    assert ferry.summaries(ADA) == []
    assert ferry.exchanges(ADA, number) == ()
    assert ferry.append(ADA, number, exchange("When?")) != number
    assert [s.title for s in bread.summaries(ADA)] == ["Who?"]


def test_what_was_kept_before_libraries_were_noted_is_still_found(kept: Conversations, tmp_path: Path) -> None:
    number = kept.append(ADA, 0, exchange("Who?"))
    with sqlite3.connect(kept.file) as db:
        db.execute("ALTER TABLE conversations DROP COLUMN library")
    found = Conversations(kept.file, tmp_path / "a.library")
    assert [s.number for s in found.summaries(ADA)] == [number]
    assert found.append(ADA, number, exchange("And why?")) == number


def test_who_signs_in_has_one_word_that_cannot_be_told_from_the_name(tmp_path: Path) -> None:
    word = owner_of("vera", tmp_path / "here" / "key")
    assert is_owner(word)
    assert word == owner_of("vera", tmp_path / "here" / "key")
    assert word not in (owner_of("lev", tmp_path / "here" / "key"), owner_of("vera", tmp_path / "there" / "key"))
    assert stat.S_IMODE((tmp_path / "here" / "key").stat().st_mode) == 0o600


def test_the_word_of_an_owner_is_not_in_the_file_and_the_file_is_the_users_alone(kept: Conversations) -> None:
    kept.append(ADA, 0, exchange("Who?"))
    assert ADA.encode() not in kept.file.read_bytes()
    assert stat.S_IMODE(kept.file.stat().st_mode) == 0o600


def test_a_deleted_conversation_leaves_nothing_in_the_file_and_its_number_to_nobody(kept: Conversations) -> None:
    """A page that still shows it must not find another in its place."""
    number = kept.append(ADA, 0, exchange("A question like no other?"))
    kept.delete(ADA, number)
    assert b"like no other" not in kept.file.read_bytes()
    assert kept.append(ADA, number, exchange("Who?")) == number + 1


def test_the_last_changed_comes_first_and_a_title_is_one_short_line(kept: Conversations) -> None:
    first = kept.append(ADA, 0, exchange(" A  very\nlong " + "question " * 40))
    second = kept.append(ADA, 0, exchange("Who?"))
    assert [s.number for s in kept.summaries(ADA)] == [second, first]
    assert kept.summaries(ADA)[1].title == ("A very long " + "question " * 12).strip()
    kept.rename(ADA, first, "  Talks\nagain ")
    kept.rename(ADA, second, "   ")
    assert [s.title for s in kept.summaries(ADA)] == ["Who?", "Talks again"]


def test_fields_of_one_exchange_are_changed_and_the_rest_stays(kept: Conversations) -> None:
    number = kept.append(ADA, 0, exchange("Who?"))
    kept.append(ADA, number, exchange("Why?"))
    assert kept.change(ADA, number, 1, verdict=-1, comment="no") == replace(exchange("Why?"), verdict=-1, comment="no")
    assert kept.exchanges(ADA, number)[0] == exchange("Who?")
    assert kept.change(ADA, number, 2, verdict=1) is None


def test_two_changes_at_once_are_both_kept(kept: Conversations, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when an answer is judged while suggestions are being made for it."""
    number = kept.append(ADA, 0, exchange("Who?"))
    with ThreadPoolExecutor(1) as pool:
        others: list[Future[Exchange | None]] = []

        def meanwhile(read: Exchange, **fields: object) -> Exchange:
            if not others:
                others.append(pool.submit(kept.change, ADA, number, 0, verdict=-1, comment="No"))
                wait(others, timeout=0.2)
            return replace(read, **fields)  # type: ignore[arg-type]

        monkeypatch.setattr("ui.conversations.replace", meanwhile)
        kept.change(ADA, number, 0, suggested=("Why?",))
        others[0].result(10)
    (now,) = kept.exchanges(ADA, number)
    assert (now.verdict, now.comment, now.suggested) == (-1, "No", ("Why?",))


def test_half_a_surrogate_pair_does_not_lose_the_answer(kept: Conversations) -> None:
    number = kept.append(ADA, 0, exchange("half\ud83dpair"))
    assert kept.exchanges(ADA, number)[0].answer.question == "half?pair"


@pytest.mark.parametrize(
    "word", ["", "short", "x" * 42, "x" * 44, "../../../../../../../../../../../etc/passwd", 7, None]
)
def test_only_a_word_that_was_given_out_can_be_an_owner(word: object) -> None:
    assert not is_owner(word)
    assert is_owner(new_owner())


def test_a_file_that_is_no_database_is_said_to_be_none(tmp_path: Path) -> None:
    file = tmp_path / "conversations.sqlite"
    file.write_bytes(b"not a database at all" * 100)
    with pytest.raises(SaysoError, match=r"conversations\.sqlite' cannot be read or written .* move the file away"):
        Conversations(file).summaries(ADA)


def test_a_failed_change_leaves_what_was_there(kept: Conversations) -> None:
    number = kept.append(ADA, 0, exchange("Who?"))
    db = sqlite3.connect(kept.file)
    db.execute("CREATE TRIGGER no BEFORE INSERT ON exchanges BEGIN SELECT RAISE(ABORT, 'disk full'); END")
    db.commit()
    db.close()
    with pytest.raises(SaysoError, match="disk full"):
        kept.append(ADA, number, exchange("Why?"))
    assert kept.exchanges(ADA, number) == (exchange("Who?"),)


def test_a_judgement_is_one_line_with_the_whole_answer(tmp_path: Path) -> None:
    feedback = Feedback(tmp_path / "data" / "feedback.jsonl")
    feedback.keep(replace(exchange("Who?"), verdict=1))
    feedback.keep(replace(exchange("Who?"), verdict=-1, comment="two\nlines"))
    first, second = (json.loads(line) for line in feedback.file.read_text(encoding="utf-8").splitlines())
    assert (first["verdict"], second["verdict"], second["comment"]) == ("helpful", "not helpful", "two\nlines")
    assert from_json(Answer, json.dumps(second["answer"])) == exchange("Who?").answer
    assert stat.S_IMODE(feedback.file.stat().st_mode) == 0o600
