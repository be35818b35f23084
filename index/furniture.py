"""What stands in a document and is no part of what it says: page furniture, appeals to an audience, orders to a model.

None of it is evidence. Rules over one paragraph or sentence, written down from pages and from attacks that are known
(OWASP LLM01, prompt injection); a document that only tells of such orders ("he told the model to ignore …") is left
alone. Whatever slips through still meets the check of every written sentence.
"""

import re
from collections.abc import Iterable, Iterator

_HEADING_MARK = re.compile(r"\s*#{1,6}\s")
# Lines of web pages that state nothing about the world. Each is matched against a whole sentence or line.
_FURNITURE = re.compile(
    r"""(?ix) ^[\W_]*(?:
      \d*\s*(?:comments?|shares?|likes?|views?|replies)             # "0 Comments"
    | (?:home|start|news)\s*[»›>/|].*                               # "Home » World » ..."
    | sources?\s*:?                                                 # a label whose value is elsewhere
    | (?:share|tweet|print|e-?mail|save|reply|report)(?:\s+(?:this|on|via|to)\b.{0,40})?
    | (?:advertisement|sponsored(?:\s+content)?|related(?:\s+(?:articles?|stories|posts?))?)\s*:?
    | (?:read|see)\s+(?:more|also|next)\b.{0,80}
    | (?:leave|post|add)\s+a\s+(?:comment|reply).{0,40}
    | (?:sign|log)\s+(?:in|up|out)\b.{0,60}
    | subscribe\b.{0,80} | follow\s+us\b.{0,60} | click\s+here\b.{0,80}
    | (?:©|\(c\)|copyright\b).{0,80} | all\s+rights\s+reserved.{0,40}
    | (?:we|this\s+(?:web)?site)\s+uses?\s+cookies.{0,200} | (?:accept|reject|manage)\s+(?:all\s+)?cookies.{0,40}
    | (?:tags?|categor(?:y|ies)|filed\s+under|posted\s+in)\s*:.{0,120}
    | skip\s+to\s+(?:main\s+)?content | (?:previous|next)\s+(?:post|article|page)\b.{0,80}
    | \d+\s+min(?:ute)?s?\s+read
    )[\W_]*$
    """
)
# Sentences in which a page or a film asks something of its audience.
_APPEAL = re.compile(
    r"""(?ix)
      \b(?:give|hit|smash|leave|press|drop)\b.{0,40}\b(?:a\s+)?(?:like|thumbs\s+up|subscribe|bell)\b(?!\s+\w+ly)
    | \b(?:sign\s+up\s+(?:for|to)|subscribe\s+to)\s+(?:my|our|the|this)\b.{0,60}\b(?:newsletter|channel|podcast|list)\b
    | \b(?:support|join)\s+(?:the|my|our|this)\s+(?:channel|podcast|newsletter|patreon)\b
    | \b(?:my|our|the)\b.{0,40}\bnewsletter\b.{0,40}\b(?:find|read|subscribe|sign)\b
    | ^\W*(?:thank\s+you|thanks)\b.{0,30}\bfor\s+(?:watching|reading|listening)\b
    | ^\W*(?:okay|ok|alright|so|and)?,?\s*(?:i(?:\s+will|'ll)\s+end\s+(?:it\s+)?here|see\s+you\s+(?:next|again)\b.*)
    """
)
_NAV_ROW = re.compile(r"^(?:[A-Z][\w&-]*[ \t|·•/]+){4,}[A-Z][\w&-]*$")  # "Europe France Global News Politics"

