"""Vectors to nearest passages: the owner of FAISS.

A few vectors are all compared with the question's; of many only those in the cells nearest to it (an inverted file),
as many cells as it takes to find what comparing all finds. A new generation is made from the one before: what is gone
is taken out and what is new is added, and the cells are learned anew when the library has grown or shrunk by half.

A generation is a folder with the index file and a manifest (count, dimension, library version, model, recall, and a
sha256 over all of it). It is derived from the library and can be thrown away. `CURRENT` names the generation in force;
it is replaced last, so whoever reads it finds a whole one. FAISS itself reads damaged files without a word: the
checksum is the only guard.
"""

import hashlib
import json
import math
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from index import durable
from index.errors import LibraryError
from index.types import IndexSpec

_CURRENT = "CURRENT"
_GENERATIONS = "generations"
_INDEX_FILE = "vectors.faiss"
_MANIFEST = "manifest.json"

EXACT_UP_TO = 50_000  # vectors: comparing all of them takes one core about 8 ms
_RECALL = 0.99  # wanted
_NEAREST = 10  # the recall of so many is measured
_MEASURED_ON = 200  # queries
_TRAINED_ON = 64  # vectors a cell, at most


@dataclass(frozen=True, slots=True)
class Manifest:
    """recall: the share of the ten nearest that was found when it was trained. sha256: over the index file and all
    else that stands here."""

    library_version: int
    spec: IndexSpec
    count: int
    recall: float
    trained_on: int
    sha256: str = ""


class DamagedGeneration(LibraryError):
    """Internal: the files are not what the manifest says. The owner of the library rebuilds."""


