"""Parts of a text: the end is the test, windows go on over borders, no test character is learned from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranvier.data import open_source
from ranvier.data.language.preparation import TextOptions, prepare_text, text_parts
from ranvier.data.language.vocabulary import OTHER, Vocabulary
from ranvier.errors import DataError, InputError
from ranvier.rows import Windows

TEXT = "".join(f"{number} green bottles, hanging on the wall.\n\n" for number in range(100))


def source(folder: Path, text: str = TEXT, name: str = "text.txt") -> Path:
    """A file with a text."""
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


@given(st.integers(1, 60_000), st.sampled_from([0.0, 0.1, 0.3]), st.sampled_from([0.0, 0.1, 0.4]))
def test_parts_hold_each_position_once(n: int, validation: float, test: float) -> None:
    parts = text_parts(n, (1 - validation - test, validation, test))
    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(n))
    if len(parts[2]):
        assert parts[2][0] == n - len(parts[2])
    assert abs(len(parts[2]) - n * test) <= 1


def test_windows_and_targets_are_those_of_the_text(tmp_path: Path) -> None:
    prepared = prepare_text(open_source(source(tmp_path)), TextOptions(8, test=0.25))
    encoder = prepared.encoder
    assert prepared.test is not None
    for part, numbers in ((prepared.train, prepared.train_rows), (prepared.test, prepared.test_rows)):
        assert numbers is not None
        windows = part.inputs.csr
        assert isinstance(windows, Windows)
        for row in (0, 7, len(numbers) - 1):
            position = int(numbers[row])
            expected = encoder.encode_texts([TEXT[:position]])  # type: ignore[union-attr]
            assert (windows[np.array([row])].toarray() == expected.toarray()).all()
            target = part.targets[row]
            number = int(target[0]) if len(target) == 1 else int(target.argmax())
            assert prepared.task.classes[number] == TEXT[position]


def test_the_vocabulary_is_that_of_the_training_text(tmp_path: Path) -> None:
    prepared = prepare_text(open_source(source(tmp_path, TEXT + "ß" * 100)), TextOptions(8, test=0.1, validation=0.0))
    assert "ß" not in prepared.task.classes
    assert prepared.task.classes[-1] == OTHER
    assert prepared.validation is None


def test_rare_characters_become_one_sign(tmp_path: Path) -> None:
    prepared = prepare_text(open_source(source(tmp_path)), TextOptions(8, max_characters=5))
    assert len(prepared.task.classes) == 5
    assert any("rare characters" in note for note in prepared.notes)


def test_a_long_text_is_thinned_out(tmp_path: Path) -> None:
    prepared = prepare_text(open_source(source(tmp_path)), TextOptions(8, max_rows=500))
    assert len(prepared.train) == 500
    assert any("learns from 500 of the" in note for note in prepared.notes)


def test_lines_are_divided_whole(tmp_path: Path) -> None:
    names = [f"name{'abcdefghij'[number % 10]}{'x' * (number % 7)}" for number in range(40)]
    prepared = prepare_text(open_source(source(tmp_path, "\n".join(names))), TextOptions(24))
    assert prepared.encoder.context == max(map(len, names))  # type: ignore[union-attr]
    rows = sum(len(part) for part in (prepared.train, prepared.validation, prepared.test) if part is not None)
    assert rows == sum(len(name) + 1 for name in names)


def test_texts_for_the_parts_are_taken_whole(tmp_path: Path) -> None:
    other = open_source(source(tmp_path, "99 bottles", "other.txt"))
    prepared = prepare_text(open_source(source(tmp_path)), TextOptions(8), None, other)
    assert prepared.test is not None
    assert len(prepared.test) == len("99 bottles")


@pytest.mark.parametrize("text", ["a", "hello", "hello, you"])
def test_too_short_a_text_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(DataError, match="more than 24 are needed"):
        prepare_text(open_source(source(tmp_path, text)), TextOptions(24))


def test_few_examples_are_refused() -> None:
    with pytest.raises(DataError, match="holds 3 examples; at least 10"):
        prepare_text(open_source({"name": ["a", "b", "c"]}), TextOptions(24))


def test_fractions_must_leave_a_training_text(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="leave no rows"):
        prepare_text(open_source(source(tmp_path)), TextOptions(8, validation=0.5, test=0.5))


@given(st.text(min_size=1, max_size=50), st.integers(3, 30))
def test_every_character_has_a_number(text: str, limit: int) -> None:
    vocabulary = Vocabulary.of([text], limit)
    codes = vocabulary.encode(text)
    assert len(vocabulary) <= max(limit, 3)
    for character, code in zip(text, codes.tolist(), strict=True):
        assert vocabulary.characters[code] in (character, OTHER)
