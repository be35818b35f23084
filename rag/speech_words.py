"""The words and noun phrases that attribution is made of: verbs of speech, people, bodies, outlets, names.

Pieces of patterns (strings) for `rag.speech`, and what can be told from a name alone.
"""

import re

Span = tuple[int, int]
"""Start and end, half open."""


# Words


def any_of(words: str) -> str:
    """An alternation of the words, longest first; "+" stands for a space inside one."""
    return "|".join(sorted((re.escape(w).replace(r"\+", r"\s+") for w in words.split()), key=len, reverse=True))


def forms_of(verbs: str) -> frozenset[str]:
    """Present and past of regular verbs; irregular ones are given whole, as "say/says/said"."""
    forms: set[str] = set()
    for verb in verbs.split():
        if "/" in verb:
            forms.update(verb.split("/"))
        elif verb.endswith("e"):
            forms.update((verb, verb + "s", verb + "d"))
        elif verb.endswith("y") and verb[-2] not in "aeo":
            forms.update((verb, verb[:-1] + "ies", verb[:-1] + "ied"))
        else:
            forms.update((verb, verb + ("es" if verb.endswith(("s", "h")) else "s"), verb + "ed"))
    return frozenset(forms)


SAY = forms_of("say/says/said")
TELL = forms_of("tell/tells/told inform assure remind")
BELIEVE = forms_of(
    "believe think/thinks/thought expect anticipate predict forecast/forecasts speculate suspect estimate fear "
    "assume reckon doubt hope"
)
CLAIM = forms_of(
    "claim state write/writes/wrote/written remark warn argue assert insist allege announce declare add reply "
    "respond explain comment stress acknowledge admit/admits/admitted concede deny testify recall tweet "
    "quip/quips/quipped joke boast complain caution counter reiterate maintain contend pledge promise vow clarify "
    "emphasise emphasize underline underscore observe lament agree ask"
)
# With a thing for a subject these are evidence, not speech ("the attack suggests that"): only people and bodies count.
SHOW = forms_of(
    "report suggest indicate hint imply signal confirm note conclude highlight reveal find/finds/found propose "
    "recommend reaffirm"
)
VERBS = SAY | TELL | BELIEVE | CLAIM | SHOW
PARTICIPLES = "saying adding noting stating claiming arguing stressing warning emphasising emphasizing insisting \
explaining highlighting writing"
ACT = r"call(?:s|ed)?\s+(?:on|for)|express(?:es|ed)?|voice[sd]|urge[sd]"
CLEAR = r"ma(?:de|kes?)\s+(?:it\s+)?(?:plain|clear)|point(?:s|ed)?\s+out"

PEOPLE = (
    "activist adviser advisor agent aide ally ambassador analyst author blogger campaigner candidate chairman "
    "chairwoman chancellor chief citizen coach colonel columnist commander commentator commissioner critic defender "
    "delegate deputy diplomat director doctor economist editor employee engineer envoy executive expert farmer "
    "fighter founder general governor head historian individual insider investigator investor journalist judge "
    "lawmaker lawyer leader man manager mayor member minister monitor negotiator observer officer official opponent "
    "owner participant person pilot planner player politician premier president prosecutor professor protester "
    "reporter representative researcher resident scholar scientist secretary senator soldier source specialist "
    "spokesman spokesperson spokeswoman strategist student supporter teacher trader union victim volunteer witness "
    "woman worker writer men women people police spokesmen widow wife husband son daughter father mother brother "
    "sister friend neighbour neighbor relative survivor firefighter nurse rebel militant rescuer driver passenger "
    "patient refugee banker"
)
BODIES = (
    "administration agency army authority bank body commission committee company council country court department "
    "embassy firm force fund government group institute hospital intelligence media military ministry mission "
    "nation newspaper network office organisation organization outlet paper parliament party regulator side state "
    "team think+tank tribunal university"
)
WRITINGS = (
    "account analysis article assessment briefing conclusion data document estimate finding forecast investigation "
    "memo paper poll remarks report research statement study survey transcript words figures"
)


def _plural(nouns: str) -> str:
    return any_of(" ".join(f"{n} {n[:-1]}ies" if n.endswith("y") else f"{n} {n}s" for n in nouns.split()) + " analyses")


