"""Ranked evidence to an answer in the sources' own words: which sentences, and in which order.

Knows no text but the evidence's: nothing here writes a word of the answer.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from index.types import Document
from rag.types import Evidence

_ALIKE = 0.8  # share of stems in common above which two sentences say the same
_WEAK = 0.25  # a further quote is shown when its probability is at least this share of the best one's
_OVERVIEW = re.compile(
    r"\b(?:compar(?:e[sd]?|ing|isons?)|contrast\w*|differ(?:s|ed|ences?)?|disagree\w*|over time|chang\w+ over|evol\w+"
    r"|timeline"
    r"|chronolog\w+"
    r"|(?:did|does|do|has|have) (?:any|no)(?:one|body)(?: else)? (?:den(?:y|ied)|disput\w+|contradict\w*|contest(?:ed)?"
    r"|doubt(?:ed)?)(?: that)?"
    r"|(?:says?|said) otherwise"
    r"|across (?:the |all )?(?:\w+ )?(?:sources|documents|articles|texts|reports|papers|years)"
    r"|(?:each|every|all)(?: of)?(?: the)? (?:source|document|article|text|report|paper)s?"
    r"|(?:the|these|your|different|various) (?:sources|documents|articles|texts|reports|authors)|summar\w+|overview)\b",
    re.IGNORECASE,
)
_ABOUT = re.compile(r"\b(?:about|on|of|regarding|concerning|as to|(?=whether))\b\s*(?:(?:whether|if)\b)?\s*")

_NAME = r"(?:[A-Z][\w.’'-]*)(?:\s+(?:(?:of|for|the|de|van|von|al|bin)\s+){0,2}[A-Z][\w.’'-]*)*"
_TITLED = rf"(?:(?:the|President|Mr\.?|Mrs\.?|Ms\.?)\s+)*(?P<who>{_NAME})"
_UTTERANCE = (
    r"(?:exact\s+|own\s+|actual\s+)?(?:answer|argument|claim|comment|opinion|position|prediction|quote|remark"
    r"|reply|stance|statement|take|view|word|wording)s?"
)
_WHAT_IS = r"\b[Ww]hat(?:\s+(?:is|was|are|were)|[’']s)\s+"
_HAS = r"(?:did|does|do|has|had|have)\s+"
_HIMSELF = r"(?:\w+ly\s+|(?:him|her|it|them)sel(?:f|ves)\s+|ever\s+)?"
# "What did Ada Quill reply": words like these have one speaker, and another's are no answer.
_WORDS_OF = tuple(
    re.compile(pattern)
    for pattern in (
        rf"\b[Ww]hat\s+(?:else\s+)?{_HAS}{_TITLED}\s+{_HIMSELF}"
        r"(?:said|says?|told|tell|repl(?:y|ied)|answer(?:ed)?|respond(?:ed)?|promised?|claim(?:ed)?|argued?|warn(?:ed)?"
        r"|predict(?:ed)?|suggest(?:ed)?|announced?|stated?|anticipated?|insist(?:ed)?|speculated?|think|thought"
        r"|believed?|written|write)\b",
        rf"{_WHAT_IS}(?:the\s+{_UTTERANCE}\s+of\s+)?{_TITLED}(?:[’']s|(?<=s)[’'])\s+{_UTTERANCE}\b",
        rf"{_WHAT_IS}the\s+{_UTTERANCE}\s+(?:of|by|from)\s+{_TITLED}(?=\W*$|\s+(?:about|on|to|in)\b)",
        rf"\b(?:[Ww]hen|[Ww]here)\s+{_HAS}{_TITLED}\s+{_HIMSELF}(?:said|says?|told|tell|announced?|promised?|warn(?:ed)?)\b",
    )
)
_ON_WHAT = re.compile(r"(?:about|on|of|regarding|concerning|as to|to|at|in|during|after|before|when)\s+", re.IGNORECASE)

_ASKS_ANEW = re.compile(
    r"\b(?:who|whom|whose|when|where|why|which|how(?! about)|what(?! about| else))\b", re.IGNORECASE
)
_LOWER = re.compile(r"\b[a-z]{3,}\b")

Analyse = Callable[[str], list[str]]
# Stems that ask what is said, and about nothing in particular.
_SAYING = frozenset(
    "say said tell view report claim account time sourc document articl text describ topic matter".split()  # noqa: SIM905
)
_AGREEING = frozenset("agre disagre differ contradict conflict match compar contrast chang".split())  # noqa: SIM905


def wants_overview(question: str) -> bool:
    """Whether the question asks what the documents say beside each other rather than for one fact."""
    return bool(_OVERVIEW.search(question))


def own_question(question: str) -> str:
    """A follow-up in full without what the question before it was about, where it asks for something itself."""
    last = question.rstrip(" ?!.").rsplit("? ", 1)[-1]
    return last if _ASKS_ANEW.search(last) else question


def whose_words(question: str, content_words: Analyse, texts: Iterable[str] = ()) -> tuple[str, str | None]:
    """The last name of the one whose words are asked for, "" when it is not for somebody's words, and on what topic.

    The topic is "" for all that they said, None where they are to answer something ("what did she say it cost").
    content_words: as of `about_nothing_else`. texts: what was found; a word that these write only as a name is one in a
    question typed in small letters too.
    """
    question = own_question(question)
    if question.islower() and "what" in question:
        question = _LOWER.sub(lambda word: _as_written(word.group(), texts), question)
    found = next(filter(None, (pattern.search(question) for pattern in _WORDS_OF)), None)
    if found is None:
        return "", None
    rest = found.string[found.end() :].strip(" ?!.,")
    about = _ON_WHAT.match(rest)
    subject = rest[about.end() :] if about else None
    if set(content_words(f"{rest} say")) <= _SAYING:  # "tell him", "say about it"
        subject = ""
    if not found.group().lower().startswith("what"):  # when or where they said it is for the reader to find
        subject = None
    return re.sub(r"[’']s?$", "", found["who"]).split()[-1], subject


def _as_written(word: str, texts: Iterable[str]) -> str:
    written = {found.group() for text in texts for found in re.finditer(rf"\b{word}\b", text, re.IGNORECASE)}
    return word.capitalize() if written == {word.capitalize()} else word


def topic(question: str, content_words: Analyse) -> str:
    """What an overview is asked about: "What do the sources say about X?" is an order around X; X is what is said.

    The question itself when it is no such order. content_words: as of `about_nothing_else`.
    """
    order = _OVERVIEW.search(question)
    about = _ABOUT.search(question, order.end()) if order else None
    if order is None or about is None:
        return question
    between = set(content_words(question[order.end() : about.start()] + " say"))
    rest = " ".join(_OVERVIEW.sub(" ", question[about.end() :]).split()).rstrip(" ?!.")
    return rest if rest and between <= _SAYING | _AGREEING else question


def about_nothing_else(question: str, content_words: Analyse) -> bool:
    """An overview without a topic ("Compare what the sources say over time"): everything is relevant.

    content_words: text -> stems of its words that carry content; of all its words when none does.
    """
    rest = _OVERVIEW.sub(" ", question) + " say"  # one content word there always is, so that stop words never count
    return set(content_words(rest)) <= _SAYING


def choose(ranked: Sequence[Evidence], analyse: Analyse, *, max_quotes: int) -> list[Evidence]:
    """One to max_quotes sentences. The best comes first; those that follow it stand by document and place.

    ranked: best first. A sentence that says nearly the same as one already chosen is passed over.
    """
    chosen: list[Evidence] = []
    stems: list[set[str]] = []
    for evidence in ranked:
        words = set(analyse(evidence.text))
        weak = bool(chosen) and evidence.score < _WEAK * chosen[0].score
        if not weak and not any(_alike(words, other) for other in stems):
            chosen.append(evidence)
            stems.append(words)
        if len(chosen) == max_quotes:
            break
    lead = chosen[:1]
    order = {doc_id: i for i, doc_id in enumerate(dict.fromkeys(e.doc_id for e in chosen))}
    return lead + sorted(chosen[1:], key=lambda e: (order[e.doc_id], e.start))


def choose_one_each(ranked: Sequence[Evidence], documents: Mapping[str, Document], *, most: int) -> list[Evidence]:
    """The best sentence of each of the `most` best documents, by date; undated documents last.

    ranked: best first. documents: by id; near copies count as one.
    """
    best: dict[str, Evidence] = {}
    for evidence in ranked:
        best.setdefault(documents[evidence.doc_id].near or evidence.doc_id, evidence)
    chosen = list(best.values())[:most]
    return sorted(chosen, key=lambda e: (documents[e.doc_id].published.value or "9999", e.doc_id))


def _alike(a: set[str], b: set[str]) -> bool:
    return len(a & b) >= _ALIKE * max(1, min(len(a), len(b)))
