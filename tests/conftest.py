"""What several test files share: the real models, loaded once, and a library of the five seeds."""

import signal
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from index.library import Library
from index.minilm import MiniLM
from rag import Assistant, Settings
from tests.indexing import BREAD, BREAD_NEWS, FERRY, FERRY_NEWS, MILL_NEWS, RAIN_NEWS, Adding, indexed
from tests.website import Site

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SEEDS = Path(__file__).parents[1] / "seeds"


@pytest.fixture(autouse=True, scope="session")
def _own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or writes the user's own settings, libraries or caches."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
            patch.setenv(name, str(tmp_path_factory.mktemp(name.lower())))
        patch.delenv("SAYSO_LIBRARY", raising=False)
        patch.delenv("PYTHONUNBUFFERED", raising=False)  # a command must not need it to be heard
        yield


@pytest.fixture(autouse=True, scope="session")
def _interruptible() -> None:
    """A shell starts what runs in the background deaf to Ctrl-C, and commands under test would inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True, scope="session")
def _no_network() -> Iterator[None]:
    """A connection to anything but this machine fails the test that tries it."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and str(address[0]) not in (
            "127.0.0.1",
            "::1",
            "localhost",
        ):
            raise AssertionError(f"a test tried to reach {address!r}")
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded)
        yield


@pytest.fixture(scope="session")
def embedder() -> MiniLM:
    return MiniLM()


@pytest.fixture(scope="session")
def seeds_assistant(tmp_path_factory: pytest.TempPathFactory, embedder: MiniLM) -> Iterator[Assistant]:
    """The five seeds with the real models. Shared: a test that adds or removes makes its own."""
    path = tmp_path_factory.mktemp("seeds") / "seeds.library"
    with Assistant.open(path, settings=Settings(), embedder=embedder) as assistant:
        assistant.add(SEEDS)
        yield assistant


# -- a library of a few short files, with an embedder that loads nothing -----------------------------------------------


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with closing(Library.open(tmp_path / "a.library")) as opened:
        yield opened


@pytest.fixture
def filled(library: Library) -> Library:
    """Four short documents, two of them read from files."""
    library.put(
        [
            indexed(FERRY_NEWS, "/d/ferry.txt"),
            indexed(BREAD_NEWS, "/d/bread.txt"),
            indexed(MILL_NEWS),
            indexed(RAIN_NEWS),
        ]
    )
    return library


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "docs"
    made.mkdir()
    (made / "bread.txt").write_text(BREAD)
    (made / "ferry.txt").write_text(FERRY)
    return made


@pytest.fixture
def add(library: Library) -> Adding:
    return Adding(library)


# -- pages to fetch --------------------------------------------------------------------------------------------------


@pytest.fixture
def site() -> Iterator[Site]:
    with Site().running() as made:
        yield made


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The addresses that anything tries to connect to; none answers."""
    tried: list[object] = []

    def refuse(self: socket.socket, address: object) -> None:
        tried.append(address)
        raise ConnectionRefusedError("refused by the test")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    return tried


# -- the chat of the seeds in Debian's Chromium; without it these tests are skipped ------------------------------------


@pytest.fixture(scope="module")  # not longer: no event loop may run where other tests run their own
def browser() -> "Iterator[Browser]":
    from tests.browsing import chromium

    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def address(seeds_assistant: Assistant) -> Iterator[str]:
    from tests.live import chatting

    with chatting(seeds_assistant) as url:
        yield url


@pytest.fixture
def page(browser: "Browser", address: str) -> "Iterator[Page]":
    from tests.browsing import visiting

    with visiting(browser, address) as visited:
        yield visited
