"""The library is the truth: what is removed is gone, what fails changes nothing, nobody else's folder is touched."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import xxhash
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from index.database import DATABASE
from index.errors import (
    DocumentError,
    LibraryBusy,
    LibraryDamaged,
    LibraryError,
    LibraryNotFound,
    LibraryReadOnly,
    SpecMismatch,
)
from index.library import Library
from index.seal import SEAL
from index.types import IndexSpec
from tests.fakes import WordHashEmbedder
from tests.indexing import (
    BREAD_NEWS,
    FERRY_NEWS,
    MILL_NEWS,
    RAIN_NEWS,
    document,
    file_record,
    ids,
    indexed,
    open_to_all,
    ordinary_user,
    rows,
    tamper,
)

# -- what is removed is gone --------------------------------------------------------------------------------------

WORDS = st.lists(
    st.sampled_from(["rain", "fell", "on", "Oslo", "at", "5", "p.m.", "—", "été"]), min_size=1, max_size=12
)
TEXTS = st.lists(
    st.lists(WORDS.map(" ".join), min_size=1, max_size=4).map(". ".join), min_size=1, max_size=4, unique=True
)


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kept=TEXTS, removed=TEXTS)
def test_add_then_remove_leaves_no_trace(
    tmp_path_factory: pytest.TempPathFactory, kept: list[str], removed: list[str]
) -> None:
    """Every row of every table is as it was before, words and their counts included."""
    with closing(Library.open(tmp_path_factory.mktemp("trace") / "a.library")) as library:
        library.put(indexed(document(text), f"/kept/{n}") for n, text in enumerate(kept))
        before = rows(library.folder)
        gone = [document(text) for text in removed if text not in kept]
        library.put(indexed(made, f"/gone/{n}") for n, made in enumerate(gone))
        library.remove([made.doc_id for made in gone])
        assert rows(library.folder) == before
        assert library.integrity_problems() == []


def test_passage_ids_are_never_used_twice(filled: Library) -> None:
    """A reader that holds an old id finds the same passage or none, also after the last one was removed."""
    before = set(filled.vectors()[0].tolist())
    filled.remove(sorted(ids(FERRY_NEWS, BREAD_NEWS, MILL_NEWS, RAIN_NEWS)))
    filled.put([indexed(FERRY_NEWS)])
    after = set(filled.vectors()[0].tolist())
    assert (before, after) == ({1, 2, 3, 4}, {5})


def test_removing_an_id_that_is_not_here_removes_nothing(filled: Library) -> None:
    """The one that is unknown is named, the others stay."""
    with pytest.raises(DocumentError) as refused:
        filled.remove([FERRY_NEWS.doc_id, "nonesuch"])
    assert str(refused.value) == f"no document 'nonesuch' in {str(filled.folder)!r}; see the ids with: sayso list"
    assert FERRY_NEWS.doc_id in filled.document_ids()
    with pytest.raises(DocumentError, match="no document 'nonesuch'"):
        filled.document("nonesuch")


def test_every_change_counts_up_the_version_once(library: Library) -> None:
    """So that an index of an older version is known to be old."""
    library.put([indexed(FERRY_NEWS), indexed(BREAD_NEWS)])
    assert library.version() == 1
    library.remove([FERRY_NEWS.doc_id])
    assert library.version() == 2


def test_a_change_that_fails_changes_nothing(filled: Library) -> None:
    """The document before the one that cannot be stored is not stored either."""
    before = rows(filled.folder)
    with pytest.raises(LibraryError, match="UNIQUE constraint failed"):
        filled.put([indexed(document("New words.")), indexed(FERRY_NEWS)])
    assert rows(filled.folder) == before
    assert filled.version() == 1


# -- files and the documents that they hold -----------------------------------------------------------------------


def test_replacing_a_document_keeps_the_files_that_hold_it(filled: Library) -> None:
    """The text is the same, what is known about it is new."""
    filled.put_files([file_record("/d/copy.txt", FERRY_NEWS)])
    filled.put([indexed(replace(FERRY_NEWS, title="Night ferry"), "/d/ferry.txt")], replacing=[FERRY_NEWS.doc_id])
    found = filled.document(FERRY_NEWS.doc_id)
    assert (found.title, found.paths) == ("Night ferry", ("/d/copy.txt", "/d/ferry.txt"))
    assert filled.counts() == (4, 4, 5)


def test_a_document_without_a_file_can_be_replaced(filled: Library) -> None:
    """As when a text that was added by hand turns up in a file that is described."""
    filled.put([indexed(replace(RAIN_NEWS, title="Downpour"), "/d/rain.txt")], replacing=[RAIN_NEWS.doc_id])
    assert filled.document(RAIN_NEWS.doc_id).title == "Downpour"


def test_a_document_that_no_file_holds_any_more_is_forgotten(filled: Library) -> None:
    """Its file was written over with the text of another; one that was added by hand stays."""
    filled.put_files([file_record("/d/ferry.txt", BREAD_NEWS)])
    assert filled.document_ids() == ids(BREAD_NEWS, MILL_NEWS, RAIN_NEWS)
    assert filled.document(BREAD_NEWS.doc_id).paths == ("/d/bread.txt", "/d/ferry.txt")


def test_files_that_are_known_already_change_nothing(filled: Library) -> None:
    """Not even the version, so that nothing is published anew."""
    filled.put_files([file_record("/d/ferry.txt", FERRY_NEWS)])
    filled.put_files([])
    assert filled.version() == 1


# -- one library, one model ---------------------------------------------------------------------------------------


def test_a_library_is_bound_to_the_model_that_it_was_built_with(library: Library) -> None:
    """Another is refused with the names of both and the way out."""
    one = WordHashEmbedder("one").spec
    library.set_spec(one)
    library.set_spec(one)
    with pytest.raises(SpecMismatch) as refused:
        library.set_spec(WordHashEmbedder("two").spec)
    assert str(refused.value) == (
        f"library {str(library.folder)!r} was built with 'one' but the settings name 'two'; set SAYSO_EMBEDDER=one"
        f", or embed its texts again with: sayso check --repair --library {library.folder}"
    )
    assert library.spec() == one


@pytest.mark.parametrize("changed", [{"fingerprint": "0" * 64}, {"window": 128}, {"recipe": "other-2"}])
def test_a_model_of_the_same_name_with_other_weights_or_rules_is_another(
    library: Library, changed: dict[str, str]
) -> None:
    """Its vectors would not be comparable."""
    spec = WordHashEmbedder("one").spec
    library.set_spec(spec)
    with pytest.raises(SpecMismatch, match="built with 'one' but the settings name other weights or rules"):
        library.check_spec(replace(spec, **changed))  # type: ignore[arg-type]


def test_an_unbound_library_takes_any_model(library: Library) -> None:
    """Until the first document decides."""
    library.check_spec(IndexSpec("any", "", 1, 1, ""))


# -- folders that are none, or another's --------------------------------------------------------------------------


def test_a_folder_of_other_things_is_not_made_a_library(tmp_path: Path) -> None:
    """Nor is a file; nothing is written there, and the message names the way out."""
    (tmp_path / "letter.txt").write_text("Dear Ann")
    for path in (tmp_path, tmp_path / "letter.txt"):
        with pytest.raises(LibraryNotFound) as refused:
            Library.open(path)
        assert str(refused.value) == f"{str(path)!r} is not a sayso library; name another folder with --library"
    assert [entry.name for entry in tmp_path.iterdir()] == ["letter.txt"]


def test_an_empty_folder_becomes_a_library(tmp_path: Path) -> None:
    """Also one with hidden files only, and one that a crash left in the making."""
    (tmp_path / ".DS_Store").write_bytes(b"")
    (tmp_path / f".{DATABASE}.draft").write_bytes(b"half a library")
    with closing(Library.open(tmp_path)) as library:
        assert library.counts() == (0, 0, 0)
    shown = sorted(entry.name for entry in tmp_path.iterdir() if not entry.name.startswith("."))
    assert shown == [DATABASE, SEAL, "recovery.lock", "writer.lock"]


def test_a_library_that_many_make_at_once_is_one(tmp_path: Path) -> None:
    """All open the same empty library, and none meets a half one."""
    with ThreadPoolExecutor(8) as pool:
        opened = list(pool.map(lambda _: Library.open(tmp_path / "a.library"), range(8)))
    assert [library.counts() for library in opened] == [(0, 0, 0)] * 8
    opened[0].put([indexed(FERRY_NEWS)])
    assert {library.counts()[0] for library in opened} == {1}
    for library in opened:
        library.close()


def test_a_library_that_another_makes_meanwhile_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look for a database and the look for foreign files."""
    folder, listed = tmp_path / "a.library", Path.iterdir
    folder.mkdir()

    def late(looked_at: Path) -> Iterator[Path]:
        monkeypatch.undo()
        Library.open(folder).close()
        return listed(looked_at)

    monkeypatch.setattr(Path, "iterdir", late)
    with closing(Library.open(folder)) as library:
        assert library.counts() == (0, 0, 0)


