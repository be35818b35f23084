"""Files and the library are brought in step: nothing is embedded twice, nothing is lost, and what failed is said."""

import dataclasses
import os
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from index import files, sync
from index.check import check
from index.errors import DocumentError, LibraryBusy, SpecMismatch
from index.library import Library
from index.load import document_id
from index.types import (
    DateInfo,
    Failure,
    PassageInput,
    PassageVectors,
    Progress,
)
from index.vectors import VectorIndex
from tests.fakes import WordHashEmbedder
from tests.indexing import BREAD, FERRY, Adding, document, nearest, open_to_all, ordinary_user, rows

MILL = "The mill burnt down.\n"


def texts(library: Library) -> dict[str, str]:
    return {Path(path).name: d.text for d in library.documents() for path in d.paths}


# -- adding -------------------------------------------------------------------------------------------------------


def test_a_folder_is_added_whole(add: Adding, folder: Path) -> None:
    """Every file in name order; the passages are counted and can be found."""
    report = add(folder)
    assert report.added == (str(folder / "bread.txt"), str(folder / "ferry.txt"))
    assert (report.changed, report.skipped, report.failed, report.passages) == ((), (), (), 2)
    assert report.seconds > 0
    assert texts(add.library) == {"bread.txt": BREAD, "ferry.txt": FERRY}
    assert nearest(add.library, "when did the ferry leave") == FERRY.strip()


def test_a_file_of_another_format_is_named_and_the_rest_goes_on(add: Adding, folder: Path) -> None:
    """Nobody is left to believe that a picture was read; what describes the folder, and what is hidden, is no file."""
    for name in ("map.png", "sources.toml", ".notes.pdf"):
        (folder / name).write_text("")
    report = add(folder)
    assert (report.ignored, report.failed, len(report.added)) == ((str(folder / "map.png"),), (), 2)


def test_the_same_folder_twice_embeds_nothing(add: Adding, folder: Path) -> None:
    """No model is loaded, no version counted, no id changed."""
    add(folder)
    before, version = rows(add.library.folder), add.library.version()
    report = add(folder)
    assert report.skipped == (str(folder / "bread.txt"), str(folder / "ferry.txt"))
    assert (report.added, report.changed, report.passages) == ((), (), 0)
    assert (add.embedder.passages_encoded, add.loaded) == (2, 1)
    assert rows(add.library.folder) == before
    assert add.library.version() == version


def test_a_file_that_was_touched_but_not_changed_is_not_embedded(add: Adding, folder: Path) -> None:
    """Its text is what counts; its new time is remembered, so that the next look costs a stat again."""
    add(folder)
    os.utime(folder / "ferry.txt", ns=(1, 1))
    assert str(folder / "ferry.txt") in add(folder).skipped
    assert add.embedder.passages_encoded == 2
    record = add.library.file(str(folder / "ferry.txt"))
    assert record is not None
    assert record.mtime_ns == 1


def test_an_edited_file_is_replaced(add: Adding, folder: Path) -> None:
    """The new text is found, the old one is gone, the other file is left alone."""
    add(folder)
    (folder / "ferry.txt").write_text(MILL)
    report = add(folder)
    assert (report.changed, report.added) == ((str(folder / "ferry.txt"),), ())
    assert texts(add.library) == {"bread.txt": BREAD, "ferry.txt": MILL}
    assert add.embedder.passages_encoded == 3
    assert add.library.search_words(["ferri"], 5) == {}
    assert nearest(add.library, "what burnt down") == MILL.strip()


def test_a_renamed_file_keeps_its_id_and_is_not_embedded(add: Adding, folder: Path) -> None:
    """The text is known under its new name too."""
    add(folder)
    before = add.library.document_ids()
    (folder / "ferry.txt").rename(folder / "night.txt")
    assert add(folder).skipped == (str(folder / "bread.txt"), str(folder / "night.txt"))
    assert add.library.document_ids() == before
    assert add.embedder.passages_encoded == 2
    assert str(folder / "night.txt") in add.library.document(document_id(FERRY)).paths


