"""Markdown: bytes -> Raw. The text stays as it is, marks included, so that every offset is the file's own.

Front matter between `---` lines gives title, author, date, url and source; otherwise the first heading is the title.
"""

import re

from index.readers.encoding import decode
from index.readers.text import Raw

_FRONT_MATTER = re.compile(r"\A---\n(.*?)\n---(?:\n|\Z)", re.DOTALL)
_FIELD = re.compile(r"^(title|author|date|url|source|publisher):\s*[\"']?(.+?)[\"']?\s*$", re.MULTILINE)
_HEADING = re.compile(r"^#\s+(.+?)\s*#*$", re.MULTILINE)


def read_markdown(data: bytes) -> Raw:
    text = decode(data).replace("\r\n", "\n")
    front = _FRONT_MATTER.match(text)
    said = dict(_FIELD.findall(front[1])) if front else {}
    heading = _HEADING.search(text)
    return Raw(
        text=text,
        title=said.get("title") or (heading[1] if heading else ""),
        source=said.get("source") or said.get("publisher", ""),
        author=said.get("author", ""),
        url=said.get("url", ""),
        date=said.get("date", ""),
    )
