"""Outcomes kept on the disk as they come, so that an evaluation that was cut off goes on where it stopped.

One file of JSON lines a run, in the user's cache, named by everything that an outcome depends on: the questions, the
library, the settings and the code. It is deleted when the run is done.
"""

import hashlib
import json
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from types import TracebackType

from platformdirs import user_cache_path

from eval.judge import Outcome
from rag.types import from_json, to_json

_OLD_S = 30 * 24 * 3600
_CODE = (".py", ".json", ".safetensors")
_JUDGING = ("judge.py", "measures.py", "runner.py", "questions.py")


class Journal:
    """The outcomes of one set, by question id."""

    def __init__(self, key: str) -> None:
        """key: see `journal_key`."""
        self._path = user_cache_path("sayso") / "eval" / "runs" / f"{key}.jsonl"
        self.done: dict[str, Outcome] = {}
        with suppress(OSError):  # an evaluation that cannot be kept is made all the same
            self._path.parent.mkdir(parents=True, exist_ok=True)
            _sweep(self._path.parent)
            whole = 0
            with suppress(ValueError):  # a full disk may leave a line of two halves; what follows is asked again
                for line in _whole_lines(self._path):
                    outcome = from_json(Outcome, line)
                    self.done[outcome.id] = outcome
                    whole += len(line)
            if self._path.exists():
                os.truncate(self._path, whole)  # a line that was cut off ends here

    def keep(self, outcome: Outcome) -> None:
        self.done[outcome.id] = outcome
        with suppress(OSError), self._path.open("a", encoding="utf-8", errors="replace") as file:
            file.write(to_json(outcome) + "\n")

    def forget(self) -> None:
        with suppress(OSError):
            self._path.unlink(missing_ok=True)


class Journals:
    """Those of a run, of one or several sets. Leaving the `with` block by an error keeps their files."""

    def __init__(self) -> None:
        self._opened: list[Journal] = []

    def open(self, key: str) -> Journal:
        self._opened.append(Journal(key))
        return self._opened[-1]

    def __enter__(self) -> "Journals":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            for journal in self._opened:
                journal.forget()


def journal_key(*parts: object) -> str:
    """Of everything that an outcome depends on; the code and its weights are added here."""
    text = json.dumps([code_fingerprint(), *parts], sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:32]


@lru_cache(maxsize=1)
def code_fingerprint() -> str:
    """Twelve hex digits over the code and the weights that answers and judgements are made with."""
    digest = hashlib.sha256()
    for package in ("index", "rag", "eval"):
        folder = Path(str(files(package)))
        for path in sorted(p for p in folder.rglob("*") if p.suffix in _CODE):
            if package != "eval" or (path.parent == folder and path.name in _JUDGING):
                digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def _whole_lines(path: Path) -> Iterator[bytes]:
    if path.exists():
        with path.open("rb") as file:
            yield from (line for line in file if line.endswith(b"\n"))


def _sweep(folder: Path) -> None:
    for path in folder.glob("*.jsonl"):
        if time.time() - path.stat().st_mtime > _OLD_S:
            path.unlink(missing_ok=True)
