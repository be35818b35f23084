"""The published vector index is always that of the library's present version, or is not searched."""

from pathlib import Path

import pytest

from index import sync
from index.check import check
from index.errors import LibraryReadOnly
from index.library import Library
from index.load import document_id
from index.types import CheckReport
from index.vectors import DamagedGeneration, VectorIndex
from tests.fakes import WordHashEmbedder
from tests.indexing import BREAD, FERRY, Adding, nearest


def index_file(library: Library) -> Path:
    (found,) = library.folder.glob("generations/*/vectors.faiss")
    return found


def test_a_damaged_generation_is_not_searched_and_is_published_again(add: Adding, folder: Path) -> None:
    """Searches are right meanwhile, from the library itself; the next `add` mends it, and `check` says so."""
    add(folder)
    data = bytearray(index_file(add.library).read_bytes())
    data[-3] ^= 0x40
    index_file(add.library).write_bytes(data)
    assert nearest(add.library, "when did the ferry leave") == FERRY.strip()
    (problem,) = check(add.library).problems
    assert "does not match its manifest; sayso check --repair publishes it again" in problem
    add(folder)
    assert check(add.library).problems == ()
    assert add.embedder.passages_encoded == 2


def test_a_generation_of_an_older_version_is_not_searched(add: Adding, folder: Path) -> None:
    """As when a process died between storing and publishing."""
    add(folder)
    add.library.remove([document_id(FERRY)])
    assert nearest(add.library, "when did the ferry leave") == BREAD.strip()
    (problem,) = check(add.library).problems
    assert (
        problem == "the vector index is not of the library's present version; sayso check --repair publishes it again"
    )


def test_the_index_can_be_rebuilt_from_the_library_alone(add: Adding, folder: Path) -> None:
    """Without it, a search gives the same passages with the same scores."""
    add(folder)
    query = WordHashEmbedder().encode_query("dear bread at dawn")
    before = sync.current(add.library).search(query, 5)
    index_file(add.library).unlink()
    with pytest.raises(DamagedGeneration):
        VectorIndex.load(add.library.folder, add.embedder.spec)
    assert sync.current(add.library).search(query, 5) == before
    assert len(before) == 2


def test_an_index_that_cannot_be_written_is_said_with_the_fix(add: Adding, folder: Path) -> None:
    """The documents are stored all the same, and are found."""
    add.library.folder.joinpath("generations").write_text("in the way")
    with pytest.raises(
        LibraryReadOnly, match=r"cannot write the vector index of .*: File exists; free space or mend the"
    ):
        add(folder)
    assert nearest(add.library, "when did the ferry leave") == FERRY.strip()


def test_a_library_without_a_model_has_nothing_to_publish(library: Library) -> None:
    """Nothing is written."""
    sync.publish(library)
    assert check(library) == CheckReport(0, 0, 0)
    assert not (library.folder / "CURRENT").exists()
