"""Messages to a stream of text, by any model that LiteLLM names: the owner of litellm.

One budget of seconds holds for everything: connecting, retries with growing pauses on 429 and 5xx, and the text itself.
Whoever stops reading the stream ends the model's work. Knows nothing of evidence.
"""

import os
import queue
import random
import re
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from index.errors import ModelError, UsageError
from rag.types import Message, Usage

# Before the first import: litellm would else fetch a price list, and read keys from any .env file nearby.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
os.environ["LITELLM_MODE"] = "PRODUCTION"

import httpx
import litellm

litellm.telemetry = False
litellm.suppress_debug_info = True
litellm.drop_params = True  # a model that knows no temperature is asked without one

DEFAULT_WINDOW = 4096  # tokens, where neither the model nor the settings say more
_CHARS_PER_TOKEN = 3.0  # English has four; a tokenizer for each of a hundred providers is not to be had offline
_RETRIED = (429, 500, 502, 503, 504)
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 8.0
_SECRET = re.compile(r"\b(?:sk|pk|key|gsk|xai|hf|AIza)[-_][\w-]{6,}|Bearer\s+\S+", re.IGNORECASE)
_END, _BROKEN = object(), object()


class LiteLLMModel:
    """name: as LiteLLM writes it ("ollama/llama3.2", "openai/NAME"). api_base: of any OpenAI-compatible server.

    window: in tokens; 0 asks the server or LiteLLM's table. Keys come from the environment alone; see `load_keys`.
    """

    def __init__(self, name: str, *, api_base: str = "", window: int = 0) -> None:
        self.name = name
        self._api_base = api_base
        self._given_window = window
        self._found_window = 0

    @property
    def window(self) -> int:
        """Tokens of prompt and answer together."""
        if not self._found_window:
            self._found_window = self._given_window or self._ask_window() or DEFAULT_WINDOW
        return self._found_window

    def count_tokens(self, text: str) -> int:
        """An upper estimate, so that what is counted as fitting does fit."""
        return int(len(text) / _CHARS_PER_TOKEN) + 1

    def write(self, messages: Sequence[Message], *, max_tokens: int, deadline: float) -> Iterator[str | Usage]:
        """Pieces of text, and at the end what was used.

        deadline: on time.monotonic's clock. Raises ModelError, whose `reason` says which kind. Closing the iterator
        cancels the request.
        """
        pause = _FIRST_PAUSE_S
        while True:
            begun = False
            try:
                for piece in self._attempt(messages, max_tokens, deadline):
                    begun = True
                    yield piece
                return
            except ModelError as error:
                wait = max(pause * random.uniform(0.8, 1.2), error.retry_after_s)  # noqa: S311  # no secret
                if begun or not error.retryable or time.monotonic() + wait >= deadline:
                    raise
            time.sleep(wait)
            pause = min(pause * 2, _LONGEST_PAUSE_S)

    def _attempt(self, messages: Sequence[Message], max_tokens: int, deadline: float) -> Iterator[str | Usage]:
        """The request in a thread of its own: a server that says nothing is not waited for past the deadline."""
        pieces: queue.Queue[object] = queue.Queue()
        stop = threading.Event()
        request = {
            "model": self.name,
            "messages": [{"role": m.role, "content": m.content} for m in messages],
            "max_tokens": max_tokens,
            "temperature": 0.0,
            "stream": True,
            "stream_options": {"include_usage": True},
            "timeout": max(1.0, deadline - time.monotonic()),
            "max_retries": 0,
            "num_retries": 0,
        }
        if self._api_base:
            request["api_base"] = self._api_base
            if self.name.startswith("openai/") and not os.environ.get("OPENAI_API_KEY"):
                request["api_key"] = "none"  # a server of one's own asks for no key, the client for some string
        threading.Thread(target=_pump, args=(request, pieces, stop), daemon=True).start()
        finish = usage = None
        try:
            while True:
                try:
                    piece = pieces.get(timeout=max(0.0, deadline - time.monotonic()))
                except queue.Empty:
                    raise ModelError(
                        f"model {self.name!r} did not finish in time; set a longer timeout_s or use another",
                        reason="timeout",
                    ) from None
                if piece is _BROKEN:
                    raise ModelError(f"model {self.name!r} broke off in the middle; ask again", reason="cut_off")
                if piece is _END:
                    break
                if isinstance(piece, BaseException):
                    raise _as_model_error(self.name, piece) from piece
                chunk: Any = piece
                usage = getattr(chunk, "usage", None) or usage
                for choice in chunk.choices:
                    finish = choice.finish_reason or finish
                    if choice.delta is not None and choice.delta.content:
                        yield choice.delta.content
        finally:
            stop.set()
        if finish == "content_filter":
            raise ModelError(f"model {self.name!r} refused to answer; use another", reason="refused")
        yield self._usage(usage, cut=finish == "length")

    def _usage(self, usage: Any, *, cut: bool) -> Usage:
        prompt = int(getattr(usage, "prompt_tokens", 0) or 0)
        written = int(getattr(usage, "completion_tokens", 0) or 0)
        try:
            parts = litellm.cost_per_token(model=self.name, prompt_tokens=prompt, completion_tokens=written)
            cost = float(sum(parts))
        except Exception:  # litellm raises what it likes for a model whose price it does not know
            cost = None
        return Usage(prompt, written, cost, cut)

    def _ask_window(self) -> int:
        if self._api_base:
            return _window_of_server(self._api_base, self.name.partition("/")[2])
        try:
            found = litellm.get_model_info(self.name)
        except Exception:  # as above
            return 0
        return int(found.get("max_input_tokens") or found.get("max_tokens") or 0)


