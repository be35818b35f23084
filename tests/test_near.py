"""Near copies: what is one, and that a flood of them takes one place and hides nothing."""

import json
import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from index import sync
from index.library import Library
from index.minilm import MiniLM
from index.near import Groups, signature, twins
from index.types import DateInfo, Document
from rag import Assistant, Filter
from tests.fakes import WordHashEmbedder
from tests.indexing import rows
from ui.cli import app

_DRAW = random.Random(3)  # noqa: S311  # the same words at every run
LETTERS = "abcdefghijklmnoprstuvwy"
WORDS = ["".join(_DRAW.choices(LETTERS, k=_DRAW.randint(3, 9))) for _ in range(2000)]


def words(count: int, seed: int = 0) -> list[str]:
    """Words of no language, none twice."""
    return random.Random(seed).sample(WORDS, count)  # noqa: S311


def alike(a: str, b: str) -> bool:
    return Groups([("a", signature(a))]).join("b", signature(b)) == "a"


# -- documents ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "changed"), [(60, 1), (200, 5), (2000, 40)])
def test_a_text_with_a_few_other_words_is_a_near_copy(count: int, changed: int) -> None:
    """A word in forty or fewer: of 200 words' 198 runs of three, 15 differ, and 183 of 213 are in both."""
    text = words(count)
    copy = list(text)
    for i in range(changed):
        copy[i * count // changed + 1] = f"other{i}"
    assert alike(" ".join(text), " ".join(copy))


def test_case_marks_and_line_ends_make_no_difference() -> None:
    """The same words are the same text."""
    assert alike("The ferry left at dawn; nobody slept.", "the ferry\nleft at dawn — Nobody slept")


@pytest.mark.parametrize(
    "other",
    [
        " ".join(words(200, seed=1)),
        " ".join([*words(200)[:100], *words(100, seed=2)]),  # 98 of 298 runs in common
        " ".join(sorted(words(200))),  # the same words in another order
        "Rain.",
    ],
)
def test_a_text_of_its_own_is_none(other: str) -> None:
    """Half in common is not near."""
    assert not alike(" ".join(words(200)), other)


def test_a_signature_is_the_same_everywhere() -> None:
    """It is stored, and compared with those made later on another machine."""
    assert signature("The ferry left at dawn.").hex()[:24] == "488d3dd5d5e2ee175cf3d49b"
    assert len(signature("")) == 128


def test_a_document_joins_the_group_that_it_is_most_like() -> None:
    """The first gives the label; a stranger starts a group of its own, which later ones can join."""
    text, other = words(300), words(300, seed=1)
    groups = Groups([])
    assert groups.join("a", signature(" ".join(text))) == ""
    assert groups.join("b", signature(" ".join(["new", *text[1:]]))) == "a"
    assert groups.join("c", signature(" ".join(other))) == ""
    assert groups.join("d", signature(" ".join([*other[:-1], "new"]))) == "c"


# -- passages -----------------------------------------------------------------------------------------------------


def test_a_passage_is_the_twin_of_the_one_most_like_it() -> None:
    """Words in common of words in all: 4 of 5 is the least; 8 of 9 is more than 8 of 10."""
    assert twins({1: "a b c d e"}, {2: "a b c d", 3: "a b c"}) == {1: 2}
    assert twins({1: "a b c d"}, {3: "a b c"}) == {}
    assert twins({1: "a b c d e f g h"}, {2: "a b c d e f g h i j", 3: "a b c d e f g h i"}) == {1: 3}
    assert twins({1: "a"}, {}) == {}


# -- a flood of them ----------------------------------------------------------------------------------------------

REPORT = """The harbour of Lumen was closed after a storm broke its northern wall. Mayor Ada Quill said that the \
repairs would cost {cost} million crowns. The council meets on Thursday to decide who pays. Fishermen have moved \
their boats to the river, where there is little room. The lighthouse keeper had warned the town in autumn that the \
stones were loose. Divers will look at the foundations as soon as the sea is calm again. A ferry that was due at noon \
turned back to Sarn with ninety passengers on board. The school stayed shut for two days, since the road along the \
quay was under water. Nobody was hurt, but a warehouse full of barley was lost.

{tail}"""
OTHERS = {
    "Wall": "The northern wall of the harbour was built by convicts. It is the oldest wall in the country.",
    "Lighthouse": "The lighthouse of Lumen has a new lamp. Its keeper lives alone with two goats.",
    "Storm": "A storm took the roof off the church. The repairs took a year and were paid for by a lottery.",
    "Barley": "Barley was dear this spring. Brewers in Lumen bought it from the valley.",
    "Mayor": "Ada Quill became mayor after a close vote. She had been a harbour pilot for twenty years.",
}
PLAIN_TAIL = "The market will be held in the old station until further notice."
QUESTION = "What would the repairs of the harbour of Lumen cost after the storm?"


def flood(count: int) -> list[Document]:
    """Near copies that differ in the sum, of several sources; the last one says something more."""
    copies = []
    for n in range(count):
        extra = " Vandals painted the customs house green." * (n == count - 1)
        text = REPORT.format(cost=100 + n, tail=PLAIN_TAIL + extra)
        source, date = f"Paper {n % 7}", DateInfo(f"2024-{3 + n // 28 % 10:02}-{1 + n % 28:02}", "day", "stated")
        copies.append(Document("", f"Harbour closed {n}", text, source, published=date, paths=(f"copy-{n}.txt",)))
    return copies


def others() -> list[Document]:
    return [Document("", title, text, "Almanac", paths=(f"{title}.txt",)) for title, text in OTHERS.items()]


@pytest.fixture(scope="module")
def flooded(tmp_path_factory: pytest.TempPathFactory, embedder: MiniLM) -> Iterator[Assistant]:
    """Fifty near copies beside five other documents, with the real model. Read by the tests and changed by none."""
    with Assistant.open(tmp_path_factory.mktemp("near") / "a.library", embedder=embedder) as assistant:
        assert assistant.add(*flood(50), *others()).failed == ()
        yield assistant


def titles(assistant: Assistant, query: str, k: int = 10, where: Filter | None = None) -> list[str]:
    found = assistant.search(query, k=k, where=where)
    return [assistant.document(hit.passage.doc_id).title for hit in found]


def test_fifty_near_copies_do_not_fill_a_search(flooded: Assistant) -> None:
    """Each passage of theirs comes once, and all five other documents come too."""
    found = titles(flooded, QUESTION)
    assert set(OTHERS) <= set(found)
    passages = {hit.passage.ordinal for hit in flooded.search(QUESTION) if "Fishermen" in hit.text}
    assert len([title for title in found if title.startswith("Harbour")]) <= 2
    assert len(passages) == 1


def test_fifty_near_copies_do_not_fill_an_answer(flooded: Assistant) -> None:
    """The sum is quoted once, whichever copy it is from."""
    answer = flooded.ask(QUESTION)
    assert answer.status == "answered"
    assert sum("million crowns" in c.quote for c in answer.citations) == 1
    overview = flooded.ask("What do the sources say about the harbour of Lumen?")
    assert sum(c.title.startswith("Harbour closed") for c in overview.citations) == 1
    assert {c.title for c in overview.citations} & OTHERS.keys()


@pytest.mark.parametrize("cost", [104, 117, 149])
def test_a_sum_that_one_near_copy_alone_names_is_found_and_quoted(flooded: Assistant, cost: int) -> None:
    """The copy that holds the question's own number takes the place of them all."""
    answer = flooded.ask(f"Who said that the repairs would cost {cost} million crowns?")
    assert f"{cost} million crowns" in answer.citations[0].quote
    assert titles(flooded, f"repairs cost {cost} million crowns", k=1) == [f"Harbour closed {cost - 100}"]


def test_a_near_copy_is_told_from_the_others_where_there_is_nothing_else(embedder: MiniLM, tmp_path: Path) -> None:
    """Among near copies alone the question's own number decides too."""
    with Assistant.open(tmp_path / "a.library", embedder=embedder) as assistant:
        assistant.add(*flood(6))
        assert titles(assistant, "repairs cost 103 million crowns", k=1) == ["Harbour closed 3"]


def test_a_sentence_that_one_near_copy_alone_has_is_found_and_quoted(flooded: Assistant) -> None:
    """Asked for what only the last one says, it is the one that is shown."""
    answer = flooded.ask("Who painted the customs house green?")
    assert answer.citations[0].quote == "Vandals painted the customs house green."
    assert answer.citations[0].title == "Harbour closed 49"


def test_a_filter_finds_a_near_copy_whose_siblings_it_leaves_out(flooded: Assistant) -> None:
    """By the source, by the date, and by both so that one is left."""
    assert titles(flooded, QUESTION, where=Filter(sources=("Paper 3",)), k=1)[0] in {
        f"Harbour closed {n}" for n in range(3, 50, 7)
    }
    one = Filter(sources=("Paper 4",), since="2024-03-05", until="2024-03-05")
    assert set(titles(flooded, QUESTION, where=one)) == {"Harbour closed 4"}
    assert "104 million crowns" in flooded.ask(QUESTION, where=one).citations[0].quote


def test_near_copies_are_marked_in_the_list(flooded: Assistant) -> None:
    """All but the first of them name it, in the lines and in JSON; the others say nothing of the kind."""
    done = CliRunner().invoke(app, ["list", "--json", "--library", str(flooded.path)])
    listed = {d["title"]: d for d in json.loads(done.stdout)["documents"]}
    first = listed["Harbour closed 0"]["doc_id"]
    assert {title for title, d in listed.items() if not d["near_copy_of"]} == {"Harbour closed 0", *OTHERS}
    assert {d["near_copy_of"] for d in listed.values()} == {"", first}
    lines = CliRunner().invoke(app, ["list", "--library", str(flooded.path)]).stdout.splitlines()
    assert sum(line.endswith(f"  (near copy of {first})") for line in lines) == 49


# -- what the library keeps of it ---------------------------------------------------------------------------------


def added(library: Library, *documents: Document) -> None:
    assert sync.add(library, WordHashEmbedder, documents).failed == ()


def labels(library: Library) -> dict[str, str]:
    return {d.title: d.near for d in library.documents()}


def test_five_hundred_near_copies_hide_nothing(tmp_path: Path) -> None:
    """All others are found beside them, and the texts of the copies are not even read."""
    with Assistant.open(tmp_path / "a.library", embedder=WordHashEmbedder()) as assistant:
        assistant.add(*flood(500), *others())
        assert set(OTHERS) <= set(titles(assistant, QUESTION))


def test_a_document_without_near_copies_has_no_label(tmp_path: Path) -> None:
    """Also one whose only near copy was removed; those that stay keep theirs when the first one goes."""
    with closing(Library.open(tmp_path / "a.library")) as library:
        added(library, *flood(3), *others())
        copies = [d for d in library.documents() if d.near]
        assert [d.title for d in copies] == ["Harbour closed 0", "Harbour closed 1", "Harbour closed 2"]
        assert {d.near for d in copies} == {copies[0].doc_id}
        sync.remove(library, [copies[0].doc_id])
        assert labels(library) == dict.fromkeys(OTHERS, "") | {
            "Harbour closed 1": copies[0].doc_id,
            "Harbour closed 2": copies[0].doc_id,
        }
        sync.remove(library, [copies[1].doc_id])
        assert set(labels(library).values()) == {""}
        added(library, flood(1)[0])  # the first again: it joins the one that stayed
        assert {d.near for d in library.documents()} == {"", copies[0].doc_id}


def test_adding_and_removing_a_near_copy_leaves_no_trace(tmp_path: Path) -> None:
    """What is known of the others is as it was, to the byte."""
    with closing(Library.open(tmp_path / "a.library")) as library:
        added(library, *flood(2))
        before = rows(library.folder)
        extra = flood(3)[2]
        added(library, extra)
        sync.remove(library, [next(d.doc_id for d in library.documents() if d.title == extra.title)])
        assert rows(library.folder) == before


def test_passages_of_near_copies_share_the_mark_of_the_first_to_say_it(tmp_path: Path) -> None:
    """Also when it has gone, and one that says something else has none."""
    with closing(Library.open(tmp_path / "a.library")) as library:
        added(library, flood(1)[0], *others())
        first = library.passage_ids([library.documents()[0].doc_id])
        added(library, flood(3)[1])
        copy = next(d for d in library.documents() if d.title == "Harbour closed 1")
        marks = library.twins(library.passage_ids(library.document_ids()))
        assert marks == dict(zip(library.passage_ids([copy.doc_id]), first, strict=True))
        sync.remove(library, [library.documents()[0].doc_id])
        added(library, flood(4)[2])
        assert sorted(library.twins(library.passage_ids(library.document_ids())).values()) == sorted(first * 2)
