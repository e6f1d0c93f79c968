"""What commas and points mean is decided once for a table: a column reads the same as an input and as the target."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ranvier.data import infer_schema, open_source, prepare
from ranvier.data.look import look
from ranvier.data.targets.target_column import target_formats, target_values
from ranvier.errors import InputError

ROWS = 40
CENTS = [f"{n},{n % 10}5" for n in range(ROWS)]
POINTS = [f"{n}.{n % 10}5" for n in range(ROWS)]
GROUPS = [f"{n + 1}.{n:03d}" for n in range(ROWS)]
COMMAS = [f"{n + 1},{n:03d}" for n in range(ROWS)]
AS_THOUSANDS = [1000.0 * (n + 1) + n for n in range(ROWS)]
AS_DECIMALS = [number / 1000 for number in AS_THOUSANDS]

# name -> the cells of the column, those of the other column, and the numbers in them.
MEMBERS: dict[str, tuple[list[str], list[str], list[float]]] = {
    "points beside decimal commas": (GROUPS, CENTS, AS_THOUSANDS),
    "points beside decimal points": (GROUPS, POINTS, AS_DECIMALS),
    "commas beside decimal commas": (COMMAS, CENTS, AS_DECIMALS),
    "commas beside decimal points": (COMMAS, POINTS, AS_THOUSANDS),
    "euros beside decimal commas": ([f"{cell} €" for cell in GROUPS], CENTS, AS_THOUSANDS),
    "dollars beside decimal points": ([f"${cell}" for cell in COMMAS], POINTS, AS_THOUSANDS),
    "a currency beside decimal commas": ([f"R$ {cell}" for cell in COMMAS], CENTS, AS_DECIMALS),
    "percent beside decimal commas": ([f"{cell} %" for cell in COMMAS], CENTS, AS_DECIMALS),
    "a unit beside decimal points": ([f"{cell} kg" for cell in GROUPS], POINTS, AS_DECIMALS),
    "blanks beside decimal commas": ([cell.replace(",", " ") for cell in COMMAS], CENTS, AS_THOUSANDS),
    "apostrophes beside decimal points": ([cell.replace(",", "'") for cell in COMMAS], POINTS, AS_THOUSANDS),
}


@pytest.mark.parametrize("name", MEMBERS)
def test_a_column_reads_the_same_as_an_input_and_as_the_target(name: str) -> None:
    cells, others, numbers = MEMBERS[name]
    source = open_source({"amount": cells, "other": others})
    column = infer_schema(source.frame)[0]
    assert (column.kind, column.number_format.read(source.frame["amount"])[0].tolist()) == ("number", numbers)
    assert target_values(source, ["amount"]).tolist() == numbers
    prepared = prepare(source, target="amount")
    assert prepared.target.number_formats in ((), (column.number_format,))
    assert prepared.task.kind == "regression"


@pytest.mark.parametrize("name", MEMBERS)
def test_the_note_on_the_other_reading_is_the_same_for_the_target(name: str) -> None:
    cells, others, _ = MEMBERS[name]
    source = open_source({"amount": cells, "other": others})
    notes = infer_schema(source.frame)[0].notes
    assert [note for note in prepare(source, target="amount").notes if "was read as" in note] == list(notes)


def test_the_target_is_evidence_for_the_inputs() -> None:
    source = open_source({"amount": CENTS, "weight": COMMAS})
    alone = infer_schema(source.frame)[1].number_format
    assert infer_schema(source.frame, ignore=["amount"])[0].number_format == alone
    assert alone.read(source.frame["weight"])[0].tolist() == AS_DECIMALS


def test_a_column_that_is_left_out_and_cannot_be_read_decides_nothing() -> None:
    source = open_source({"amount": COMMAS, "odd": ["inf"] * ROWS, "lists": [[1]] * ROWS})
    assert target_formats(source, ["amount"])[0].thousands == ","


@pytest.mark.parametrize(
    ("cells", "how", "numbers"),
    [
        (COMMAS, "comma", AS_DECIMALS),
        (COMMAS, "point", AS_THOUSANDS),
        (GROUPS, "comma", AS_THOUSANDS),
        (GROUPS, "point", AS_DECIMALS),
    ],
)
def test_the_user_says_how_numbers_of_a_target_are_written(cells: list[str], how: str, numbers: list[float]) -> None:
    source = open_source({"amount": cells, "other": range(ROWS)})
    kinds = {"amount": f"number:decimal-{how}"}
    prepared = prepare(source, target="amount", kinds=kinds, validation=0.0, test=0.0, canonical=False)
    assert not [note for note in prepared.notes if "was read as" in note]
    forms = prepared.target.number_formats
    for other in (CENTS, POINTS):  # a later file is read as the first one
        later = open_source({"amount": cells, "other": other})
        assert target_values(later, ["amount"], formats=forms).tolist() == numbers
    assert prepared.target.mean == pytest.approx([np.mean(numbers)])


def test_no_other_kind_is_given_to_a_target() -> None:
    source = open_source({"amount": COMMAS, "other": range(ROWS)})
    for kind in ("number", "category", "number:decimals", "date:day-first"):
        with pytest.raises(InputError, match="is the target, and kinds are those of input columns"):
            prepare(source, target="amount", kinds={"amount": kind})


def test_beer_is_read_in_litres(real_data: Path) -> None:
    report = look(real_data / "tabular/beer_sao_paulo/data.csv")
    column = next(column for column in report.columns if column.name.startswith("Consumo"))
    prepared = prepare(real_data / "tabular/beer_sao_paulo/data.csv", target=column.name)
    assert column.notes == (
        f'Column "{column.name}": 1.234 was read as 1234; if it means 1.234: '
        f"--kind '{column.name}=number:decimal-point'.",
    )
    assert set(column.notes) <= set(prepared.notes)
    assert prepared.target.number_formats[0].thousands == "."
