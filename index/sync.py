"""Files to a searchable library: load -> split -> embed -> store -> publish. The one place that joins these steps.

Documents are stored in batches, each one transaction: what was acknowledged stays after a crash, and running the same
`add` again goes on where it stopped, because a file whose bytes are known is not embedded twice.
"""

import hashlib
import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from index.chunk import context_of, pack_passages, split_sentences
from index.errors import DocumentError, LibraryReadOnly
from index.library import FileRecord, IndexedDocument, Library
from index.load import FoundFile, OtherFormat, document_id, find_files, label, load_document, normalise
from index.types import CheckReport, Document, Embedder, Failure, IndexSpec, PassageInput, Progress, SyncReport
from index.vectors import EXACT_UP_TO, DamagedGeneration, VectorIndex

_BATCH_PASSAGES = 256  # embedded together, so that batches of like length can be formed, and stored together
_PASSAGE_CHARS = 500
MAX_FILE_BYTES = 50_000_000

OnProgress = Callable[[Progress], None]
_Loaded = tuple[Document, tuple[FileRecord, ...]]


def add(
    library: Library,
    load_embedder: Callable[[], Embedder],
    sources: Iterable[str | Path | Document],
    progress: OnProgress | None = None,
) -> SyncReport:
    """Add files, folders and documents; unchanged ones cost a stat, and without new ones no model is loaded.

    A file that cannot be read is reported in `failed` and the rest goes on. Raises LibraryBusy, LibraryReadOnly
    and SpecMismatch.
    """
    started = time.perf_counter()
    report = _Report()
    with library.writer():
        work = list(_listed(sources, report))
        waiting: dict[str, _Loaded] = {}
        size = 0
        for done, item in enumerate(work, 1):
            try:
                loaded = _load(library, item, report)
            except DocumentError as error:
                report.failed.append(Failure(_name(item), str(error)))
                loaded = None
            if loaded is not None:
                document, files = loaded
                if document.doc_id in waiting:  # the same text twice in one batch: one document, both paths
                    document, files = waiting[document.doc_id][0], waiting[document.doc_id][1] + files
                waiting[document.doc_id] = (document, files)
                size += len(document.text) // _PASSAGE_CHARS + 1
            if waiting and (size >= _BATCH_PASSAGES or done == len(work)):
                embedder = load_embedder()
                library.set_spec(embedder.spec)
                batch = _index(embedder, waiting.values())
                library.put(batch, replacing=waiting)
                report.passages += sum(len(entry.passages) for entry in batch)
                waiting, size = {}, 0
            if progress is not None:
                progress(Progress(done, len(work), report.passages, time.perf_counter() - started, _name(item)))
        publish(library)
    return report.frozen(time.perf_counter() - started)


def remove(library: Library, doc_ids: Iterable[str]) -> None:
    """Raises DocumentError for an id that is not in the library; then nothing is removed."""
    with library.writer():
        library.remove(list(doc_ids))
        publish(library)


def publish(library: Library, exact_up_to: int = EXACT_UP_TO) -> None:
    """Put the vector index of the library's present version in force, unless it is already.

    exact_up_to: of so many passages, all vectors are compared with a question's.
    """
    spec = library.spec()
    if spec is None:
        return
    before = _published(library, spec, to_change=True)
    if before is not None and before.library_version == library.version():
        return
    try:
        _build(library, spec, before, exact_up_to).publish(library.folder, spec)
    except OSError as error:
        raise LibraryReadOnly(
            f"cannot write the vector index of {str(library.folder)!r}: {error.strerror}; free space or mend the "
            "permissions, then run: sayso add PATH"
        ) from error


def current(library: Library) -> VectorIndex:
    """The vector index to search with: the published one when it is whole and in step, else one made in memory.

    The library must have been bound to a model by an `add`.
    """
    spec = library.spec()
    assert spec is not None, "only a library with documents is searched"
    index = _published(library, spec)
    if index is not None and index.library_version == library.version():
        return index
    return _build(library, spec, _published(library, spec, to_change=True))


def _published(library: Library, spec: IndexSpec, *, to_change: bool = False) -> VectorIndex | None:
    """None when there is none, or it is damaged and has to be replaced."""
    try:
        return VectorIndex.load(library.folder, spec, to_change=to_change)
    except DamagedGeneration:
        return None


def _build(
    library: Library, spec: IndexSpec, before: VectorIndex | None, exact_up_to: int = EXACT_UP_TO
) -> VectorIndex:
    """Of the library's present version: made from the one before where that serves, else from nothing."""
    if before is not None:
        known = before.ids()
        ids, vectors, version = library.vectors(known)
        if before.serves(len(ids), exact_up_to):
            gone, new = (np.setdiff1d(a, b, assume_unique=True) for a, b in ((known, ids), (ids, known)))
            return before.updated(gone, new, vectors, version)
    ids, vectors, version = library.vectors()
    return VectorIndex.build(ids, vectors, spec.dimension, version, exact_up_to)


