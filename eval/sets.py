"""The question sets that come with sayso, told apart by what they may be used for: eval/questions/sets.toml.

A set is fitted (weights or a threshold were learned on it), developed (its misses are read, and floors of
`eval.gate` stand on it) or held_out: never looked at, so that of a run over it the figures are kept and neither the
questions nor the answers. Its table is what `sayso eval` prints when nothing is named.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Literal, get_args

from index.errors import UsageError

Use = Literal["fitted", "developed", "held_out"]


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """path: a question file about the seeds, or a folder with docs/, questions.jsonl and pairs.jsonl; None where the
    set does not come with sayso. drawn: when it was made, last. about: what it holds, and why it is used so."""

    name: str
    use: Use
    drawn: str
    about: str
    path: Path | None


def question_sets() -> list[QuestionSet]:
    """In the order of the file."""
    folder = _folder()
    rows = tomllib.loads((folder / "sets.toml").read_text(encoding="utf-8"))["set"]
    sets = []
    for row in rows:
        assert row["use"] in get_args(Use), row
        path = folder / row["path"] if "path" in row else None
        sets.append(QuestionSet(row["name"], row["use"], str(row["drawn"]), row["about"], path))
    return sets


def find_sets(name: str) -> list[tuple[str, Path]]:
    """The sets that a name stands for, each with its path: a set's name, a use for all that come with sayso, a path.

    "./handbook" is a path where a set has that name too; a folder of folders stands for each of them. Raises UsageError
    when there is nothing of this name.
    """
    sets = [(s, s.path) for s in question_sets() if s.path is not None]
    if chosen := [(s.name, path) for s, path in sets if name in (s.name, s.use)]:
        return chosen
    try:
        path = Path(name).expanduser()
    except RuntimeError as error:
        raise UsageError(f"cannot tell what {name!r} is: {error}") from error
    if path.is_dir():
        if _is_set(path):
            return [(path.resolve().name, path)]
        if inside := sorted(filter(_is_set, path.iterdir())):
            return [(p.name, p) for p in inside]
        raise UsageError(
            f"{name!r} holds no question set; name a folder with questions.jsonl and docs/, or one of such folders"
        )
    if path.exists() or path.suffix or len(path.parts) > 1:
        # Of a set's folder its name says more than "questions".
        own = path.stem in ("questions", "pairs") and (path.parent / "docs").is_dir()
        return [(path.resolve().parent.name if own else path.stem, path)]
    known = ", ".join(dict.fromkeys([*(s.use for s, _ in sets), *(s.name for s, _ in sets)]))
    raise UsageError(f"no question set {name!r}; name a file, a folder, or one that comes with sayso: {known}")


def resolve_sets(names: Sequence[str]) -> list[tuple[str, Path]]:
    """`find_sets` of several names: each set once, under names that differ."""
    found: dict[Path, str] = {}
    for name in names:
        for set_name, path in find_sets(name):
            if path.resolve() not in found:
                taken = set_name in found.values()
                found[path.resolve()] = f"{path.resolve().parent.name}/{set_name}" if taken else set_name
    return [(name, path) for path, name in found.items()]


def _is_set(folder: Path) -> bool:
    return (folder / "questions.jsonl").is_file() or (folder / "pairs.jsonl").is_file()


def is_held_out(path: Path) -> bool:
    """Whether what lies there is never looked at."""
    own = path.resolve()
    return any(
        s.use == "held_out" and s.path is not None and (own == s.path or s.path in own.parents) for s in question_sets()
    )


def uses(paths: Sequence[Path]) -> tuple[str, ...]:
    """What the sets at these paths may be used for, each once; "" for one that does not come with sayso."""
    by_path: dict[Path, str] = {s.path: s.use for s in question_sets() if s.path is not None}
    own = [path.resolve() for path in paths]
    return tuple(dict.fromkeys(by_path.get(path) or by_path.get(path.parent, "") for path in own))


def _folder() -> Path:
    return Path(str(files("eval"))).resolve() / "questions"
