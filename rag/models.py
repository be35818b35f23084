"""Which language models can be used now, and what the others need. Loads none and asks only this machine."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import platformdirs

_OLLAMA = "http://127.0.0.1:11434"
_NOT_INSTALLED = "pip install 'sayso[local]'"
_PROVIDERS = {  # the variable with the key -> how LiteLLM names its models
    "ANTHROPIC_API_KEY": "anthropic/MODEL",
    "DEEPSEEK_API_KEY": "deepseek/MODEL",
    "GEMINI_API_KEY": "gemini/MODEL",
    "GROQ_API_KEY": "groq/MODEL",
    "MISTRAL_API_KEY": "mistral/MODEL",
    "OPENAI_API_KEY": "openai/MODEL",
    "OPENROUTER_API_KEY": "openrouter/OWNER/MODEL",
    "XAI_API_KEY": "xai/MODEL",
}


@dataclass(frozen=True, slots=True)
class Usable:
    """name: as it is given to `--model`. needs: what must be done before it can be used, "" when nothing."""

    name: str
    about: str
    needs: str = ""


def models_folder() -> Path:
    """Where `hf:` files are kept, and GGUF files may be put."""
    return platformdirs.user_data_path("sayso") / "models"


def usable_models(folder: Path | None = None) -> Iterator[Usable]:
    """The quoted answer first, then what runs here, then the providers. folder: of GGUF files, `models_folder()`."""
    yield Usable("", "the sources' own words, verbatim; no language model")
    yield from list(_ollama()) or [Usable("ollama/NAME", "a model that Ollama runs here", "start Ollama: ollama serve")]
    needs = "" if _installed() else _NOT_INSTALLED
    yield from list(_files(folder)) or [Usable("gguf:PATH", "a GGUF file, runs inside sayso", needs or "name a file")]
    yield Usable("hf:OWNER/REPO/FILE.gguf", "a GGUF file of the hub, fetched once", needs)
    for variable, name in _PROVIDERS.items():
        yield Usable(name, "a provider over the network", "" if os.environ.get(variable) else f"set {variable}")
    yield Usable("openai/NAME", "any OpenAI-compatible server", "--api-base URL")


def models_here(folder: Path | None = None) -> list[str]:
    """Names of the models that run on this machine and can be asked now. folder: as of `usable_models`."""
    return [model.name for model in (*_ollama(), *_files(folder)) if not model.needs]


def _files(folder: Path | None) -> Iterator[Usable]:
    needs = "" if _installed() else _NOT_INSTALLED
    for file in sorted((folder or models_folder()).rglob("*.gguf")):
        yield Usable(f"gguf:{file}", f"{file.stat().st_size / 1e9:.1f} GB, runs inside sayso", needs)


def _ollama() -> Iterator[Usable]:
    host = os.environ.get("OLLAMA_API_BASE") or os.environ.get("OLLAMA_HOST") or _OLLAMA
    try:
        address = host if "://" in host else f"http://{host}"
        for model in httpx.get(f"{address}/api/tags", timeout=0.5).json()["models"]:
            yield Usable(f"ollama/{model['name']}", f"{model.get('size', 0) / 1e9:.1f} GB, runs in Ollama")
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError):
        return


def _installed() -> bool:
    from importlib.util import find_spec

    return find_spec("xllamacpp") is not None
