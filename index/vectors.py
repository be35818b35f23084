"""Vectors to nearest passages: the owner of FAISS.

A generation is a folder with the index file and a manifest (sha256, count, dimension, library version, model). It is
derived from the library and can be thrown away. `CURRENT` names the generation in force; it is replaced last, so
whoever reads it finds a whole one. FAISS itself reads damaged files without a word: the checksum is the only guard.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import faiss
import numpy as np

from index.errors import LibraryError
from index.types import IndexSpec

_CURRENT = "CURRENT"
_GENERATIONS = "generations"
_INDEX_FILE = "vectors.faiss"
_MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class Manifest:
    library_version: int
    spec: IndexSpec
    count: int
    sha256: str


class DamagedGeneration(LibraryError):
    """Internal: the files are not what the manifest says. The owner of the library rebuilds."""


class VectorIndex:
    """Exact inner-product search over passage vectors, each known by its passage id. Immutable once built."""

    def __init__(self, index: faiss.Index, library_version: int) -> None:
        self._index = index
        self.library_version = library_version

    @classmethod
    def build(cls, ids: np.ndarray, vectors: np.ndarray, dimension: int, library_version: int) -> "VectorIndex":
        """ids: (n,) int64; vectors: (n, dimension) float32 of unit length."""
        index = faiss.IndexIDMap2(faiss.IndexFlatIP(dimension))
        if len(ids):
            index.add_with_ids(np.ascontiguousarray(vectors, dtype=np.float32), ids.astype(np.int64))
        return cls(index, library_version)

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def search(self, query: np.ndarray, k: int, among: Sequence[int] | None = None) -> dict[int, float]:
        """query: (dimension,). Passage id -> cosine of the k nearest, only `among` these passages when given."""
        if not len(self) or (among is not None and not len(among)):
            return {}
        parameters = None
        if among is not None:
            parameters = faiss.SearchParameters(  # type: ignore[call-arg]  # a SWIG constructor
                sel=faiss.IDSelectorBatch(np.asarray(among, dtype=np.int64))
            )
        scores, ids = self._index.search(query[None, :].astype(np.float32), min(k, len(self)), params=parameters)
        return {int(i): float(s) for i, s in zip(ids[0], scores[0], strict=True) if i >= 0}

    def publish(self, folder: Path, spec: IndexSpec) -> None:
        """Write a new generation beside the one in force, make it durable, then point CURRENT at it."""
        root = folder / _GENERATIONS
        root.mkdir(exist_ok=True)
        name = f"{self.library_version:08d}"
        draft = root / f".{name}.draft"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        # Not faiss.write_index: it closes the file without looking whether the last bytes reached a full disk.
        (draft / _INDEX_FILE).write_bytes(faiss.serialize_index(self._index).data)
        manifest = Manifest(self.library_version, spec, len(self), _sha256(draft / _INDEX_FILE))
        (draft / _MANIFEST).write_text(json.dumps(asdict(manifest), indent=1), encoding="utf-8")
        for path in (draft / _INDEX_FILE, draft / _MANIFEST, draft):
            _fsync(path)
        final = root / name
        shutil.rmtree(final, ignore_errors=True)  # left by a rebuild of the same version; not in force if damaged
        draft.rename(final)
        _fsync(root)
        pointer = folder / f".{_CURRENT}.new"
        pointer.write_text(name, encoding="utf-8")
        _fsync(pointer)
        pointer.replace(folder / _CURRENT)
        _fsync(folder)
        for old in root.iterdir():
            if old.name != name:
                shutil.rmtree(old, ignore_errors=True)

    @classmethod
    def load(cls, folder: Path, spec: IndexSpec) -> "VectorIndex":
        """The generation in force. Raises DamagedGeneration when there is none or it fails its own manifest."""
        try:
            current = folder / _GENERATIONS / (folder / _CURRENT).read_text(encoding="utf-8").strip()
            found = json.loads((current / _MANIFEST).read_text(encoding="utf-8"))
            manifest = Manifest(**{**found, "spec": IndexSpec(**found["spec"])})
            expected = (spec, f"{manifest.library_version:08d}", _sha256(current / _INDEX_FILE))
            if (manifest.spec, current.name, manifest.sha256) != expected:
                raise DamagedGeneration(f"generation {current.name!r} does not match its manifest")
            index = faiss.read_index(os.fspath(current / _INDEX_FILE))
        except (OSError, ValueError, TypeError, KeyError, RuntimeError) as error:
            raise DamagedGeneration(f"no usable generation in {str(folder)!r}: {error}") from error
        if index.ntotal != manifest.count or index.d != spec.dimension:
            raise DamagedGeneration(f"generation {current.name!r} does not match its manifest")
        return cls(index, manifest.library_version)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
