"""How an answer was made, in words: what the page shows under a fold and an export ends with. Pure."""

from rag.types import Answer, Filter

_STAGES = {  # of Answer.timings, in the order of the work
    "rewrite": "understand the question",
    "embed": "embed it",
    "retrieve": "search",
    "describe": "rank sentences",
    "read": "read",
    "choose": "choose",
    "cite": "attribute",
    "write": "write and check",
}


def explained(answer: Answer, where: Filter | None = None) -> list[tuple[str, str]]:
    """Pairs of what and how, plain text that may be foreign. where: what the question was restricted to."""
    pairs = [
        ("Understood as", answer.asked_as if answer.asked_as != answer.question else ""),
        ("Only from", restricted(where or Filter(), answer.as_of)),
        ("Written by", answer.model or "nobody: the sources' own words"),
        ("Passages read", _passages(answer)),
        ("Scores", ", ".join(f"[{c.marker}] {c.score:.2f}" for c in answer.citations)),
        ("Time", _times(answer)),
        ("Tokens", _tokens(answer)),
        ("Cost", _cost(answer)),
        ("Library", f"version {answer.library_version}"),
    ]
    return [(what, how) for what, how in pairs if how]


def restricted(where: Filter, as_of: str = "") -> str:
    """ "The Paper; since 2024; until May 2025", empty when everything may be used."""
    count = len(where.doc_ids)
    parts = [
        ", ".join(where.sources),
        f"since {where.since}" if where.since else "",
        f"until {where.until}" if where.until else "",
        f"{count} chosen document{'' if count == 1 else 's'}" if count else "",
        f"as of {as_of}" if as_of else "",
    ]
    return "; ".join(part for part in parts if part)


def _passages(answer: Answer) -> str:
    if not answer.hits:
        return "none"
    scores = [hit.score for hit in answer.hits]
    span = f"{max(scores):.2f}" if len(scores) == 1 else f"{max(scores):.2f} to {min(scores):.2f}"
    return f"{len(scores)}, scored {span}"


def _times(answer: Answer) -> str:
    laps = dict(answer.timings)
    total = laps.pop("total", sum(laps.values()))
    if not laps:
        return "from the answers kept on this computer" if answer.model else ""
    stages = ", ".join(f"{words} {_ms(laps[name])}" for name, words in _STAGES.items() if laps.get(name, 0) >= 0.0005)
    return f"{_ms(total)} in all: {stages}" if stages else f"{_ms(total)} in all"


def _ms(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 10 else f"{seconds * 1000:,.0f} ms"


def _tokens(answer: Answer) -> str:
    usage = answer.usage
    if "prompt_tokens" not in usage:
        return ""
    words = f"{usage['prompt_tokens']:,.0f} read, {usage.get('completion_tokens', 0):,.0f} written"
    left_out = usage.get("evidence_left_out", 0)
    return f"{words}; {left_out:.0f} sentences did not fit" if left_out else words


def _cost(answer: Answer) -> str:
    if "prompt_tokens" not in answer.usage:
        return ""
    cost = answer.usage.get("cost_usd")
    return "not known" if cost is None else f"${cost:.4f}"
