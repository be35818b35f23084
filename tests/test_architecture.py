"""What importing costs, and what is never done: importing loads no model, and no part of an answer uses the network."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import rag

ROOT = Path(rag.__file__).parents[1]
HEAVY = ("torch", "sentence_transformers", "transformers", "litellm", "gradio", "nupunkt", "dateparser", "datasketch")


def run(code: str, home: Path, *arguments: str) -> str:
    """The code's output in a fresh interpreter that has the home to itself."""
    homes = {name: str(home) for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME")}
    keep = {name: value for name, value in os.environ.items() if not name.startswith("SAYSO_")}
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, cwd=ROOT, env=keep | homes, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_rag_loads_nothing_heavy(tmp_path: Path) -> None:
    """Neither torch nor litellm nor gradio: a script that only opens a library starts at once."""
    code = f"import sys, rag; print(sorted(set(sys.modules) & set({HEAVY!r})))"
    assert run(code, tmp_path) == "[]"


def test_importing_writes_nothing(tmp_path: Path) -> None:
    """No folder, cache or log is made before something is asked for."""
    run("import rag, index.sync, index.library, index.load", tmp_path)
    assert list(tmp_path.rglob("*")) == []


def test_opening_and_listing_a_library_loads_no_model(tmp_path: Path) -> None:
    """Nor does adding what is already there."""
    folder = tmp_path / "docs"
    folder.mkdir()
    code = f"""
import sys
from rag import Assistant
with Assistant.open(sys.argv[1] + "/a.library") as assistant:
    assistant.documents(), assistant.check(), assistant.add(sys.argv[1] + "/docs")
print(sorted(set(sys.modules) & set({HEAVY!r})))
"""
    assert run(code, tmp_path, str(tmp_path)) == "[]"


OFFLINE = """
import sys

def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto", "urllib.Request"):
        print("tried:", event, arguments, flush=True)
        raise OSError("there is no network")

sys.addaudithook(watch)
from rag import ask
print(ask("When did the ferry leave?", docs=sys.argv[1]).status)
"""


def test_indexing_and_answering_try_no_network(tmp_path: Path) -> None:
    """From a fresh home, with every socket watched: models are loaded, text is embedded, an answer is given."""
    (tmp_path / "ferry.txt").write_text("The ferry to Bergen left at dawn. The crew of nine had slept ashore.\n")
    out = run(OFFLINE, tmp_path / "home", str(tmp_path / "ferry.txt"))
    assert out in ("answered", "abstained")


@pytest.mark.parametrize("name", rag.__all__)
def test_every_public_name_can_be_imported(name: str) -> None:
    """And is documented."""
    assert getattr(rag, name).__doc__


def test_the_public_names_are_the_ones_promised() -> None:
    """Sorted, so that a difference shows."""
    assert rag.__all__ == ["Answer", "Assistant", "Citation", "Filter", "SaysoError", "Settings", "Turn", "ask"]