@pytest.mark.parametrize("statement", ["PRAGMA application_id = 7", "PRAGMA user_version = 99"])
def test_a_library_of_another_program_or_version_is_refused(library: Library, statement: str) -> None:
    """Its tables may mean something else."""
    with closing(sqlite3.connect(library.folder / DATABASE)) as db:
        db.execute(statement)
    (library.folder / SEAL).unlink()
    with pytest.raises(LibraryNotFound, match="was not made by this version of sayso; name another folder"):
        Library.open(library.folder)


def test_a_file_that_is_no_database_is_said_to_be_damaged(tmp_path: Path) -> None:
    """With the way to build it again, and in one line."""
    (tmp_path / DATABASE).write_bytes(b"not a database, but long enough to be read as one" * 100)
    with pytest.raises(LibraryError) as refused:
        Library.open(tmp_path)
    assert "is damaged (file is not a database); mend it with: sayso check --repair" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_library_cannot_be_made_inside_a_file(tmp_path: Path) -> None:
    """The system's own words for it are passed on."""
    (tmp_path / "file").write_text("")
    with pytest.raises(LibraryReadOnly, match=r"cannot make a library at .*: Not a directory; name a folder you can"):
        Library.open(tmp_path / "file" / "library")


# -- writing ------------------------------------------------------------------------------------------------------

