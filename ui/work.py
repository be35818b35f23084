"""What the pages beside the chat do: files come in, documents are added and removed, questions are measured.

Each is done in a thread of its own, one of a kind at a time, so that asking goes on meanwhile. What comes from a
browser is taken for nothing but bytes and labels: a file is stored under the hash of its bytes, and is known to the
page by a random number. Knows nothing of Gradio and of how anything looks.
"""

import hashlib
import os
import re
import secrets
import shutil
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from threading import Event, Lock, Thread
from typing import Generic, Literal, TypeVar

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.requests import ClientDisconnect

from eval.journal import Journals
from eval.libraries import brought_library
from eval.pairs import Pair
from eval.questions import Question, library_names
from eval.report import read_set
from eval.report_html import report_html
from eval.runner import Evaluation, ask_set, summarise, without_texts
from eval.sets import is_held_out, question_sets, uses
from index.errors import DocumentError, LibraryBusy, SaysoError, UsageError
from index.files import MAX_FILE_BYTES
from index.load import normalise
from index.readers import ARCHIVE, FORMATS, is_read
from index.types import Progress, SyncReport
from rag.assistant import Assistant
from rag.types import to_json
from ui.server import UPLOADS

_WAITING_BYTES = 1_000_000_000  # uploaded and not added yet, of everybody together
_OLD_S = 24 * 3600
_RUNS = 10  # evaluations and question sets kept, the last ones
_STEM_BYTES = 150  # of a file's name, so that with its folder it is a name anywhere
_TOKEN = re.compile(r"[0-9a-f]{32}")

T = TypeVar("T")
Step = Callable[[int, int, str], None]


class Cancelled(Exception):
    """Somebody asked for the work to end."""