_PERSON = rf"(?:{_plural(PEOPLE)}|[a-z]{{3,}}(?:olog|ic|om|al|ion)ists?|[a-z]{{3,}}icians?)\b"
_BODY = rf"(?:{_plural(BODIES)})\b"
WRITING = rf"(?:{_plural(WRITINGS)})\b"
_ROLE = rf"(?:{_PERSON}|{_BODY}|{WRITING})"
TIME = any_of(
    "Monday Tuesday Wednesday Thursday Friday Saturday Sunday January February March April May June July August "
    "September October November December Today Yesterday Tomorrow Last+week Last+month Last+year Earlier Later"
)
_OPENER = any_of(
    "The A An In On At But And Or So Yet If When While As After Before Since Because Although Though Despite During "
    "However Then There Here It He She They We You I This That These Those What Who Which Where Why How His Her Its "
    "Their Our My Your For From With By To Of Not No Nor Some Many Most Several Other Another Both All Few "
    "According Speaking Moreover Meanwhile Therefore Thus Nothing Everyone Specifically Evidence Signs Results "
    "Tests History Experience Images Footage Everything Polls Figures Please Plans Every Each Any Among Still Now "
    "Also Only Once Even"
)
STOP = any_of(
    "is are was were be been being am has have had do does did will would shall should can could may might must not "
    "to of in on at by for from with as that which who whom whose what when where while why how if because although "
    "though unless until since after before than then there here it he she they we you me him them us and or but "
    "nor so yet the a an met made took gave got went came saw held kept left lost won led fell rose grew put cut "
    "hit sent began became brought found felt heard ran set spoke stood thought told said wrote drew broke chose "
    "drove flew knew paid sold shot sought struck threw want need seek use make take give get go come keep said say "
    "says tell tells whether both all most more less very latter however"
)
_DETERMINER = (
    r"(?:(?:one|some|many|most|all|both|several)\s+of\s+)?"
    rf"(?i:{any_of('the a an some many most several other another')}"
    rf"|{any_of('one two three four five all both few various his her their its these those unnamed')})\s+"
)


# Noun phrases

_UPPER = "A-Z" + "".join(chr(c) for c in range(0xC0, 0x530) if chr(c).isupper())
_CAP = (
    rf"(?!(?:{_OPENER}|{TIME})\b)(?:(?:Mr|Mrs|Ms|Dr|Gen|Sen|Rep|Gov|Prof|Lt|Col|Maj|Capt|Sgt|St|Adm|Rev|Amb)\."
    rf"|(?:[{_UPPER}]\.)+|[{_UPPER}][\w’'&-]*)"
)
LOW = (
    rf"(?!(?:{STOP})\b)(?:[a-z]+-[a-z-]+|unnamed|unidentified|retired|armed|elected|detained|exiled|jailed|injured"
    r"|wounded|displaced|(?![a-z]+ed\b)[a-z][\w’'-]*)"
)
# A plain word in -s before the head is more likely a verb ("Trump meets officials") than a modifier.
_MODIFIER = (
    rf"(?:{_CAP}(?:-[a-z]+)*|(?:news|rights|affairs|forces|services|sports|relations|operations)\b"
    rf"|(?![a-z]+[^sui\W]s\b){LOW})"
)
NAME = (
    rf"{_CAP}(?:\s+(?:(?:of|for|on|at|and)\s+(?:the\s+)?|(?:de|da|di|del|der|van|von|bin|al|el|la|le)\s+)?(?:{_CAP}|May\b)){{0,7}}"
    r"(?:\s+\([^()]{1,40}\))?"
)
_LINK = (
    r"(?:of|in|at|from|on|for|with|inside|near|across|behind|close\s+to|familiar\s+with|acquainted\s+with"
    r"|based\s+in|involved\s+in)"
)
_PP = rf"\s+{_LINK}\s+(?:{_DETERMINER})?(?:(?:{LOW}\s+){{0,2}}{NAME}(?:\s+{_ROLE})?|{LOW}(?:\s+{LOW})?)"
_ROLE_PHRASE = (
    rf"(?:{_DETERMINER})?(?:{NAME}\s+)?(?:{_MODIFIER}\s+(?:and\s+)?){{0,6}}(?i:{_ROLE})"
    rf"(?:\s+(?:named\s+)?{NAME})?(?:{_PP}){{0,3}}"
)
_NAME_PHRASE = rf"(?:{_DETERMINER})?{NAME}(?:{_PP})?"
_SECOND_ROLE = (
    rf"(?:{_DETERMINER})?(?:{_MODIFIER}\s+){{0,3}}(?i:{_ROLE})(?:\s+{NAME})?(?:\s+{_LINK}\s+(?:the\s+)?{NAME})?"
)
KNOWN = rf"(?:{_ROLE_PHRASE}|{_NAME_PHRASE})(?:\s+and\s+(?:{_SECOND_ROLE}|{_NAME_PHRASE}))?"
THING = rf"{_DETERMINER}(?:{LOW}\s+){{0,2}}{LOW}(?:{_PP})?"
PRONOUN = r"(?i:he|she|they)\b"
ADVERBS = (
    r"(?:\s+(?:(?!only\b)[a-z]+ly|also|both|all|then|now|later|earlier|once|again|often|long|has|have|had|just|still|in\s+turn"
    rf"|continued?s?\s+to|(?:on\s+)?(?:{TIME})|last\s+\w+|this\s+week))*\s+"
)
"""Between the subject and its verb. Modals and negations are absent on purpose: "would say" is not speech."""

