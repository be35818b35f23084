"""What is wrong in a library is found, made again where it can be, and nothing that was removed stays on the disk."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from index import sync
from index.check import check, compact, repair
from index.database import DATABASE
from index.errors import LibraryNotFound
from index.library import Library
from index.load import document_id
from index.seal import SEAL
from index.types import CheckReport, Repaired
from tests.fakes import WordHashEmbedder
from tests.indexing import BREAD, FERRY, Adding, document, nearest, tamper


def test_a_sound_library_is_found_sound(add: Adding, folder: Path) -> None:
    """With what was looked at."""
    add(folder)
    assert check(add.library) == CheckReport(documents=2, passages=2, sentences=3)


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        (
            "UPDATE documents SET text = replace(text, 'dawn', 'noon') WHERE doc_id = ?",
            "not the one its id was made from",
        ),
        ("UPDATE sentences SET start = 20 WHERE doc_id = ? AND ordinal = 1", "sentences overlap"),
        ("UPDATE sentences SET start = 30 WHERE doc_id = ? AND ordinal = 1", "leave some of it out"),
        ('UPDATE sentences SET "end" = 99 WHERE doc_id = ? AND ordinal = 1', "leave the text"),
        ("DELETE FROM sentences WHERE doc_id = ? AND ordinal = 1", "leave some of it out"),
        ("UPDATE passages SET start = 4 WHERE doc_id = ?", "a passage is not made of its sentences"),
        ('UPDATE passages SET "end" = 20 WHERE doc_id = ?', "a passage is not made of its sentences"),
        (
            "UPDATE sentences SET passage_id = NULL WHERE doc_id = ? AND ordinal = 0",
            "a passage is not made of its sentences",
        ),
    ],
)
def test_a_text_or_offset_that_was_tampered_with_is_found(
    add: Adding, folder: Path, statement: str, found: str
) -> None:
    """The document is named, and nothing is changed."""
    add(folder)
    tamper(add.library.folder, statement, document_id(FERRY))
    problems = check(add.library).problems
    assert any(found in problem and document_id(FERRY) in problem for problem in problems)


def test_a_word_index_that_differs_is_found(add: Adding, folder: Path) -> None:
    """A passage that no word leads to."""
    add(folder)
    tamper(add.library.folder, "DELETE FROM words WHERE rowid = ?", 1)
    assert check(add.library).problems == ("the word index and the passages differ",)


# -- repair ---------------------------------------------------------------------------------------------------------


def mended(folder: Path, embedder: WordHashEmbedder | None = None) -> Repaired:
    return repair(folder, lambda: embedder or WordHashEmbedder())


def damage(folder: Path, old: bytes, new: bytes) -> None:
    """Change the database on the disk, as a failing disk does."""
    database = folder / DATABASE
    data = database.read_bytes()
    assert data.count(old) > 0
    assert len(old) == len(new)
    database.write_bytes(data.replace(old, new))


def test_a_sound_library_is_left_as_it_is(add: Adding, folder: Path) -> None:
    """Byte for byte."""
    add(folder)
    add.library.close()
    before = (add.library.folder / DATABASE).read_bytes()
    assert mended(add.library.folder) == Repaired(2)
    assert (add.library.folder / DATABASE).read_bytes() == before


def test_a_damaged_vector_index_is_published_again_and_nothing_is_embedded(add: Adding, folder: Path) -> None:
    """It is derived from vectors that the database holds."""
    add(folder)
    add.library.close()
    (index,) = add.library.folder.glob("generations/*/vectors.faiss")
    index.write_bytes(index.read_bytes()[:-9])
    embedder = WordHashEmbedder()
    assert mended(add.library.folder, embedder) == Repaired(2)
    assert embedder.passages_encoded == 0
    with closing(Library.open(add.library.folder)) as library:
        assert check(library).problems == ()


def test_a_text_that_changed_on_the_disk_is_lost_and_the_others_are_kept(add: Adding, folder: Path) -> None:
    """The path of the lost one is named, and adding its file again brings it back."""
    add(folder)
    add.library.close()
    damage(add.library.folder, b"The ferry left at dawn", b"The ferry left at noon")
    assert mended(add.library.folder) == Repaired(1, lost=(str(folder / "ferry.txt"),), made_again=True)
    with closing(Library.open(add.library.folder)) as library:
        assert [d.text for d in library.documents()] == [BREAD]
        assert check(library).problems == ()
        report = Adding(library)(folder)
        assert (report.added, report.skipped) == ((str(folder / "ferry.txt"),), (str(folder / "bread.txt"),))
        assert nearest(library, "when did the ferry leave") == FERRY.strip()


def test_a_title_that_changed_on_the_disk_is_not_shown(add: Adding) -> None:
    """A document is kept as a whole or not at all."""
    add(document(FERRY, title="The night boat"))
    add.library.close()
    damage(add.library.folder, b"The night boat", b"The light boat")
    assert mended(add.library.folder).documents == 0


def test_vectors_and_words_that_changed_on_the_disk_are_made_again(add: Adding, folder: Path) -> None:
    """Every text is whole, so that nothing is lost."""
    add(folder)
    vector = add.library.vectors()[1][0].tobytes()
    add.library.close()
    damage(add.library.folder, vector, bytes(len(vector)))
    assert mended(add.library.folder) == Repaired(2, made_again=True)
    with closing(Library.open(add.library.folder)) as library:
        assert vector in {row.tobytes() for row in library.vectors()[1]}


def test_a_library_of_another_model_is_embedded_again(add: Adding, folder: Path) -> None:
    """The texts are the same, and so are their files: a second `add` has nothing to do."""
    add(folder)
    add.library.close()
    assert mended(add.library.folder, WordHashEmbedder("other")) == Repaired(2, made_again=True)
    with closing(Library.open(add.library.folder)) as library:
        spec = library.spec()
        assert spec is not None
        assert spec.model == "other"
        assert len(Adding(library, WordHashEmbedder("other"))(folder).skipped) == 2


def test_a_file_of_zeros_leaves_nothing_to_keep_and_an_empty_library(add: Adding, folder: Path) -> None:
    """And it stays beside the new one until `compact`."""
    add(folder)
    add.library.close()
    database = add.library.folder / DATABASE
    database.write_bytes(bytes(database.stat().st_size))
    assert mended(add.library.folder) == Repaired(0, made_again=True)
    with closing(Library.open(add.library.folder)) as library:
        assert library.counts() == (0, 0, 0)
        kept = library.folder / f"{DATABASE}.damaged"
        assert not any(kept.read_bytes())
        compact(library)
        assert not kept.exists()


@pytest.mark.parametrize("statement", ["PRAGMA application_id = 7", "PRAGMA user_version = 99"])
def test_a_database_of_another_program_or_schema_is_not_touched(add: Adding, folder: Path, statement: str) -> None:
    """Its texts cannot be told, and an empty library in its place would be a loss."""
    add(folder)
    add.library.close()
    with closing(sqlite3.connect(add.library.folder / DATABASE)) as db:
        db.execute(statement)
    (add.library.folder / SEAL).unlink()
    before = (add.library.folder / DATABASE).read_bytes()
    with pytest.raises(LibraryNotFound, match="was not made by this version of sayso"):
        mended(add.library.folder)
    assert (add.library.folder / DATABASE).read_bytes() == before


def test_a_repaired_library_never_has_an_old_version_again(add: Adding, folder: Path) -> None:
    """Answers and indexes are kept by version."""
    add(folder)
    before = add.library.version()
    add.library.close()
    (add.library.folder / SEAL).write_text("0" * 64)
    assert mended(add.library.folder).made_again
    with closing(Library.open(add.library.folder)) as library:
        assert library.version() > before


# -- compact --------------------------------------------------------------------------------------------------------


def test_nothing_of_a_removed_document_stays_on_the_disk(add: Adding, folder: Path) -> None:
    """Neither its text, nor a word of it that no other has, nor its vector, in any file of the library."""
    add(folder, document("The zeppelin exploded over Lakehurst. " * 40, title="Hindenburg"))
    ids, vectors, _ = add.library.vectors()
    vector = vectors[ids.argmax()].tobytes()
    held = b"".join(path.read_bytes() for path in add.library.folder.rglob("*") if path.is_file())
    assert b"zeppelin" in held
    assert vector in held
    sync.remove(add.library, [document_id("The zeppelin exploded over Lakehurst. " * 40)])
    assert compact(add.library) > 0
    held = b"".join(path.read_bytes() for path in add.library.folder.rglob("*") if path.is_file())
    for trace in (b"zeppelin", b"lakehurst", b"Hindenburg", vector):
        assert trace not in held
    assert check(add.library).problems == ()
    assert nearest(add.library, "when did the ferry leave") == FERRY.strip()
