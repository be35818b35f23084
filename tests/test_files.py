"""Folders with ignore files and zip archives: what is found in them, under which name, and what is passed over."""

import io
import os
import zipfile
from pathlib import Path

import pytest

from index import files
from index.errors import DocumentError
from index.files import read_file
from index.load import FoundFile, OtherFormat, find_files, load_document
from index.readers import parse
from index.types import Failure
from tests.made import packed, word


def found(path: Path) -> dict[str, str]:
    """Name below the path -> text, for what can be read."""
    listed = [item for item in find_files(path) if isinstance(item, FoundFile)]
    return {item.name.removeprefix(f"{path}/"): load_document(item, item.read(), parse).text for item in listed}


def tree(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"Text of {name}.")
    return root


# -- ignore files -------------------------------------------------------------------------------------------------


def test_what_an_ignore_file_names_is_passed_over(tmp_path: Path) -> None:
    """As git does it: patterns, folders, anchors and exceptions; nothing of it is called a format that is not read."""
    tree(tmp_path, "a.txt", "draft-b.txt", "old/c.txt", "new/old/d.txt", "new/draft-keep.txt", "e.log")
    tree(tmp_path, "build/f.txt", "new/build/g.txt")
    (tmp_path / ".saysoignore").write_text("# mine\ndraft-*\n!draft-keep.txt\nold/\n/build\n*.log\n")
    assert list(found(tmp_path)) == ["a.txt", "new/build/g.txt", "new/draft-keep.txt"]
    assert not [item for item in find_files(tmp_path) if isinstance(item, OtherFormat)]


def test_an_ignore_file_further_down_has_the_last_word(tmp_path: Path) -> None:
    """For what is below it, and only there."""
    tree(tmp_path, "a.md", "in/a.md", "in/b.md", "in/deep/b.md", "out/b.md")
    (tmp_path / ".saysoignore").write_text("a.md\n")
    (tmp_path / "in" / ".saysoignore").write_text("!a.md\n/b.md\n")
    assert list(found(tmp_path)) == ["in/a.md", "in/deep/b.md", "out/b.md"]


def test_a_file_that_is_named_is_read_though_it_is_ignored(tmp_path: Path) -> None:
    """The user asked for it."""
    tree(tmp_path, "a.txt")
    (tmp_path / ".saysoignore").write_text("*\n")
    assert len(list(find_files(tmp_path / "a.txt"))) == 1
    assert found(tmp_path) == {}


def test_an_ignore_file_that_is_not_valid_stops_its_folder(tmp_path: Path) -> None:
    """Rather than adding what was to be left out."""
    tree(tmp_path, "a.txt")
    (tmp_path / ".saysoignore").write_bytes(b"caf\xe9\n")
    (failure,) = find_files(tmp_path)
    assert isinstance(failure, Failure)
    assert ".saysoignore' is not valid" in failure.why


# -- archives -----------------------------------------------------------------------------------------------------

SOURCES = '[[document]]\nfile = "{}"\ntitle = "Told"\npublisher = "Daily"\npublished = "2024-05-06"\n'


def archive(path: Path, content: dict[str, str | bytes]) -> Path:
    path.write_bytes(packed(content))
    return path


def test_each_member_of_an_archive_is_a_document(tmp_path: Path) -> None:
    """Of every format, in name order, called by the archive and its name in it; nothing is written beside it."""
    made = archive(
        tmp_path / "news.zip", {"b.txt": "Bee.", "a.md": "Ay.", "in/w.docx": word(["Double you."]), "x.png": ""}
    )
    assert found(made) == {"a.md": "Ay.", "b.txt": "Bee.", "in/w.docx": "Double you."}
    assert [i for i in find_files(tmp_path) if isinstance(i, OtherFormat)] == [OtherFormat(made / "x.png")]
    (first, *_) = find_files(tmp_path)
    assert isinstance(first, FoundFile)
    assert (first.path, first.member, first.name, first.suffix) == (made, "a.md", f"{made}/a.md", ".md")
    assert first.stat() == (made.stat().st_size, made.stat().st_mtime_ns)
    assert list(tmp_path.iterdir()) == [made]


