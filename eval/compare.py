"""Two evaluations of the same questions -> what differs, with paired intervals, and which questions turned.

Times are left out: two runs at different hours say little of them, `sayso bench` measures them side by side.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace

from eval.figures import TIMES, Difference, Judged, differences
from eval.judge import Outcome, is_right
from eval.pairs import PairOutcome
from eval.runner import Evaluation
from index.errors import UsageError

_OF_A_RUN = ("seconds", "tokens")  # differ from run to run, and are no judgement
_TEXTS = ("question", "expected", "asked_as", "text", "quotes", "documents", "why")


@dataclass(frozen=True, slots=True)
class Turned:
    """A question, or a pair, that one run has right and the other wrong, or both otherwise."""

    domain: str
    id: str
    kind: str
    old: Judged
    new: Judged


@dataclass(frozen=True, slots=True)
class Comparison:
    """differences: of each figure that both have. kinds, domains: of each kind and corpus those outside their interval.

    changed: neither became right nor wrong, but something that is judged or quoted differs. missing: questions that
    only one of the runs has.
    """

    old: str
    new: str
    differences: tuple[Difference, ...]
    kinds: Mapping[str, tuple[Difference, ...]] = field(default_factory=dict)
    domains: Mapping[str, tuple[Difference, ...]] = field(default_factory=dict)
    became_right: tuple[Turned, ...] = ()
    became_wrong: tuple[Turned, ...] = ()
    changed: tuple[Turned, ...] = ()
    missing: int = 0

    @property
    def worse(self) -> list[Difference]:
        return [difference for difference in self.differences if difference.is_worse]


def compare(old: Evaluation, new: Evaluation) -> Comparison:
    """Raises UsageError when the two have no question in common."""
    questions = _matched(old.outcomes, new.outcomes)
    pairs = _matched(old.pairs, new.pairs)
    if not (questions or pairs):
        raise UsageError("these evaluations have no question in common; compare two of the same set")
    turned = [
        Turned(after.domain, after.id, after.kind, before, after)
        for before, after in [*questions, *pairs]
        if _judgement(before) != _judgement(after)
    ]
    right = [t for t in turned if _is_right(t.new) and not _is_right(t.old)]
    wrong = [t for t in turned if _is_right(t.old) and not _is_right(t.new)]
    total = len(old.outcomes) + len(new.outcomes) + len(old.pairs) + len(new.pairs)
    return Comparison(
        old=f"{old.name} {old.code}".strip(),
        new=f"{new.name} {new.code}".strip(),
        differences=(*_differences(questions), *_differences(pairs)),
        kinds=_grouped(questions, pairs, lambda judged: judged.kind),
        domains=_grouped(questions, pairs, lambda judged: judged.domain) if len(new.domains) > 1 else {},
        became_right=tuple(right),
        became_wrong=tuple(wrong),
        changed=tuple(t for t in turned if t not in right and t not in wrong),
        missing=total - 2 * len(questions) - 2 * len(pairs),
    )


def _matched(old: Iterable[Judged], new: Iterable[Judged]) -> list[tuple[Judged, Judged]]:
    """By corpus and id; by id alone where one of the runs was of a single corpus."""
    old, new = list(old), list(new)
    by_domain = len({o.domain for o in old}) > 1 and len({o.domain for o in new}) > 1
    before = {(o.domain if by_domain else "", o.id): o for o in old}
    keyed = [((o.domain if by_domain else "", o.id), o) for o in new]
    return [(before[key], after) for key, after in keyed if key in before]


def _differences(matched: Sequence[tuple[Judged, Judged]]) -> list[Difference]:
    if not matched:
        return []
    old, new = zip(*matched, strict=True)
    return [found for found in differences(old, new) if found.name not in TIMES]


def _grouped(
    questions: Sequence[tuple[Judged, Judged]], pairs: Sequence[tuple[Judged, Judged]], of: Callable[[Judged], str]
) -> dict[str, tuple[Difference, ...]]:
    groups: dict[str, list[tuple[Judged, Judged]]] = {}
    for some in (questions, pairs):
        for before, after in some:
            groups.setdefault(of(after), []).append((before, after))
    found = {name: tuple(d for d in _differences(members) if d.is_clear) for name, members in groups.items()}
    return {name: clear for name, clear in found.items() if clear}


def _is_right(judged: Judged) -> bool:
    return judged.passed == judged.supported if isinstance(judged, PairOutcome) else is_right(judged)


def _judgement(judged: Judged) -> Judged:
    """Without what may differ in two runs that say the same, and without texts, which a run may not have kept."""
    left_out = {f.name: f.default for f in fields(judged) if f.name in (*_OF_A_RUN, *_TEXTS)}
    rounded = (
        {"probability": round(judged.probability, 3)} if isinstance(judged, Outcome) and judged.probability else {}
    )
    return replace(judged, **left_out, **rounded, domain="")  # type: ignore[arg-type]
