"""Files to their text, the complicated formats in a child process that may use only so much memory and time.

A PDF or a web page comes from anywhere and is read by large libraries: what goes wrong there must cost one file, not
the index. The parent's side; the child's is `index/readers/child.py`.
"""

import os
import signal
import subprocess
import sys
import threading
from types import TracebackType

from index.errors import DocumentError
from index.readers import Raw, is_plain, is_read, parse
from index.readers.child import MEMORY_MB, receive, send

TIME_LIMIT_S = 28.0  # by the clock, on top of the child's own limit of processor time: it may also just hang
_MAX_TEXT_BYTES = 100_000_000
_BOOT = "import sys; sys.path[:] = sys.argv[1:]; from index.readers.child import main; main()"
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ")  # no key has to be known there


class Parser:
    """Reads files one after the other. Starts its child when one is needed, and another when that one has died.

    A context manager. Used by one thread, the one that made it: the child ends with it.
    """

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Parser":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.communicate()
            self._child = None

    def parse(self, suffix: str, data: bytes) -> Raw:
        """suffix: in lower case, with its dot. Raises DocumentError, also when the child ran into a limit or died."""
        if is_plain(suffix) or not is_read(suffix):
            return parse(suffix, data)
        if self._child is None or self._child.poll() is not None:
            self.close()
            self._child = _start()
        child = self._child
        late = threading.Event()

        def end() -> None:
            late.set()
            child.kill()

        timer = threading.Timer(TIME_LIMIT_S, end)
        timer.start()
        try:
            assert child.stdin is not None
            assert child.stdout is not None
            send(child.stdin, {"suffix": suffix}, data)
            reply, text = receive(child.stdout, _MAX_TEXT_BYTES)
        except (OSError, EOFError, ValueError) as error:
            child.kill()
            code = child.wait()
            self.close()
            raise DocumentError(_why(suffix, code, late.is_set())) from error
        finally:
            timer.cancel()
            timer.join()
        if reply.pop("last", False):
            self.close()
        if "error" in reply:
            raise DocumentError(str(reply["error"]))
        return Raw(text.decode("utf-8", "surrogatepass"), **{**reply, "pages": tuple(reply["pages"])})


def _start() -> "subprocess.Popen[bytes]":
    return subprocess.Popen(  # noqa: S603  # this interpreter, and the paths that it searches itself
        [sys.executable, "-I", "-B", "-c", _BOOT, *sys.path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
    )


def _why(suffix: str, code: int, late: bool) -> str:
    if late or code == -signal.SIGXCPU:
        return f"reading this {suffix} file took more than {TIME_LIMIT_S:.0f} s; split it or save it as text"
    end = signal.Signals(-code).name if code < 0 else f"exit status {code}"
    return (
        f"reading this {suffix} file failed ({end}): it is damaged, or needs more than {MEMORY_MB} MB; save it again, "
        "split it or save it as text"
    )
