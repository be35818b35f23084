"""A sentence and the quotes it cites to a verdict: does exactly that text carry it, and what in it does not.

Checked in this order, the first that fails being the reason: numbers with their units, dates (relative ones against the
document's date), names, who speaks, negation, hedging, and closeness in meaning. Each is a function of two texts that
can be read alone. Strict on purpose: a true sentence that is refused costs a sentence, a false one that passes costs
the reader's trust. Writes nothing and repairs nothing.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from rag.types import Citation, Verdict

Analyse = Callable[[str], list[str]]
Closeness = Callable[[str, str], float]

_CLOSE = 0.5  # the reader's probability that the text carries the sentence; see `sayso bench verifier`
_ONES = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen".split()  # noqa: SIM905
_VALUES = {word: float(i) for i, word in enumerate(_ONES)} | {
    "seventeen": 17.0, "eighteen": 18.0, "nineteen": 19.0, "twenty": 20.0, "thirty": 30.0, "forty": 40.0,
    "fifty": 50.0, "sixty": 60.0, "seventy": 70.0, "eighty": 80.0, "ninety": 90.0, "dozen": 12.0,
    "first": 1.0, "second": 2.0, "third": 3.0, "fourth": 4.0, "fifth": 5.0, "sixth": 6.0, "seventh": 7.0,
    "eighth": 8.0, "ninth": 9.0, "tenth": 10.0, "half": 0.5, "twice": 2.0, "both": 2.0,
}  # fmt: skip
_SCALES = {"hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}
_MONTHS = (
    "january february march april may june july august september october november december".split()  # noqa: SIM905
)
_DAYS = "monday tuesday wednesday thursday friday saturday sunday".split()  # noqa: SIM905
_MONTH = (
    rf"(?P<month>{'|'.join(m.capitalize() for m in _MONTHS)}|(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\b\.?)"
)
_DATE = re.compile(
    rf"\b(?:(?P<before>\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?)?{_MONTH}"
    r"(?:\s+(?P<after>\d{1,2})(?:st|nd|rd|th)?\b(?!\s*(?:%|percent)))?(?:,?\s+(?P<year>(?:19|20)\d\d))?\b"
    r"|\b(?P<iso>(?:19|20)\d\d-\d\d-\d\d)\b|\b(?P<only>(?:19|20)\d\d)\b"
)
_WEEKDAY = re.compile(rf"\b({'|'.join(_DAYS)})s?\b", re.IGNORECASE)
_RELATIVE = {"yesterday": -1, "today": 0, "tomorrow": 1}
_NUMBER = re.compile(
    r"(?P<digits>\d[\d,]*(?:\.\d+)?)(?:st|nd|rd|th)?(?P<percent>\s*(?:%|percent|per\s+cent))?"
    rf"(?:[\s-]+(?P<scale>{'|'.join(_SCALES)})\b)?"
    rf"|\b(?P<word>{'|'.join(_VALUES)})(?:[\s-]+(?P<word2>{'|'.join(_ONES[1:10])}))?"
    rf"(?:[\s-]+(?P<scale2>{'|'.join(_SCALES)})\b)?\b",
    re.IGNORECASE,
)
_UNIT = re.compile(r"[\s-]+(?:[a-z]+ed\s+|[a-z]+an\s+)?([a-z]{3,})")
_NAME = re.compile(r"\b(?:[A-Z]\.)+(?:[A-Z]\b)?|\b[A-Z][\w’'-]*\w")
_ARTICLES = frozenset(  # one block of words reads better than a list
    """
    the a an this that these those it he she they we his her their its in on at by for from to of and but or so as if
    when while after before since during both some many most all no not there according however although because with
    what who which where why how also then thus i you us our one two three several other another
    """.split()  # noqa: SIM905
)
_NEGATION = re.compile(
    r"\b(?:not|no|never|none|nobody|nothing|neither|nor|without|cannot|hardly|barely|scarcely"
    r"|\w+n[’']t|den(?:y|ies|ied|ying|ial)|refus\w+|reject\w*|dismiss\w*|fail(?:s|ed|ing|ure)?|lack(?:s|ed|ing)?"
    r"|rul(?:e|es|ed|ing)\s+out|unlikely|impossible|oppos\w+|declin(?:e|es|ed|ing)\s+to|halt\w*|stopped|unwilling|false\w*)\b",
    re.IGNORECASE,
)
_HEDGE = re.compile(
    r"\b(?:may|might|could|would|likely|possib\w+|perhaps|probab\w+|reported(?:ly)?|alleged(?:ly)?|apparent(?:ly)?|seem\w*"
    r"|appear(?:s|ed)?|suggest\w*|potential\w*|presumab\w+|expect\w*|believ\w*|think\w*|claim\w*|purported\w*|suppos\w+"
    r"|plan(?:s|ned)?|propos\w+|intend\w*|aim\w*|hop(?:e|es|ed|ing)|want\w*|should|can|if|unless|consider\w*|predict\w*)\b",
    re.IGNORECASE,
)
_STRONG_HEDGE = re.compile(
    r"\b(?:may|might|could|likely|possib\w+|perhaps|probab\w+|reportedly|alleged(?:ly)?|seem\w*|appear(?:s|ed)?)\b(?!\s+\d)",
    re.IGNORECASE,
)
_REPORT = re.compile(
    r"\b(?:sa(?:id|ys?|ying)|told|tells?|claim\w*|according\s+to|report(?:s|ed|edly)|argu(?:e|es|ed)|stat(?:e|es|ed)"
    r"|announc\w+|warn\w*|believ\w+|think\w*|thought|wr(?:ote|ites?)|declar\w+|insist\w*|suggest\w*|accus\w+|den(?:y|ies|ied)"
    r"|expect\w*|predict\w*|assess\w*|not(?:es|ed)|describ\w+|call(?:s|ed)|express\w*|alleg\w+|view\w*|opinion|words"
    r"|question\w*|doubt\w*|ask(?:s|ed)|confirm\w*|conclud\w+|reckon\w*|see(?:s|n)?|saw|explain\w*|stress\w*|add(?:s|ed)|acknowledg\w+)\b",
    re.IGNORECASE,
)
_ADDRESS = re.compile(
    r"https?:|hxxps?:|\bwww\.|\]\(|\b\w+@\w+\.\w+|\b[\w-]+\.(?:com|org|net|io|example|xyz|info|ru|cn)/"
)
_CLAUSE = re.compile(r"[.;:!?](?=\s|$)|,\s")
_ABBREVIATION = re.compile(r"\b(?:Mr|Mrs|Ms|Dr|Gen|Sen|St|[A-Z])\.")
_SCOPE = 4  # content words behind a negation or hedge that it can be about


def check(
    sentence: str, cited: Sequence[Citation], *, analyse: Analyse, closeness: Closeness, least: float = _CLOSE
) -> Verdict:
    """Whether the cited quotes carry the sentence.

    analyse: text -> stems. closeness: (sentence, quotes) -> the probability that these carry it, 0 to 1, of which
    `least` is asked. Without a citation nothing is carried.
    """
    if not cited:
        return Verdict(False, "cites nothing")
    if found := _ADDRESS.search(sentence):
        return Verdict(False, f"writes an address ({found[0]}), which is only ever quoted")
    why = differs(sentence, cited, analyse)
    if why:
        return Verdict(False, why)
    value = closeness(sentence, " ".join(c.quote for c in cited))
    if value < least:
        return Verdict(False, f"its meaning is too far from the quote ({value:.2f})")
    return Verdict(True, _agreement(sentence, cited))


def differs(sentence: str, cited: Sequence[Citation], analyse: Analyse) -> str:
    """What in the sentence the cited quotes do not have, by the rules alone; "" when nothing."""
    text = " ".join(c.quote for c in cited)
    stems = set(analyse(sentence))
    known = " ".join(f"{c.title} {c.source} {c.speaker} {c.via} {c.published.value}" for c in cited)
    return (
        missing_number(sentence, text, analyse)
        or missing_date(sentence, cited)
        or missing_name(sentence, f"{text} {known}")
        or wrong_speaker(sentence, max(cited, key=lambda c: len(stems & set(analyse(c.quote)))))
        or changed_negation(sentence, text, analyse)
        or dropped_hedge(sentence, text, analyse)
    )


# -- numbers ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Number:
    """unit: the stem of the word behind it, "%", or "?" where there is none."""

    value: float
    unit: str
    text: str


def numbers(text: str, analyse: Analyse) -> list[Number]:
    """Every number that is no part of a date. "30-day", "thirty days" and "30 days" are the same."""
    plain = _DATE.sub(lambda m: " " * len(m.group()), text)
    found = []
    for m in _NUMBER.finditer(plain):
        if m["digits"]:
            value = float(m["digits"].replace(",", "")) * _SCALES.get((m["scale"] or "").lower(), 1)
        else:
            value = _VALUES[m["word"].lower()]
            value += _VALUES[m["word2"].lower()] if m["word2"] and value >= 20 else 0
            value *= _SCALES.get((m["scale2"] or "").lower(), 1)
        unit = _UNIT.match(plain, m.end())
        stem = "%" if m["percent"] else "".join(analyse(unit[1])) if unit else "?"
        found.append(Number(value, stem, m.group().strip()))
    return found


def missing_number(sentence: str, text: str, analyse: Analyse) -> str:
    """A number that the text does not hold, or holds of another thing that the sentence names; "" when all agree."""
    held = numbers(text, analyse)
    for number in numbers(sentence, analyse):
        same = [h for h in held if abs(h.value - number.value) < 1e-9]
        if not same:
            if number.text.lower() in ("one", "first", "second", "both", "two", "half"):  # seldom counts anything
                continue
            return f"the number {number.text} is not in the quote"
        if number.unit != "?" and any(h.unit == number.unit for h in held) and all(h.unit != number.unit for h in same):
            return f"the number {number.text} is of something else in the quote"
    return ""


# -- dates ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Day:
    """A date as far as it is told: 0 where it is not."""

    year: int = 0
    month: int = 0
    day: int = 0

    def within(self, other: "Day") -> bool:
        """Whether everything told here is told there, the same."""
        return all(mine in (0, theirs) for mine, theirs in zip(self._parts, other._parts, strict=True))

    @property
    def _parts(self) -> tuple[int, int, int]:
        return self.year, self.month, self.day


def dates(text: str) -> Iterator[Day]:
    for m in _DATE.finditer(text):
        if m["iso"]:
            yield Day(*(int(part) for part in m["iso"].split("-")))
        elif m["only"]:
            yield Day(int(m["only"]))
        elif (
            m["month"] not in ("May", "March") or m["before"] or m["after"] or m["year"] or _dates_here(text, m.start())
        ):
            month = next(i for i, name in enumerate(_MONTHS, 1) if name.startswith(m["month"].lower().rstrip(".")[:3]))
            yield Day(int(m["year"] or 0), month, int(m["before"] or m["after"] or 0))


def _dates_here(text: str, start: int) -> bool:
    """Whether "May" stands where a month does, not the verb and not a name."""
    return bool(
        re.search(
            r"\b(?:in|of|since|until|by|during|late|early|mid|last|this|next)[\s-]+$", text[:start], re.IGNORECASE
        )
    )


def missing_date(sentence: str, cited: Sequence[Citation]) -> str:
    """A date that neither the quotes nor, for their relative words, their documents' dates give."""
    held: list[Day] = []
    weekdays: set[int] = set()
    for c in cited:
        published = _published(c.published.value)
        told = list(dates(c.quote))
        held += told
        held += [Day(published.year, d.month, d.day) for d in told if not d.year and published.year]
        for word in (m[1].lower() for m in _WEEKDAY.finditer(c.quote)):
            weekdays.add(_DAYS.index(word))
            held += [_as_day(day) for day in _weekdays_near(published, _DAYS.index(word))]
        for word, shift in _RELATIVE.items():
            if published.day and re.search(rf"\b{word}\b", c.quote, re.IGNORECASE):
                held.append(_as_day(_as_date(published) + timedelta(days=shift)))
        if published.year:  # the day itself only where the sentence speaks of the document
            speaks_of_it = set(re.findall(r"\w{4,}", f"{c.source} {c.title}".lower())) & set(sentence.lower().split())
            held.append(published if speaks_of_it else Day(published.year, published.month))
    for day in dates(sentence):
        if not any(day.within(h) for h in held):
            return "a date in it is neither in the quote nor follows from the document's date"
    for m in _WEEKDAY.finditer(sentence):
        wanted = _DAYS.index(m[1].lower())
        if wanted not in weekdays and not any(h.day and h.year and _as_date(h).weekday() == wanted for h in held):
            return f"{m[1]} is not in the quote"
    return ""