def test_the_same_text_in_two_files_is_stored_once(add: Adding, folder: Path) -> None:
    """One document with both paths, whether they come together or one after the other."""
    (folder / "again.txt").write_text(FERRY)
    assert add(folder).passages == 2
    (folder / "later.txt").write_text(FERRY)
    add(folder)
    names = [Path(path).name for path in add.library.document(document_id(FERRY)).paths]
    assert names == ["again.txt", "ferry.txt", "later.txt"]
    assert add.embedder.passages_encoded == 2


def test_a_text_stays_while_one_file_holds_it(add: Adding, folder: Path) -> None:
    """And goes with the last."""
    (folder / "again.txt").write_text(FERRY)
    add(folder)
    (folder / "again.txt").write_text(MILL)
    add(folder)
    assert document_id(FERRY) in add.library.document_ids()
    (folder / "ferry.txt").write_text(BREAD)
    add(folder)
    assert add.library.document_ids() == {document_id(MILL), document_id(BREAD)}


def test_files_that_swapped_their_names_are_both_still_there(add: Adding, folder: Path) -> None:
    """The first to be looked at was the last to hold its old text, until the second turns up with it."""
    add(folder)
    (folder / "ferry.txt").rename(folder / "x")
    (folder / "bread.txt").rename(folder / "ferry.txt")
    (folder / "x").rename(folder / "bread.txt")
    assert add(folder).failed == ()
    assert texts(add.library) == {"bread.txt": FERRY, "ferry.txt": BREAD}
    assert check(add.library).problems == ()


def test_a_file_overwritten_with_a_described_text_added_by_hand_is_indexed(add: Adding, folder: Path) -> None:
    """The text was known without a file and gets the description of the file that now holds it."""
    add(folder, document(MILL))
    (folder / "ferry.txt").write_text(MILL)
    (folder / "sources.toml").write_text('[[document]]\nfile = "ferry.txt"\ntitle = "Fire"\n')
    assert add(folder).failed == ()
    assert add.library.document(document_id(MILL)).title == "Fire"


def test_an_edited_description_is_followed(add: Adding, folder: Path) -> None:
    """Title, publisher and date of the file it names; the id stays."""
    add(folder)
    (folder / "sources.toml").write_text(
        '[[document]]\nfile = "ferry.txt"\ntitle = "Night ferry"\npublisher = "Daily"\npublished = "2024-05"\n'
    )
    assert add(folder).changed == (str(folder / "ferry.txt"),)
    found = add.library.document(document_id(FERRY))
    assert (found.title, found.source) == ("Night ferry", "Daily")
    assert found.published == DateInfo("2024-05", "month", "stated")
    (folder / "sources.toml").unlink()
    add(folder)
    assert add.library.document(document_id(FERRY)).title == "The ferry left at dawn. Nobody slept."


def test_documents_are_added_like_files(add: Adding) -> None:
    """Their id is made from their text, which is normalised; the same one twice is embedded once."""
    made = dataclasses.replace(document("x", "Caf\u0065\u0301"), text="Rain fell.\r\n", doc_id="mine")
    expected = document_id("Rain fell.\n")
    assert add(made).added == (expected,)
    assert add(made).skipped == (expected,)
    found = add.library.document(expected)
    assert (found.text, found.title) == ("Rain fell.\n", "Caf\u00e9")
    assert add.embedder.passages_encoded == 1


def test_a_document_with_half_a_character_is_stored(add: Adding) -> None:
    """As JSON can spell it; the half is replaced, in the title too."""
    add(dataclasses.replace(document("x", "half\ud83d title"), text="Half \ud83d a pair."))
    (found,) = add.library.documents()
    assert (found.text, found.title) == ("Half \ufffd a pair.", "half\ufffd title")


