"""What train, predict and evaluate say of odd cells, far values and unknown categories."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.helpers import invoke

QUICK = ("--recipe", "plain", "--hidden", "4", "--epochs", "2", "--engine", "reference")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model, the report of its training, and rows for it."""
    folder = tmp_path_factory.mktemp("odd")
    regions, header = ["north", "south", "east"], "region,size,sold,weight,price\n"
    rows = [
        [regions[row % 3], f"{row}.5", f"{row % 28 + 1}/3/2021", f"{row % 7}", f"{row * 2}.25"] for row in range(80)
    ]
    rows[5][1], rows[6][2], rows[7][3], rows[8][4] = "12..5", "soon", "1e9", "1e9"
    (folder / "train.csv").write_text(header + "".join(",".join(row) + "\n" for row in rows))
    later = [[row[0][0], *row[1:]] for row in rows[20:40]]
    later[2][1] = later[9][1] = "n.b."
    later[3][2] = "then"
    (folder / "later.csv").write_text(header + "".join(",".join(row) + "\n" for row in later))
    words = ("train", folder / "train.csv", "--target", "price", "--model", folder / "model.rv", *QUICK)
    result = invoke(*words)
    assert result.exit_code == 0, result.output
    (folder / "report.txt").write_text(result.output)
    return folder


ODD = ('Column "size": 2 cells count as missing: "n.b." in 2 rows, first in row 3.', '"then" in row 4')
UNKNOWN = '20 of 20 cells of column "region" are none of the 3 categories that the model knows'


def test_train_says_what_was_odd(folder: Path) -> None:
    output = " ".join((folder / "report.txt").read_text().split())
    assert 'Column "size": 1 cell counts as missing: "12..5" in row 6.' in output
    assert 'Column "sold": 1 cell counts as missing: "soon" in row 7.' in output
    assert 'Column "weight": 1e+09 in row 8 lies far from all other values' in output
    assert 'Target "price": 1e+09 in row 9 lies far from all other values' in output


def test_predict_says_what_was_odd(folder: Path) -> None:
    for options in ((), ("--json",)):
        result = invoke("predict", folder / "model.rv", folder / "later.csv", *options)
        assert result.exit_code == 0, result.output
        assert all(result.stderr.count(text) == 1 for text in (*ODD, UNKNOWN))


def test_evaluate_says_what_was_odd(folder: Path) -> None:
    result = invoke("evaluate", folder / "model.rv", folder / "later.csv")
    output = " ".join(result.output.split())
    assert all(output.count(text) == 1 for text in (*ODD, UNKNOWN))
    result = invoke("evaluate", folder / "model.rv", folder / "later.csv", "--json")
    notes = " ".join(json.loads(result.stdout)["notes"])
    assert all(notes.count(text) == 1 for text in (*ODD, UNKNOWN))
