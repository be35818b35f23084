"""Several libraries to change between: which are offered, under which name, and what a new one may be called."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from index.errors import LibraryNotFound, UsageError
from rag import Assistant
from tests.fakes import WordHashEmbedder
from ui.libraries import Libraries


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Assistant]:
    with Assistant.open(tmp_path / "home" / "default.library", embedder=WordHashEmbedder()) as assistant:
        yield assistant


@pytest.fixture
def libraries(own: Assistant) -> Iterator[Libraries]:
    made = Libraries(own, home=own.path.parent)
    yield made
    made.close()


def names(libraries: Libraries) -> list[str]:
    return [place.name for place in libraries.places()]


def test_the_one_served_comes_first_then_those_named_then_all_that_lie_at_home(own: Assistant, tmp_path: Path) -> None:
    for folder in (tmp_path / "home" / "a.library", tmp_path / "elsewhere" / "z.library"):
        Assistant.open(folder).close()
    (tmp_path / "home" / "notes.library").mkdir()  # not a library
    offered = Libraries(own, [tmp_path / "elsewhere" / "z.library", own.path], home=tmp_path / "home")
    assert [(place.name, place.address) for place in offered.places()] == [
        ("default", "/"),
        ("z", "/library/z/"),
        ("a", "/library/a/"),
    ]


def test_who_comes_from_elsewhere_is_offered_only_what_was_named(own: Assistant, tmp_path: Path) -> None:
    Assistant.open(tmp_path / "home" / "private.library").close()
    shared = Libraries(own, [tmp_path / "shared.library"])
    assert names(shared) == ["default", "shared"]
    with pytest.raises(LibraryNotFound, match="there is no library 'private' here"):
        shared.find("private")
    with pytest.raises(UsageError, match="served to this machine alone"):
        shared.make("mine")


def test_two_folders_of_one_name_are_told_apart(own: Assistant, tmp_path: Path) -> None:
    others = [tmp_path / part / "default.library" for part in ("b", "c")]
    offered = Libraries(own, others)
    assert names(offered) == ["default", "default 2", "default 3"]
    assert offered.find("default 3").folder == others[1]


def test_a_new_library_is_empty_asked_with_the_same_models_and_there_the_next_time(
    libraries: Libraries, own: Assistant, tmp_path: Path
) -> None:
    text = tmp_path / "bread.txt"
    text.write_text("Rye bread was baked at dawn.")
    own.add(text)
    place = libraries.make("  Élysée   notes ")
    assert (place.name, place.address) == ("Élysée notes", "/library/%C3%89lys%C3%A9e%20notes/")
    opened = libraries.open(place)
    assert opened.documents() == []
    assert opened.settings is own.settings
    opened.add(text)
    assert opened.spec == own.spec
    assert libraries.open(libraries.find("Élysée notes")) is opened
    assert names(Libraries(own, home=own.path.parent)) == ["default", "Élysée notes"]


@pytest.mark.parametrize("name", ["", "   ", "..", "../x", "a/b", "a\\b", ".hidden", "-x", "a\0b", "<b>", "x" * 300])
def test_what_cannot_be_a_name_is_refused_with_what_can(libraries: Libraries, own: Assistant, name: str) -> None:
    with pytest.raises(UsageError, match="letters, digits"):
        libraries.make(name)
    assert [folder.name for folder in own.path.parent.iterdir()] == ["default.library"]


def test_a_name_that_is_taken_is_refused_however_it_is_written(libraries: Libraries) -> None:
    libraries.make("Notes")
    for name in ("Notes", "notes", "notes.library", "Default"):
        with pytest.raises(UsageError, match="already"):
            libraries.make(name)


def test_what_was_opened_is_closed_and_the_one_served_is_its_callers(libraries: Libraries, own: Assistant) -> None:
    libraries.make("notes")
    libraries.close()
    assert own.documents() == []
    assert libraries.open(libraries.find("notes")).documents() == []  # opened anew
