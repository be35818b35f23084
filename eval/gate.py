"""`make quality`: the developed sets and the seeds against floors, so that nobody makes answers worse without a word.

    python -m eval.gate [--out NEW.json] [--compare OLD.json] [--report NEW.html] [--raise]

Floors stand in eval/floors.toml, one entry after another: of a figure's entries the last one counts, and one that is
easier to meet than the one before it needs a line that says why. --raise appends entries for what has risen.
"""

import argparse
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from eval.compare import compare
from eval.figures import MEASURES, Figure
from eval.report import check_writable, print_comparison, print_report, read_json, run_sets, write_json
from eval.report_html import write_report
from eval.runner import Evaluation
from index.errors import SaysoError, UsageError
from rag import Settings

FLOORS = Path(__file__).with_name("floors.toml")
SETS = ("developed", "seeds")
# Another processor rounds otherwise, and an answer or two turn.
_MARGIN, _MARGIN_QUESTIONS = 0.02, 1.5


@dataclass(frozen=True, slots=True)
class Floor:
    """What a figure must reach, or must not pass where less is better. domain: of one set, "" for all together."""

    figure: str
    least: float
    domain: str = ""
    why: str = ""

    @property
    def better(self) -> int:
        return MEASURES[self.figure].better

    def is_easier_than(self, other: "Floor") -> bool:
        return (self.least - other.least) * self.better < 0


@dataclass(frozen=True, slots=True)
class Missed:
    floor: Floor
    value: float | None


def read_floors(path: Path = FLOORS) -> list[Floor]:
    """The last entry of each figure. Raises UsageError for a lowered floor without a reason, and an unknown figure."""
    floors: dict[tuple[str, str], Floor] = {}
    for row in tomllib.loads(path.read_text(encoding="utf-8"))["floor"]:
        floor = Floor(row["figure"], float(row["least"]), row.get("domain", ""), row.get("why", ""))
        if floor.figure not in MEASURES:
            raise UsageError(f"{path.name}: no figure is called {floor.figure!r}; there are: {', '.join(MEASURES)}")
        before = floors.get((floor.figure, floor.domain))
        if before and floor.is_easier_than(before) and not floor.why:
            raise UsageError(
                f"{path.name}: {floor.figure!r} goes from {before.least} to {floor.least}, which is easier to meet; "
                "say why in that entry: why = …"
            )
        floors[floor.figure, floor.domain] = floor
    return list(floors.values())


def _figure(evaluation: Evaluation, floor: Floor) -> Figure | None:
    figures = evaluation.domains.get(floor.domain, {}) if floor.domain else evaluation.overall
    return figures.get(floor.figure)


def missed_floors(evaluation: Evaluation, floors: Sequence[Floor]) -> list[Missed]:
    """The floors that an evaluation does not reach. A figure that it does not have is missed too."""
    found = []
    for floor in floors:
        figure = _figure(evaluation, floor)
        value = figure.value if figure else None
        if value is None or (value - floor.least) * floor.better < -1e-9:
            found.append(Missed(floor, value))
    return found


def raised_floors(evaluation: Evaluation, floors: Sequence[Floor]) -> list[Floor]:
    """New floors, a margin below what was reached, where that is harder to meet than the floor that stands."""
    new = []
    for floor in floors:
        if (figure := _figure(evaluation, floor)) and figure.value is not None:
            margin = max(_MARGIN, _MARGIN_QUESTIONS / figure.n)
            least = round(figure.value - margin * floor.better, 3)
            higher = Floor(floor.figure, least, floor.domain)
            if floor.is_easier_than(higher) and 0 < least < 1:  # of very few questions a floor would ask for nothing
                new.append(higher)
    return new


def write_floors(floors: Sequence[Floor], path: Path = FLOORS) -> None:
    """Append them."""
    with path.open("a", encoding="utf-8") as file:
        for floor in floors:
            domain = f'domain = "{floor.domain}"\n' if floor.domain else ""
            file.write(f'\n[[floor]]\nfigure = "{floor.figure}"\n{domain}least = {floor.least}\n')


def print_gate(evaluation: Evaluation, floors: Sequence[Floor], console: Console) -> bool:
    """Every floor with what was reached; whether all were."""
    red = {(miss.floor.figure, miss.floor.domain) for miss in missed_floors(evaluation, floors)}
    table = Table(title="floors")
    for heading in ("figure", "set", "floor", "reached", ""):
        table.add_column(heading, justify="right" if heading in ("floor", "reached") else "left")
    for floor in floors:
        figure = _figure(evaluation, floor)
        reached = "–" if figure is None or figure.value is None else f"{figure.value:.3f}"
        bound = f"{'≥' if floor.better > 0 else '≤'} {floor.least:.3f}"
        is_red = (floor.figure, floor.domain) in red
        words = MEASURES[floor.figure].words
        table.add_row(words, floor.domain or "all", bound, reached, "MISSED" if is_red else "")
    console.print(table)
    return not red


def embedded(**given: float) -> Settings:
    """The user's settings without the models they name: what comes with sayso is measured."""
    return Settings.load(model="", verifier="", **given)


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when every floor is reached, 1 when one is not, 2 for wrong use."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--out", type=Path, help="also write the evaluation here, as JSON")
    parser.add_argument("--report", type=Path, help="also write it as an HTML page")
    parser.add_argument("--compare", type=Path, help="an evaluation of --out to compare with")
    parser.add_argument("--raise", dest="raises", action="store_true", help="append floors for what has risen")
    given = parser.parse_args(arguments)
    console = Console()
    try:
        floors = read_floors()
        old = read_json(given.compare) if given.compare else None
        for file in filter(None, (given.out, given.report)):
            check_writable(file)
        evaluation = run_sets(SETS, settings=embedded())
        if given.out:
            write_json(evaluation, given.out)
        comparison = compare(old, evaluation) if old else None
        if given.report:
            write_report(evaluation, given.report, comparison)
    except SaysoError as error:
        print(f"quality: {error}", file=sys.stderr)
        return error.exit_status
    print_report(evaluation, console)
    if comparison:
        print_comparison(comparison, console)
    green = print_gate(evaluation, floors, console)
    if given.raises:
        write_floors(raised_floors(evaluation, floors))
    return 0 if green else 1


if __name__ == "__main__":
    sys.exit(main())
