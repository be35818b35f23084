"""Text is read in whatever encoding it is, also when it is short; what is no text is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.errors import DocumentError
from index.readers.encoding import decode

TEXTS = [
    ("cp1252", "Le café était fermé."),
    ("cp1252", "café"),
    ("cp1252", "Il a dit : « C’est déjà l’été »"),
    ("cp1252", "Ciudad de México, año 2025"),
    ("cp1252", "¿Qué pasó? ¡Año nuevo!"),
    ("cp1252", "Größe und Übermut — “quoted”"),
    ("cp1252", "It’s 5 €, or 25 °C"),
    ("cp1252", "São Paulo não é a capital"),
    ("cp1252", "Smörgåsbord på Öland"),
    ("cp1252", "Þetta er ekki rétt"),
    ("latin-1", "L'été à la plage"),
    ("latin-1", "Größe"),
    ("iso8859-15", "Das kostet 5 € und die Œuvres auch"),
    ("iso8859-2", "Zażółć gęślą jaźń"),
    ("iso8859-2", "Wałęsa powiedział"),
    ("iso8859-2", "Łódź i Gdańsk"),
    ("iso8859-2", "Příliš žluťoučký kůň"),
    ("iso8859-2", "Őszi szél fúj a kertben, s a tűz kihűlt"),
    ("iso8859-2", "România şi ţara"),
    ("cp1250", "Wałęsa powiedział: „Nie”"),
    ("cp1250", "Příliš žluťoučký kůň"),
    ("cp1254", "İstanbul'da güneşli bir gün yaşandı"),
    ("cp1257", "Vilnius yra Lietuvos sostinė, šalis"),
    ("cp1251", "Президент России заявил в среду, что это так."),
    ("koi8-r", "Президент России заявил в среду, что это так."),
    ("iso8859-7", "Η Αθήνα είναι η πρωτεύουσα της Ελλάδας"),
    ("cp932", "東京は日本の首都です。"),
    *((encoding, text) for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-32") for text in ("Çà et là.", "Привет")),
    *(
        (encoding, text)
        for encoding in ("utf-16-le", "utf-16-be")
        for text in ("Plain text.\n", "Çà et là.", "Да, мир")
    ),
]


@pytest.mark.parametrize(("encoding", "text"), TEXTS)
def test_a_text_is_read_in_its_encoding(encoding: str, text: str) -> None:
    """A line is enough, without any mark or declaration."""
    assert decode(text.encode(encoding)) == text


@given(st.text())
def test_utf8_is_never_taken_for_anything_else(text: str) -> None:
    """Nothing is guessed about what is valid, but for characters that no text holds."""
    if not any(ord(c) < 32 or ord(c) == 127 for c in text) and text[:1] != "\ufeff":
        assert decode(text.encode()) == text


def test_a_declared_encoding_is_believed_when_it_can_be_true() -> None:
    """Not when the bytes are UTF-8; an unknown name is no error."""
    russian = "Да".encode("koi8-r")
    assert decode(russian, "koi8-r") == "Да"
    assert decode("Да".encode(), "koi8-r") == "Да"
    assert decode(b"caf\xe9", "no such name") == "café"
    assert decode(b"caf\xe9", "base64") == "café"
    assert decode(b"it\x92s", "ISO-8859-1") == "it’s"


@pytest.mark.parametrize(
    "data",
    [
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x01\x00",
        b"\x7fELF\x02\x01\x01\x00\x00\x00",
        b"PK\x03\x04\x14\x00\x08\x00\x08\x00",
        b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n\x01\x02\x03\x04",
        bytes(100),
        b"\x00\x01",
        b"a\x00b",
    ],
)
def test_a_binary_file_is_refused(data: bytes) -> None:
    """Whatever it is called."""
    with pytest.raises(DocumentError, match="binary file, not text"):
        decode(data)
