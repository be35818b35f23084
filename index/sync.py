"""Files to a searchable library: load -> split -> embed -> store -> publish. The one place that joins these steps.

Documents are stored in batches, each one transaction: what was acknowledged stays after a crash, and running the same
`add` again goes on where it stopped, because a file whose bytes are known is not embedded twice.
"""

import hashlib
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from index.chunk import context_of, pack_passages, split_sentences
from index.contents import FileRecord, alone
from index.errors import DocumentError, LibraryReadOnly
from index.library import IndexedDocument, Library
from index.load import FoundFile, OtherFormat, document_id, find_files, label, load_document, load_page, normalise
from index.near import signature
from index.parsing import Parser
from index.types import Document, Embedder, Failure, IndexSpec, PassageInput, Progress, SyncReport
from index.vectors import EXACT_UP_TO, DamagedGeneration, VectorIndex

_BATCH_PASSAGES = 256  # embedded together, so that batches of like length can be formed, and stored together
_PASSAGE_CHARS = 500
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")

OnProgress = Callable[[Progress], None]
_Loaded = tuple[Document, tuple[FileRecord, ...]]


def add(
    library: Library,
    load_embedder: Callable[[], Embedder],
    sources: Iterable[str | Path | Document],
    progress: OnProgress | None = None,
    *,
    prune: bool = False,
) -> SyncReport:
    """Add files, folders, documents, addresses of pages; unchanged files cost a stat, and no model is loaded for them.

    A file that cannot be read is reported in `failed` and the rest goes on. What was once read from one of the folders
    and is there no more is reported as `gone`, or with `prune` taken out of the library. Raises LibraryBusy,
    LibraryReadOnly and SpecMismatch.
    """
    started = time.perf_counter()
    report = _Report()
    sources = list(sources)
    with library.writer(), Parser() as parser:
        work = list(_listed(sources, report))
        gone = _gone(library, sources, work, report)
        waiting: dict[str, _Loaded] = {}
        size = 0
        for done, item in enumerate(work, 1):
            try:
                loaded = _load(library, item, report, parser)
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
                report.passages += _store(library, load_embedder(), waiting)
                waiting, size = {}, 0
            if progress is not None:
                progress(Progress(done, len(work), report.passages, time.perf_counter() - started, _name(item)))
        if prune:
            library.forget_files(gone)  # after the loop: a renamed file keeps its document
            report.removed.extend(gone)
        else:
            report.gone.extend(gone)
        publish(library)
    return report.frozen(time.perf_counter() - started)


def remove(library: Library, doc_ids: Iterable[str]) -> None:
    """Raises DocumentError for an id that is not in the library; then nothing is removed."""
    with library.writer():
        library.remove(list(doc_ids))
        publish(library)


def store(library: Library, load_embedder: Callable[[], Embedder], loaded: Iterable[_Loaded]) -> None:
    """Documents that were loaded before, in batches; what reads them back from a damaged library calls this."""
    waiting: dict[str, _Loaded] = {}
    size = 0
    for document, files in loaded:
        waiting[document.doc_id] = (document, files)
        size += len(document.text) // _PASSAGE_CHARS + 1
        if size >= _BATCH_PASSAGES:
            _store(library, load_embedder(), waiting)
            waiting, size = {}, 0
    if waiting:
        _store(library, load_embedder(), waiting)


def _store(library: Library, embedder: Embedder, waiting: Mapping[str, _Loaded]) -> int:
    """One batch, embedded and stored in one transaction; the number of its passages."""
    library.set_spec(embedder.spec)
    batch = _index(embedder, waiting.values())
    library.put(batch, replacing=waiting)
    return sum(len(entry.passages) for entry in batch)


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


