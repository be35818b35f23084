"""The evaluations that are kept to compare with can be read, and hold no text that is not the project's own."""

from pathlib import Path

import pytest

from eval import baselines
from eval.gate import missed_floors, read_floors
from eval.report import read_json

FILES = sorted(baselines.FOLDER.glob("*.json.gz"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name.partition(".")[0])
def test_a_baseline_is_read_and_holds_only_the_texts_of_developed_sets(file: Path) -> None:
    evaluation = read_json(file)
    assert evaluation.overall
    texts = {o.question + o.text + "".join(o.quotes) for o in evaluation.outcomes}
    texts |= {pair.quote + pair.sentence for pair in evaluation.pairs}
    assert (texts == {""}) == (file.name != "quality.json.gz")


def test_every_baseline_that_can_be_made_is_there() -> None:
    assert {file.name.partition(".")[0] for file in FILES} >= set(baselines.BASELINES)


def test_the_floors_stand_below_the_baseline() -> None:
    assert missed_floors(read_json(baselines.FOLDER / "quality.json.gz"), read_floors()) == []


def test_a_folder_without_the_sets_and_an_unknown_name_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert baselines.main([str(tmp_path)]) == 1
    assert "no question sets in" in capsys.readouterr().err
    (tmp_path / "domains").mkdir()
    assert baselines.main([str(tmp_path), "squad3"]) == 2
    assert "no baseline 'squad3'; there are: quality, held_out" in capsys.readouterr().err
