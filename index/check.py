"""A library that may be damaged to a sound one: look, make again what can be made, give space back.

The texts are the truth. Sentences, passages, vectors and words are made again from them when any of it is wrong; a text
is kept when it still has its checksum.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

from index import durable, sync
from index.contents import checksum
from index.database import DATABASE, writing
from index.errors import LibraryDamaged, LibraryNotFound, SpecMismatch
from index.library import Library
from index.load import document_id
from index.salvage import salvage
from index.seal import SEAL
from index.types import CheckReport, Embedder, Repaired
from index.vectors import DamagedGeneration, VectorIndex

_DRAFT = ".repair"
_DAMAGED = f"{DATABASE}.damaged"


def check(library: Library) -> CheckReport:
    """Look whether texts, offsets, ids, vectors and words agree, without changing anything."""
    problems = library.integrity_problems()
    counts = library.counts()
    if problems:
        return CheckReport(*counts, tuple(problems))
    stored = library.checksums()
    for document in library.documents():
        if document_id(document.text) != document.doc_id:
            problems.append(f"document {document.doc_id!r}: the text is not the one its id was made from")
        elif checksum(document) != stored[document.doc_id]:
            problems.append(f"document {document.doc_id!r}: what is said of it is not what was stored")
        sentences = library.sentences(document.doc_id)
        gaps = zip([0, *(s.end for s in sentences)], [*(s.start for s in sentences), len(document.text)], strict=True)
        if any(end > start or document.text[end:start].strip() for end, start in gaps):
            problems.append(f"document {document.doc_id!r}: sentences overlap, leave the text or leave some of it out")
        for record in library.passages(library.passage_ids([document.doc_id])):
            inside, place = record.sentences, (record.passage.start, record.passage.end)
            if not inside or place != (inside[0].start, inside[-1].end):
                problems.append(f"document {document.doc_id!r}: a passage is not made of its sentences")
    if not library.sealed():
        problems.append("the database is not what was last written")
    spec = library.spec()
    if spec is None:
        return CheckReport(*counts, tuple(problems))
    try:
        index = VectorIndex.load(library.folder, spec)
        if index.library_version != library.version() or len(index) != counts[1]:
            problems.append(
                "the vector index is not of the library's present version; sayso check --repair publishes it again"
            )
    except DamagedGeneration as error:
        if counts[1]:
            problems.append(f"{error}; sayso check --repair publishes it again")
    return CheckReport(*counts, tuple(problems))


def repair(folder: Path, load_embedder: Callable[[], Embedder]) -> Repaired:
    """Make the library in a folder sound; nothing is touched when it is.

    A wrong vector index is published again. For anything else, other rules or another model too, a new database is
    made from the texts and put in the place of the old, which stays beside it until `compact`. Raises LibraryNotFound
    where there is no library or one of another program or schema, whose texts cannot be told; LibraryBusy,
    LibraryReadOnly.
    """
    if not (folder / DATABASE).is_file():
        raise LibraryNotFound(f"no library at {str(folder)!r}; name its folder with --library")
    try:
        library = Library.open(folder)
    except LibraryDamaged:
        return _made_again(folder, load_embedder)
    try:
        bound = library.spec()
        if bound is not None:
            if bound != load_embedder().spec:
                raise SpecMismatch("made by other rules")
            sync.publish(library)
        report = check(library)
        if not report.problems:
            return Repaired(report.documents)
    except SpecMismatch:
        pass
    finally:
        library.close()
    return _made_again(folder, load_embedder)


def _made_again(folder: Path, load_embedder: Callable[[], Embedder]) -> Repaired:
    draft = folder / _DRAFT
    with writing(folder) as lock:
        found = salvage(folder / DATABASE)
        shutil.rmtree(draft, ignore_errors=True)
        library = Library.open(draft)
        try:
            with library.writer():
                library.start_at(found.version)
                sync.store(library, load_embedder, found.documents)
        finally:
            library.close()
        # The old database gives up its name last. A crash before leaves it as it was, a crash after leaves the new one
        # unsealed under a lock that names this process: as after any writer's death.
        shutil.copy2(folder / DATABASE, folder / _DAMAGED)
        VectorIndex.discard(folder)  # the ids of its passages mean others in the new database
        durable.rename(draft / DATABASE, folder / DATABASE)
        durable.rename(draft / SEAL, folder / SEAL)
        shutil.rmtree(draft, ignore_errors=True)
        lock.settle()
    library = Library.open(folder)
    try:
        with library.writer():
            sync.publish(library)
    finally:
        library.close()
    return Repaired(len(found.documents), found.lost, made_again=True)


def compact(library: Library) -> int:
    """Rewrite the database without what was removed, and delete what a repair left; how many bytes that gave back."""
    before = _size(library.folder)
    with library.writer():
        library.compact()
        (library.folder / _DAMAGED).unlink(missing_ok=True)
        sync.publish(library)
    return before - _size(library.folder)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
