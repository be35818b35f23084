"""A follow-up and its conversation to a question that stands alone.

By rule: a question that leans on what was said before (a pronoun without a name, "and in 2025?", "why?") gets the name
that its pronoun stands for, where the last question was about one person; "and about the pier?" and "and Lind?" ask the
last question of something or somebody else; any other is asked together with what the last question was about. By a
language model, where there is one: it is asked to say the question in full, and what it says is taken only if it is
made of the conversation's names and numbers. A question that stands alone is left alone.
"""

import re
from collections.abc import Sequence

from rag.types import Message, Turn

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
_ENDS_THERE = re.compile(r"\b(?:there|then|it|(?:that|this|these|those)(?: [a-z]+)?)\W*$", re.IGNORECASE)
_ENDS_IN_IT = re.compile(r"\b(?:it|that|this)\W*$", re.IGNORECASE)
_NAME = re.compile(r"(?<!^)(?<![.?!] )\b[A-Z][\w’'-]+")
_WORD = r"[A-Z][\w’'-]*[\w]"
# A name that may be a person's: not behind "in", "at" and the like, nor behind "the".
_NAMED = re.compile(
    rf"(?<!^)(?<![.?!:] )(?<!\b[Ii]n )(?<!\bat )(?<!\bto )(?<!\bfrom )(?<!\bnear )(?<!\bthe )\b{_WORD}(?: {_WORD})*"
)
_PERSON = re.compile(
    r"\b(?:(?P<owner>his|her(?= (?!(?:about|again|and|at|by|do|for|from|go|in|on|or|that|the|to|when|with)\b)[a-z]))"
    r"|he|she|him|her)\b",
    re.IGNORECASE,
)
_SHORT = 3  # words: so few name no topic of their own, but for "Who met Quill?"
_WHO_NAMED = re.compile(rf"\W*[Ww]ho \w+ {_WORD}\W*$")
_SPOKEN_OF = re.compile(rf"\b(?:about|of|on) {_WORD}(?: {_WORD})*")
_ABOUT_ANOTHER = re.compile(r"\W*(?:and|but|or)\W+(?P<about>about\b.+)", re.IGNORECASE)  # "and about the pier?"
_ANOTHER = re.compile(
    rf"\W*(?i:and|but|or|(?:and )?(?:what|how) about)\W+(?P<who>{_WORD}(?: {_WORD})*)\W*"
)  # "and Lind?"
_UP_TO_ABOUT = re.compile(r".*\b(?=about\b)", re.IGNORECASE | re.DOTALL)  # the last one

INSTRUCTIONS = """\
You are given a conversation and its last question. Write that question so that it can be understood without the
conversation: put names in the place of pronouns and fill in what was left out. Use only what the conversation says. Do
not answer the question. Write one question, on one line, and nothing else."""
_TURNS, _ANSWER_CHARS = 4, 400  # of the conversation that a model is shown
_LONGEST = 400  # characters of a question in full
_LABEL = re.compile(r"^\W*(?:(?:rewritten |standalone |full )?question\s*:\s*)?[\"“]?", re.IGNORECASE)
_NAMED_OR_NUMBERED = re.compile(r"(?<!^)\b(?:[A-Z][\w’'-]*|\w*\d\w*)")


def needs_history(question: str) -> bool:
    """Whether the question cannot be understood without what came before it."""
    short = len(question.split()) <= _SHORT and not _WHO_NAMED.match(question)
    if short or _CONTINUES.match(question) or _ENDS_THERE.search(question):
        return True
    leans = _LEANS.search(_EMPTY_IT.sub("", question))
    name, person = _NAME.search(question), _PERSON.search(question)
    # "What did he say about Lind?" leans: who comes before the name is not the one named.
    return bool(leans) and (name is None or bool(person and person.start() < name.start()))


def standalone(question: str, history: Sequence[Turn]) -> str:
    """The question with what it leaves out, or behind the last one that stood alone; by itself when it needs neither.

    history: oldest first.
    """
    if not history or not needs_history(question):
        return question
    topic = _topic(history)
    filled = _filled_in(question, topic)
    return filled if _stands(filled) else f"{topic.rstrip(' ?.!')}? {filled or question}"


def _stands(filled: str) -> bool:
    """Whether nothing is left out any more, as in "When did Quill say that?"."""
    return bool(filled) and not _ENDS_IN_IT.search(filled)


def _topic(history: Sequence[Turn]) -> str:
    """The last question that stands alone, or does with what its pronoun stood for."""
    topic = history[0].question
    for turn in history[1:]:
        if not needs_history(turn.question):
            topic = turn.question
        elif _stands(filled := _filled_in(turn.question, topic)):
            topic = filled
    return topic


def _filled_in(question: str, topic: str) -> str:
    """The question with what it leaves out of the one before it, "" where it is not plain what that is."""
    if (other := _ABOUT_ANOTHER.match(question)) and (asked := _UP_TO_ABOUT.match(topic)):
        return asked.group() + other["about"]
    # "What did Quill say about Lind?" is about Quill, where there is one.
    names = _names(_SPOKEN_OF.sub("", topic)) or _names(topic)
    if len(names) == 1 and (another := _ANOTHER.fullmatch(question)):
        return topic.replace(names[0], another["who"], 1)
    if len(names) == 1 and (found := _PERSON.search(question)):
        name = names[0] + ("’s" if found["owner"] else "")
        return question[: found.start()] + name + question[found.end() :]
    return ""


def _names(question: str) -> list[str]:
    return list(dict.fromkeys(re.sub(r"[’']s?$", "", name) for name in _NAMED.findall(question)))


def rewrite_prompt(question: str, history: Sequence[Turn]) -> tuple[Message, ...]:
    """What a language model is asked. history: oldest first."""
    lines = []
    for turn in history[-_TURNS:]:
        lines.append(f"Question: {' '.join(turn.question.split())}")
        if turn.answer:
            lines.append(f"Answer: {' '.join(turn.answer.split())[:_ANSWER_CHARS]}")
    lines.append(f"Last question: {' '.join(question.split())}")
    return Message("system", INSTRUCTIONS), Message("user", "\n".join(lines) + "\nIn full:")


def read_rewritten(draft: str, question: str, history: Sequence[Turn]) -> str:
    """The question in a model's draft, or "" when that is none, or says what the conversation does not."""
    lines = [line.strip() for line in draft.splitlines() if line.strip()]
    found = _LABEL.sub("", lines[0]).rstrip('"” ') if lines else ""
    if not found.endswith("?") or len(found) > max(_LONGEST, 2 * len(question)):
        return ""
    said = " ".join([question, *(f"{turn.question} {turn.answer}" for turn in history)]).casefold()
    if any(re.sub(r"[’']s?$", "", word.casefold()) not in said for word in _NAMED_OR_NUMBERED.findall(found)):
        return ""
    return found