def test_an_archive_describes_its_members(tmp_path: Path) -> None:
    """`sources.toml` in its root and in each folder in it; one that is not valid stops the archive."""
    content: dict[str, str | bytes] = {"a.txt": "Ay.", "sources.toml": SOURCES.format("a.txt"), "in/a.txt": "Other."}
    made = archive(tmp_path / "n.zip", {**content, "in/sources.toml": SOURCES.format("b.txt"), "in/b.txt": "Bee."})
    items = [item for item in find_files(made) if isinstance(item, FoundFile)]
    documents = [load_document(item, item.read(), parse) for item in items]
    assert [(d.text, d.source, d.published.value) for d in documents] == [
        ("Ay.", "Daily", "2024-05-06"),
        ("Other.", "", ""),
        ("Bee.", "Daily", "2024-05-06"),
    ]
    (failure,) = find_files(archive(tmp_path / "bad.zip", {"a.txt": "Ay.", "sources.toml": "[["}))
    assert isinstance(failure, Failure)
    assert "bad.zip/sources.toml' is not valid" in failure.why


@pytest.mark.parametrize(
    ("member", "name"),
    [
        ("../../up.txt", "up.txt"),
        ("/etc/root.txt", "etc/root.txt"),
        ("C:\\Temp\\w.txt", "C:/Temp/w.txt"),
        ("a/./b//c.txt", "a/b/c.txt"),
        ("new\nline\u202egnp.txt", "newlinegnp.txt"),
        ("e\u0301t\u00e9.txt", "\u00e9t\u00e9.txt"),
    ],
)
def test_a_members_name_is_only_a_label(tmp_path: Path, member: str, name: str) -> None:
    """It leads nowhere: cleaned, and always below the archive's own."""
    made = archive(tmp_path / "n.zip", {member: "Text."})
    assert found(made) == {name: "Text."}
    assert list(tmp_path.iterdir()) == [made]


def test_a_name_cut_short_by_a_nul_harms_nothing(tmp_path: Path) -> None:
    """zipfile ends a name there; what is left decides the format."""
    data = packed({"a.txt_.png": "Text."}).replace(b"a.txt_.png", b"a.txt\0.png")
    (tmp_path / "n.zip").write_bytes(data)
    assert list(found(tmp_path / "n.zip")) in (["a.txt"], [])


def test_hidden_members_are_passed_over(tmp_path: Path) -> None:
    """As in a folder; a Mac leaves many."""
    made = archive(tmp_path / "n.zip", {".a.txt": "x", "__MACOSX/._b.txt": "x", ".git/c.txt": "x", "d.txt": "Dee."})
    assert found(made) == {"d.txt": "Dee."}


def test_a_name_that_stands_twice_is_said(tmp_path: Path) -> None:
    """Only the first is read, also where cleaning makes two alike."""
    made = archive(tmp_path / "n.zip", {"a.txt": "First.", "../a.txt": "Second."})
    assert found(made) == {"a.txt": "First."}
    assert Failure(f"{made}/a.txt", "the archive holds this name twice; only the first is read") in list(
        find_files(made)
    )


def test_an_archive_in_an_archive_stays_closed(tmp_path: Path) -> None:
    """It is named as a failure, and the rest is read."""
    made = archive(tmp_path / "n.zip", {"in.zip": packed({"x.txt": "No."}), "a.txt": "Ay."})
    assert found(made) == {"a.txt": "Ay."}
    why = "an archive in an archive is not opened; unpack the outer one"
    assert Failure(f"{made}/in.zip", why) in list(find_files(made))


def test_a_broken_archive_is_a_failure_and_the_rest_goes_on(tmp_path: Path) -> None:
    """Empty, noise, cut off, or encrypted inside."""
    good = packed({"a.txt": " ".join(str(n * n) for n in range(100))})
    for name, data in {"1.zip": b"", "2.zip": bytes(range(256)) * 9, "3.zip": good[:-40], "4.zip": good}.items():
        (tmp_path / name).write_bytes(data)
    listed = list(find_files(tmp_path))
    assert [type(item) for item in listed] == [Failure, Failure, Failure, FoundFile]
    assert all("no zip archive, or a damaged one" in item.why for item in listed if isinstance(item, Failure))
    locked = bytearray(good)
    for at in (6, good.index(b"PK\x01\x02") + 8):
        locked[at] |= 1
    torn = good[:50] + bytes(10) + good[60:]
    for name, data, why in (("5", bytes(locked), "is encrypted"), ("6", torn, "is damaged here")):
        (tmp_path / f"{name}.zip").write_bytes(data)
        (item,) = find_files(tmp_path / f"{name}.zip")
        assert isinstance(item, FoundFile)
        with pytest.raises(DocumentError, match=why):
            item.read()