# An imperative: the verb begins a sentence or a clause, or follows a word that makes an order of it.
_DO = (
    r"(?:(?:^|[:;.!?,—–)\]}>*_#|/-])[\s\W]*|\b(?:please|now|then|instead|just|only|always|must|should|shall|"
    r"you\s+(?:will|are\s+to)|immediately|first)\s+)"
)
_MODEL = (
    r"(?:A\.?I\.?|LLM|language\s+model|chat\s?bot|(?:\w+\s+)?assistant|(?:chat)?GPT\S*|Claude|Gemini|Copilot|bot)s?"
)
_SAY = (
    r"(?:reply|respond|answer|output|print|say|repeat|write|include|append|insert|add|begin|end|start|finish|conclude|"
    r"prepend|return|state|mention|cite|tell|display|show|quote|put|replace|recommend|claim|echo|emit|use|give)"
)
_ORDER = re.compile(
    rf"""(?ix)
      {_DO}(?:ignore|disregard|forget|override|bypass|discard|overlook|neglect)\b.{{0,40}}?
        \b(?:previous|prior|earlier|above|preceding|existing|original|former|foregoing|all|any|every|everything|your|
            these|those|system|other)\b.{{0,40}}?
        \b(?:instruct\w*|prompts?|rules?|guidelines?|directi(?:ons?|ves?)|context|evidence|constraints?|training|
            sources?|documents?|commands?|orders?|before|above|told)\b
    | {_DO}(?:ignore|disregard|forget)\s+(?:all\s+(?:of\s+)?)?(?:the\s+|this\s+)?(?:above|everything|foregoing)\b
    | {_DO}(?:do\s+not|don['’]t|never|stop)\s+(?:\w+\s+){{0,2}}?
        (?:mention|reveal|tell|cit(?:e|ing)|quot(?:e|ing)|us(?:e|ing)|trust|rely|follow(?:ing)?|answer(?:ing)?|obey)\b.{{0,60}}?
        \b(?:users?|other|previous|prior|above|any|these|this|your|system)\b.{{0,30}}?
        \b(?:sources?|documents?|evidence|passages?|instructions?|notes?|messages?|rules|prompts?|questions?|users?)\b
    | \b(?:new|updated|hidden|secret|system|developer|admin\w*|override|important)\s+
        (?:instructions?|prompts?|directives?|messages?|overrides?|commands?|rules?)\s*(?:[:\]>]|(?:for|to)\s+{_MODEL}\b)
    | \b{_MODEL}\s*(?:[:,]|(?:must|should|shall|need\s+to|have\s+to|has\s+to|is\s+to|are\s+to|will)\b)\s*
        (?:now\s+|always\s+|only\s+|please\s+|not\s+|you\s+|also\s+)*(?:must\s+|should\s+)?(?:{_SAY}|ignore|follow|visit|click|send)\b
    | \b(?:note|attention|message|notice|hey|hello|dear|warning|reminder|instructions?|memo)\b\W*(?:\w+\s+){{0,3}}?
        (?:to|for)?\s*(?:the\s+|any\s+|all\s+|every\s+)?{_MODEL}\b.{{0,60}}?[:,!—–-]
    | \bif\s+you\s+are\s+(?:an?|the)\s+(?:\w+\s+){{0,2}}?{_MODEL}\b
    | \b(?:as|being)\s+(?:an?|the)\s+{_MODEL},?\s+you(?:r)?\b
    | \byou\s+are\s+in\s+\w+\s+mode\b
    | \byou\s+are\s+(?:now\s+|no\s+longer\s+)(?:an?\s+|the\s+|in\s+|acting\s+)?(?:\w+\s+){{0,3}}?
        (?:{_MODEL}|model|mode|DAN|bound|restricted|limited|free|pirate|hacker)\b
    | ^\W*(?:system|assistant|developer)(?:\s+(?:prompt|message|override|note|instructions?|command|notice))?\s*[:\]>]
    | <\|\w+\|> | \[/?(?:INST|SYS\w*|SYSTEM|ASSISTANT)\] | <</?SYS>>
    | </?(?:system|instructions?|prompt|assistant|evidence)>
    | \#{{2,}}\s*(?:instructions?|system|response|assistant)\b
    | \b(?:begin|start|end)\s+(?:of\s+)?(?:system|prompt|instructions?|admin|hidden|evidence)\b
    | {_DO}{_SAY}\b.{{0,120}}?\b(?:your|every|each|any|all)\s+(?:\w+\s+){{0,2}}?
        (?:answers?|repl(?:y|ies)|responses?|outputs?|summar(?:y|ies)|completions?|citations?|messages?)\b
    | \b(?:your|every|each|any|all)\s+(?:\w+\s+)?(?:answers?|repl(?:y|ies)|responses?|outputs?|summar(?:y|ies))\s+
        (?:must|should|shall|will|ha(?:s|ve)\s+to|needs?\s+to)\b
    | {_DO}{_SAY}\b.{{0,120}}?\b(?:to|for)\s+(?:the\s+|every\s+|any\s+)?users?\b
    | ^\W*(?:(?:please|now|just|instead|only|always|immediately|simply|you\s+(?:must|should|will|shall)|do)\b,?\s+)*
        (?:reply|respond|answer|output|print|say|repeat|write|echo|emit)\s+
        (?:only|exactly|solely|verbatim|with|simply|just|nothing|the\s+(?:exact\s+)?
            (?:words?|phrase|text|string|token|code|secret|following|sentence|line|canary)\b|["“'‘`]|
            (?-i:[A-Z0-9][A-Z0-9_-]{{5,}}))
    | {_DO}(?:click|send|post|forward|upload|render|load|call|direct|point|link)\b.{{0,80}}?
        (?:https?:|hxxps?:|www\.|\S+@\S+\.\w)
    | \b(?:important|urgent|attention|warning)\b\W.{{0,80}}?(?:https?:|hxxps?:|www\.)
    | {_DO}(?:reveal|print|show|output|leak|disclose|send|repeat|expose|dump)\b.{{0,40}}?
        \b(?:system\s+prompt|hidden\s+(?:prompt|instructions?)|api\s+keys?|your\s+(?:instructions?|prompt)|passwords?|
            credentials|secrets?|conversation|chat\s+history)\b
    | !\[[^\]]*\]\( | ^\W*\[[^\]]*\]\(\S*(?:\)\W*$|[?&]\w+=)
    | \b(?:answer|reply|response)\s+to\s+(?:every|all|any|each|the\s+user\S*|whatever)\b.{{0,40}}?
        \b(?:is|must|should|shall)\b
    | \b(?:correct|real|true|only|right|official)\s+answer\b.{{0,30}}?\bis\b\W*(?-i:[A-Z0-9][A-Z0-9_-]{{5,}})
    | \b(?:when(?:ever)?|if|before|after)\s+
        (?:you(?:['’]re|\s+are)?|anyone|someone|the\s+user|users?|asked|answering|summari[sz]ing|responding|replying)\b
        .{{0,60}}?\b(?:ask(?:s|ed)?|answer(?:ing)?|question(?:s|ed)?|summari[sz]\w*|respond\w*|repl\w+)\b
        .{{0,60}}?[,:]\s*(?:you\s+(?:must|should)\s+)?(?:always\s+|only\s+|first\s+)?{_SAY}\b
    """
)
# One of these words, or signs, stands in every order: looked for first, since the pattern is slow and orders are rare.
_ALARMS = frozenset(
    """ignore disregard forget override bypass discard overlook neglect instruction instructions prompt prompts message
    messages passages users user ai llm llms language chatbot chatbots assistant assistants gpt bot bots dan answer
    answers answering reply replying replies respond responding response responses output outputs summary summaries
    completions completion citations citation system developer print repeat echo emit say write password passwords
    credentials secrets keys key sources documents evidence rules notes questions important urgent attention warning
    you""".split()  # noqa: SIM905
)
_SIGNS = ("<|", "[", "</", "http", "hxxp", "www.", "@", "##", "A.I.")
_WORDS = re.compile(r"[a-z]+")
_GOES_ON = re.compile(
    rf"\byou(?:r|rs)?\b|^\W*(?:(?:then|also|and|next|finally|now|please|do\s+not|never|always)\b,?\s+)*"
    rf"(?:{_SAY}|visit|go\s+to|open|follow|download|fetch)\b",
    re.IGNORECASE,
)


def is_furniture(paragraph: str, title: str) -> bool:
    """A line that is never evidence: navigation, counters, labels, and the title, which every citation names anyway."""
    return bool(
        paragraph.strip("# ") == title
        or paragraph.startswith("---\n")
        or (_HEADING_MARK.match(paragraph) and "\n" not in paragraph)
        or _FURNITURE.match(paragraph)
        or _NAV_ROW.match(paragraph)
        or not any(character.isalnum() for character in paragraph)
    )


def says_nothing(sentences: Iterable[str]) -> Iterator[bool]:
    """For each sentence of a paragraph in order, whether it is furniture, an appeal or an order.

    What addresses the reader right behind an order belongs to it.
    """
    ordered = False
    for sentence in sentences:
        ordered = is_order(sentence) or bool(ordered and _GOES_ON.search(sentence))
        yield ordered or bool(_APPEAL.search(sentence) or _FURNITURE.match(sentence))


def is_order(sentence: str) -> bool:
    """Whether it tells a language model what to do."""
    alarming = not _ALARMS.isdisjoint(_WORDS.findall(sentence.lower())) or any(sign in sentence for sign in _SIGNS)
    return alarming and bool(_ORDER.search(sentence))
