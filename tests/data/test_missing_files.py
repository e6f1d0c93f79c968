"""A row of a table whose picture or recording is missing is a row: what stands beside it says something, too."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import ranvier as rv
from ranvier.data import Table, open_source
from ranvier.data.decoded_columns import with_decoded
from ranvier.data.images.picture_format import PictureFormat
from ranvier.data.sounds.sound_format import SoundFormat
from tests.data import pictures, recordings
from tests.data.pictures import stripes

COUNT = 90
MISSING = list(range(0, COUNT, 3))


def rows_with_gaps(kind: str) -> dict[str, list[Any]]:
    """A column of files of which a third is missing, one that knows the label where it is, and the label."""
    pixels, labels = stripes(COUNT)
    samples, _ = recordings.chirps(COUNT)
    files: list[bytes | None] = list(
        map(pictures.encoded, pixels) if kind == "image" else map(recordings.encoded, samples)
    )
    for at in MISSING:
        files[at] = None
    hints = [float(labels[at] == "along") if at in MISSING else 0.5 for at in range(COUNT)]
    return {"file": files, "hint": hints, "label": labels.tolist()}


@pytest.mark.parametrize("kind", ["image", "sound"])
def test_rows_without_their_file_are_kept_beside_other_columns(kind: str, tmp_path: Path) -> None:
    rows = rows_with_gaps(kind)
    pl.DataFrame(rows).write_parquet(tmp_path / "rows.parquet")
    recipe = replace(rv.recipe("table", "fast"), hidden=(16,), epochs=80, n_networks=1, dropout=0.0)
    trained = rv.train(tmp_path / "rows.parquet", "label", recipe=recipe, test=0.0, engine="reference", progress=False)
    what, looks = ("pictures", "black") if kind == "image" else ("recordings", "silent")
    assert f'{len(MISSING)} {what} are missing in column "file" and count as {looks} ones.' in trained.report.notes
    requested = pl.DataFrame({"file": [None, None], "hint": [1.0, 0.0]}, schema={"file": pl.Binary, "hint": pl.Float64})
    assert trained.predict(requested).tolist() == ["along", "across"]
    trained.save(tmp_path / "model.rv")
    assert rv.load(tmp_path / "model.rv").outputs(requested).tobytes() == trained.outputs(requested).tobytes()


@pytest.mark.parametrize("kind", ["image", "sound"])
def test_rows_without_their_file_are_left_out_where_nothing_stands_beside_it(kind: str, tmp_path: Path) -> None:
    rows = rows_with_gaps(kind)
    few = [0, *(at for at in range(COUNT) if at not in MISSING)]
    frame = pl.DataFrame({name: [rows[name][at] for at in few] for name in ("file", "label")})
    frame.write_parquet(tmp_path / "rows.parquet")
    decoded, row_numbers = with_decoded(open_source(tmp_path / "rows.parquet", "label"))
    assert isinstance(decoded, Table)
    assert row_numbers is not None
    assert row_numbers.tolist() == list(range(1, len(few)))
    assert not decoded.forms["file"].blank


@pytest.mark.parametrize("form", [PictureFormat(8, 8, 1), SoundFormat(8000, 60)])
def test_a_format_says_what_a_missing_cell_is(form: PictureFormat | SoundFormat) -> None:
    blank = replace(form, blank=True)
    assert type(form).from_dict(blank.to_dict()) == blank
    assert "blank" not in form.to_dict()
    assert type(form).from_dict(form.to_dict()) == form
    assert np.prod(blank.shape) == np.prod(form.shape)
