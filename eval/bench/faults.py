"""What a library survives: each fault is really made, many times, on small libraries of its own.

A row counts as survived when what its line in `FAULTS` says held. The embedder is a bag of hashed words, so that a
child process starts in a moment; everything else is what ships: SQLite, FAISS, the locks and the seals.
"""

import errno
import hashlib
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from eval import failing
from eval.bench.measure import Measurement, Result
from eval.failing import WORDS, HashEmbedder, document, text_of
from index import durable, sync
from index.check import check, compact
from index.database import DATABASE
from index.errors import LibraryBusy, LibraryError, LibraryReadOnly, SaysoError, SpecMismatch
from index.library import Library
from index.load import document_id
from index.seal import SEAL
from index.types import Document
from index.vectors import DamagedGeneration, VectorIndex


@dataclass(frozen=True, slots=True)
class Counts:
    """How often each fault is tried. The defaults are the full counts; tests try fewer."""

    kills: int = 200
    flips: int = 500
    truncations: int = 100
    readers: int = 8
    queries: int = 10_000
    publishes: int = 50
    removals: int = 100
    rebuilt_queries: int = 200


# -- what the faults are made on --------------------------------------------------------------------------------------


def _made(folder: Path, numbers: Sequence[int]) -> Path:
    with closing(Library.open(folder)) as library:
        sync.add(library, HashEmbedder, [document(n) for n in numbers])
    return folder


def _nearest(library: Library, question: str, k: int = 10) -> list[tuple[str, float]]:
    """The texts of the k nearest passages with their scores, as an assistant finds them."""
    found = sync.current(library).search(HashEmbedder().encode_query(question), k)
    texts = {record.passage_id: record.text for record in library.passages(list(found))}
    return [(texts[i], round(score, 5)) for i, score in found.items()]


def _questions(count: int) -> list[str]:
    draw = random.Random(3)  # noqa: S311
    return [" ".join(draw.choices(WORDS, k=4)) for _ in range(count)]


def _sound(library: Library) -> bool:
    """Every text is its id's, every quote that could be given stands in its text, vectors and words fit."""
    return check(library).problems == ()


# -- children: what another process does until it is killed -----------------------------------------------------------


# Each is forked from a process that has imported what they use: a fresh one takes a second for that.
_CHILDREN = multiprocessing.get_context("forkserver")
_CHILDREN.set_forkserver_preload(["__main__", "eval.failing", "nupunkt", "datasketch"])


class _Child:
    """A process at one of the works of `eval.failing`."""

    def __init__(self, work: Callable[..., None], *arguments: object) -> None:
        self._ear, mouth = _CHILDREN.Pipe(duplex=False)
        self._process = _CHILDREN.Process(target=work, args=(mouth, *arguments), daemon=True)
        self._process.start()
        mouth.close()

    def __enter__(self) -> "_Child":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._ear.close()

    @property
    def pid(self) -> int | None:
        return self._process.pid

    def wait_until_ready(self) -> None:
        assert self._ear.recv() is None

    def kill(self) -> None:
        self._process.kill()
        self._process.join()

    def status(self) -> int | None:
        """When it is over."""
        self._process.join()
        return self._process.exitcode

    def told(self) -> list[int]:
        """All that it has told, when it is over."""
        numbers: list[int] = []
        with suppress(EOFError):
            while True:
                numbers.append(self._ear.recv())
        return numbers


# -- the faults -------------------------------------------------------------------------------------------------------


def killed_ingest(root: Path, counts: Counts) -> Iterator[bool]:
    """No acknowledged document is lost, none is there twice, and it opens in under 2 s."""
    draw = random.Random(5)  # noqa: S311
    for turn in range(counts.kills):
        folder = root / f"kill{turn}"
        with _Child(failing.ingest, folder, 0, 200) as child:
            child.wait_until_ready()
            time.sleep(draw.uniform(0.0, 0.4))
            child.kill()
            told = child.told()
        started = time.perf_counter()
        with closing(Library.open(folder)) as library:
            opened_s = time.perf_counter() - started
            texts = [document.text for document in library.documents()]
            kept = {text_of(n) for n in told} <= set(texts) and len(texts) == len(set(texts)) <= len(told) + 1
            found = all(_nearest(library, text_of(n), 1)[0][0] == text_of(n) for n in told)
            sync.add(library, HashEmbedder, [document(n) for n in range(5)])
            yield kept and found and opened_s < 2 and _sound(library)
        shutil.rmtree(folder)


