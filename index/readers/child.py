"""The process in which files are parsed: frames in, frames out, under limits that it sets itself before it reads any.

A frame is the length of its JSON head and of its body (two 32-bit numbers), the head and the body. Requests: head
{"suffix"}, body the file. Replies: head the fields of Raw but the text, or {"error"}; body the text in UTF-8.
"""

import json
import os
import struct
import sys
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from index.errors import DocumentError
from index.readers import parse

MEMORY_MB = 512
CPU_LIMIT_S = 25
_LENGTHS = struct.Struct(">II")
_MAX_HEAD_BYTES = 20_000_000
_WORN_MB = 256  # a child that has grown to this makes way for a fresh one: the next file has the whole limit again


def send(pipe: IO[bytes], head: dict[str, Any], body: bytes = b"") -> None:
    encoded = json.dumps(head).encode()
    pipe.write(_LENGTHS.pack(len(encoded), len(body)))
    pipe.write(encoded)
    pipe.write(body)
    pipe.flush()


def receive(pipe: IO[bytes], max_bytes: int) -> tuple[dict[str, Any], bytes]:
    """Raises EOFError when the other side is gone, ValueError for a frame that is too long."""
    head_bytes, body_bytes = _LENGTHS.unpack(_exactly(pipe, _LENGTHS.size))
    if head_bytes > _MAX_HEAD_BYTES or body_bytes > max_bytes:
        raise ValueError(f"a frame of {head_bytes} and {body_bytes} bytes")
    head = json.loads(_exactly(pipe, head_bytes))
    return head, _exactly(pipe, body_bytes)


def _exactly(pipe: IO[bytes], count: int) -> bytes:
    data = pipe.read(count)
    if len(data) < count:
        raise EOFError
    return data


def main() -> None:
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no reply
    _limit()
    while True:
        try:
            request, data = receive(sys.stdin.buffer, 2**32)
        except EOFError:
            return
        _grant_time()
        head, text = answer(request["suffix"], data)
        del data
        send(replies, head | {"last": _size_mb() > _WORN_MB}, text)


def answer(suffix: str, data: bytes) -> tuple[dict[str, Any], bytes]:
    """The reply to one file, whatever it does to the reader short of ending the process."""
    try:
        raw = parse(suffix, data)
        head = asdict(raw)
        return head, head.pop("text").encode("utf-8", "surrogatepass")
    except DocumentError as error:
        return {"error": str(error)}, b""
    except MemoryError:
        return {"error": f"reading this {suffix} file needs more than {MEMORY_MB} MB; split it or save it as text"}, b""
    except Exception as error:  # a library's bug that a damaged file has found: the next file has nothing to do with it
        why = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        return {"error": f"this {suffix} file is damaged ({why}); save it again or save it as text"}, b""


def _limit() -> None:
    """Memory, no files, no core dumps, and an end when the parent ends. What a system lacks is left out."""
    import contextlib
    import resource

    for kind, limit in (
        ("RLIMIT_AS", MEMORY_MB * 1_000_000),
        ("RLIMIT_CORE", 0),
        ("RLIMIT_FSIZE", 0),
    ):
        with contextlib.suppress(ValueError, OSError, AttributeError):
            resource.setrlimit(getattr(resource, kind), (limit, limit))
    if sys.platform == "linux":
        import ctypes
        import signal

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _grant_time() -> None:
    """Processor time for one more file; beyond it the system ends the process."""
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + CPU_LIMIT_S, hard))


def _size_mb() -> float:
    """Resident memory. Linux alone tells it at any time."""
    status = Path("/proc/self/statm")
    return int(status.read_text().split()[1]) * 4096 / 1e6 if status.exists() else 0.0
