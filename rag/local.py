"""A GGUF file to an address that speaks OpenAI's protocol: the owner of xllamacpp (the extra `local`).

llama.cpp's own server runs inside this process, on the loopback address alone, and ends with it.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from index.errors import ModelError, UsageError

_WINDOW = 8192  # tokens; more costs memory, and the evidence takes less
_HUB = "https://huggingface.co"
_BLOCK = 1 << 20

_servers: dict[tuple[str, int], Any] = {}  # one for each file and window: a second would load the weights again


def serve(path: Path, window: int = 0) -> str:
    """Load the file and return the server's base address. Raises ModelError when it cannot be loaded."""
    try:
        import xllamacpp
    except ImportError as error:
        raise ModelError("GGUF files need xllamacpp; run: pip install 'sayso[local]'") from error
    key = (os.fspath(path.resolve()), window)
    if key not in _servers:
        with path.open("rb") if path.is_file() else _missing(path) as file:
            if file.read(4) != b"GGUF":
                raise ModelError(f"{str(path)!r} is not a GGUF file; download it again")
        params = xllamacpp.CommonParams()
        params.model.path = key[0]
        params.n_ctx = window or _WINDOW
        params.n_parallel = 1
        params.verbosity = -1  # its log is of no use to who asks
        threads = max(1, len(os.sched_getaffinity(0)))
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
        try:
            _servers[key] = xllamacpp.Server(params)
        except Exception as error:
            raise ModelError(f"cannot load {str(path)!r}: {str(error).partition(chr(10))[0]}; is it whole?") from error
    return str(_servers[key].listening_address) + "/v1"


def _missing(path: Path) -> Any:
    raise ModelError(f"no file at {str(path)!r}; check the spelling")


def fetch(reference: str, folder: Path, progress: Callable[[int, int], None] | None = None) -> Path:
    """OWNER/REPO/FILE.gguf or OWNER/REPO/FILE.gguf@SHA256 of the hub, downloaded once into the folder.

    progress: bytes so far and in all. Raises UsageError for another form, ModelError when it cannot be fetched or is
    not the file of that sha256, be it new or kept from before.
    """
    import httpx

    where, _, expected = reference.partition("@")
    repository, _, file = where.rpartition("/")
    if repository.count("/") != 1 or not file.endswith(".gguf") or ".." in where:
        raise UsageError(f"'hf:{reference}' does not name a file; write hf:OWNER/REPO/FILE.gguf")
    target = folder / repository.replace("/", "--") / file
    part = target if target.is_file() else target.with_suffix(".part")
    if part != target:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            _download(f"{_HUB}/{repository}/resolve/main/{file}", part, progress)
        except (httpx.HTTPError, OSError) as error:
            part.unlink(missing_ok=True)
            said = str(error).partition("\n")[0]
            raise ModelError(f"cannot fetch 'hf:{where}': {said}; check the name and the network") from error
    if expected:
        with part.open("rb") as data:
            digest = hashlib.file_digest(data, "sha256").hexdigest()
        if digest != expected.lower():
            part.unlink()
            raise ModelError(f"'hf:{where}' has sha256 {digest[:12]}…, not {expected[:12]}…; it was deleted")
    part.replace(target)
    return target


def _download(url: str, file: Path, progress: Callable[[int, int], None] | None) -> None:
    import httpx

    with httpx.stream("GET", url, follow_redirects=True, timeout=30) as got, file.open("wb") as out:
        got.raise_for_status()
        total, done = int(got.headers.get("content-length", 0)), 0
        for block in got.iter_bytes(_BLOCK):
            out.write(block)
            done += len(block)
            if progress is not None:
                progress(done, total)
