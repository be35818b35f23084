"""The libraries that evaluations ask, built once and kept in the user's cache.

One is named by the sum of its documents and of the code that reads them: a change to reading or splitting makes it
anew, so that no figure comes from an index that today's code would not make.
"""

import hashlib
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from platformdirs import user_cache_path
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from eval.questions import Question, read_corpus
from index.errors import DocumentError, LibraryDamaged, LibraryNotFound, LibraryReadOnly, SpecMismatch
from index.types import Document
from rag import Assistant, Settings
from rag.assistant import seeds_folder

_OLD_S = 30 * 24 * 3600

Opener = Callable[[Path | None], Assistant]  # None: the default library


def corpus_library(corpus: Path, settings: Settings | None = None, opener: Opener | None = None) -> Assistant:
    """The library of a corpus file or of a folder of documents. Raises DocumentError when one cannot be read."""
    opener = opener or _opener(settings)
    if corpus.is_dir():
        return _kept_library(_digest_of_folder(corpus), [corpus], opener)
    documents = read_corpus(corpus)
    return _kept_library(hashlib.sha256(corpus.read_bytes()).hexdigest(), documents, opener)


def seeds_library(settings: Settings | None = None, opener: Opener | None = None) -> Assistant:
    """The library of the five seed documents and of nothing else."""
    return corpus_library(seeds_folder(), settings, opener)


def brought_library(path: Path, questions: Sequence[Question], opener: Opener) -> Assistant | None:
    """The library that a set of questions brings with it: of docs/ beside it, or of the seeds when it is about those.

    path: the set's file or folder. None when any library may be asked.
    """
    beside = (path if path.is_dir() else path.parent) / "docs"
    if beside.is_dir():
        return corpus_library(beside, opener=opener)
    return seeds_library(opener=opener) if about_the_seeds(questions) else None


def about_the_seeds(questions: Sequence[Question]) -> bool:
    """Whether they name documents of seeds/ and no others."""
    stems = {entry.stem for entry in seeds_folder().iterdir()}
    named = {Path(name).stem for question in questions for name in question.docs}
    return bool(named) and named <= stems


def progress_bar() -> Progress:
    """On stderr, where that is a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())


def _opener(settings: Settings | None) -> Opener:
    return lambda folder: Assistant.open(folder, settings=settings)


def _digest_of_folder(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix not in (".py", ".pyc")):
        try:
            digest.update(str(path.relative_to(folder)).encode(errors="surrogateescape") + b"\0" + path.read_bytes())
        except OSError as error:
            raise DocumentError(f"cannot read {str(path)!r}: {error.strerror}; mend its permissions") from error
    return digest.hexdigest()


@lru_cache(maxsize=1)
def _indexing_code() -> str:
    folder = Path(str(files("index")))
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def _kept_library(digest: str, sources: Sequence[Path | Document], opener: Opener) -> Assistant:
    """The cached library with these sources in it. One made by other rules or another model is made again."""
    kept = user_cache_path("sayso") / "eval"
    folder = kept / f"{digest[:32]}-{_indexing_code()}.library"
    try:
        kept.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LibraryReadOnly(
            f"cannot make {str(kept)!r}: {error.strerror}; name a folder that can be written in XDG_CACHE_HOME"
        ) from error
    for older in kept.glob(f"{digest[:32]}-*.library"):  # only what this function made: named by the digest
        if older != folder and time.time() - older.stat().st_mtime > _OLD_S:  # another checkout may be asking it
            shutil.rmtree(older, ignore_errors=True)
    try:
        return _filled_library(folder, sources, opener)
    except (SpecMismatch, LibraryNotFound, LibraryDamaged):  # the second: of another version
        shutil.rmtree(folder)
        return _filled_library(folder, sources, opener)


def _filled_library(folder: Path, sources: Sequence[Path | Document], opener: Opener) -> Assistant:
    """Adds what is missing, so that a build that was cut off goes on where it stopped."""
    assistant = opener(folder)
    try:
        held = {document.doc_id for document in assistant.documents()}
        missing = [source for source in sources if not isinstance(source, Document) or source.doc_id not in held]
        if missing:
            with progress_bar() as bar:
                task = bar.add_task("indexing", total=None)
                report = assistant.add(
                    *missing, progress=lambda step: bar.update(task, completed=step.done, total=step.total)
                )
            if report.failed:
                raise DocumentError(f"cannot index {report.failed[0].path!r}: {report.failed[0].why}")
        assistant.search("warm up", k=1)  # a library made with another model is noticed when it is read
    except BaseException:
        with closing(assistant):
            raise
    return assistant