_PRESS = (
    "Times Journal Post News Guardian Telegraph Independent Tribune Herald Gazette Chronicle Mail Observer "
    "Economist Reuters AP AFP BBC CNN NBC CBS ABC NPR PBS MSNBC WSJ NYT FT Bloomberg Axios Politico TASS Tass "
    "Interfax RIA Xinhua Ukrinform Pravda Spiegel Bild Monde Figaro Zeitung Haaretz Jazeera Press Presse Radio TV "
    "Television Media Magazine Daily Weekly Meduza Kommersant Izvestia Sputnik RT Telegram Twitter Facebook YouTube "
    "Gazeta"
)
OUTLET = (
    rf"(?:(?:The\s+)?(?:{_CAP}\s+){{0,3}}?(?:{any_of(_PRESS)})\b(?:\s+(?:{_CAP})){{0,2}}(?:\s+of\s+{_CAP}(?:\s+{_CAP})?)?(?:\s+(?:news\s+agency|newspaper))?"
    r"|(?:reporters|journalists|news(?:paper)?s|(?:\w+\s+){0,2}(?:news\s+(?:sources|agency|agencies|outlets|reports)"
    r"|media(?:\s+(?:reports|outlets))?))\b)"
)
_COLLECTIVE = any_of(
    "House Kremlin West East Bank Union Nations State States Department Pentagon Congress Senate Foundation Center "
    "Centre Service Office Forces Fund Corporation Inc Ltd North South Saudi United New Ministry Institute Agency"
)


# Names

FULL_NAME = re.compile(rf"{_CAP}(?:\s+(?:{_CAP}|May\b))+")
_ONE_NAME = re.compile(_CAP)
_SIMPLE_CAP = rf"[{_UPPER}][a-z’'-]+"
_NAMED = re.compile(rf"\bnamed\s+(?={_CAP})")
_OWNER = re.compile(rf".+?(?:(?<=s)[’']|[’']s|\b[A-Z]{{2,}})(?=\s+(?:\w+\s+)?{WRITING}$)")
ENDS_IN_ROLE = re.compile(rf"{_ROLE}$")
_HEAD = re.compile(rf"(?i:{_ROLE})")
_OFFICE = re.compile(rf"\b(?i:{_PERSON})|\b[A-Z][a-z]+\.\s")
_GROUP = re.compile(rf"\b(?i:{_BODY}|{WRITING})|\b(?:{_COLLECTIVE})\b")
_IS_OUTLET = re.compile(OUTLET)


def trim(text: str, span: Span) -> Span:
    """The name alone: no article, no abbreviation in brackets, the owner of a report rather than the report."""
    start, end = span
    if named := _NAMED.search(text, start, end):
        start = named.end()
    if owner := _OWNER.match(text[start:end]):
        end = start + owner.end()
    end = start + len(re.sub(r"(?:\s+\([^()]*\)|[’']s|(?<=s)[’'])$", "", text[start:end]))
    article = re.match(r"(?:the|an?)\s+", text[start:end], re.IGNORECASE)
    if article and not (
        article.group()[0] == "T" and is_outlet(text[start:end]) and not text[start + 4 : end].isupper()
    ):
        start += article.end()
    return start, end


def is_outlet(name: str) -> bool:
    return _IS_OUTLET.fullmatch(name) is not None


def is_some_outlet(name: str) -> bool:
    """ "the newspaper": an outlet that was named before."""
    return re.fullmatch(r"(?:news)?paper|outlet|publication|broadcaster|magazine|(?:news\s+)?agency", name) is not None


def fits(pronoun: str, name: str, text: str) -> bool:
    """Whether he, she or they can stand for the name, as its words tell. text: where full names are looked up."""
    head = _HEAD.search(name)
    several = " and " in name or bool(head and re.search(r"(?:s|people|police|men)$", head.group()))
    if pronoun == "they":
        return several
    if several or re.match(r"Mr\.|.*\bm[ae]n$" if pronoun == "she" else r"M(?:r?s)\.|.*woman\b", name):
        return False
    return is_person(name, text)


def is_person(name: str, text: str) -> bool:
    """Whether one person is meant: a title or an office, or two names, or the last name of such a pair in the text."""
    if _OFFICE.search(name):
        return True
    if _GROUP.search(name):
        return False
    pair = rf"{_SIMPLE_CAP}\s+{re.escape(name)}\b(?!\s+[A-Z])"
    return bool(FULL_NAME.fullmatch(name) or (_ONE_NAME.fullmatch(name) and re.search(pair, text)))
