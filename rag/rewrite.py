"""A follow-up and its conversation to a question that stands alone.

By rule: a question that leans on what was said before (a pronoun without a name, "and in 2025?", "why?") is asked
together with what the last question was about. A question that stands alone is left alone.
"""

import re
from collections.abc import Sequence

from rag.types import Turn

_LEANS = re.compile(
    r"\b(?:he|she|it|they|him|her|them|his|hers|its|their|theirs|this|these|those|there|then|so|the (?:same|other)"
    r"|(?:the|that) (?:one|two|latter|former|first|second)|else|instead|latter|former)\b",
    re.IGNORECASE,
)
_CONTINUES = re.compile(
    r"^\W*(?:and|but|or|so|also|what about|how about|what else|who else|why(?: not)?\s*\?|when\s*\?|where\s*\?|who\s*\?"
    r"|how\s*\?|really|more|tell me more|go on|in what|according to whom)\b",
    re.IGNORECASE,
)
# "it" that stands for nothing: "is it true that", "what time is it", "that" before a clause.
_EMPTY_IT = re.compile(
    r"\b(?:is|was) (?:it|there|this) (?:true|possible|likely|a|any)\b|\bso (?:far|much|many)\b", re.IGNORECASE
)
_ENDS_THERE = re.compile(r"\b(?:there|then|that|this|it)\W*$", re.IGNORECASE)
_NAME = re.compile(r"(?<!^)(?<![.?!] )\b[A-Z][\w’'-]+")
_SHORT = 3  # words: fewer name no topic of their own


def needs_history(question: str) -> bool:
    """Whether the question cannot be understood without what came before it."""
    if _CONTINUES.match(question) or _ENDS_THERE.search(question) or len(question.split()) <= _SHORT:
        return True
    return bool(_LEANS.search(_EMPTY_IT.sub("", question))) and not _NAME.search(question)


def standalone(question: str, history: Sequence[Turn]) -> str:
    """The last question that stood alone and then this one; this one by itself when it needs no other."""
    if not history or not needs_history(question):
        return question
    topic = [turn.question for turn in history]
    while len(topic) > 1 and needs_history(topic[-1]):
        topic.pop()
    return f"{topic[-1].rstrip(' ?.!')}? {question}"