def load_keys(file: Path) -> None:
    """Put the NAME=value lines of a file into the environment; what is there already stays.

    Raises UsageError for a file that others can read, or a line of another form (which is not shown).
    """
    try:
        if file.stat().st_mode & 0o077:
            raise UsageError(f"{str(file)!r} can be read by others; run: chmod 600 {file}")
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UsageError(f"cannot read the keys in {str(file)!r}: {error.strerror}; check the name") from error
    for number, line in enumerate(lines, 1):
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if not equals or not re.fullmatch(r"[A-Z][A-Z0-9_]*", name.strip()):
            raise UsageError(f"line {number} of {str(file)!r} is not NAME=value; mend it")
        os.environ.setdefault(name.strip(), value.strip().strip("\"'"))


def redact(text: str) -> str:
    """Without anything that looks like a key, or is the value of a *_API_KEY variable."""
    for name, value in os.environ.items():
        if name.endswith(("_API_KEY", "_TOKEN", "_SECRET")) and len(value) >= 6:
            text = text.replace(value, "…")
    return _SECRET.sub("…", text)


def _pump(request: dict[str, Any], pieces: "queue.Queue[object]", stop: threading.Event) -> None:
    """Chunks, then _END; an exception instead where it failed."""
    stream: Any = None
    try:
        stream = litellm.completion(**request)
        for chunk in stream:
            if stop.is_set():
                break
            pieces.put(chunk)
        # LiteLLM makes up a reason to finish where the server gave none because the connection broke.
        pieces.put(_END if stop.is_set() or getattr(stream, "received_finish_reason", "") is not None else _BROKEN)
    except Exception as error:  # handed on to the reader, whatever it is
        pieces.put(error)
    finally:
        inner: Any = getattr(stream, "completion_stream", None)
        if hasattr(inner, "close"):
            inner.close()  # the server hears that nobody listens any more and stops


def _as_model_error(name: str, error: BaseException) -> ModelError:
    """What happened in one line, with the fix and without a key."""
    status = int(getattr(error, "status_code", 0) or 0)
    said = redact(str(error).partition("\n")[0])[:200]
    if isinstance(error, litellm.exceptions.Timeout):
        return ModelError(f"model {name!r} did not answer in time; set a longer timeout_s", reason="timeout")
    if isinstance(error, litellm.exceptions.AuthenticationError) or status in (401, 403):
        return ModelError(f"model {name!r} refused the key; set its *_API_KEY variable, or the key file, anew")
    if isinstance(error, litellm.exceptions.ContextWindowExceededError):
        return ModelError(f"the prompt is longer than model {name!r} takes; set a smaller window")
    if isinstance(error, litellm.exceptions.ContentPolicyViolationError):
        return ModelError(f"model {name!r} refused to answer; use another", reason="refused")
    if isinstance(error, litellm.exceptions.NotFoundError) or status == 404:
        return ModelError(f"there is no model {name!r} there; see: sayso models")
    if status == 429 or status >= 500 or isinstance(error, litellm.exceptions.APIConnectionError):
        return ModelError(
            f"model {name!r} cannot be used now ({said}); try again, or see: sayso models",
            retryable=status in _RETRIED,
            retry_after_s=_retry_after(error),
        )
    return ModelError(f"model {name!r} failed ({said}); see: sayso models")


def _retry_after(error: BaseException) -> float:
    response = getattr(error, "response", None)
    headers = getattr(response, "headers", None) or getattr(error, "litellm_response_headers", None) or {}
    try:
        return max(0.0, float(headers.get("retry-after", 0)))
    except ValueError:  # a date
        return 0.0


def _window_of_server(api_base: str, name: str) -> int:
    """As llama.cpp (meta.n_ctx), vLLM (max_model_len) and LM Studio tell it under /models; 0 when they do not."""
    try:
        models = httpx.get(f"{api_base.rstrip('/')}/models", timeout=3.0).json()["data"]
        found = next((m for m in models if m.get("id") == name), models[0])
        meta = found.get("meta") or {}
        return int(found.get("max_model_len") or meta.get("n_ctx") or found.get("context_length") or 0)
    except (httpx.HTTPError, ValueError, KeyError, IndexError, TypeError, AttributeError):
        return 0
