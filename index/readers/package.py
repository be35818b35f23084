"""The zip file that a DOCX or an EPUB is: checked before anything in it is believed."""

import zipfile
from io import BytesIO

from index.errors import DocumentError

MAX_INFLATED_BYTES = 300_000_000
MAX_PARTS = 10_000


def open_package(data: bytes, kind: str) -> zipfile.ZipFile:
    """Raises DocumentError when it is no zip file or would inflate to more than is read.

    The sizes that it declares are binding: zipfile inflates no part beyond its own.
    """
    if not zipfile.is_zipfile(BytesIO(data)):
        hint = "it is encrypted or an old .doc" if data.startswith(b"\xd0\xcf\x11\xe0") else "it is damaged"
        raise DocumentError(
            f"this is no {kind} file ({hint}); open it in its program and save it again without a password"
        )
    try:
        package = zipfile.ZipFile(BytesIO(data))
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise DocumentError(f"the {kind} file is damaged ({error}); save it again") from error
    parts = package.infolist()
    inflated = sum(part.file_size for part in parts)
    if len(parts) > MAX_PARTS or inflated > MAX_INFLATED_BYTES:
        raise DocumentError(
            f"the {kind} file unpacks to {inflated / 1e6:.0f} MB in {len(parts)} parts, more than "
            f"{MAX_INFLATED_BYTES / 1e6:.0f} MB or {MAX_PARTS}; split it"
        )
    return package
