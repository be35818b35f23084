"""What a page sends with an event. Anybody can send anything: what is not of its kind counts as not sent."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_LARGEST = 2**53 - 1  # whole number that a page can write
_LONGEST = 500  # characters of anything typed that says nothing else


@dataclass(frozen=True, slots=True)
class Sent:
    """Whole numbers, text, ticks and lists by name."""

    data: Mapping[str, Any] = field(default_factory=dict)

    def number(self, name: str) -> int | None:
        return whole(self.data.get(name))

    def text(self, name: str, longest: int = _LONGEST) -> str:
        value = self.data.get(name)
        return value[:longest] if isinstance(value, str) else ""

    def ticked(self, name: str) -> bool:
        return self.data.get(name) is True

    def several(self, name: str) -> list[Any]:
        """Of any kind, or nothing."""
        value = self.data.get(name)
        return value if isinstance(value, list) else []


def whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _LARGEST else None
