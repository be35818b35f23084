"""A generation of vectors is published whole or not at all, and a damaged one is never searched."""

import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from index import durable
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


def test_a_publish_that_dies_at_any_step_leaves_a_whole_generation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before each write, flush and rename in turn: the old one, until CURRENT is replaced."""

    class Died(BaseException):
        pass

    def dying(before: int) -> None:
        """Fail the n-th step."""
        left = iter(range(before))

        def step(_name: str) -> None:
            if next(left, None) is None:
                raise Died

        patch.setattr(durable, "step", step)

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
    # Eleven: two files written and flushed, their folder flushed, renamed, its flush, the pointer like a file, CURRENT.
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


def clustered(seed: int = 0, count: int = 3000) -> tuple[np.ndarray, np.ndarray]:
    """Ids that are not positions, and unit vectors around 60 middles."""
    draw = np.random.default_rng(seed)
    middles = np.random.default_rng(1).standard_normal((60, 32))
    vectors = middles[draw.integers(60, size=count)] + 0.6 * draw.standard_normal((count, 32))
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.arange(count) * 3 + 5, unit.astype(np.float32)


def nearest(ids: np.ndarray, vectors: np.ndarray, query: np.ndarray) -> list[int]:
    return [int(i) for i in ids[np.argsort(-(vectors @ query))[:10]]]


WIDE = IndexSpec("model", "f" * 64, 32, 256, "recipe-1")


def test_of_many_vectors_the_ten_nearest_are_found_without_comparing_all(tmp_path: Path) -> None:
    """Recall of at least 0.98 for queries that are not in the index; what it reached by its own measure is kept."""
    ids, vectors = clustered()
    queries = clustered(seed=2, count=100)[1]
    VectorIndex.build(ids, vectors, 32, 1, exact_up_to=1000).publish(tmp_path, WIDE)
    index = VectorIndex.load(tmp_path, WIDE)
    found = [len(set(index.search(query, 10)) & set(nearest(ids, vectors, query))) for query in queries]
    assert sum(found) / 1000 >= 0.98
    manifest = json.loads((tmp_path / "generations/00000001/manifest.json").read_text())
    assert 0.99 <= manifest["recall"] == index.recall <= 1.0
    assert manifest["trained_on"] == 3000


def test_a_few_vectors_are_all_compared() -> None:
    """Then nothing is lost."""
    ids, vectors = clustered()
    exact = VectorIndex.build(ids, vectors, 32, 1)
    assert (exact.recall, exact.trained_on) == (1.0, 0)
    assert list(exact.search(vectors[7], 10)) == nearest(ids, vectors, vectors[7])


@pytest.mark.parametrize("exact_up_to", [1000, 10_000])
def test_an_index_is_changed_without_building_it_again(tmp_path: Path, exact_up_to: int) -> None:
    """What went is not found, what came is, and the rest is as in one built from nothing, also after a restart."""
    ids, vectors = clustered()
    came, new = clustered(seed=3, count=40)
    came = came + 100_000
    VectorIndex.build(ids, vectors, 32, 1, exact_up_to).publish(tmp_path, WIDE)
    before = VectorIndex.load(tmp_path, WIDE, to_change=True)
    assert sorted(before.ids()) == list(ids)
    before.updated(ids[:50], came, new, 2).publish(tmp_path, WIDE)
    changed = VectorIndex.load(tmp_path, WIDE)
    kept_ids, kept = np.concatenate([ids[50:], came]), np.concatenate([vectors[50:], new])
    assert (len(changed), changed.library_version) == (2990, 2)
    assert sorted(changed.ids()) == list(kept_ids)
    queries = [*new, *vectors[:50]]
    found = [len(set(changed.search(query, 10)) & set(nearest(kept_ids, kept, query))) for query in queries]
    assert sum(found) / (10 * len(queries)) >= 0.98
    assert next(iter(changed.search(new[0], 1))) == came[0]


def test_an_index_serves_until_the_library_has_changed_by_half() -> None:
    """Cells that were learned from other vectors fit badly; without cells there is no more to lose than time."""
    ids, vectors = clustered(count=1200)
    learned = VectorIndex.build(ids, vectors, 32, 1, exact_up_to=1000)
    assert [learned.serves(count) for count in (599, 600, 1800, 1801)] == [False, True, True, False]
    exact = VectorIndex.build(ids, vectors, 32, 1)
    assert [exact.serves(count, exact_up_to=2000) for count in (0, 2000, 2001)] == [True, True, False]


def test_of_many_vectors_those_named_are_all_compared() -> None:
    """However far they lie from the query, and however few they are."""
    ids, vectors = clustered()
    index = VectorIndex.build(ids, vectors, 32, 1, exact_up_to=1000)
    chosen = np.arange(0, 3000, 100)
    among = ids[chosen].tolist()
    for query in clustered(seed=2, count=30)[1]:
        assert list(index.search(query, 10, among)) == nearest(ids[chosen], vectors[chosen], query)
    assert list(index.search(vectors[0], 10, [among[-1], 4])) == [among[-1]]


def test_a_damaged_byte_of_a_large_index_is_noticed(tmp_path: Path) -> None:
    """At a hundred places all over the file."""
    VectorIndex.build(*clustered(), 32, 1, exact_up_to=1000).publish(tmp_path, WIDE)
    path = tmp_path / "generations/00000001/vectors.faiss"
    whole = path.read_bytes()
    for at in range(0, len(whole), len(whole) // 100):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(DamagedGeneration):
            VectorIndex.load(tmp_path, WIDE)
    path.write_bytes(whole)
    assert len(VectorIndex.load(tmp_path, WIDE)) == 3000
