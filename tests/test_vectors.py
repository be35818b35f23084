"""A generation of vectors is published whole or not at all, and a damaged one is never searched."""

import json
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from index.types import IndexSpec
from index.vectors import DamagedGeneration, VectorIndex

SPEC = IndexSpec("model", "f" * 64, 2, 256, "recipe-1")
IDS = np.array([7, 3, 9], dtype=np.int64)
VECTORS = np.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]], dtype=np.float32)
EAST = np.array([1.0, 0.0], dtype=np.float32)


def built(version: int = 1) -> VectorIndex:
    return VectorIndex.build(IDS, VECTORS, 2, version)


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_the_nearest_come_first_with_their_cosine() -> None:
    """East itself, then (0.6, 0.8), then north."""
    assert built().search(EAST, 3) == {7: pytest.approx(1.0), 9: pytest.approx(0.6), 3: pytest.approx(0.0)}
    assert list(built().search(EAST, 3)) == [7, 9, 3]
    assert list(built().search(EAST, 2)) == [7, 9]


def test_only_the_passages_named_are_searched() -> None:
    """The others are as if they were not there; an id that is nowhere is not found."""
    assert list(built().search(EAST, 3, [3, 9])) == [9, 3]
    assert list(built().search(EAST, 1, [3])) == [3]
    assert built().search(EAST, 3, [4]) == {}
    assert built().search(EAST, 3, []) == {}


def test_an_empty_index_finds_nothing() -> None:
    """As after the last document was removed."""
    empty = VectorIndex.build(np.empty(0, np.int64), np.empty((0, 0), np.float32), 2, 1)
    assert (len(empty), empty.search(EAST, 3)) == (0, {})


def test_what_is_published_is_what_is_loaded(tmp_path: Path) -> None:
    """The same ids, the same scores, and the version of the library that they belong to."""
    built(4).publish(tmp_path, SPEC)
    loaded = VectorIndex.load(tmp_path, SPEC)
    assert (len(loaded), loaded.library_version) == (3, 4)
    assert loaded.search(EAST, 3) == built().search(EAST, 3)


def test_a_new_generation_replaces_the_old_one(tmp_path: Path) -> None:
    """One is in force, one is on the disk."""
    built(1).publish(tmp_path, SPEC)
    VectorIndex.build(IDS[:1], VECTORS[:1], 2, 2).publish(tmp_path, SPEC)
    assert list(VectorIndex.load(tmp_path, SPEC).search(EAST, 3)) == [7]
    assert [path.relative_to(tmp_path).as_posix() for path in files(tmp_path)] == [
        "CURRENT",
        "generations/00000002/manifest.json",
        "generations/00000002/vectors.faiss",
    ]


def test_the_same_version_can_be_published_again(tmp_path: Path) -> None:
    """As when its files were damaged."""
    built(1).publish(tmp_path, SPEC)
    (tmp_path / "generations/00000001/vectors.faiss").write_bytes(b"")
    built(1).publish(tmp_path, SPEC)
    assert list(VectorIndex.load(tmp_path, SPEC).search(EAST, 3)) == [7, 9, 3]


def test_every_flipped_bit_is_noticed(tmp_path: Path) -> None:
    """In each byte of each of the three files; FAISS alone would read most of them without a word."""
    built(10).publish(tmp_path, SPEC)
    assert len(files(tmp_path)) == 3
    for path in files(tmp_path):
        whole = path.read_bytes()
        for at in range(len(whole)):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << at % 8)]) + whole[at + 1 :])
            with pytest.raises(DamagedGeneration):
                VectorIndex.load(tmp_path, SPEC)
        path.write_bytes(whole)
    assert len(VectorIndex.load(tmp_path, SPEC)) == 3


def test_every_truncation_is_noticed(tmp_path: Path) -> None:
    """Wherever a file ends too early, also before its first byte."""
    built(10).publish(tmp_path, SPEC)
    for path in files(tmp_path):
        whole = path.read_bytes()
        for length in range(len(whole)):
            path.write_bytes(whole[:length])
            with pytest.raises(DamagedGeneration):
                VectorIndex.load(tmp_path, SPEC)
        path.write_bytes(whole)