def _published(value: str) -> Day:
    parts = [int(part) for part in value.split("-")] if value else []
    return Day(*parts)


def _weekdays_near(published: Day, weekday: int) -> Iterator[date]:
    """The last such day before the document appeared, and the next one."""
    if published.day:
        day = _as_date(published)
        yield day - timedelta(days=(day.weekday() - weekday) % 7)
        yield day + timedelta(days=(weekday - day.weekday()) % 7)


def _as_date(day: Day) -> date:
    return date(
        day.year, day.month, min(day.day, 28) if day.month == 2 else min(day.day, 30) if day.day > 31 else day.day
    )


def _as_day(day: date) -> Day:
    return Day(day.year, day.month, day.day)


# -- names ------------------------------------------------------------------------------------------------------------


def missing_name(sentence: str, text: str) -> str:
    """A capitalised word that the quotes and what is known of their documents do not hold, in any of its forms."""
    words = set(re.findall(r"[^\W_]+", text.lower()))
    heads = {w[:4] for w in words if len(w) >= 4}
    initials = "".join(w[0] for w in re.findall(r"\b[A-Z]\w*", text)).lower()
    plain = _DATE.sub(lambda m: " " * len(m.group()), sentence)
    for m in _NAME.finditer(plain):
        name = re.sub(r"[’']s?$", "", m.group())
        key = name.lower().replace(".", "")
        if key in _ARTICLES or key in _DAYS or key in words or (len(key) >= 4 and key[:4] in heads):
            continue
        if m.start() == 0 and not _is_name_at_start(plain, m):
            continue
        if name.replace(".", "").isupper() and len(key) >= 2 and (key in initials or key in ("us", "uk", "eu", "un")):
            continue
        if all(part in words for part in re.findall(r"[^\W_]+", key)):
            continue
        return f"{name} is not in the quote"
    return ""


