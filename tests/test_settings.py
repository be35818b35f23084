"""Where settings come from, and what a wrong one says."""

import pytest

from index.errors import UsageError
from rag import Settings


def test_the_environment_sets_what_arguments_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """An argument goes before SAYSO_MAX_QUOTES, and that before the default."""
    monkeypatch.setenv("SAYSO_MAX_QUOTES", "2")
    assert Settings.load().max_quotes == 2
    assert Settings.load(max_quotes=1).max_quotes == 1


def test_a_wrong_value_is_named_with_the_places_to_mend_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line: the setting, its value, what is wrong, and where it may have come from."""
    monkeypatch.setenv("SAYSO_DTYPE", "float8")
    with pytest.raises(UsageError, match=r"setting 'dtype' is 'float8': .*; mend SAYSO_DTYPE or '.*settings.toml'"):
        Settings.load()


def test_a_file_sets_what_the_environment_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """settings.toml in the configuration folder is read, after the environment."""
    file = Settings.file()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("max_quotes = 5\nmax_question_chars = 99\n", encoding="utf-8")
    monkeypatch.setenv("SAYSO_MAX_QUOTES", "4")
    try:
        assert (Settings.load().max_quotes, Settings.load().max_question_chars) == (4, 99)
    finally:
        file.unlink()


def test_the_hash_is_of_what_can_change_an_answer() -> None:
    """Moving the library changes no answer; another threshold may."""
    assert Settings(library="a").hash == Settings(library="b").hash
    assert Settings(abstain_below=0.1).hash != Settings(abstain_below=0.2).hash
