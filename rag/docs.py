"""A question and a folder to an answer, in one call: the folder is kept indexed and brought in step each time."""

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path

import platformdirs

from index.errors import LibraryDamaged, LibraryNotFound, SpecMismatch, UsageError
from rag.assistant import Assistant
from rag.types import Answer, Filter, Turn


def ask(
    question: str,
    *,
    docs: str | Path | None = None,
    history: Sequence[Turn] = (),
    where: Filter | None = None,
    as_of: str | None = None,
) -> Answer:
    """Answer one question from a folder or file; without `docs`, from the default library (the seeds at first).

    The documents are indexed into the user's cache folder once and brought in step at each call.
    """
    if docs is None:
        with Assistant.open() as assistant:
            return assistant.ask(question, history=history, where=where, as_of=as_of)
    path = Path(docs).absolute()
    name = hashlib.sha256(str(path).encode()).hexdigest()[:16]
    with kept(platformdirs.user_cache_path("sayso") / "docs" / f"{name}.library", path) as assistant:
        return assistant.ask(question, history=history, where=where, as_of=as_of)


def kept(library: Path, docs: Path) -> Assistant:
    """The library in the cache with what the folder holds now. One of another version, or a damaged one, is made anew.

    Raises UsageError when nothing can be read there.
    """
    try:
        return _in_step(library, docs)
    except (SpecMismatch, LibraryNotFound, LibraryDamaged):
        shutil.rmtree(library)  # only a copy of the folder, under a name that nobody else gives
        return _in_step(library, docs)


def _in_step(library: Path, docs: Path) -> Assistant:
    assistant = Assistant.open(library)
    try:
        report = assistant.add(docs, prune=True)
        if report.failed and (report.failed[0].path == str(docs) or not assistant.documents()):
            raise UsageError(f"{report.failed[0].path!r}: {report.failed[0].why}")
        assistant.search("in step", k=1)  # a library made with another model is noticed when it is read
    except BaseException:
        assistant.close()
        raise
    return assistant
