"""Bad input gets one clear sentence and exit code 2, and nothing that was there is lost."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ranvier.cli.exit_codes import explain
from tests.cli.helpers import HEADER, Trained, flowers, invoke, refused, write_table

Table = Callable[..., Path]


def train(data: str | Path, *words: str | Path) -> str:
    """Train on something that cannot be trained on; no model and no run is left behind."""
    folder = Path.cwd()
    before = sorted(folder.rglob("*"))
    text = refused("train", data, *(words or ("--target", "species")), "--epochs", "2", "--hidden", "4")
    assert sorted(folder.rglob("*")) == before
    return text


def test_a_missing_file_with_the_nearest_name(table: Table) -> None:
    table()
    assert 'Did you mean "flowers.csv"?' in train("flower.csv")


def test_a_missing_column_with_the_nearest_name(table: Table) -> None:
    assert 'Did you mean "species"?' in train(table(), "--target", "specie")
    assert 'Did you mean "garden"?' in train(table(), "--target", "species", "--ignore", "gardn")


def test_no_target(table: Table) -> None:
    assert "species" in train(table(), "--seed", "1")
    assert train("iris", "--target", "zzz").startswith("Error: The iris set of scikit-learn has no column")


@pytest.mark.parametrize("content", [b"", b"\n\n", ",".join(HEADER).encode() + b"\n"])
def test_an_empty_file(here: Path, content: bytes) -> None:
    (here / "empty.csv").write_bytes(content)
    assert "empty.csv" in train("empty.csv")


def test_a_target_with_one_value(table: Table) -> None:
    def of_one_species(rows: list[list[str]]) -> None:
        for row in rows:
            row[5] = "setosa"

    assert "species" in train(table(of_one_species)) or "one value" in train(table(of_one_species))


def test_numbers_of_which_one_has_one_row(table: Table) -> None:
    def rare(rows: list[list[str]]) -> None:
        for row in rows:
            row[5] = "1"
        rows[0][5] = "2"

    assert "has one row; at least two are needed" in train(table(rare))


def test_ragged_rows(here: Path) -> None:
    rows = flowers()
    rows[7] = rows[7][:3]
    assert "line 9" in train(write_table(here / "ragged.csv", rows))


def test_a_wrong_encoding(here: Path) -> None:
    data = write_table(here / "latin.csv", flowers())
    cells = data.read_bytes().replace(b"setosa", "sétosa".encode())
    data.write_bytes(cells.replace(b"virginica", "virgínica".encode("latin-1")))
    assert "UTF-8" in train(data)


def test_all_missing_columns(here: Path) -> None:
    rows = [["", "", row[5]] for row in flowers()]
    assert "missing" in train(write_table(here / "hollow.csv", rows, ["a", "b", "species"]))


def test_no_column_is_left(table: Table, here: Path) -> None:
    text = "Error: No input column is left: each is the target or ignored. Give more columns, or ignore fewer.\n"
    assert train(table(), "--target", "species", "--ignore", ",".join(HEADER[:-1])) == text
    assert train(write_table(here / "alone.csv", [["a"], ["b"]] * 9, ["word"]), "--target", "word") == text


def test_infinite_values(table: Table) -> None:
    def infinite(rows: list[list[str]]) -> None:
        rows[3][1] = "inf"

    text = train(table(infinite))
    assert "sepal_width" in text
    assert "finite" in text


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--hidden", "12,x"], "integers"),
        (["--validation", "1.5"], "fraction"),
        (["--epochs", "0"], "0"),
        (["--activation", "rellu"], 'Did you mean "relu"'),
        (["--optimizer", "admaw"], "adamw"),
        (["--schedule", "cosin"], "cosine"),
        (["--engine", "natve"], "native"),
        (["--validation", "nothing.csv"], "nothing.csv"),
        (["--learning-rat", "1"], "--learning-rate"),
        (["--learning-rate", "1e400"], "'1e400' is not a finite number"),
        (["--weight-decay", "nan"], "'nan' is not a finite number"),
        (["--target"], "--target needs a value."),
        (["--target", "--epochs", "2"], "--target needs a value, and --epochs is an option."),
        (["--model", "-q"], "--model needs a value, and -q is an option."),
    ],
)
def test_wrong_choices(table: Table, words: list[str], expected: str) -> None:
    assert expected in refused("train", table(), "--target", "species", *words)


def test_an_unknown_command_with_the_nearest() -> None:
    assert 'Did you mean "train"?' in refused("trian", "digits")


@pytest.mark.parametrize("folder", ["no/such/folder/m.rv", "."])
def test_an_output_that_cannot_be_written_is_reported_before_training(table: Table, folder: str) -> None:
    assert "folder" in train(table(), "--target", "species", "--model", folder)


def test_the_model_never_replaces_the_data(table: Table) -> None:
    data, again = table(), table(name="again.csv")
    content = data.read_bytes()
    assert "flowers.csv" in train(data, "--target", "species", "--model", data)
    assert "again.csv" in train(data, "--target", "species", "--validation", again, "--model", again)
    assert data.read_bytes() == again.read_bytes() == content


def test_predictions_never_replace_the_data_or_the_model(trained: Trained, table: Table, here: Path) -> None:
    data = table()
    content = data.read_bytes()
    (here / "link.csv").symlink_to(data)
    for output in (data, here / "link.csv"):
        assert "choose another name" in refused("predict", trained.model, data, "--output", output)
    assert data.read_bytes() == content
    model = here / "model.csv"
    shutil.copy(trained.model, model)
    assert "model.csv" in refused("predict", model, data, "--output", model)
    assert model.read_bytes() == trained.model.read_bytes()


def test_an_earlier_model_survives_bad_input(trained: Trained, here: Path) -> None:
    model = here / "kept.rv"
    shutil.copy(trained.model, model)
    before = model.read_bytes()
    train("nothing.csv", "--target", "species", "--model", model)
    train(trained.data, "--target", "nothing", "--model", model)
    assert model.read_bytes() == before


def test_a_run_that_is_there_already(trained: Trained) -> None:
    assert "ranvier resume" in refused("train", trained.data, "--target", "species", "--run", trained.run)


def test_a_column_missing_at_predict_time(trained: Trained, here: Path) -> None:
    data = write_table(here / "less.csv", [row[1:] for row in flowers()], HEADER[1:])
    text = refused("predict", trained.model, data)
    assert 'less.csv has no column "sepal_length", which the model needs. Did you mean "petal_length"' in text
    other = write_table(here / "other.csv", [["1"], ["2"]], ["zzz"])
    assert "and 4 more that the model needs. Its columns are: zzz." in refused("predict", trained.model, other)
    assert refused("predict", trained.model, "iris").startswith("Error: The iris set of scikit-learn has no column")


def test_text_where_a_number_is_due_at_predict_time(trained: Trained, table: Table) -> None:
    def words(rows: list[list[str]]) -> None:
        rows[4][2] = "long"

    text = refused("predict", trained.model, table(words))
    assert "petal_length" in text
    assert "long" in text


def test_an_unknown_label_at_evaluate_time(trained: Trained, table: Table) -> None:
    def other(rows: list[list[str]]) -> None:
        rows[1][5], rows[4][5] = "", "rosa"

    assert 'in row 5 is "rosa"' in refused("evaluate", trained.model, table(other))


def test_evaluate_needs_the_target(trained: Trained, here: Path) -> None:
    data = write_table(here / "blind.csv", [row[:5] for row in flowers()], HEADER[:5])
    assert 'no column "species". Its columns are: sepal_length, ' in refused("evaluate", trained.model, data)
    text = refused("evaluate", trained.model, "wine")
    assert text.startswith('Error: The wine set of scikit-learn has no column "species". Its columns are: '), text


@pytest.mark.parametrize("command", ["predict", "evaluate"])
@pytest.mark.parametrize("data", ["iris", "flowers.csv"])
def test_data_in_front_of_the_model(trained: Trained, table: Table, command: str, data: str) -> None:
    table()
    text = refused(command, data, trained.model)
    assert f"The model comes first, then the data: ranvier {command} {trained.model} {data}" in text


@pytest.mark.parametrize("command", ["predict", "evaluate", "show"])
def test_damaged_model_files(trained: Trained, here: Path, command: str) -> None:
    model_bytes = trained.model.read_bytes()
    altered = bytearray(model_bytes)
    altered[-5] ^= 1
    for name, content in {
        "cut": model_bytes[:-20],
        "altered": bytes(altered),
        "empty": b"",
        "text": b"hello " * 50,
    }.items():
        path = here / f"{name}.rv"
        path.write_bytes(content)
        words = [command, path] if command == "show" else [command, path, trained.data]
        assert f"{name}.rv" in refused(*words)


def test_a_missing_model_with_the_nearest_name(trained: Trained) -> None:
    assert 'Did you mean "flowers.rv"?' in refused("show", trained.model.with_name("flower.rv"))


@pytest.mark.parametrize(
    ("output", "text"), [("answers.txt", "answers.txt"), ("no/such/answers.csv", "mkdir -p no/such")]
)
def test_predictions_that_cannot_be_written(trained: Trained, here: Path, output: str, text: str) -> None:
    assert text in refused("predict", trained.model, trained.data, "--output", output)


def test_no_probabilities_of_numbers(here: Path) -> None:
    assert invoke("train", "diabetes", "--epochs", "1", "--hidden", "4").exit_code == 0
    assert "probabilities" in refused("predict", "diabetes.rv", "diabetes", "--probabilities")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--layer", "9"], "layers.0"),
        (["--layer", "0", "--neuron", "12"], "0 to 11"),
        (["--neuron", "1"], "--layer"),
    ],
)
def test_layers_and_neurons_that_are_not_there(trained: Trained, words: list[str], expected: str) -> None:
    assert expected in refused("show", trained.model, *words)


def test_a_folder_that_is_no_run(here: Path) -> None:
    assert "run" in refused("resume", "nowhere")
    assert "run" in refused("resume", here)


@pytest.mark.parametrize(("option", "expected"), [("--epochs", "an integer"), ("--learning-rate", "a number")])
def test_a_word_where_a_number_is_due(table: Table, option: str, expected: str) -> None:
    assert f"'x' is not {expected}. See: " in refused("train", table(), "--target", "species", option, "x")


def test_more_memory_than_there_is() -> None:
    sentence, code = explain(OSError(errno.ENOMEM, "Cannot allocate memory"))
    assert (sentence, code) == explain(MemoryError())
    assert explain(OSError(errno.ENOSPC, "No space left on device"))[0] == "No space left on device."


def test_evaluate_leaves_out_rows_without_an_answer(trained: Trained, table: Table) -> None:
    def gaps(rows: list[list[str]]) -> None:
        rows[0][5], rows[7][5] = "", "?"

    result = invoke("evaluate", trained.model, table(gaps))
    assert result.exit_code == 0, result.output
    assert "On the 148 rows of " in result.stdout
    assert "2 rows were left out because the target is missing." in result.stdout
    without_first = invoke("evaluate", trained.model, table(lambda rows: rows.__delitem__(slice(1, None))))
    assert "On the one row of " in without_first.stdout
    assert "left out" not in without_first.stdout

    def none(rows: list[list[str]]) -> None:
        for row in rows:
            row[5] = ""

    assert "Every target (species) of " in refused("evaluate", trained.model, table(none))
