"""HTML: bytes -> Raw. The article without the page around it, and what the page says of itself (trafilatura)."""

import re

from index.errors import DocumentError
from index.readers.encoding import decode
from index.readers.markup import block_text, tree_of
from index.readers.text import Raw

_META_BYTES = 4096
_CHARSET = re.compile(rb"""(?i)<(?:meta|\?xml)\b[^>]*?(?:charset|encoding)\s*=\s*["']?\s*([\w.:-]{1,40})""")

_RULER = re.compile(r"\|?(?:-{3,}\|)+")


def read_html(data: bytes) -> Raw:
    """Raises DocumentError when the page holds no text, as those that a script fills do."""
    from trafilatura import bare_extraction

    declared = _CHARSET.search(data[:_META_BYTES])
    text = decode(data, declared[1].decode("ascii") if declared else "").replace("\0", "")
    try:
        tree = tree_of(text)
    except ValueError as error:
        raise DocumentError(f"this is no HTML ({error}); save the page again") from error
    found = bare_extraction(
        tree_of(text),  # its own: trafilatura takes it apart
        include_comments=False,
        with_metadata=True,
        date_extraction_params={"original_date": True, "extensive_search": False},
    )
    page = found if isinstance(found, dict) else found.as_dict() if found else {}
    body = _blocks(page.get("text") or "") or block_text(tree)
    if not body:
        raise DocumentError("the page holds no text; if a script fills it in the browser, save it from there as PDF")
    said = {key: str(page.get(key) or "") for key in ("title", "sitename", "author", "url", "date")}
    return Raw(body, said["title"], said["sitename"], said["author"], said["url"], said["date"])


def _blocks(text: str) -> str:
    """Each of trafilatura's lines is a paragraph; the rows of its tables have bars at both ends and a ruler."""
    lines = (line.strip().replace("\xad", "") for line in text.split("\n"))
    kept = (line.strip("| ") if line.startswith("|") else line for line in lines if not _RULER.fullmatch(line))
    return "\n\n".join(line for line in kept if line)
