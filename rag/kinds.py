"""The kind of thing that a question asks for: a number, a date, a person, a place, a cause.

Told by words alone. `holds` says whether a sentence has something of the kind, which is a feature among others; `fits`
whether what the reader takes for the answer can be one, and only where it is plain that it cannot. "How long did the
call last?" is near to every sentence about the call, and a reader that must point somewhere points at its date.
"""

import re
from collections.abc import Sequence
from functools import cache

_YEAR = re.compile(r"\b(?:1\d{3}|20\d\d)s?\b")
_NUMBER = re.compile(
    r"\b\d[\d.,]*\b|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozens?|hundreds?|thousands?"
    r"|millions?|billions?|half|third|quarter|twice|percent)\b|%",
    re.IGNORECASE,
)
_DATE = re.compile(
    r"\b(?:january|february|march|april|may|june|july|august|september|october|november|december"
    r"|(?:mon|tues|wednes|thurs|fri|satur|sun)day|yesterday|today|tomorrow|centur(?:y|ies)|decades?|"
    r"(?:last|next|this|previous|following|early|late|mid)[- ](?:week|month|year|spring|summer|autumn|fall|winter)"
    r"|spring|summer|autumn|winter|[ap]\.?m\.?)\b",
    re.IGNORECASE,
)
_CAUSE = re.compile(
    r"\b(?:because|since|due to|owing to|so that|in order to|as a result|therefore|thus|hence|reasons?"
    r"|caus(?:e|es|ed|ing)|led to|lead to|leads to|aim(?:s|ed)?|want(?:s|ed)? to|purpose|by \w+ing|explain\w*"
    r"|means? that|to \w+)\b",
    re.IGNORECASE,
)
_PLACE = re.compile(r"\b(?:in|at|near|from|to|across|outside|inside|north|south|east|west|of|on)\s+(?:the\s+)?[A-Z]\w+")
_WANTED = {  # by the question's words
    "number": re.compile(
        r"\bhow (?:many|much|old|long|far|large|big|tall|high|deep|fast|often)\b"
        r"|\bwhat (?:percent\w*|number|amount|proportion|population|age|size|fraction|share)\b",
        re.IGNORECASE,
    ),
    "date": re.compile(
        r"\b(?:when|how long ago|since when)\b"
        r"|\b(?:what|which) (?:\w+ )?(?:year|date|day|month|century|decade|time|period)\b",
        re.IGNORECASE,
    ),
    "person": re.compile(
        r"\b(?:who|whom|whose)\b|\b(?:what|which) (?:person|man|woman|king|queen|president|author|scientist|official"
        r"|politician|minister|leader)\b",
        re.IGNORECASE,
    ),
    "place": re.compile(
        r"\bwhere\b|\b(?:what|which) (?:\w+ )?(?:country|city|state|place|region|town|continent|river|location|county"
        r"|island|province|area)\b",
        re.IGNORECASE,
    ),
    "cause": re.compile(
        r"\bwhy\b|\bwhat (?:\w+ )?(?:reasons?|caused?|purpose|leads?|led|motiv\w*)\b|\bhow come\b|\bwhat for\b",
        re.IGNORECASE,
    ),
}
KINDS = tuple(_WANTED)