def test_progress_is_told_after_each_file(add: Adding, folder: Path) -> None:
    """How many of how many, and which one."""
    steps: list[Progress] = []
    add(folder, progress=steps.append)
    assert [(p.done, p.total, p.path) for p in steps] == [
        (1, 2, str(folder / "bread.txt")),
        (2, 2, str(folder / "ferry.txt")),
    ]
    assert steps[-1].passages == 2


# -- what is gone ----------------------------------------------------------------------------------------------------


def test_a_deleted_file_stays_until_it_is_pruned(add: Adding, folder: Path) -> None:
    """The report says so each time; pruned, it is not found any more."""
    add(folder)
    (folder / "ferry.txt").unlink()
    gone = (str(folder / "ferry.txt"),)
    assert add(folder).gone == gone
    assert len(texts(add.library)) == 2
    report = add(folder, prune=True)
    assert (report.gone, report.removed) == ((), gone)
    assert texts(add.library) == {"bread.txt": BREAD}
    assert check(add.library).problems == ()


def test_pruning_touches_no_other_folder_and_no_document_that_another_file_holds(
    add: Adding, folder: Path, tmp_path: Path
) -> None:
    """The folder beside it has a longer name that begins alike."""
    beside = tmp_path / "docs0"
    beside.mkdir()
    (beside / "mill.txt").write_text(MILL)
    (beside / "ferry.txt").write_text(FERRY)
    add(folder, beside)
    for path in (*folder.iterdir(), beside / "mill.txt"):
        path.unlink()
    assert add(folder, prune=True).removed == (str(folder / "bread.txt"), str(folder / "ferry.txt"))
    assert {d.text for d in add.library.documents()} == {MILL, FERRY}


def test_what_cannot_be_read_is_not_pruned(add: Adding, folder: Path) -> None:
    """A folder described wrongly fails as a whole; its files are still there."""
    add(folder)
    (folder / "sources.toml").write_text("not toml")
    report = add(folder, prune=True)
    assert len(report.failed) == 1
    assert (report.gone, report.removed) == ((), ())
    assert len(texts(add.library)) == 2


def test_a_renamed_file_is_pruned_under_its_old_name_only(add: Adding, folder: Path) -> None:
    """Its document is the same, and nothing is embedded."""
    add(folder)
    before = add.library.document_ids()
    (folder / "ferry.txt").rename(folder / "boat.txt")
    report = add(folder, prune=True)
    assert report.removed == (str(folder / "ferry.txt"),)
    assert (add.library.document_ids(), report.passages) == (before, 0)


def test_a_document_described_differently_is_stored_anew(add: Adding) -> None:
    """Its title is part of what is embedded and shown."""
    add(document(FERRY, title="Ferry"))
    report = add(document(FERRY, title="Night ferry"))
    assert (len(report.changed), report.passages) == (1, 1)
    assert [d.title for d in add.library.documents()] == ["Night ferry"]


# -- what fails ---------------------------------------------------------------------------------------------------


