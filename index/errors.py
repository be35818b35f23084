"""Every error a caller can meet. A message says what happened, the value, and the fix, in one line.

SaysoError                     exit status 1
├── UsageError                 exit status 2: the call itself is wrong
│   └── QuestionError          an empty, blank or overlong question
├── DocumentError              a file that cannot be read as text
├── LibraryError               the library as a whole
│   ├── LibraryNotFound        nothing there, or a folder that is no library
│   ├── LibraryEmpty           no documents yet
│   ├── LibraryBusy            another process is writing
│   ├── LibraryReadOnly        the disk or the permissions refuse writing
│   ├── LibraryDamaged         its files are not what was last written
│   └── SpecMismatch           built with another embedding model
└── ModelError                 a model's files or service; `retryable` says whether trying again can help
"""

from typing import Literal


class SaysoError(Exception):
    """The base: catch this to catch all of them."""

    exit_status = 1


class UsageError(SaysoError):
    exit_status = 2


class QuestionError(UsageError):
    pass


class DocumentError(SaysoError):
    pass


class LibraryError(SaysoError):
    pass


class LibraryNotFound(LibraryError):
    pass


class LibraryEmpty(LibraryError):
    pass


class LibraryBusy(LibraryError):
    pass


class LibraryReadOnly(LibraryError):
    pass


class LibraryDamaged(LibraryError):
    pass


class SpecMismatch(LibraryError):
    pass


class ModelError(SaysoError):
    """reason: what an answer that goes on without the model says of it."""

    def __init__(
        self,
        message: str,
        *,
        reason: Literal["unavailable", "timeout", "refused", "cut_off"] = "unavailable",
        retryable: bool = False,
        retry_after_s: float = 0.0,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.retryable = retryable
        self.retry_after_s = retry_after_s