# What `fits` looks at: questions that leave no doubt of the kind, and what an answer of that kind can look like.
_ASKS = re.compile(  # not "the mayor who", "the day when"
    r"(?:^|[,;:.?!–—]|\b(?:and|or|but)\b)\W*(?:(?:for|in|on|at|by|from|to|of|with|since|until) )?"
    r"(?:who|whom|whose|what|which|when|where|why|how)\b",
    re.IGNORECASE,
)
_HOW_LONG = re.compile(r"\bhow long\b(?! ago)", re.IGNORECASE)
_LENGTH = re.compile(
    r"(?:second|minute|hour|day|night|week|month|year|decade|centur(?:y|ie)|quarter|season|term|generation)s?\b"
    r"|\b(?:since|until|till|forever|permanent\w*|brief\w*|short|long|life\w*|throughout|through|entire|whole|between"
    r"|met(?:er|re)s?|kilomet\w+|feet|foot|miles?|inch(?:es)?)\b"
    r"|\d\s*(?:[kcm]?m|min|mins|h|hrs?|yrs?|ft)\b|\d{4}\s*(?:[-–]|to)",
    re.IGNORECASE,
)
_HOW_MANY = re.compile(r"\bhow (?:many|much)\b", re.IGNORECASE)
_SOME = re.compile(
    r"\b(?:an?|no|none|nothing|never|zero|once|single|both|pairs?|couple|several|few|little|some|many|multiple|numerous"
    r"|countless|lots?|enough|most|more|less|each|every|all|entire|majority|double[ds]?|triple)\b",
    re.IGNORECASE,
)
_WHICH_DATE = re.compile(
    r"\b(?:what|which) (?:\w+ )?(?:date|day|year|month|century|decade)\b(?! length)", re.IGNORECASE
)
_OF_A_CALENDAR = re.compile(r"\d|\b(?:day|eve|christmas|easter|anniversary)\b", re.IGNORECASE)
_WHICH_TOWN = re.compile(r"\b(?:what|which) (?:\w+ )?(?:city|town|village|capital)\b", re.IGNORECASE)
_WHOSE_NAME = re.compile(
    r"^\W*(?:and )?(?:who|whom|whose)\b|\bnames?\b|\bwho (?:was|were|is|are)\b|\b(?:was|were|is|are) who\b|\bwho\W*$",
    re.IGNORECASE,
)
# "Who is Ada Quill?": what is said of her stands beside her name, which is as good to point at.
_WHO_IS_IT = re.compile(r"^\W*(?:and )?who(?:[’']?s| is| was| are| were) [\w .’'-]{1,40}\W*$", re.IGNORECASE)
# "Ada Quill, the mayor", "Ada Quill, Mr. Lind's deputy", "Ada Quill, who had been mayor".
_SAID_WHO = r",\s+(?:(?:an?|the|who|whose|his|her|their|its)\b|(?:[A-Z][\w.]*\s+){0,3}[A-Z]\w*[’']s?\s)"
_NOT_ONLY_NAMED = re.compile(r"\b(?:the|an?|of|in|at|for|to)\b", re.IGNORECASE)  # "Who is the mayor of Sarn?"
_ONLY_A_NAME = re.compile(
    r"(?:(?:the|an?|Mr|Mrs|Ms|Dr|President)\.? )?[A-Z][\w’'.-]*(?: (?:of|the|de|van|von|bin|al|[A-Z][\w’'.-]*))*"
)
_WORD = re.compile(r"[\w’'-]+")


def wanted(question: str) -> set[str]:
    """Those of KINDS that it asks for."""
    return {kind for kind, pattern in _WANTED.items() if pattern.search(question)}


def holds(kind: str, text: str, question: str, names: Sequence[str], numbers: Sequence[str]) -> bool:
    """Whether a sentence has something of the kind. names, numbers: those of it that the question does not name."""
    if kind == "number":
        return bool(numbers)
    if kind == "person":
        return bool(names)
    if kind == "date":
        return bool(_DATE.search(text)) or any(year not in question for year in _YEAR.findall(text))
    return bool((_PLACE if kind == "place" else _CAUSE).search(text))


def numbers(text: str) -> list[str]:
    """In digits or in words."""
    return _NUMBER.findall(text)


def fits(question: str, answer: str) -> bool:
    """Whether a few words that the reader takes for the answer can be of the kind that is asked for.

    Only what plainly is none is said not to fit: a length of time without a unit, a quantity or a date without one, a
    country for a town, and a name that the question itself gives where it asks who. On the development sets three of 33
    such answers were right, of the others almost half (squad2_dev, clapnq_dev and the questions about the seeds).
    """
    if not answer.strip() or len(_ASKS.findall(question)) > 1:
        return True
    if _HOW_LONG.search(question):
        return bool(_LENGTH.search(answer))
    if _HOW_MANY.search(question):
        return bool(_NUMBER.search(answer) or _SOME.search(answer))
    if _WHICH_DATE.search(question):
        return bool(_DATE.search(answer) or _OF_A_CALENDAR.search(answer))
    if _WHICH_TOWN.search(question):
        return answer.strip(" .,").casefold() not in _countries()
    if _WHOSE_NAME.search(question) and not _WHO_IS_IT.match(question):
        return not _named_already(answer.strip(' .,;:"“”'), question)
    return True


def introduces(question: str, sentence: str) -> bool:
    """Whether the question asks who somebody is and the sentence says so behind the name."""
    if not _WHO_IS_IT.match(question) or _NOT_ONLY_NAMED.search(question):
        return False
    name = re.escape(_WORD.findall(question)[-1])
    return bool(re.search(rf"\b(?i:{name}){_SAID_WHO}", sentence))


def _named_already(answer: str, question: str) -> bool:
    """The answer is but a name, such as "Mr. Quill", whose last word is one of the question's."""
    if not _ONLY_A_NAME.fullmatch(answer):
        return False
    asked = {word.casefold() for word in _WORD.findall(question)}
    return _WORD.findall(answer)[-1].casefold() in asked


@cache
def _countries() -> frozenset[str]:
    from babel import Locale  # only for questions that ask for a town

    return frozenset(name.casefold() for code, name in Locale("en").territories.items() if len(code) == 2)
