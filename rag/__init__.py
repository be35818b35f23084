"""Questions to verified, cited answers. `from rag import ask` is the whole library in one function."""

from index.errors import SaysoError
from rag.assistant import Assistant
from rag.docs import ask
from rag.settings import Settings
from rag.types import Answer, Citation, Filter, Turn

__all__ = ["Answer", "Assistant", "Citation", "Filter", "SaysoError", "Settings", "Turn", "ask"]