class Job(Generic[T]):
    """Work in a thread of its own. done, total: how far it is; at: what it is doing."""

    def __init__(self, work: Callable[[Step], T]) -> None:
        self.done, self.total, self.at = 0, 0, ""
        self._stop, self._ended = Event(), Event()
        self._result: list[T] = []
        self._error: BaseException = Cancelled()
        self._thread = Thread(target=self._run, args=(work,), daemon=True)
        self._thread.start()

    def _run(self, work: Callable[[Step], T]) -> None:
        try:
            self._result.append(work(self._step))
        except BaseException as error:  # handed on to whoever asks for the result
            self._error = error
        finally:
            self._ended.set()

    def _step(self, done: int, total: int, at: str) -> None:
        self.done, self.total, self.at = done, total, at
        if self._stop.is_set():
            raise Cancelled

    @property
    def running(self) -> bool:
        return not self._ended.is_set()

    def cancel(self) -> None:
        """It ends at its next step."""
        self._stop.set()

    def wait(self, timeout_s: float) -> bool:
        """Whether it has ended."""
        return self._ended.wait(timeout_s)

    def result(self) -> T:
        """Of work that has ended. Raises what the work raised, `Cancelled` among that."""
        if not self._result:
            raise self._error
        return self._result[0]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one file. name: as the client called it, cleaned, or its path in the folder."""

    name: str
    outcome: Literal["added", "changed", "unchanged", "failed", "ignored", "gone", "removed", "stopped"]
    why: str = ""


@dataclass(frozen=True, slots=True)
class TakenSet:
    """A question set that was read. path: where, since documents may stand beside it; None for an uploaded one."""

    name: str
    questions: tuple[Question, ...]
    pairs: tuple[Pair, ...]
    path: Path | None

    @property
    def held_out(self) -> bool:
        """Whether it is never looked at."""
        return self.path is not None and is_held_out(self.path)


@dataclass(frozen=True, slots=True)
class Upload:
    path: Path
    size: int


class Work:
    """The work of one served library, shared by everybody who has its page open.

    local: whoever sees the page sits at this machine, so that paths on it may be named.
    """

    def __init__(self, assistant: Assistant, *, local: bool) -> None:
        self.assistant = assistant
        self.local = local
        self.adding: Job[list[Result]] | None = None
        self.evaluating: Job[str] | None = None
        self._folder = assistant.path.absolute() / "uploads"
        self._waiting: dict[str, Upload] = {}
        self._arriving = 0  # bytes of the files that are under way
        self._sets: OrderedDict[str, TakenSet] = OrderedDict()
        self._runs: OrderedDict[str, Evaluation] = OrderedDict()
        self._turn = Lock()
        self._sweep()

    def close(self, timeout_s: float = 10.0) -> None:
        """End what is under way."""
        for job in (self.adding, self.evaluating):
            if job is not None:
                job.cancel()
                job.wait(timeout_s)

    # -- files that come in -------------------------------------------------------------------------------------

    async def receive(self, name: str, pieces: AsyncIterator[bytes], suffixes: Sequence[str] = ()) -> str:
        """Store a file under the hash of its bytes; a number to name it by. Raises DocumentError.

        suffixes: that it may have, those of documents when none is given.
        """
        name = safe_name(name)
        suffix = PurePosixPath(name).suffix.lower()
        if not (suffix in suffixes if suffixes else is_read(suffix) or suffix == ARCHIVE):
            wanted = ", ".join(suffixes) or FORMATS
            raise DocumentError(f"{name!r} is of a format that is not read; only {wanted} are")
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = self._folder / f".part-{secrets.token_hex(16)}"
        digest, size = hashlib.sha256(), 0
        try:
            with part.open("xb") as file:  # new, so no link is followed
                async for piece in pieces:
                    size += len(piece)
                    self._arriving += len(piece)
                    if size > MAX_FILE_BYTES:
                        raise DocumentError(f"{name!r} is larger than {MAX_FILE_BYTES / 1e6:.0f} MB; split it")
                    if self._arriving + sum(upload.size for upload in self._waiting.values()) > _WAITING_BYTES:
                        raise DocumentError("too many files wait to be added; add those first")
                    digest.update(piece)
                    file.write(piece)
            home = self._folder / digest.hexdigest()[:32]
            home.mkdir(mode=0o700, exist_ok=True)
            part.replace(home / name)
        except OSError as error:
            raise DocumentError(
                f"cannot store {name!r}: {error.strerror}; free space or mend the permissions"
            ) from error
        finally:
            self._arriving -= size
            part.unlink(missing_ok=True)
        token = secrets.token_hex(16)
        self._waiting[token] = Upload(home / name, size)
        return token

    def _sweep(self) -> None:
        """Delete what was uploaded long ago and is in no document."""
        if not self._folder.is_dir():
            return
        held = self._held()
        for entry in self._folder.iterdir():
            if entry.name not in held and time.time() - entry.lstat().st_mtime > _OLD_S:
                _delete(entry)

    def _discard(self, paths: Iterable[Path]) -> None:
        """Delete uploaded files that are in no document."""
        held = self._held() | {upload.path.parent.name for upload in self._waiting.values()}
        for home in {path.parent for path in paths}:
            if home.name not in held:
                _delete(home)

    def _held(self) -> set[str]:
        """The folders of the uploaded files that documents were read from."""
        return {self._inside(path)[0] for path in self._paths() if self._is_ours(path)}

    def _paths(self) -> Iterable[str]:
        return (path for summary in self.assistant.listing()[0] for path in summary.paths)

    def _is_ours(self, path: str) -> bool:
        return path.startswith(f"{self._folder}{os.sep}")

    def _inside(self, path: str) -> tuple[str, str]:
        home, _, name = path.removeprefix(f"{self._folder}{os.sep}").partition(os.sep)
        return home, name

    def label(self, path: str) -> str:
        """How a file is called on the page: what is behind the last slash, or in an archive."""
        return self._inside(path)[1] if self._is_ours(path) else PurePosixPath(path).name

    # -- documents ----------------------------------------------------------------------------------------------

    def add(self, tokens: Sequence[str]) -> Job[list[Result]]:
        """Add uploaded files. Raises UsageError when none is here, LibraryBusy."""
        uploads = [self._waiting[token].path for token in tokens if token in self._waiting]
        if not uploads:
            raise UsageError("the files are not here any more; upload them again")

        def added(step: Step) -> list[Result]:
            try:
                report = self._add(uploads, step, prune=False)
                return _results(report, self.label)
            except Cancelled:
                held = set(self._paths())
                return [Result(path.name, "added" if str(path) in held else "stopped") for path in uploads]
            finally:
                for token in tokens:
                    self._waiting.pop(token, None)
                self._discard(uploads)

        return self._start_adding(added)

    def sync(self, folder: str, *, prune: bool) -> Job[list[Result]]:
        """Bring the library in step with a folder of this machine. Raises UsageError, LibraryBusy."""
        path = self._path(folder)
        if not path.is_dir():
            raise UsageError(f"there is no folder {folder.strip()!r}; give its whole path, such as /home/you/articles")

        def name(file: str) -> str:
            return file.removeprefix(f"{path}{os.sep}")

        def synced(step: Step) -> list[Result]:
            try:
                return _results(self._add([path], step, prune=prune), name)
            except Cancelled:
                return [Result(str(path), "stopped", "what was added until then stays")]

        return self._start_adding(synced)

    def _start_adding(self, work: Callable[[Step], list[Result]]) -> Job[list[Result]]:
        with self._turn:
            if self.adding is not None and self.adding.running:
                raise LibraryBusy("files are being added already; wait for that to end, or cancel it")
            self.adding = Job(work)
            return self.adding

    def _add(self, paths: Sequence[Path], step: Step, *, prune: bool) -> SyncReport:
        def progress(now: Progress) -> None:
            step(now.done, now.total, self.label(now.path))

        return self.assistant.add(*paths, prune=prune, progress=progress)

    def remove(self, doc_id: str) -> None:
        """Take a document out, and delete its file where that was uploaded. Raises DocumentError, LibraryBusy."""
        paths = self.assistant.document(doc_id).paths
        self.assistant.remove(doc_id)
        self._discard(self._folder / self._inside(path)[0] / "x" for path in paths if self._is_ours(path))

    def _path(self, typed: str) -> Path:
        if not self.local:
            raise UsageError("paths can be named only where the chat is served to this machine alone")
        path = Path(typed.strip().strip("\"'")).expanduser()
        if not path.is_absolute() or "\0" in typed:
            raise UsageError(f"{typed.strip()!r} is no whole path; write one such as /home/you/articles")
        return path

    # -- evaluation ---------------------------------------------------------------------------------------------

    def take_questions(self, file: Path, name: str, *, uploaded: bool = False) -> str:
        """Read a question set and keep it for a while; a number to name it by. Raises DocumentError."""
        try:
            questions, pairs = read_set(file)
        except DocumentError as error:  # of an uploaded file only the name is known to the reader
            raise DocumentError(str(error).replace(repr(str(file)), repr(name))) from error
        token = secrets.token_hex(16)
        self._sets[token] = TakenSet(name, tuple(questions), tuple(pairs), None if uploaded else file)
        _keep(self._sets)
        return token

    def evaluate_built_in(self, number: int) -> Job[str]:
        """Ask a question set that comes with sayso. Raises UsageError for a number that there is not."""
        offered = offered_sets()
        if not 0 <= number < len(offered):
            raise UsageError("there is no such question set; choose one of the list")
        name, path = offered[number]
        return self.evaluate(self.take_questions(path, name))

    def evaluate_path(self, typed: str) -> Job[str]:
        """Ask the question set in a file or folder of this machine. Raises DocumentError, UsageError."""
        path = self._path(typed)
        return self.evaluate(self.take_questions(path, path.name))

    def evaluate(self, token: str) -> Job[str]:
        """Ask a question set that was taken; gives the number of the run. Raises UsageError."""
        if token not in self._sets:
            raise UsageError("these questions are not here any more; give the file again")
        taken = self._sets[token]

        def evaluated(step: Step) -> str:
            def progress(done: int, total: int) -> None:
                step(done, total, "" if taken.held_out else taken.questions[done - 1].question)

            done = self._evaluate(taken, progress)
            run = secrets.token_hex(16)
            self._runs[run] = done
            _keep(self._runs)
            return run

        with self._turn:
            if self.evaluating is not None and self.evaluating.running:
                raise UsageError("a question set is being asked already; wait for that to end, or cancel it")
            self.evaluating = Job(evaluated)
            return self.evaluating

    def _evaluate(self, taken: TakenSet, progress: Callable[[int, int], None]) -> Evaluation:
        """Of this library, where it holds the documents that are named; else of those that the set brings."""
        model = self.assistant.settings.model
        held = library_names(self.assistant.documents())
        here = all(name in held for question in taken.questions for name in question.docs)
        brought = None
        if taken.path and not (here and any(question.docs for question in taken.questions)):
            brought = brought_library(taken.path, taken.questions, self._beside)
        assistant = brought or self.assistant
        try:
            with Journals() as journals:
                asked = ask_set(
                    assistant,
                    taken.questions,
                    taken.pairs,
                    journals=journals,
                    keep_texts=not taken.held_out,
                    progress=progress,
                )
        finally:
            if brought:
                brought.close()
        done = summarise([asked], name=taken.name, model=model, uses=uses([taken.path] if taken.path else []))
        return without_texts(done) if taken.held_out else done

    def _beside(self, folder: Path | None) -> Assistant:
        assert folder is not None
        return self.assistant.beside(folder)

    def run(self, token: str) -> Evaluation | None:
        return self._runs.get(token)

    # -- routes -------------------------------------------------------------------------------------------------

    def add_routes(self, app: FastAPI) -> None:
        """Files in, one a request, and evaluations out. What may reach them is in ui/server.py and ui/access.py."""

        @app.post(f"{UPLOADS}documents", include_in_schema=False)
        async def document(request: Request, name: str) -> Response:
            return await _answered(self.receive(name, request.stream()))

        @app.post(f"{UPLOADS}questions", include_in_schema=False)
        async def questions(request: Request, name: str) -> Response:
            return await _answered(self._receive_questions(name, request.stream()))

        @app.get("/exports/{run}.{kind}", include_in_schema=False)
        def export(run: str, kind: Literal["json", "html"]) -> Response:
            found = self._runs.get(run)
            if found is None:
                return JSONResponse({"detail": "this evaluation is not held any more; run it again"}, 404)
            headers = {"Content-Disposition": f'attachment; filename="evaluation.{kind}"', "Cache-Control": "no-store"}
            if kind == "html":
                return Response(report_html(found).encode(errors="replace"), media_type="text/html", headers=headers)
            return Response(
                to_json(found, indent=2).encode(errors="replace") + b"\n",
                media_type="application/json",
                headers=headers,
            )

    async def _receive_questions(self, name: str, pieces: AsyncIterator[bytes]) -> str:
        upload = self._waiting.pop(await self.receive(name, pieces, (".jsonl",)))
        try:
            return self.take_questions(upload.path, upload.path.name, uploaded=True)
        finally:
            self._discard([upload.path])


def safe_name(name: str) -> str:
    """What a client called a file as a name that is harmless in any folder; the suffix stays."""
    last = re.split(r"[/\\]", normalise(name))[-1]
    last = " ".join("".join(c for c in last if c.isprintable() or c.isspace()).split()).lstrip(". ")
    path = PurePosixPath(last or "file")
    return path.stem.encode()[:_STEM_BYTES].decode(errors="ignore") + path.suffix[:20]


def offered_sets() -> list[tuple[str, Path]]:
    """The question sets that come with sayso and may be looked at, each with its path."""
    return [(found.name, found.path) for found in question_sets() if found.path and found.use != "held_out"]


def is_token(value: object) -> bool:
    return isinstance(value, str) and bool(_TOKEN.fullmatch(value))


def _results(report: SyncReport, label: Callable[[str], str]) -> list[Result]:
    """One a file, those that need a look first."""
    done = [Result(label(failure.path), "failed", failure.why) for failure in report.failed]
    done += [Result(label(path), "ignored", f"not one of {FORMATS}") for path in report.ignored]
    done += [Result(label(path), "gone", "no more in the folder, still in the library") for path in report.gone]
    for outcome, paths in (
        ("added", report.added),
        ("changed", report.changed),
        ("removed", report.removed),
        ("unchanged", report.skipped),
    ):
        done += [Result(label(path), outcome) for path in paths]  # type: ignore[arg-type]  # one of Result's words
    return done


async def _answered(work: Awaitable[str]) -> Response:
    """The file's number, or why there is none: not as an error, which a browser would also write to its console."""
    try:
        return JSONResponse({"id": await work})
    except ClientDisconnect:
        return JSONResponse({"detail": "the file did not arrive whole"}, 400)
    except SaysoError as error:
        return JSONResponse({"detail": str(error)})


def _keep(kept: OrderedDict[str, T]) -> None:
    while len(kept) > _RUNS:
        kept.popitem(last=False)


def _delete(entry: Path) -> None:
    if entry.is_symlink() or entry.is_file():
        entry.unlink(missing_ok=True)
    else:
        shutil.rmtree(entry, ignore_errors=True)
