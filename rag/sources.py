"""A question that names the source it asks: "What does the Harbour Post say …?", "… according to the Harbour Post?".

Such a question is for that source's documents alone: what another says would be put into its mouth. A source that is
only spoken of ("Who told the Harbour Post?") limits nothing, nor does one that is named beside somebody else.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

_WORK = (
    r"(?:accounts?|analys[ie]s|articles?|blog|broadcast|clip|commentary|coverage|documents?|essay|interview|newsletter"
    r"|paper|pieces?|podcast|posts?|reports?|reporting|stor(?:y|ies)|text|transcript|video|write-?up)"
)
_MAKER = (
    r"(?:authors?|bloggers?|commentators?|correspondents?|editors?|guy|hosts?|journalists?|man|narrator|presenters?"
    r"|reporters?|speakers?|woman|writers?)"
)
_TELLS = (
    r"(?:argu(?:e|es|ed)|call(?:s|ed)?|claim(?:s|ed)?|cit(?:e|es|ed)|conclud(?:e|es|ed)|describ(?:e|es|ed)"
    r"|expect(?:s|ed)?|explain(?:s|ed)?|giv(?:e|es)|mean(?:s|t)?|mention(?:s|ed)?|nam(?:e|es|ed)|not(?:e|es|ed)"
    r"|predict(?:s|ed)?|put(?:s)?|quot(?:e|es|ed)|recommend(?:s|ed)?|report(?:s|ed)?|say(?:s)?|said|stat(?:e|es|ed)"
    r"|suggest(?:s|ed)?|tell(?:s)?|told|think(?:s)?|thought|warn(?:s|ed)?|writ(?:e|es)|wrote)"
)


def source_asked(question: str, sources: Iterable[str]) -> tuple[str, str]:
    """The source that is asked, "" for none, and the question without "according to" it."""
    typed = " ".join(question.casefold().split())
    for source in sorted(sources, key=len, reverse=True):  # the Moscow Times before the Times
        if " ".join(_words(source)).casefold() not in typed:
            continue
        clause, limits, beside, longer = _patterns(source)
        if not limits.search(question) or beside.search(question) or longer.search(question):
            continue
        plain = re.sub(r"\s+(?=[?!.,])", "", " ".join(clause.sub(" ", question).split())).strip(" ,")
        return source, plain if plain.strip(" ?!.") else question
    return "", question


@lru_cache(maxsize=1000)
def _patterns(source: str) -> tuple[re.Pattern[str], ...]:
    words = _words(source)
    spelled = r"\s+".join(map(re.escape, words))
    if len(words) == 1:
        spelled = f"(?-i:{spelled})"  # "What does science say?" is no question for Science
    name = rf"(?:the\s+)?(?<!\w){spelled}(?!\w)(?:[’']s\b|[’'](?=\s))?"
    its = rf"{name}(?:\s+(?:{_WORK}|{_MAKER})\b)?"
    clause = rf",?\s*\b(?:according to|going by|as (?:told|reported|described|stated|put) (?:by|in))\s+{its},?"
    limits = rf"{clause}|\b(?:in|by|from|of)\s+{name}\s+{_WORK}\b|{name}\s+(?:{_WORK}|{_MAKER}|{_TELLS})\b"
    beside = rf"\b(?:and|or|than|with)\s+{its}|{its}\s+(?:and|or)\b"
    # Part of another's name, as Times is of the Moscow Times. That a question begins with a capital is no sign of it.
    longer = rf"(?<=\s)(?-i:(?!The\b)[A-Z])[\w’'-]*\s+{spelled}(?!\w)|{spelled}\s+(?-i:[A-Z])"
    return tuple(re.compile(p, re.IGNORECASE) for p in (clause, limits, beside, longer))


def _words(source: str) -> list[str]:
    return re.sub(r"^the\s+", "", source.strip(), flags=re.IGNORECASE).split()