def test_what_cannot_be_read_is_reported_and_the_rest_goes_on(
    add: Adding, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Binary, half a character, blank, too large, no text at all, not there: each with its reason, in one line."""
    monkeypatch.setattr(files, "MAX_FILE_BYTES", 1000)
    (folder / "a.txt").write_bytes(b"\x00\x01")
    (folder / "b.txt").write_bytes(b"\xff\xfea")
    (folder / "c.txt").write_text(" \n")
    (folder / "d.txt").write_text("word " * 300)
    (folder / "fifo").write_text("")
    report = add(folder, folder / "nowhere", folder / "fifo", dataclasses.replace(document("x", "Nothing"), text=" "))
    assert report.failed == (
        Failure(str(folder / "nowhere"), f"no file or folder at {str(folder / 'nowhere')!r}; check the spelling"),
        Failure(str(folder / "a.txt"), "this is a binary file, not text; export it as .txt or .md"),
        Failure(str(folder / "b.txt"), "not UTF-16, though it begins like it (byte 2); save it again as UTF-8"),
        Failure(str(folder / "c.txt"), "the file holds no text; remove it from the folder or fill it"),
        Failure(str(folder / "d.txt"), "0 MB is more than 0; split the file"),
        Failure(
            str(folder / "fifo"),
            "cannot read 'files without a suffix'; save it as one of .txt, .md, .html, .pdf, .docx, .epub and .zip",
        ),
        Failure("Nothing", "the document holds no text; leave it out"),
    )
    assert texts(add.library) == {"bread.txt": BREAD, "ferry.txt": FERRY}


def test_a_file_without_read_permission_is_reported() -> None:
    """The system's reason, and the rest goes on."""
    with open_to_all() as parent:
        for name, text in (("closed.txt", FERRY), ("open.txt", BREAD)):
            (parent / name).write_text(text)
            (parent / name).chmod(0o644)
        (parent / "closed.txt").chmod(0o000)
        shelf = parent / "shelf"
        shelf.mkdir()
        shelf.chmod(0o777)
        with ordinary_user(), closing(Library.open(shelf / "a.library")) as library:
            report = Adding(library)(parent / "closed.txt", parent / "open.txt")
            held = texts(library)
    why = "cannot read the file: Permission denied; check its permissions"
    assert report.failed == (Failure(str(parent / "closed.txt"), why),)
    assert held == {"open.txt": BREAD}


def test_a_file_whose_name_is_not_utf8_is_reported(add: Adding, folder: Path) -> None:
    """With its odd byte written out: the report can be printed and sent."""
    (folder / os.fsdecode(b"caf\xe9.txt")).write_text(MILL)
    report = add(folder)
    assert report.failed == (Failure(str(folder / "caf\\xe9.txt"), "the file's name is not UTF-8; rename it"),)
    assert texts(add.library) == {"bread.txt": BREAD, "ferry.txt": FERRY}


def test_a_folder_that_is_described_wrongly_is_reported(add: Adding, folder: Path) -> None:
    """Its files are not added with the wrong description; other sources are."""
    (folder / "sources.toml").write_text("[[document]\n")
    report = add(folder, document(MILL))
    (failure,) = report.failed
    assert failure.path == str(folder)
    assert [d.text for d in add.library.documents()] == [MILL]


class Interrupted(BaseException):
    pass


class StoppingEmbedder(WordHashEmbedder):
    """Stops at the n-th batch, like a process that is killed there."""

    def __init__(self, stop_at: int) -> None:
        super().__init__()
        self.left = stop_at

    def encode_passages(self, passages: Sequence[PassageInput]) -> list[PassageVectors]:
        self.left -= 1
        if self.left == 0:
            raise Interrupted
        return super().encode_passages(passages)


def test_an_interrupted_add_goes_on_where_it_stopped(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was stored is not embedded again; in the end the library is the one of an uninterrupted run."""
    monkeypatch.setattr(sync, "_BATCH_PASSAGES", 2)  # two short files a batch
    docs = tmp_path / "docs"
    docs.mkdir()
    for n in range(8):
        (docs / f"{n}.txt").write_text(f"Number {n} is a number.")
    first = Adding(library, StoppingEmbedder(3))
    with pytest.raises(Interrupted):
        first(docs)
    assert sorted(texts(library)) == ["0.txt", "1.txt", "2.txt", "3.txt"]
    assert nearest(library, "number 2") == "Number 2 is a number."  # what is stored can be asked already

    second = Adding(library)
    assert second(docs).skipped == tuple(str(docs / f"{n}.txt") for n in range(4))
    assert (first.embedder.passages_encoded, second.embedder.passages_encoded) == (4, 4)
    with closing(Library.open(tmp_path / "whole.library")) as whole:
        Adding(whole)(docs)
        assert rows(whole.folder) == rows(library.folder)


def test_a_held_library_is_not_added_to(add: Adding, folder: Path) -> None:
    """Nor removed from; at once, not after waiting."""
    with closing(Library.open(add.library.folder)) as other, other.writer():
        with pytest.raises(LibraryBusy, match=f"is held by process {os.getpid()}"):
            add(folder)
        with pytest.raises(LibraryBusy):
            sync.remove(add.library, [])
    assert add(folder).passages == 2


def test_another_models_vectors_are_not_mixed_in(add: Adding, folder: Path) -> None:
    """The library stays as it was."""
    add(folder)
    before = rows(add.library.folder)
    (folder / "mill.txt").write_text(MILL)
    with pytest.raises(SpecMismatch, match="built with 'word-hash' but the settings name 'other'"):
        Adding(add.library, WordHashEmbedder("other"))(folder)
    assert rows(add.library.folder) == before


# -- removing -----------------------------------------------------------------------------------------------------


def test_a_removed_document_is_found_no_more(add: Adding, folder: Path) -> None:
    """Neither by words nor by vector, and the published index no longer holds it."""
    add(folder)
    sync.remove(add.library, [document_id(FERRY)])
    assert add.library.search_words(["ferri"], 5) == {}
    assert nearest(add.library, "when did the ferry leave") == BREAD.strip()
    spec = add.library.spec()
    assert spec is not None
    assert len(VectorIndex.load(add.library.folder, spec)) == 1


def test_a_library_emptied_by_removing_is_sound(add: Adding, folder: Path) -> None:
    """And can be filled again, with new ids for its passages."""
    add(folder)
    sync.remove(add.library, sorted(add.library.document_ids()))
    assert check(add.library).problems == ()
    assert len(sync.current(add.library)) == 0
    add(folder)
    assert add.library.vectors()[0].tolist() == [3, 4]


def test_removing_an_unknown_id_removes_nothing(add: Adding, folder: Path) -> None:
    """The whole call is refused."""
    add(folder)
    with pytest.raises(DocumentError, match="no document 'nonesuch'"):
        sync.remove(add.library, [document_id(FERRY), "nonesuch"])
    assert add.library.counts()[0] == 2


# -- properties ---------------------------------------------------------------------------------------------------

WORDS = st.lists(st.sampled_from(["rain", "Oslo", "fell", "5 p.m.", "été", "—", "🙂"]), min_size=1, max_size=10).map(
    " ".join
)
CORPUS = st.lists(WORDS.map(lambda words: words + " then."), min_size=1, max_size=5, unique=True)


@settings(deadline=None, max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(corpus=CORPUS)
def test_the_same_corpus_gives_the_same_ids(tmp_path_factory: pytest.TempPathFactory, corpus: list[str]) -> None:
    """On another day, in another folder: every row but the paths is the same, and so is every vector."""
    libraries = []
    for name in ("one", "two"):
        with closing(Library.open(tmp_path_factory.mktemp(name) / "a.library")) as library:
            Adding(library)(*(document(text) for text in corpus))
            libraries.append(rows(library.folder))
            assert len(library.vectors()[1]) == len(corpus)
            assert np.isfinite(library.vectors()[1]).all()
    assert libraries[0] == libraries[1]


@settings(deadline=None, max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(corpus=CORPUS, gone=WORDS)
def test_adding_and_removing_a_document_leaves_the_library_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, corpus: list[str], gone: str
) -> None:
    """Its rows, and the vectors that are published."""
    with closing(Library.open(tmp_path_factory.mktemp("trace") / "a.library")) as library:
        add = Adding(library)
        add(*(document(text) for text in corpus))
        before = rows(library.folder)
        extra = document(gone + " and no more.")
        add(extra)
        sync.remove(library, [extra.doc_id])
        assert rows(library.folder) == before
        assert check(library).problems == ()
        assert len(VectorIndex.load(library.folder, add.embedder.spec)) == len(before["passages"])