def killed_publish(root: Path, _: Counts) -> Iterator[bool]:
    """Killed before every write, flush and rename: the old state or the new one, never a mixture."""
    base = _made(root / "base", range(5))
    status: int | None = -signal.SIGKILL
    at = 0
    while status == -signal.SIGKILL:
        folder = root / f"step{at}"
        shutil.copytree(base, folder)
        with _Child(failing.die_at, folder, 5, at) as child:
            status = child.status()
        with closing(Library.open(folder)) as library:
            texts = {document.text for document in library.documents()}
            whole = texts in ({text_of(n) for n in range(5)}, {text_of(n) for n in range(6)})
            found = {text for text, _ in _nearest(library, "harbour storm", 50)} == texts
            sync.add(library, HashEmbedder, [document(5)])
            yield whole and found and _sound(library)
        at += 1


def _noticed(folder: Path, before: list[list[tuple[str, float]]], questions: Sequence[str]) -> bool:
    """Damage is told, by opening or by checking, and no search gives anything else than before."""
    try:
        library = Library.open(folder)
    except SaysoError:
        return True
    with closing(library):
        try:
            same = [_nearest(library, question) for question in questions] == before
        except SaysoError:
            return True
        return same and not _sound(library)


def _damaged(root: Path, damage: Iterator[Callable[[Path], object]]) -> Iterator[bool]:
    base = _made(root / "base", range(8))
    questions = _questions(3)
    with closing(Library.open(base)) as library:
        before = [_nearest(library, question) for question in questions]
    for turn, change in enumerate(damage):
        folder = root / f"copy{turn}"
        shutil.copytree(base, folder)
        change(folder)
        yield _noticed(folder, before, questions)
        shutil.rmtree(folder)


