"""The script that writes the files of a version: what it writes passes the test of the stored ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ranvier.network.layers import LAYERS
from tests.golden import make
from tests.golden.test_golden import check, read, rv

FEW = ("layer-dense", "sparse", "encoder-shop")


def test_what_is_written_can_be_read(on: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on("native")
    folder = tmp_path / "now"
    make.write(folder, FEW, ["plain"])
    assert sorted(path.stem for path in (folder / "models").glob("*.rv")) == sorted(FEW)
    for name in FEW:
        stored = read(folder / "models" / f"{name}.json")
        for engine in make.ENGINES:
            on(engine)
            check(rv.load(folder / "models" / f"{name}.rv"), stored, engine, 0.0)
    monkeypatch.chdir(folder / "runs")
    for engine in make.ENGINES:
        on(engine)
        stored = read(Path(f"{engine}-plain.json"))
        before = Path(f"{engine}-plain/events.jsonl").read_text()
        assert str(tmp_path) not in before
        assert '"reason":"interrupted"' in before
        check(rv.resume(f"{engine}-plain", progress=False), stored, engine, 0.0)


def test_every_part_can_be_made() -> None:
    parts = [make_parts() for make_parts in make.LAYERS.values()]
    parts += [make_part() for _, make_part in make.LOSSES.values()]
    parts += [make_part() for table in (make.OPTIMIZERS, make.SCHEDULES) for make_part in table.values()]
    assert len(parts) >= 39
    assert {type(layer) for layers in parts[: len(make.LAYERS)] for layer in layers} == set(LAYERS.values())


def test_a_folder_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    assert make.main(["--into", str(tmp_path)]) == 2
    assert not list(tmp_path.iterdir())
