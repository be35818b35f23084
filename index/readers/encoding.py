"""Bytes -> text in whatever encoding they are, as long as they are text.

A byte order mark, valid UTF-8 and what the file declares decide at once. What is left is an old 8-bit encoding, told by
how well its letters fit a language: statistics need more text than a short file has, and call "café" Czech.
"""

import codecs
import re
import unicodedata
from collections.abc import Iterator

from index.errors import DocumentError

_MARKS = (  # UTF-32 first: its little-endian mark begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8-sig"),
)
_CONTROLS = bytes({*range(0x20), 0x7F} - {*b"\t\n\x0b\f\r\x1a\x1b"})  # what text does not hold
# The letters beyond ASCII of each language, by the encodings that are used for it; the likelier encoding first.
_LETTERS: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (
        ("cp1252", "iso8859-15", "latin-1"),
        (
            *("àâæçéèêëîïôœùûüÿ", "äöüßé", "áéíóúüñ", "àáâãçéêíóôõúü", "àèéìíîòóùú"),
            *("åäöéèü", "æøåéèô", "áðéíóúýþæö", "ëïéèöüóá"),
        ),
    ),
    (
        ("cp1250", "iso8859-2"),
        ("ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "ăâîşţ", "čćđšž"),
    ),
    (("cp1254",), ("çğıiöşüâîû",)),
    (("cp1257",), ("ąčęėįšųūž", "āčēģīķļņšž", "äõöüšž")),
)
_WESTERN = frozenset("".join(_LETTERS[0][1][:5]))  # a page in several of them: less likely than one in one
# Beyond them a library tells better; of all that it knows, these are met in files.
_OTHERS = (
    *("cp1251", "koi8_r", "iso8859_5", "cp1253", "iso8859_7", "cp1255", "cp1256"),
    *("cp932", "euc_jp", "gb18030", "cp949", "big5"),
)
_MARKS_AT_WORDS = frozenset("“”„‘’‚«»–—…‹›·•°£€§\xa0\xad")
_MARKS_IN_WORDS = frozenset("’‘·–—…\xad")
_OLD_WORD = re.compile(rb"[^\s\x00-\x1f]*[\x80-\xff][^\s\x00-\x1f]*")
_WORD = re.compile(r"[^\W\d_]+")
_SAMPLE_BYTES, _SAMPLE_WORDS = 200_000, 1_000
_MOSTLY_ASCII = 0.05
_FITS = 0.6  # below: none of these languages


def decode(data: bytes, declared: str = "") -> str:
    """declared: the encoding's name as the file gives it. Raises DocumentError when the bytes are not text."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            try:
                return data.decode(encoding)
            except UnicodeDecodeError as error:
                raise DocumentError(
                    f"not {encoding.removesuffix('-sig').upper()}, though it begins like it (byte {error.start}); save "
                    "it again as UTF-8"
                ) from error
    if b"\0" in data:
        return _without_mark(data)
    if len(data) - len(data.translate(None, _CONTROLS)) > len(data) // 1000:
        raise _binary()
    for encoding in ("utf-8", *_known(declared)):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode(_guess(data), "replace")


def _binary() -> DocumentError:
    return DocumentError("this is a binary file, not text; export it as .txt or .md")


def _without_mark(data: bytes) -> str:
    """UTF-16 whose mark is missing: its zeros all stand in the same half of the pairs, and it decodes to characters."""
    first, second = data[::2].count(0), data[1::2].count(0)
    encoding = "utf-16-be" if first > second else "utf-16-le"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        raise _binary() from None
    kinds = {unicodedata.category(c) for c in set(text[:_SAMPLE_BYTES]) - set("\t\n\r\f\ufeff")}
    if min(first, second) > 0.05 * max(first, second) or kinds & {"Cc", "Cn", "Co"}:
        raise _binary()
    return text


def _known(declared: str) -> list[str]:
    """Browsers read what calls itself Latin-1 or ASCII as Windows-1252, and pages are made to look right in them."""
    try:
        name = codecs.lookup(declared.strip()).name
    except (LookupError, ValueError):
        return []
    if name in ("iso8859-1", "ascii"):
        return ["cp1252", "latin-1"]
    return [name] if codecs.lookup(name)._is_text_encoding and name != "utf-7" else []


def _guess(data: bytes) -> str:
    sample = b" ".join(_OLD_WORD.findall(data[:_SAMPLE_BYTES])[:_SAMPLE_WORDS])
    scored = [(score, -rank, encoding) for rank, (encoding, score) in enumerate(_scored(sample))]
    score, _, encoding = max(scored)
    beyond = sum(byte >= 0x80 for byte in data[:_SAMPLE_BYTES])
    if score >= _FITS or beyond < _MOSTLY_ASCII * len(data[:_SAMPLE_BYTES]):
        return encoding
    from charset_normalizer import from_bytes

    best = from_bytes(data[:_SAMPLE_BYTES], cp_isolation=list(_OTHERS)).best()
    if best is None:
        raise DocumentError("the text's encoding is not known; save it again as UTF-8")
    return best.encoding


def _scored(sample: bytes) -> Iterator[tuple[str, float]]:
    """Each encoding that decodes it, the likelier first, and the share of its characters that fit a language."""
    for encodings, languages in _LETTERS:
        for encoding, text in _decoded(sample, encodings):
            best = max(_share(text, frozenset(letters)) for letters in languages)
            yield encoding, max(best, 0.9 * _share(text, _WESTERN)) if encodings == _LETTERS[0][0] else best


def _decoded(sample: bytes, encodings: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for encoding in encodings:
        try:
            yield encoding, sample.decode(encoding)
        except UnicodeDecodeError:
            continue


def _share(text: str, letters: frozenset[str]) -> float:
    """The share of the characters beyond ASCII that are letters or marks where text has such."""
    fit = 0
    for match in _WORD.finditer(text):
        word = match[0]
        beyond = [c for c in word if not c.isascii()]
        crowded = len(word) >= 5 and len(beyond) > 0.75 * len(word)
        if not crowded and (word.isupper() or word[1:].islower() or len(word) == 1):
            fit += sum(c.lower() in letters for c in beyond)
    for at, c in enumerate(text):
        if not c.isascii() and not c.isalpha():
            before, after = text[at - 1 : at].isalpha(), text[at + 1 : at + 2].isalpha()
            fit += (c in _MARKS_IN_WORDS or not (before and after)) if c in _MARKS_AT_WORDS else not (before or after)
    return fit / max(1, sum(not c.isascii() for c in text))
