"""A library to one file and back: the same answers, and nothing that is not whole becomes a library."""

import hashlib
import json
import zipfile
from contextlib import closing
from pathlib import Path

import pytest

from index import sync
from index.backup import export, restore
from index.check import check
from index.database import DATABASE
from index.errors import LibraryDamaged, UsageError
from index.library import Library
from index.types import CheckReport
from tests.fakes import WordHashEmbedder
from tests.indexing import Adding, rows


@pytest.fixture
def file(add: Adding, folder: Path, tmp_path: Path) -> Path:
    add(folder)
    made = tmp_path / "news.sayso"
    export(add.library, made)
    return made


def test_an_exported_library_is_the_same_when_it_is_imported(add: Adding, file: Path, tmp_path: Path) -> None:
    """Row by row, and found by the same search with the same score."""
    assert restore(file, tmp_path / "b.library") == CheckReport(documents=2, passages=2, sentences=3)
    assert rows(tmp_path / "b.library") == rows(add.library.folder)
    query = WordHashEmbedder().encode_query("dear bread at dawn")
    with closing(Library.open(tmp_path / "b.library")) as copy:
        assert check(copy).problems == ()
        assert sync.current(copy).search(query, 5) == sync.current(add.library).search(query, 5)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.library", "b.library", "docs", "news.sayso"]


def test_an_export_overwrites_nothing(add: Adding, file: Path) -> None:
    """Neither the file of yesterday."""
    with pytest.raises(UsageError, match="is there already; name another file"):
        export(add.library, file)


def test_an_import_goes_into_a_new_folder_only(file: Path, folder: Path) -> None:
    """What is in the way stays."""
    with pytest.raises(UsageError, match="is not empty; name a new folder with --library"):
        restore(file, folder)
    assert len(list(folder.iterdir())) == 2


@pytest.mark.parametrize("at", [0.3, 0.6, 0.9])
def test_a_file_with_one_flipped_bit_is_refused(file: Path, tmp_path: Path, at: float) -> None:
    """And leaves nothing behind."""
    data = bytearray(file.read_bytes())
    data[int(len(data) * at)] ^= 4
    file.write_bytes(data)
    with pytest.raises(LibraryDamaged, match=r"is not a whole exported library \(.*\); export it again"):
        restore(file, tmp_path / "b.library")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.library", "docs", "news.sayso"]


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    """Text, an archive of other things, and a database that is none under a manifest that fits."""
    text, other, forged = (tmp_path / name for name in ("text", "other.zip", "forged.zip"))
    text.write_text("Dear diary")
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("diary.txt", "Dear diary")
    with zipfile.ZipFile(forged, "w") as archive:
        said = {"format": "sayso library 1", "sha256": hashlib.sha256(b"Dear diary").hexdigest()}
        archive.writestr("manifest.json", json.dumps(said))
        archive.writestr(DATABASE, "Dear diary")
    for file in (text, other, forged):
        with pytest.raises(LibraryDamaged, match="export it again"):
            restore(file, tmp_path / "b.library")
    with pytest.raises(UsageError, match="no file at"):
        restore(tmp_path / "nothing", tmp_path / "b.library")
