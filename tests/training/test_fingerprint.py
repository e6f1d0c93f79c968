"""What a checkpoint belongs to: settings and arrays are compared apart, an earlier version's only where they can be."""

from __future__ import annotations

import numpy as np
import pytest

from ranvier.training.fingerprint import WORDING, compared, fingerprint

SETTINGS = {"seed": 0, "optimizer": {"name": "adam"}}
ARRAYS = [np.arange(6.0).reshape(3, 2), None, np.ones(3, np.float32)]
MARK = fingerprint(SETTINGS, ARRAYS)


def test_the_same_settings_and_arrays_fit() -> None:
    again = fingerprint(
        dict(reversed(SETTINGS.items())), [array if array is None else array.copy() for array in ARRAYS]
    )
    assert again == MARK
    assert MARK.difference(again.to_dict()) is None
    assert compared(again.to_dict())


@pytest.mark.parametrize(
    "arrays",
    [
        [ARRAYS[0] + 1e-12, *ARRAYS[1:]],
        [ARRAYS[0].reshape(2, 3), *ARRAYS[1:]],
        [ARRAYS[0].astype(np.float32), *ARRAYS[1:]],
        [ARRAYS[0], ARRAYS[2], None],
        ARRAYS[:2],
    ],
    ids=["value", "shape", "type", "order", "count"],
)
def test_other_arrays_are_noticed(arrays: list[np.ndarray | None]) -> None:
    assert MARK.difference(fingerprint(SETTINGS, arrays).to_dict()) == "other rows"


def test_other_settings_are_noticed_where_their_names_are_these() -> None:
    other = fingerprint({**SETTINGS, "seed": 1}, ARRAYS).to_dict()
    assert MARK.difference(other) == "other settings or another network"
    assert MARK.difference({**other, "wording": WORDING - 1}) is None
    assert not compared({**other, "wording": WORDING - 1})
    assert MARK.difference({**other, "wording": WORDING - 1, "arrays": "0"}) == "other rows"


def test_what_is_no_fingerprint_fits_nothing() -> None:
    assert MARK.difference(None) == "no fingerprint"
    assert MARK.difference("the digest of version 0.1") is None
    assert not compared("the digest of version 0.1")