HOLD = """
import sys
from pathlib import Path
from index.library import Library
with Library.open(Path(sys.argv[1])).writer():
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_writer(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that holds the right to write."""
    command = [sys.executable, "-c", HOLD, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def test_a_second_writer_hears_who_holds_the_library(library: Library) -> None:
    """At once, by process number; reading goes on meanwhile."""
    with another_writer(library.folder) as process:
        with pytest.raises(LibraryBusy) as refused, library.writer():
            pass
        assert str(refused.value) == (
            f"library {str(library.folder)!r} is held by process {process.pid}; wait for it to finish, or stop it"
        )
        assert library.counts() == (0, 0, 0)


def test_the_lock_of_a_dead_writer_is_free(library: Library) -> None:
    """Nobody has to clean up after a process that was killed."""
    with another_writer(library.folder) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        with library.writer():
            assert (library.folder / "writer.lock").read_text() == str(os.getpid())


def test_the_lock_is_given_back_after_an_error(library: Library) -> None:
    """Whatever went wrong inside."""
    with pytest.raises(KeyError), library.writer():
        raise KeyError
    with library.writer():
        pass


def test_a_database_that_another_connection_is_changing_is_busy(library: Library) -> None:
    """After waiting for it; the message asks to try again."""
    with closing(sqlite3.connect(library.folder / DATABASE, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        library._db.execute("PRAGMA busy_timeout = 1")  # ten seconds otherwise
        with pytest.raises(LibraryBusy, match="is being written; try again when that is done"):
            library.put([indexed(FERRY_NEWS)])


def test_a_full_disk_is_said_and_changes_nothing(filled: Library) -> None:
    """The transaction is rolled back, and what was there is still served."""
    filled._db.execute(f"PRAGMA max_page_count = {filled._db.execute('PRAGMA page_count').fetchone()[0]}")
    with pytest.raises(LibraryReadOnly, match="is full; free some space and run the same command again"):
        filled.put([indexed(document("Many words. " * 2000))])
    assert filled.document_ids() == ids(FERRY_NEWS, BREAD_NEWS, MILL_NEWS, RAIN_NEWS)
    assert filled.integrity_problems() == []


def test_a_library_on_a_read_only_disk_is_read_and_not_written() -> None:
    """Every change is refused with the fix; documents and searches are served."""
    with open_to_all() as parent:
        folder = parent / "a.library"
        with closing(Library.open(folder)) as library:
            library.put([indexed(FERRY_NEWS)])
        (folder / DATABASE).chmod(0o444)
        folder.chmod(0o555)
        with ordinary_user(), closing(Library.open(folder)) as library:
            assert library.document(FERRY_NEWS.doc_id).text == FERRY_NEWS.text
            assert list(library.search_words(["ferri"], 3)) == [1]
            for change in (lambda: library.writer().__enter__(), lambda: library.put([indexed(BREAD_NEWS)])):
                with pytest.raises(LibraryReadOnly, match="copy the library to a folder you can write to"):
                    change()
        folder.chmod(0o755)


def test_a_library_cannot_be_made_where_writing_is_not_allowed() -> None:
    """The permission is named as what is in the way."""
    with open_to_all() as parent, ordinary_user():
        parent_is_closed = parent / "a.library"
        if os.access(parent, os.W_OK):
            parent.chmod(0o555)
        with pytest.raises(LibraryReadOnly, match=r"cannot make a library at .*: Permission denied; name a folder"):
            Library.open(parent_is_closed)


# -- integrity ----------------------------------------------------------------------------------------------------


def test_a_sound_library_has_no_problems(filled: Library) -> None:
    """SQLite's own check, the references between its tables, and the index of words."""
    assert filled.integrity_problems() == []


def test_what_does_not_belong_together_is_found(filled: Library) -> None:
    """A passage without its document; a passage that the index of words does not know."""
    tamper(filled.folder, "DELETE FROM documents WHERE doc_id = ?", MILL_NEWS.doc_id)
    assert set(filled.integrity_problems()) == {
        "row without its parent in passages",
        "row without its parent in sentences",
    }
    tamper(filled.folder, "DELETE FROM words WHERE rowid = ?", 1)
    assert "the word index and the passages differ" in filled.integrity_problems()


@pytest.mark.parametrize("sealed", [True, False])
def test_a_damaged_database_is_refused_with_the_way_to_mend_it(filled: Library, sealed: bool) -> None:
    """Zeros in the middle of the file; without the seal, as after a crash, SQLite is asked."""
    filled.close()
    database = filled.folder / DATABASE
    data = database.read_bytes()
    database.write_bytes(data[:4096] + b"\0" * (len(data) - 4096))
    if not sealed:
        (filled.folder / SEAL).unlink()
    with pytest.raises(LibraryDamaged, match=r"is damaged \(.*\); mend it with: sayso check --repair --library "):
        Library.open(filled.folder)


def test_one_changed_letter_is_noticed_when_the_library_is_opened(filled: Library) -> None:
    """SQLite itself would hand it out as the text."""
    filled.close()
    database = filled.folder / DATABASE
    database.write_bytes(database.read_bytes().replace(b"ferry", b"fairy", 1))
    with pytest.raises(LibraryDamaged, match="its database is not what was last written"):
        Library.open(filled.folder)


def test_what_a_dead_writer_left_is_opened_and_sealed(filled: Library) -> None:
    """The lock still names the process that died; what it had committed is not taken for damage."""
    filled.close()
    (filled.folder / "writer.lock").write_text("123456789")
    (filled.folder / SEAL).write_text("0" * 64)
    with closing(Library.open(filled.folder)) as library:
        assert library.counts()[0] > 0
    assert (filled.folder / "writer.lock").read_bytes() == b""
    assert (filled.folder / SEAL).read_text() == xxhash.xxh3_128((filled.folder / DATABASE).read_bytes()).hexdigest()


def test_a_writer_waits_for_a_reader_that_seals_what_a_dead_writer_left(
    filled: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who only opens the library is nobody's rival: a change that meets it is made, not refused."""
    (filled.folder / "writer.lock").write_text("123456789")
    (filled.folder / SEAL).write_text("0" * 64)
    rows = Library._rows
    with ThreadPoolExecutor(1) as pool:
        changes: list[Future[None]] = []

        def meets_a_writer(library: Library, *query: object) -> object:
            if query[0] == "PRAGMA quick_check(1)":
                changes.append(pool.submit(filled.remove, [MILL_NEWS.doc_id]))
                assert not wait(changes, timeout=0.2).done
            return rows(library, *query)

        monkeypatch.setattr(Library, "_rows", meets_a_writer)
        with closing(Library.open(filled.folder)) as library:
            changes[0].result(10)
            assert library.document_ids() == ids(FERRY_NEWS, BREAD_NEWS, RAIN_NEWS)
    assert (filled.folder / "writer.lock").read_bytes() == b""
    assert filled.sealed()


def test_a_reader_does_not_seal_what_a_writer_is_writing(library: Library) -> None:
    """It is read as it was last committed, and the lock goes on naming its writer."""
    with another_writer(library.folder) as process, closing(Library.open(library.folder)) as reader:
        assert reader.counts() == (0, 0, 0)
        assert (library.folder / "writer.lock").read_text() == str(process.pid)


def test_damage_that_a_dead_writer_left_is_not_sealed(filled: Library) -> None:
    """It is said each time that the library is opened."""
    filled.close()
    database = filled.folder / DATABASE
    (filled.folder / "writer.lock").write_text("123456789")
    database.write_bytes(database.read_bytes()[:-4096] + b"\0" * 4096)
    for _ in range(2):
        with pytest.raises(LibraryDamaged, match="mend it with: sayso check --repair"):
            Library.open(filled.folder)