def _load(library: Library, item: FoundFile | Document, report: "_Report") -> _Loaded | None:
    """The document to be indexed, or None when there is nothing to embed."""
    if isinstance(item, Document):
        text = normalise(item.text)
        if not text.strip():
            raise DocumentError("the document holds no text; leave it out")
        doc_id = document_id(text)
        files = tuple(FileRecord(path, doc_id, 0, 0, "", "") for path in item.paths)
        if library.holds(doc_id):
            library.put_files(files)
            report.skipped.extend(item.paths or (doc_id,))
            return None
        report.added.extend(item.paths or (doc_id,))
        title, source, author = map(label, (item.title, item.source, item.author))
        url = normalise(item.url)
        described = replace(item, doc_id=doc_id, text=text, title=title, source=source, author=author, url=url)
        return described, files
    path = os.fspath(item.path)
    try:
        facts = item.path.stat()
        before = library.file(path)
        if before and (before.size, before.mtime_ns, before.said) == (facts.st_size, facts.st_mtime_ns, item.key):
            report.skipped.append(path)
            return None
        if facts.st_size > MAX_FILE_BYTES:
            raise DocumentError(f"{facts.st_size / 1e6:.0f} MB is more than {MAX_FILE_BYTES / 1e6:.0f}; split the file")
        data = item.path.read_bytes()
    except OSError as error:
        raise DocumentError(f"cannot read the file: {error.strerror}; check its permissions") from error
    document = load_document(item, data)
    record = FileRecord(
        path, document.doc_id, facts.st_size, facts.st_mtime_ns, hashlib.sha256(data).hexdigest(), item.key
    )
    # Asked anew for each file: the one before may have been the last to hold this text, as when two are swapped.
    if library.holds(document.doc_id) and (before is None or before.said == item.key):
        library.put_files([record])
        report.skipped.append(path)
        return None
    # A known text that is described differently is embedded again: its title is part of what is embedded.
    (report.changed if before else report.added).append(path)
    return document, (record,)


def _index(embedder: Embedder, loaded: Iterable[_Loaded]) -> list[IndexedDocument]:
    drafts = []
    inputs: list[PassageInput] = []
    for document, files in loaded:
        sentences = split_sentences(document, embedder.count_tokens, embedder.spec.window)
        passages = pack_passages(document, sentences, embedder.count_tokens, embedder.spec.window)
        context = context_of(document, embedder.count_tokens)
        for passage, inside in passages:
            spans = tuple((s.start - passage.start, s.end - passage.start) for s in inside)
            inputs.append(PassageInput(document.text[passage.start : passage.end], spans, context))
        drafts.append((document, files, tuple(sentences), passages))
    vectors = iter(embedder.encode_passages(inputs))
    return [
        IndexedDocument(
            document, sentences, tuple((passage, inside, next(vectors)) for passage, inside in passages), files
        )
        for document, files, sentences, passages in drafts
    ]


def check(library: Library) -> CheckReport:
    """Look whether texts, offsets, ids, vectors and words agree, without changing anything."""
    problems = library.integrity_problems()
    counts = library.counts()
    if problems:
        return CheckReport(*counts, tuple(problems))
    for document in library.documents():
        if document_id(document.text) != document.doc_id:
            problems.append(f"document {document.doc_id!r}: the text is not the one its id was made from")
        sentences = library.sentences(document.doc_id)
        gaps = zip([0, *(s.end for s in sentences)], [*(s.start for s in sentences), len(document.text)], strict=True)
        if any(end > start or document.text[end:start].strip() for end, start in gaps):
            problems.append(f"document {document.doc_id!r}: sentences overlap, leave the text or leave some of it out")
        for record in library.passages(library.passage_ids([document.doc_id])):
            inside, place = record.sentences, (record.passage.start, record.passage.end)
            if not inside or place != (inside[0].start, inside[-1].end):
                problems.append(f"document {document.doc_id!r}: a passage is not made of its sentences")
    spec = library.spec()
    if spec is None:
        return CheckReport(*counts, tuple(problems))
    try:
        index = VectorIndex.load(library.folder, spec)
        if index.library_version != library.version() or len(index) != counts[1]:
            problems.append(
                "the vector index is not of the library's present version; sayso add PATH publishes it again"
            )
    except DamagedGeneration as error:
        if counts[1]:
            problems.append(f"{error}; sayso add PATH publishes it again")
    return CheckReport(*counts, tuple(problems))


class _Report:
    """A SyncReport being filled."""

    def __init__(self) -> None:
        self.added: list[str] = []
        self.changed: list[str] = []
        self.skipped: list[str] = []
        self.failed: list[Failure] = []
        self.ignored: list[str] = []
        self.passages = 0

    def frozen(self, seconds: float) -> SyncReport:
        return SyncReport(
            tuple(self.added),
            tuple(self.changed),
            tuple(self.skipped),
            tuple(self.failed),
            tuple(self.ignored),
            self.passages,
            seconds,
        )


def _listed(sources: Iterable[str | Path | Document], report: _Report) -> Iterator[FoundFile | Document]:
    for source in sources:
        if isinstance(source, Document):
            yield source
            continue
        for found in find_files(Path(source).absolute()):
            if isinstance(found, Failure):
                report.failed.append(found)
            elif isinstance(found, OtherFormat):
                report.ignored.append(_printable(found.path))
            elif _printable(found.path) != os.fspath(found.path):
                why = "the file's name is not UTF-8; rename it"
                report.failed.append(Failure(_printable(found.path), why))
            else:
                yield found


def _printable(path: Path) -> str:
    """The path with the bytes that are not UTF-8 written out: the library stores text only."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _name(item: FoundFile | Document) -> str:
    return str(item.path) if isinstance(item, FoundFile) else (item.paths[0] if item.paths else item.title)
