"""How numbers are written, as model files keep it: damaged descriptions are refused, earlier ones read as before."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest

from ranvier.data.cells.number_format import PLAIN, NumberFormat
from ranvier.errors import ModelFileError

NAN = float("nan")


@pytest.mark.parametrize("change", [{"decimal": ";"}, {"odd": 1}, {"units": "kg"}])
def test_damaged_formats_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ModelFileError):
        NumberFormat.from_dict({**PLAIN.to_dict(), **change})


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ({"units": ["dr", "cr"]}, [5.0, -2.0]),
        ({"units": ["cr", "dr"]}, [-5.0, 2.0]),
        ({"units": ["dr", "cr"], "ranges": False}, [-5.0, 2.0]),
        ({"units": ["dr", "cr"], "magnitudes": False}, [5.0, 2.0]),
        ({"units": ["kg", "g"]}, [NAN, NAN]),
    ],
)
def test_formats_of_earlier_versions_keep_their_signs(stored: dict[str, Any], expected: list[float]) -> None:
    """The first of the units was positive before ranges were read, and so it is in models that do not know these."""
    before = {"decimal": ".", "thousands": "", "bounds": False, "clock": False, "odd": True, "magnitudes": True}
    form = NumberFormat.from_dict({**before, **stored})
    cells = pl.Series(["5 DR", "2 CR"])
    assert form.read(cells)[0].tolist() == pytest.approx(expected, nan_ok=True)
    again = NumberFormat.from_dict(json.loads(json.dumps(form.to_dict())))
    assert again.read(cells)[0].tolist() == pytest.approx(expected, nan_ok=True)
