"""What office programs write into a file's properties, as far as it can be believed; "" for the rest.

A template's title and the name of the machine's user stand there as readily as the true ones.
"""

import re
from datetime import date

_WORD = re.compile(r"\w+")
_NO_TITLE = re.compile(
    r"""(?ix) ^(?: untitled.* | microsoft\s+\w+\s*-.* | (?:powerpoint\s+)?presentation\s*\d* | document\s*\d*
      | slide\s*\d+ | word\s+document | title | new\s+document.*
      | .*\.(?:docx?|pdf|rtf|odt|tex|dvi|indd|qxd|pptx?|xlsx?|txt|html?) )$"""
)
_NO_AUTHOR = re.compile(
    r"(?i)^(?:.*\b(?:admin\w*|user|owner|unknown|anonymous|author|default|python-docx|microsoft|windows)\b.*)$"
)


def believed_title(value: str, beginning: str) -> str:
    """The title when most of its words stand in the document's first pages."""
    title = " ".join(value.split())
    words = {word.casefold() for word in _WORD.findall(title) if not word.isdigit()}
    if not words or len(title) > 300 or _NO_TITLE.match(title):
        return ""
    found = words & {word.casefold() for word in _WORD.findall(beginning)}
    return title if len(found) >= 0.6 * len(words) else ""


def believed_author(value: str, beginning: str) -> str:
    """A name of two words or more, or one that the first pages hold too."""
    name = " ".join(value.split())
    if not name or len(name) > 300 or not any(c.isalpha() for c in name) or _NO_AUTHOR.match(name):
        return ""
    full = " " in name and not any(c.isdigit() or c in "@\\/" for c in name)
    return name if full or name.casefold() in beginning.casefold() else ""


def believed_date(year: int, month: int, day: int) -> str:
    """ISO 8601 when it is a day between the first office programs and tomorrow; clocks that were never set are not."""
    try:
        found = date(year, month, day)
    except ValueError:
        return ""
    return found.isoformat() if year >= 1985 and found.toordinal() <= date.today().toordinal() + 1 else ""
