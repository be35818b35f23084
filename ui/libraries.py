"""The libraries that a chat can switch between: which there are, and each opened when it is first asked for.

A library is called by the name of its folder without ".library". Knows nothing of pages.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from threading import Lock
from urllib.parse import quote

from index.database import DATABASE
from index.errors import LibraryNotFound, LibraryReadOnly, UsageError
from rag.assistant import Assistant

MAX_NAME_CHARS = 60
_SUFFIX = ".library"
_NAME = re.compile(r"\w(?:[\w .-]*\w)?")


@dataclass(frozen=True, slots=True)
class Place:
    """A library. address: where its page is served."""

    name: str
    folder: Path
    address: str


class Libraries:
    """Safe to share between threads."""

    def __init__(self, own: Assistant, others: Sequence[Path] = (), *, home: Path | None = None) -> None:
        """own: the library that is served first, of its caller to close. others: folders that are offered too.

        home: a folder whose libraries are all offered, and where new ones are made; None for neither.
        """
        self.own = own
        self._others = tuple(others)
        self._home = home
        self._opened: dict[Path, Assistant] = {own.path.absolute(): own}
        self._turn = Lock()

    def close(self) -> None:
        """Close what was opened here."""
        with self._turn:
            for assistant in self._opened.values():
                if assistant is not self.own:
                    assistant.close()
            self._opened = {self.own.path.absolute(): self.own}

    @property
    def grows(self) -> bool:
        """Whether new ones can be made."""
        return self._home is not None

    def places(self) -> list[Place]:
        """The one served first, those named, and those at home by name. Of two with one name the later has a number."""
        home = sorted(self._home.glob(f"*{_SUFFIX}")) if self._home is not None and self._home.is_dir() else []
        found = [self.own.path, *self._others, *(folder for folder in home if (folder / DATABASE).is_file())]
        places: dict[str, Place] = {}
        for folder in dict.fromkeys(path.absolute() for path in found):
            stem = folder.name.removesuffix(_SUFFIX) or folder.name
            names = chain([stem], (f"{stem} {n}" for n in count(2)))
            name = next(name for name in names if name not in places)
            places[name] = Place(name, folder, f"/library/{quote(name, safe='')}/" if places else "/")
        return list(places.values())

    def find(self, name: str) -> Place:
        """Raises LibraryNotFound."""
        found = next((place for place in self.places() if place.name == name), None)
        if found is None:
            raise LibraryNotFound(f"there is no library {name!r} here; choose one at the top of the page")
        return found

    def open(self, place: Place) -> Assistant:
        """The library with the models of the first. Raises LibraryNotFound and what else `Assistant.open` raises."""
        with self._turn:
            if place.folder not in self._opened:
                self._opened[place.folder] = self.own.beside(place.folder)
            return self._opened[place.folder]

    def make(self, name: str) -> Place:
        """A new, empty library at home. Raises UsageError for a name that cannot be, LibraryReadOnly."""
        name = " ".join(name.split()).removesuffix(_SUFFIX)
        if self._home is None:
            raise UsageError("new libraries are made where the chat is served to this machine alone")
        if not _NAME.fullmatch(name) or len(name.encode()) > 2 * MAX_NAME_CHARS:
            raise UsageError(
                f"a library cannot be called {name!r}; begin with a letter and use letters, digits, spaces and hyphens"
            )
        folder = self._home.absolute() / f"{name}{_SUFFIX}"
        if any(name.casefold() == place.name.casefold() for place in self.places()) or folder.exists():
            raise UsageError(f"there is a library {name!r} already; choose it above, or another name")
        try:
            self._home.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LibraryReadOnly(f"cannot make {str(self._home)!r}: {error.strerror}; mend the permissions") from error
        with self._turn:
            self._opened[folder] = self.own.beside(folder)
        return self.find(name)