def _is_name_at_start(sentence: str, found: re.Match[str]) -> bool:
    """Any word opens a sentence with a capital; a name is told by what follows, or by its shape."""
    rest = sentence[found.end() :]
    if re.search(r"(?:[^s]s|ing|ed|ly|ion|ment)$", found.group()):
        return False
    return bool(
        re.match(
            r"\s+(?:[A-Z]|" + _REPORT.pattern.removeprefix(r"\b") + r"|is\b|was\b|has\b|had\b|will\b|[a-z]+ed\b)", rest
        )
    )


# -- who speaks -------------------------------------------------------------------------------------------------------


def wrong_speaker(sentence: str, carrier: Citation) -> str:
    """A claim told as a fact, or put into another mouth than the quote does.

    carrier: of what the sentence cites, the quote that it has most words of.
    """
    whose = carrier.speaker or carrier.via
    if not whose:
        return ""  # the document itself says it
    words = set(re.findall(r"[^\W_]+", sentence.lower()))
    spoken = [w for w in re.findall(r"[^\W_]{3,}", f"{carrier.speaker} {carrier.via}".lower()) if w not in _ARTICLES]
    initials = "".join(w[0] for w in re.findall(r"\b[A-Z]\w*", carrier.speaker)).lower()
    if initials in words or any({w, w.rstrip("s"), f"{w}s"} & words for w in spoken):
        return ""
    if _REPORT.search(sentence):
        return f"the quote gives it as what {whose} says"
    return f"states as a fact what {whose} says"