@pytest.mark.parametrize(
    "name", ["CURRENT", "generations/00000001/manifest.json", "generations/00000001/vectors.faiss"]
)
def test_a_missing_file_is_noticed(tmp_path: Path, name: str) -> None:
    """Each of the three."""
    built(1).publish(tmp_path, SPEC)
    (tmp_path / name).unlink()
    with pytest.raises(DamagedGeneration, match="no usable generation"):
        VectorIndex.load(tmp_path, SPEC)


def test_files_of_another_generation_are_noticed(tmp_path: Path) -> None:
    """An index file with the manifest of another; a folder under another's name; another model's vectors."""
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    new.mkdir()
    built(1).publish(old, SPEC)
    VectorIndex.build(IDS[:1], VECTORS[:1], 2, 2).publish(new, SPEC)
    with pytest.raises(DamagedGeneration):
        VectorIndex.load(new, IndexSpec("other", "f" * 64, 2, 256, "recipe-1"))
    (new / "generations/00000002/manifest.json").write_bytes((old / "generations/00000001/manifest.json").read_bytes())
    with pytest.raises(DamagedGeneration):
        VectorIndex.load(new, SPEC)
    (old / "generations/00000001").rename(old / "generations/00000002")
    (old / "CURRENT").write_text("00000002")
    with pytest.raises(DamagedGeneration):
        VectorIndex.load(old, SPEC)


def test_a_manifest_that_counts_wrongly_is_noticed(tmp_path: Path) -> None:
    """Its checksum being right."""
    built(1).publish(tmp_path, SPEC)
    manifest = tmp_path / "generations/00000001/manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"count": 4}))
    with pytest.raises(DamagedGeneration):
        VectorIndex.load(tmp_path, SPEC)


def test_a_publish_that_dies_at_any_call_leaves_a_whole_generation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before each of its calls to the system that change the disk in turn: the old one, until CURRENT is replaced."""

    class Died(BaseException):
        pass

    def dying(before: int) -> None:
        """Fail the n-th of these calls, counted over all of them."""
        left = iter(range(before))

        def watched(real):  # type: ignore[no-untyped-def]
            def call(*args, **kwargs):  # type: ignore[no-untyped-def]
                if next(left, None) is None:
                    raise Died
                return real(*args, **kwargs)

            return call

        for owner, name in (
            (os, "fsync"),
            (Path, "write_bytes"),
            (Path, "write_text"),
            (Path, "rename"),
            (Path, "replace"),
        ):
            patch.setattr(owner, name, watched(getattr(owner, name)))

    served = []
    for before in range(20):
        folder = tmp_path / str(before)
        folder.mkdir()
        built(1).publish(folder, SPEC)
        with monkeypatch.context() as patch:
            dying(before)
            try:
                built(2).publish(folder, SPEC)
            except Died:
                finished = False
            else:
                finished = True
        served.append(VectorIndex.load(folder, SPEC).library_version)
        if finished:
            break
        built(3).publish(folder, SPEC)  # and what was left lying does not stop the next one
        assert VectorIndex.load(folder, SPEC).library_version == 3
    # Eleven calls: two files, three fsyncs, the rename, its fsync, the pointer, its fsync, CURRENT, its fsync.
    assert served == [1] * 10 + [2, 2]


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_refuses_to_take_more_leaves_the_old_generation_in_force(tmp_path: Path) -> None:
    """The failure is an OSError, not a short file that only a later reader notices."""
    built(1).publish(tmp_path, SPEC)
    many = VectorIndex.build(np.arange(1000), np.tile(EAST, (1000, 1)), 2, 2)
    with files_no_larger_than(4096), pytest.raises(OSError, match="File too large"):
        many.publish(tmp_path, SPEC)
    assert VectorIndex.load(tmp_path, SPEC).library_version == 1
