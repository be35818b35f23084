"""Two evaluations of the same questions -> what differs, with paired intervals, and which questions turned.

Times are left out: two runs at different hours say little of them, `sayso bench` measures them side by side.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace

from eval.figures import TIMES, Difference, Judged, differences, judged_right
from eval.judge import Outcome
from eval.runner import Evaluation
from index.errors import UsageError

_OF_A_RUN = ("seconds", "tokens", "reason")  # differ from run to run, and are no judgement
_TEXTS = ("question", "expected", "asked_as", "text", "quotes", "documents", "why")


@dataclass(frozen=True, slots=True)
class Turned:
    """A question or a pair whose judgement differs between the two runs."""

    domain: str
    id: str
    kind: str
    old: Judged
    new: Judged


@dataclass(frozen=True, slots=True)
class Comparison:
    """differences: of each figure that both have. kinds, domains: of each kind and set those outside their interval.

    changed: neither became right nor wrong, but something that is judged differs. missing: questions that
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
    right = [t for t in turned if judged_right(t.new) and not judged_right(t.old)]
    wrong = [t for t in turned if judged_right(t.old) and not judged_right(t.new)]
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
    """By set and id; by id alone where that is unique in both runs, since one of them may have had another name."""
    old, new = list(old), list(new)
    before = {(o.domain, o.id): o for o in old}
    alone_old, alone_new = (Counter(o.id for o in some) for some in (old, new))
    by_id = {o.id: o for o in old if alone_old[o.id] == alone_new[o.id] == 1}
    found = [(before.get((o.domain, o.id)) or by_id.get(o.id), o) for o in new]
    return [(first, second) for first, second in found if first is not None and _asks_the_same(first, second)]


def _asks_the_same(old: Judged, new: Judged) -> bool:
    """As far as texts were kept."""
    asked = [getattr(judged, "question", "") or getattr(judged, "sentence", "") for judged in (old, new)]
    return not all(asked) or asked[0] == asked[1]


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


def _judgement(judged: Judged) -> Judged:
    """Without what may differ in two runs that say the same, and without texts, which a run may not have kept."""
    left_out = {f.name: f.default for f in fields(judged) if f.name in (*_OF_A_RUN, *_TEXTS)}
    rounded = (
        {"probability": round(judged.probability, 3)} if isinstance(judged, Outcome) and judged.probability else {}
    )
    return replace(judged, **left_out, **rounded, domain="")  # type: ignore[arg-type]
