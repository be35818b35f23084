"""The child that parses: it serves file after file, dies alone, and costs nothing when only text is read."""

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from index import parsing
from index.errors import DocumentError
from index.parsing import Parser
from index.readers import parse
from index.readers.child import answer, receive, send
from tests.made import epub, page, word

ROOT = Path(__file__).parents[1]
PAGE = page(["The ferry to Bergen left at dawn, and nobody on the quay knew why it had not waited."]).encode()
FILES = {".html": PAGE, ".docx": word(["Rain fell."]), ".epub": epub(["<p>One.</p>", "<p>Two \U0001f600.</p>"])}


def child_of(parser: Parser) -> int:
    assert parser._child is not None
    return parser._child.pid


def test_the_child_reads_what_the_reader_reads() -> None:
    """The same Raw, through the pipe, from one child for all of them."""
    with Parser() as parser:
        assert parser.parse(".html", FILES[".html"]) == parse(".html", FILES[".html"])
        first = child_of(parser)
        for suffix, data in FILES.items():
            assert parser.parse(suffix, data) == parse(suffix, data)
        assert child_of(parser) == first
    assert not Path(f"/proc/{first}").exists()


def test_plain_text_needs_no_child() -> None:
    """Nor does a format that is not read."""
    with Parser() as parser:
        assert parser.parse(".txt", b"Rain.").text == "Rain."
        assert parser.parse(".md", b"# Rain").title == "Rain"
        with pytest.raises(DocumentError, match=r"cannot read '\.odt'"):
            parser.parse(".odt", b"")
        assert parser._child is None


def test_what_a_reader_refuses_is_refused_with_its_words() -> None:
    """And the child goes on."""
    with Parser() as parser:
        with pytest.raises(DocumentError, match="the PDF is damaged"):
            parser.parse(".pdf", b"no PDF")
        first = child_of(parser)
        assert parser.parse(".docx", FILES[".docx"]).text == "Rain fell."
        assert child_of(parser) == first


def test_a_child_that_was_killed_is_replaced() -> None:
    """Between two files nobody notices; at a file, that file fails with the reason and the fix."""
    with Parser() as parser:
        parser.parse(".docx", FILES[".docx"])
        os.kill(child_of(parser), signal.SIGKILL)
        assert parser._child is not None
        parser._child.wait()
        assert parser.parse(".docx", FILES[".docx"]).text == "Rain fell."
        os.kill(child_of(parser), signal.SIGSTOP)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(parsing, "TIME_LIMIT_S", 0.3)
            with pytest.raises(DocumentError, match=r"this \.docx file took more than 0 s; split it"):
                parser.parse(".docx", FILES[".docx"])
        assert parser.parse(".docx", FILES[".docx"]).text == "Rain fell."


def test_a_child_that_dies_at_a_file_is_named_as_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here it does not even start."""
    monkeypatch.setattr(parsing, "_BOOT", "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    with (
        Parser() as parser,
        pytest.raises(
            DocumentError, match=r"this \.pdf file failed \(SIGSEGV\): it is damaged, or needs more than 512 MB"
        ),
    ):
        parser.parse(".pdf", b"")


LIMITED = """
import resource, sys
sys.path[:] = sys.argv[1:]
from index.readers.child import _limit, _grant_time
_limit()
_grant_time()
for name in ("AS", "CORE", "FSIZE", "CPU"):
    print(resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))[0])
try:
    open("/proc/self/comm", "w").write("x")
    b"x" * 600_000_000
except MemoryError:
    print("no more memory")
while True:
    pass
"""


def test_the_childs_limits_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    """512 MB, no core dump, no file, 25 s of processor time more than it has used; then the system ends it."""
    code = LIMITED.replace("while True", "resource.setrlimit(resource.RLIMIT_CPU, (1, 1))\nwhile True")
    done = subprocess.run(
        [sys.executable, "-u", "-c", code, *sys.path], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.stdout.split("\n")[:5] == ["512000000", "0", "0", "25", "no more memory"], done.stderr
    assert done.returncode in (-signal.SIGXCPU, -signal.SIGKILL)


ORPHAN = """
import os, sys
from index.parsing import Parser
parser = Parser()
parser.parse(".html", b"<p>Rain fell in the night.</p>")
print(parser._child.pid, flush=True)
os.kill(os.getpid(), 9)
"""


def test_the_child_ends_with_its_parent() -> None:
    """Also when the parent is killed."""
    done = subprocess.run([sys.executable, "-c", ORPHAN], capture_output=True, text=True, check=False, cwd=ROOT)
    status = Path(f"/proc/{int(done.stdout)}/stat")
    for _ in range(100):
        if not status.exists() or status.read_text().split(")")[-1].split()[0] == "Z":
            return
        time.sleep(0.05)
    raise AssertionError("it is still there")


def test_the_child_knows_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands in the environment stays in the parent."""
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    with Parser() as parser:
        parser.parse(".docx", FILES[".docx"])
        assert b"OPENAI" not in Path(f"/proc/{child_of(parser)}/environ").read_bytes()


def test_frames_are_read_as_they_were_sent() -> None:
    """Head and body; a cut or an overlong one is an error."""
    pipe = io.BytesIO()
    send(pipe, {"suffix": ".pdf"}, b"\x00\xff")
    sent = pipe.getvalue()
    assert receive(io.BytesIO(sent), 2) == ({"suffix": ".pdf"}, b"\x00\xff")
    with pytest.raises(ValueError, match="a frame of"):
        receive(io.BytesIO(sent), 1)
    for cut in (0, 5, len(sent) - 1):
        with pytest.raises(EOFError):
            receive(io.BytesIO(sent[:cut]), 2)


def test_a_bug_in_a_library_is_the_files_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    """And so is using up the memory: the reply says which, in one line."""

    def broken(suffix: str, data: bytes) -> None:
        raise (MemoryError() if suffix == ".epub" else RecursionError("too\ndeep"))

    monkeypatch.setattr("index.readers.child.parse", broken)
    reply, _ = answer(".epub", b"")
    assert reply["error"] == "reading this .epub file needs more than 512 MB; split it or save it as text"
    reply, _ = answer(".html", b"")
    assert reply["error"] == "this .html file is damaged (RecursionError: too deep); save it again or save it as text"