def _files(folder: Path) -> list[Path]:
    """The library's files in order, but the empty lock."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size)


def flipped_bits(root: Path, counts: Counts) -> Iterator[bool]:
    """One bit anywhere: noticed, and no wrong answer."""
    draw = random.Random(7)  # noqa: S311

    def flip(folder: Path) -> None:
        path = draw.choice(_files(folder))
        data = bytearray(path.read_bytes())
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        path.write_bytes(data)

    yield from _damaged(root, (flip for _ in range(counts.flips)))


def truncated_files(root: Path, counts: Counts) -> Iterator[bool]:
    """A file cut off anywhere: noticed, and no wrong answer."""
    draw = random.Random(8)  # noqa: S311

    def truncate(folder: Path) -> None:
        path = draw.choice(_files(folder))
        os.truncate(path, draw.randrange(path.stat().st_size))

    yield from _damaged(root, (truncate for _ in range(counts.truncations)))


def lost_files(root: Path, _: Counts) -> Iterator[bool]:
    """Each file deleted, and each full of zeros: noticed or made again, and no wrong answer."""
    base = _made(root / "lost", range(8))
    questions = _questions(3)
    with closing(Library.open(base)) as library:
        before = [_nearest(library, question) for question in questions]
    for path in _files(base):
        for zeroed in (False, True):
            folder = root / "copy"
            shutil.copytree(base, folder)
            lost = folder / path.relative_to(base)
            if zeroed:
                lost.write_bytes(bytes(lost.stat().st_size))
            else:
                lost.unlink()
            # A seal that is gone is set anew, after SQLite was asked; everything else is told.
            made_again = not zeroed and lost.name == SEAL
            yield _noticed(folder, before, questions) or (made_again and _answers(folder, before, questions))
            shutil.rmtree(folder)


def _answers(folder: Path, before: list[list[tuple[str, float]]], questions: Sequence[str]) -> bool:
    with closing(Library.open(folder)) as library:
        return _sound(library) and [_nearest(library, question) for question in questions] == before


@contextmanager
def _failing(at: int, code: int) -> Iterator[list[str]]:
    """Every durable step from the at-th on fails; the names of all steps that were tried."""
    names: list[str] = []

    def step(name: str) -> None:
        names.append(name)
        if len(names) > at:
            raise OSError(code, os.strerror(code))

    durable.step, normal = step, durable.step
    try:
        yield names
    finally:
        durable.step = normal


def refused_writes(root: Path, _: Counts) -> Iterator[bool]:
    """A full disk, an I/O error, a denied permission at each write: a clear error, and the library serves on."""
    base = _made(root / "base", range(5))
    for code in (errno.ENOSPC, errno.EIO, errno.EACCES):
        at, refused = 0, True
        while refused:
            folder = root / f"full{code}-{at}"
            shutil.copytree(base, folder)
            with closing(Library.open(folder)) as library:
                with _failing(at, code):
                    try:
                        sync.add(library, HashEmbedder, [document(5)])
                        refused, clear = False, True
                    except LibraryReadOnly as error:
                        clear = os.strerror(code) in str(error) and ";" in str(error)
                serves = len(_nearest(library, "harbour", 50)) == len(library.documents()) >= 5
                sync.add(library, HashEmbedder, [document(5)])
                yield clear and serves and _sound(library)
            at += 1


def small_disk(root: Path, _: Counts) -> Iterator[bool]:
    """The database may not grow beyond a limit, as on a full disk: an error, and what was there is served."""
    import resource

    base = _made(root / "base", range(5))
    size = (base / DATABASE).stat().st_size
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        for limit in (size - 4096, size, size + 8192):
            folder = root / f"small{limit}"
            shutil.copytree(base, folder)
            with closing(Library.open(folder)) as library:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
                try:
                    sync.add(library, HashEmbedder, [document(n) for n in range(5, 60)])
                    clear = False
                except LibraryReadOnly as error:
                    clear = "free" in str(error)
                finally:
                    resource.setrlimit(resource.RLIMIT_FSIZE, before)
                serves = len(_nearest(library, "harbour", 50)) == 5
                sync.add(library, HashEmbedder, [document(5)])
                yield clear and serves and _sound(library)
    finally:
        signal.signal(signal.SIGXFSZ, handler)


def foreign_generations(root: Path, _: Counts) -> Iterator[bool]:
    """An older generation, another model, another dimension: not searched, and told with the fix."""
    folder = _made(root / "a", range(5))
    older = root / "older"
    shutil.copytree(folder, older)
    with closing(Library.open(folder)) as library:
        sync.add(library, HashEmbedder, [document(5)])
        for name in ("generations", "CURRENT"):
            path = folder / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()
            source = older / name
            shutil.copytree(source, path) if source.is_dir() else shutil.copy(source, path)
        problems = check(library).problems
        yield len(_nearest(library, "harbour", 50)) == 6 and any("check --repair" in problem for problem in problems)
        for other in (HashEmbedder("other"), HashEmbedder("hash", 32)):
            try:
                sync.add(library, lambda other=other: other, [document(6)])  # type: ignore[misc]
                yield False
            except SpecMismatch as error:
                yield "check --repair" in str(error) and len(library.documents()) == 6
            try:
                VectorIndex.load(folder, other.spec)
                yield False
            except DamagedGeneration:
                yield True


def readers_and_a_writer(root: Path, counts: Counts) -> Iterator[bool]:
    """Readers ask while a writer publishes: no error, and every passage found is word for word in its document."""
    folder = _made(root / "a", range(20))
    questions = _questions(50)
    results: list[bool] = []

    def read(seed: int) -> None:
        good = True
        try:
            with closing(Library.open(folder)) as library:
                index = sync.current(library)
                for turn in range(counts.queries // counts.readers):
                    if index.library_version != library.version():
                        index = sync.current(library)
                    found = index.search(HashEmbedder().encode_query(questions[(turn + seed) % 50]), 5)
                    for record in library.passages(list(found)):
                        text = library.document(record.passage.doc_id).text
                        good &= text[record.passage.start : record.passage.end] == record.text
        except Exception as error:  # whatever it is, it counts against the library
            print(f"a reader failed: {error!r}", file=sys.stderr)
            good = False
        results.append(good)

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(counts.readers)]
    with _Child(failing.ingest, folder, 20, counts.publishes) as child:
        child.wait_until_ready()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        child.told()
    yield from results
    with closing(Library.open(folder)) as library:
        yield len(library.documents()) == 20 + counts.publishes and _sound(library)


def two_writers(root: Path, _: Counts) -> Iterator[bool]:
    """The second hears at once who holds the library; when that process is killed, it may write."""
    folder = _made(root / "a", range(3))
    with _Child(failing.hold, folder) as child, closing(Library.open(folder)) as library:
        child.wait_until_ready()
        started = time.perf_counter()
        try:
            sync.add(library, HashEmbedder, [document(3)])
            yield False
        except LibraryBusy as error:
            yield f"held by process {child.pid}" in str(error) and time.perf_counter() - started < 1
        child.kill()
        sync.add(library, HashEmbedder, [document(3)])
        yield _sound(library)


def removed_documents(root: Path, counts: Counts) -> Iterator[bool]:
    """Gone from vectors, words and search at once, and from every file of the library after `compact`."""
    folder = root / "a"
    with closing(Library.open(folder)) as library:
        secrets = [hashlib.sha256(str(n).encode()).hexdigest()[:12] for n in range(counts.removals)]
        texts = [f"The secret word of report {n} is zq{secret}. {text_of(n)}" for n, secret in enumerate(secrets)]
        sync.add(library, HashEmbedder, [Document(document_id(t), t[:30], t) for t in texts])
        sync.add(library, HashEmbedder, [document(0)])
        for text, secret in zip(texts, secrets, strict=True):
            sync.remove(library, [document_id(text)])
            found = [t for t, _ in _nearest(library, text)]
            gone = text not in found and not library.search_words([f"zq{secret}"], 5)
            yield gone and not library.passage_ids([document_id(text)])
        compact(library)
        held = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
        for secret in secrets:
            yield secret.encode() not in held
        yield _sound(library)


def same_folder_again(root: Path, _: Counts) -> Iterator[bool]:
    """Again, edited, renamed, deleted: ids unchanged, replaced, kept, gone; nothing is embedded twice."""
    docs = root / "docs"
    docs.mkdir()
    for number in range(3):
        (docs / f"{number}.txt").write_text(text_of(number), encoding="utf-8")
    embedder = HashEmbedder()
    with closing(Library.open(root / "a")) as library:

        def add(prune: bool = False) -> set[str]:
            sync.add(library, lambda: embedder, [docs], prune=prune)
            return library.document_ids()

        first = add()
        yield add() == first == {document_id(text_of(n)) for n in range(3)} and embedder.embedded == 3
        (docs / "0.txt").write_text(text_of(9), encoding="utf-8")
        yield add() == first - {document_id(text_of(0))} | {document_id(text_of(9))} and embedder.embedded == 4
        (docs / "1.txt").rename(docs / "one.txt")
        yield document_id(text_of(1)) in add(prune=True) and embedder.embedded == 4
        (docs / "2.txt").unlink()
        yield document_id(text_of(2)) in add()
        yield document_id(text_of(2)) not in add(prune=True) and embedder.embedded == 4
        yield _sound(library)


def rebuilt_index(root: Path, counts: Counts) -> Iterator[bool]:
    """Without its vector index the library finds the same ten passages with the same scores."""
    folder = _made(root / "a", range(60))
    with closing(Library.open(folder)) as library:
        questions = _questions(counts.rebuilt_queries)
        before = [_nearest(library, question) for question in questions]
        shutil.rmtree(folder / "generations")
        for question, found in zip(questions, before, strict=True):
            yield _nearest(library, question) == found
        with suppress(LibraryError), library.writer():
            sync.publish(library)
        yield _sound(library)


FAULTS: Mapping[str, Callable[[Path, Counts], Iterator[bool]]] = {
    "killed at a random time in an ingest": killed_ingest,
    "killed before each write, flush and rename": killed_publish,
    "one flipped bit": flipped_bits,
    "a file cut off": truncated_files,
    "a file deleted or full of zeros": lost_files,
    "no space, I/O error, no permission at each write": refused_writes,
    "the database cannot grow": small_disk,
    "generation of another version, model, dimension": foreign_generations,
    "readers while a writer publishes": readers_and_a_writer,
    "two writers, and one that died": two_writers,
    "removed documents": removed_documents,
    "the same folder again, edited, renamed, deleted": same_folder_again,
    "the vector index lost": rebuilt_index,
}


def tried(fault: str, counts: Counts) -> tuple[int, int]:
    """How often the fault was made, and how often the library survived it."""
    with tempfile.TemporaryDirectory(prefix="sayso-faults-") as root:
        outcomes = list(FAULTS[fault](Path(root), counts))
    return len(outcomes), sum(outcomes)


def measure_faults(counts: Counts | None = None) -> Result:
    """All of them, at the full counts: about two minutes."""
    measurements = []
    for fault in FAULTS:
        started = time.perf_counter()
        made, survived = tried(fault, counts or Counts())
        seconds = time.perf_counter() - started
        measurements.append(Measurement(fault, {"tried": made, "survived": survived, "seconds": seconds}, (seconds,)))
    return Result(name="faults", workload="small libraries", measurements=tuple(measurements))