# -- negation and hedging ---------------------------------------------------------------------------------------------


def changed_negation(sentence: str, text: str, analyse: Analyse) -> str:
    """A "not" that the quotes do not have about the same words, or the other way round.

    Each denial of one side is paired with one of the other that is about a word in common.
    """
    theirs = _marked(text, _NEGATION, analyse)
    shared = set(analyse(sentence)) & set(analyse(text))
    for scope in _marked(sentence, _NEGATION, analyse):
        partner = max(theirs, key=lambda other: len(scope & other), default=set())
        if partner & scope:
            theirs.remove(partner)
        elif scope & shared:
            return "denies what the quote does not deny"
    for scope in theirs:
        if len(scope & shared) * 2 >= len(scope):
            return "leaves out a denial of the quote"
    return ""


def dropped_hedge(sentence: str, text: str, analyse: Analyse) -> str:
    """A "may" or "likely" of the quotes about words that the sentence states as certain."""
    if _HEDGE.search(sentence):
        return ""
    shared = set(analyse(sentence)) & set(analyse(text))
    for scope in _marked(text, _STRONG_HEDGE, analyse):
        about = scope & shared
        if about and len(about) * 2 >= len(scope):
            return "states as certain what the quote calls possible"
    return ""


def _marked(text: str, mark: re.Pattern[str], analyse: Analyse) -> list[set[str]]:
    """For each mark the stems of the content words behind it in its clause; of those before it where none follow."""
    plain = _ABBREVIATION.sub(lambda m: m.group().replace(".", " "), text)
    scopes = []
    for m in mark.finditer(plain):
        behind = _content(_CLAUSE.split(plain[m.end() :], maxsplit=1)[0])[:_SCOPE]
        words = behind or _content(_CLAUSE.split(plain[: m.start()])[-1])[-_SCOPE:]
        stems = {stem for word in words for stem in analyse(word)}
        if stems:
            scopes.append(stems)
    return scopes


def _content(clause: str) -> list[str]:
    return [w for w in re.findall(r"[^\W_]+", clause) if w.lower() not in _ARTICLES and len(w) > 2]


def _agreement(sentence: str, cited: Sequence[Citation]) -> str:
    """What agreed, in a few words."""
    found = [
        name
        for name, held in (
            ("numbers", _NUMBER.search(_DATE.sub("", sentence))),
            ("dates", _DATE.search(sentence) or _WEEKDAY.search(sentence)),
            ("names", _NAME.search(sentence[1:])),
            ("speaker", any(c.speaker for c in cited)),
        )
        if held
    ]
    return ", ".join([*found, "meaning"]) + (" agree" if found else " agrees")