def _load(library: Library, item: FoundFile | Document | str, report: "_Report", parser: Parser) -> _Loaded | None:
    """The document to be indexed, or None when there is nothing to embed. A str is the address of a page."""
    if isinstance(item, str):
        return _load_page(library, item, report, parser)
    if isinstance(item, Document):
        text = normalise(item.text)
        if not text.strip():
            raise DocumentError("the document holds no text; leave it out")
        doc_id = document_id(text)
        files = tuple(FileRecord(path, doc_id, 0, 0, "", "") for path in item.paths)
        title, source, author = map(label, (item.title, item.source, item.author))
        url = normalise(item.url)
        described = replace(item, doc_id=doc_id, text=text, title=title, source=source, author=author, url=url)
        held = library.documents([doc_id])
        if held and alone(held[0]) == alone(described):
            library.put_files(files)
            report.skipped.extend(item.paths or (doc_id,))
            return None
        (report.changed if held else report.added).extend(item.paths or (doc_id,))
        return described, files
    size, mtime_ns = item.stat()
    before = library.file(item.name)
    if before and (before.size, before.mtime_ns, before.said) == (size, mtime_ns, item.key):
        report.skipped.append(item.name)
        return None
    data = item.read()
    document = load_document(item, data, parser.parse)
    record = FileRecord(item.name, document.doc_id, size, mtime_ns, hashlib.sha256(data).hexdigest(), item.key)
    # Asked anew for each file: the one before may have been the last to hold this text, as when two are swapped.
    if library.holds(document.doc_id) and (before is None or before.said == item.key):
        library.put_files([record])
        report.skipped.append(item.name)
        return None
    # A known text that is described differently is embedded again: its title is part of what is embedded.
    (report.changed if before else report.added).append(item.name)
    return document, (record,)


def _load_page(library: Library, url: str, report: "_Report", parser: Parser) -> _Loaded | None:
    """The page at the address, which takes the place of a file's path."""
    from index import fetch  # loads httpx

    page = fetch.fetch(url)
    document = load_page(page.url, page.content_type, page.data, parser.parse)
    record = FileRecord(url, document.doc_id, len(page.data), 0, hashlib.sha256(page.data).hexdigest(), "")
    before = library.file(url)
    if library.holds(document.doc_id):
        library.put_files([record])
        report.skipped.append(url)
        return None
    (report.changed if before else report.added).append(url)
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
            document,
            sentences,
            tuple((passage, inside, next(vectors)) for passage, inside in passages),
            files,
            signature(document.text),
        )
        for document, files, sentences, passages in drafts
    ]


class _Report:
    """A SyncReport being filled."""

    def __init__(self) -> None:
        self.added: list[str] = []
        self.changed: list[str] = []
        self.skipped: list[str] = []
        self.failed: list[Failure] = []
        self.ignored: list[str] = []
        self.gone: list[str] = []
        self.removed: list[str] = []
        self.passages = 0

    def frozen(self, seconds: float) -> SyncReport:
        return SyncReport(
            tuple(self.added),
            tuple(self.changed),
            tuple(self.skipped),
            tuple(self.failed),
            tuple(self.ignored),
            tuple(self.gone),
            tuple(self.removed),
            self.passages,
            seconds,
        )


def _gone(
    library: Library,
    sources: Iterable[str | Path | Document],
    work: Iterable[FoundFile | Document | str],
    report: _Report,
) -> list[str]:
    """Files of the library that were below one of the folders and are not. What could not be read is not gone."""
    found = {_name(item) for item in work}
    unread = tuple(failure.path + os.sep for failure in report.failed)
    folders = [
        Path(source).absolute() for source in sources if not (isinstance(source, Document) or _is_address(source))
    ]
    return [
        path
        for folder in folders
        if folder.is_dir()
        for path in library.files_below(folder)
        if path not in found and not f"{path}{os.sep}".startswith(unread)
    ]


def _listed(sources: Iterable[str | Path | Document], report: _Report) -> Iterator[FoundFile | Document | str]:
    for source in sources:
        if isinstance(source, Document):
            yield source
            continue
        if _is_address(source):
            yield str(source).partition("#")[0]
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


def _is_address(source: str | Path) -> bool:
    return isinstance(source, str) and bool(_ADDRESS.match(source))


def _printable(path: Path) -> str:
    """The path with the bytes that are not UTF-8 written out: the library stores text only."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _name(item: FoundFile | Document | str) -> str:
    if isinstance(item, str):
        return item
    return item.name if isinstance(item, FoundFile) else (item.paths[0] if item.paths else item.title)