class VectorIndex:
    """Inner-product search over passage vectors, each known by its passage id.

    recall: the share of the ten nearest that it finds, 1.0 where every vector is compared. trained_on: how many vectors
    its cells were learned from, 0 when it has none.
    """

    def __init__(self, index: faiss.Index, library_version: int, recall: float = 1.0, trained_on: int = 0) -> None:
        self._index: Any = index  # of several classes, whose stubs lack what SWIG adds
        if trained_on:
            faiss.extract_index_ivf(
                index
            ).parallel_mode = 1  # the cells of one question are shared out; by default only questions are
        self.library_version = library_version
        self.recall = recall
        self.trained_on = trained_on

    @classmethod
    def build(
        cls,
        ids: np.ndarray,
        vectors: np.ndarray,
        dimension: int,
        library_version: int,
        exact_up_to: int = EXACT_UP_TO,
    ) -> "VectorIndex":
        """ids: (n,) int64; vectors: (n, dimension) float32 of unit length."""
        if len(ids) <= exact_up_to:
            index = cls(faiss.IndexIDMap2(faiss.IndexFlatIP(dimension)), library_version)
            index._add(ids, vectors)
            return index
        cells = faiss.IndexIVFScalarQuantizer(
            faiss.IndexFlatIP(dimension),
            dimension,
            math.isqrt(len(ids)),
            faiss.ScalarQuantizer.QT_fp16,
            faiss.METRIC_INNER_PRODUCT,
            False,  # the vectors themselves are stored, not what they differ in from their cell's middle
        )
        cells.cp.max_points_per_centroid = _TRAINED_ON
        cells.cp.min_points_per_centroid = 1
        cells.train(vectors)
        index = cls(cells, library_version, trained_on=len(ids))
        index._add(ids, vectors)
        index.recall = index._probe_enough(ids, vectors)
        return index

    def updated(self, gone: np.ndarray, ids: np.ndarray, vectors: np.ndarray, library_version: int) -> "VectorIndex":
        """The next generation, made of this one, which must have been loaded to be changed and is used up by it."""
        if len(gone):
            self._index.remove_ids(faiss.IDSelectorBatch(gone))
        self._add(ids, vectors)
        return VectorIndex(self._index, library_version, self.recall, self.trained_on)

    def serves(self, count: int, exact_up_to: int = EXACT_UP_TO) -> bool:
        """Whether an index of so many vectors may be made from this one."""
        if self.trained_on:
            return self.trained_on / 2 <= count <= self.trained_on * 1.5
        return count <= exact_up_to

    def ids(self) -> np.ndarray:
        """(n,) int64, in no order."""
        if not self.trained_on:
            return faiss.vector_to_array(self._index.id_map)
        lists = self._index.invlists
        sizes = [lists.list_size(cell) for cell in range(lists.nlist)]
        found = [faiss.rev_swig_ptr(lists.get_ids(cell), size) for cell, size in enumerate(sizes) if size]
        return np.concatenate(found) if found else np.empty(0, np.int64)

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def search(self, query: np.ndarray, k: int, among: Sequence[int] | None = None) -> dict[int, float]:
        """query: (dimension,). Passage id -> cosine of the k nearest, only `among` these passages when given."""
        if not len(self) or (among is not None and not len(among)):
            return {}
        parameters: faiss.SearchParameters | None = None
        if among is not None:
            chosen = faiss.IDSelectorBatch(np.asarray(among, dtype=np.int64))
            if self.trained_on:  # the nearest of a few passages can lie in any cell; only theirs are compared
                parameters = faiss.SearchParametersIVF(sel=chosen, nprobe=self._index.nlist)  # type: ignore[call-arg]
            else:
                parameters = faiss.SearchParameters(sel=chosen)  # type: ignore[call-arg]  # SWIG constructors
        scores, ids = self._index.search(query[None, :].astype(np.float32), min(k, len(self)), params=parameters)
        return {int(i): float(s) for i, s in zip(ids[0], scores[0], strict=True) if i >= 0}

    def _add(self, ids: np.ndarray, vectors: np.ndarray) -> None:
        if len(ids):
            self._index.add_with_ids(np.ascontiguousarray(vectors, dtype=np.float32), ids.astype(np.int64))

    def _probe_enough(self, ids: np.ndarray, vectors: np.ndarray) -> float:
        """Search as many cells as the wanted recall takes. Returns the recall that is reached."""
        # A question lies between passages, about as far from the nearest as the middle of four does. By passages
        # themselves, which lie in the middle of their cells, one cell of 448 would do; questions find 0.80 in two.
        some = np.random.default_rng(0).choice(len(ids), (_MEASURED_ON, 4))
        queries = vectors[some].sum(axis=1)
        nearest = ids[faiss.knn(queries, vectors, _NEAREST, faiss.METRIC_INNER_PRODUCT)[1]]
        self._index.nprobe = 1
        while True:
            found = self._index.search(queries, _NEAREST)[1]
            recall = float(np.mean([np.isin(true, got).mean() for true, got in zip(nearest, found, strict=True)]))
            if recall >= _RECALL or self._index.nprobe == self._index.nlist:
                return round(recall, 4)
            self._index.nprobe = min(2 * self._index.nprobe, self._index.nlist)

    def publish(self, folder: Path, spec: IndexSpec) -> None:
        """Write a new generation beside the one in force, make it durable, then point CURRENT at it."""
        root = folder / _GENERATIONS
        root.mkdir(exist_ok=True)
        name = f"{self.library_version:08d}"
        draft = root / f".{name}.draft"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        # Not faiss.write_index: it closes the file without looking whether the last bytes reached a full disk.
        durable.write(draft / _INDEX_FILE, faiss.serialize_index(self._index).data)
        manifest = Manifest(self.library_version, spec, len(self), self.recall, self.trained_on)
        manifest = replace(manifest, sha256=_sha256(draft / _INDEX_FILE, manifest))
        durable.write(draft / _MANIFEST, json.dumps(asdict(manifest), indent=1).encode())
        durable.flush_folder(draft)
        final = root / name
        shutil.rmtree(final, ignore_errors=True)  # left by a rebuild of the same version; not in force if damaged
        durable.rename(draft, final)
        durable.replace_file(folder / _CURRENT, name.encode())
        for old in root.iterdir():
            if old.name != name:
                shutil.rmtree(old, ignore_errors=True)

    @staticmethod
    def discard(folder: Path) -> None:
        """Leave no generation: what is published next is made from nothing."""
        (folder / _CURRENT).unlink(missing_ok=True)
        durable.flush_folder(folder)
        shutil.rmtree(folder / _GENERATIONS, ignore_errors=True)

    @classmethod
    def load(cls, folder: Path, spec: IndexSpec, *, to_change: bool = False) -> "VectorIndex":
        """The generation in force. Raises DamagedGeneration when there is none or it fails its own manifest.

        Searching maps the file into memory; `to_change` reads it, since what is mapped cannot be changed.
        """
        try:
            current = folder / _GENERATIONS / (folder / _CURRENT).read_text(encoding="utf-8").strip()
            found = json.loads((current / _MANIFEST).read_text(encoding="utf-8"))
            manifest = Manifest(**{**found, "spec": IndexSpec(**found["spec"])})
            expected = (spec, f"{manifest.library_version:08d}", _sha256(current / _INDEX_FILE, manifest))
            if (manifest.spec, current.name, manifest.sha256) != expected:
                raise DamagedGeneration(f"generation {current.name!r} does not match its manifest")
            index = faiss.read_index(os.fspath(current / _INDEX_FILE), 0 if to_change else faiss.IO_FLAG_MMAP_IFC)
        except (OSError, ValueError, TypeError, KeyError, RuntimeError) as error:
            raise DamagedGeneration(f"no usable generation in {str(folder)!r}: {error}") from error
        if index.ntotal != manifest.count or index.d != spec.dimension:
            raise DamagedGeneration(f"generation {current.name!r} does not match its manifest")
        return cls(index, manifest.library_version, manifest.recall, manifest.trained_on)


def _sha256(path: Path, manifest: Manifest) -> str:
    """Of the index file and of what the manifest says besides."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    digest.update(json.dumps(asdict(replace(manifest, sha256="")), sort_keys=True).encode())
    return digest.hexdigest()
