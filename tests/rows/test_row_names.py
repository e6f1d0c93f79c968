"""What rows are called in messages."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from ranvier.rows.row_names import at_row, row_name, rows_called


def test_files_count_from_one_and_arrays_have_an_index() -> None:
    assert (row_name(0), at_row(1233)) == ("row 1", "in row 1234")
    with rows_called(indexed=True):
        assert (row_name(0), at_row(1233)) == ("row index 0", "at row index 1233")
    assert row_name(0) == "row 1"


def test_numbers_of_some_rows_hold_in_the_calls_below() -> None:
    with rows_called(indexed=False, numbers=np.array([5, 8])), rows_called(indexed=True):
        assert row_name(1) == "row index 8"
    with rows_called(indexed=True, numbers=[5, 8]), rows_called(indexed=False, numbers=[1, 3]):
        assert row_name(1) == "row 4"


def test_an_error_ends_it_and_other_threads_do_not_see_it() -> None:
    names: list[str] = []

    def ended() -> None:
        with rows_called(indexed=True):
            thread = threading.Thread(target=lambda: names.append(row_name(0)))
            thread.start()
            thread.join()
            raise ValueError("ended")

    with pytest.raises(ValueError, match="ended"):
        ended()
    assert [*names, row_name(0)] == ["row 1", "row 1"]