def test_rare_ways_of_packing_are_refused(tmp_path: Path) -> None:
    """Their dictionaries may be of any size."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_LZMA) as made:
        made.writestr("a.txt", "Ay.")
    (tmp_path / "n.zip").write_bytes(out.getvalue())
    (item,) = find_files(tmp_path / "n.zip")
    assert isinstance(item, FoundFile)
    with pytest.raises(DocumentError, match="packed in a rare way"):
        item.read()


def test_an_archive_that_was_replaced_is_read_anew(tmp_path: Path) -> None:
    """A member that is gone is said to be; nothing of the old one is served."""
    made = archive(tmp_path / "n.zip", {"a.txt": "Ay.", "b.txt": "Bee."})
    items = [item for item in find_files(made) if isinstance(item, FoundFile)]
    assert items[0].read() == b"Ay."
    archive(made, {"b.txt": "Another, and longer."})
    assert items[1].read() == b"Another, and longer."
    with pytest.raises(DocumentError, match="no such file any more"):
        items[0].read()


def test_too_many_or_too_large_members_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the count, by the sum, and each alone; the table of contents is bounded before it is read."""
    made = archive(tmp_path / "n.zip", {f"{n}.txt": "12345" for n in range(20)})
    monkeypatch.setattr(files, "MAX_MEMBERS", 19)
    (failure,) = find_files(made)
    assert isinstance(failure, Failure)
    assert "unpacks to 20 files of 0 MB, more than 19" in failure.why
    monkeypatch.setattr(files, "MAX_MEMBERS", 20)
    monkeypatch.setattr(files, "MAX_FILE_BYTES", 4)
    item = next(iter(find_files(made)))
    assert isinstance(item, FoundFile)
    with pytest.raises(DocumentError, match="is more than"):
        item.read()
    monkeypatch.setattr(files, "_MAX_DIRECTORY_BYTES", 300)
    (failure,) = find_files(archive(tmp_path / "m.zip", {f"{n}.txt": "" for n in range(20)}))
    assert isinstance(failure, Failure)
    assert "a table of contents of" in failure.why


# -- files --------------------------------------------------------------------------------------------------------


def test_a_link_is_followed_only_when_it_is_named(tmp_path: Path) -> None:
    """One that took a file's place after the folder was listed is not."""
    (tmp_path / "docs").mkdir()
    tree(tmp_path, "docs/a.txt", "secret.txt")
    (item,) = find_files(tmp_path / "docs")
    assert isinstance(item, FoundFile)
    (tmp_path / "docs" / "a.txt").unlink()
    (tmp_path / "docs" / "a.txt").symlink_to(tmp_path / "secret.txt")
    with pytest.raises(DocumentError, match="cannot read the file"):
        item.read()
    assert list(find_files(tmp_path / "docs")) == []
    (named,) = find_files(tmp_path / "docs" / "a.txt")
    assert isinstance(named, FoundFile)
    assert named.read() == b"Text of secret.txt."


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """Nor is a device read."""
    os.mkfifo(tmp_path / "a.txt")
    (item,) = find_files(tmp_path)
    assert isinstance(item, FoundFile)
    with pytest.raises(DocumentError, match="no ordinary file"):
        item.read()
    with pytest.raises(DocumentError, match="no ordinary file"):
        read_file(Path("/dev/zero"))


def test_folders_nested_without_end_are_not_entered(tmp_path: Path) -> None:
    """A hundred levels; what is above is read."""
    deep = tmp_path.joinpath(*["d"] * 120)
    deep.mkdir(parents=True)
    tree(tmp_path, "a.txt")
    tree(deep, "b.txt")
    *_, failure = found_all = list(find_files(tmp_path))
    assert isinstance(found_all[0], FoundFile)
    assert isinstance(failure, Failure)
    assert "levels deep is not entered" in failure.why
