"""The parts of benchmarks/versus.py that decide something: what is chosen, merged, priced, drawn and called enough."""

from __future__ import annotations

import builtins
import copy
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
MODULES = (
    "accuracy",
    "thresholds",
    "cold_start_process",
    "measure",
    "racer",
    "report",
    "scaler",
    "scaling",
    "scaling_picture",
    "worker",
    "workloads",
)


@pytest.fixture(scope="module")
def parts() -> Iterator[Any]:
    """versus.py and its modules, importable as they are when the command runs."""
    sys.path.insert(0, str(BENCHMARKS))
    try:
        modules = {name: import_module(f"versus_parts.{name}") for name in MODULES}
        yield SimpleNamespace(versus=import_module("versus"), **modules)
    finally:
        sys.path.remove(str(BENCHMARKS))


def priced(parts: Any, costs: list[float], begin: float = 1e5) -> dict[str, Any]:
    points = [parts.scaling.point(10.0 ** (3 + i), 1.0, [cost]) for i, cost in enumerate(costs)]
    return {"points": points, "flat_from": begin, "flatness": parts.scaling.flatness(points, begin)}


def test_flatness_looks_at_large_sizes_alone(parts: Any) -> None:
    assert priced(parts, [100.0, 50.0, 2.0, 3.0, 2.5])["flatness"] == 1.5
    assert priced(parts, [1.0, 1.0, 1.0])["flatness"] is None


def test_a_price_is_what_is_above_the_fixed_cost(parts: Any) -> None:
    assert parts.scaling.point(10, 4.0, [3.0, 9.0, 2.0], 1.0)["seconds_per_flop"] == 0.5
    assert parts.scaling.point(10, 4.0, [1.1], 1.0)["seconds_per_flop"] is None
    points = [parts.scaling.point(1e5, 4.0, [0.9], 1.0), parts.scaling.point(1e6, 4.0, [3.0], 1.0)]
    assert parts.scaling.flatness(points, 1e5) is None


@given(parameters=st.floats(10, 1e8))
def test_square_networks_have_as_many_parameters_as_asked(parts: Any, parameters: float) -> None:
    sizes = parts.scaler.square_sizes(parameters)
    narrower = tuple(size - 1 for size in sizes)
    assert parts.scaler.parameters_of(narrower) < parameters <= parts.scaler.parameters_of(sizes)


@given(sizes=st.lists(st.integers(1, 50), min_size=2, max_size=5), rows=st.integers(1, 100))
def test_the_flops_of_an_epoch_are_those_of_the_workloads(parts: Any, sizes: list[int], rows: int) -> None:
    workload = parts.workloads.Workload("any", tuple(sizes), "relu", rows, "adam", 0.1, rows, 1.0)
    assert parts.scaler.flops_of(tuple(sizes), rows) == workload.step_flops


def race(parts: Any) -> Any:
    return parts.accuracy.Race(0.98, (64, 128), (1.0, 2.0), (1, 2, 3, 4, 5), search_seeds=3, seeds=3, rows=None)


class FakeRacer:
    """Reaches the mark from so many epochs on, by the second rate; remembers what it was asked."""

    def __init__(self, needed: dict[int, int]) -> None:
        self.needed, self.requests = needed, []

    def __call__(self, do: str, **how: Any) -> dict[str, Any]:
        self.requests.append(how)
        good = how["epochs"] >= self.needed[how["batch"]] and how["rate"] > 1.5
        return {"accuracy": (0.985 if good else 0.97) + 1e-4 * how["seed"]}


def test_the_search_finds_the_fewest_epochs_on_validation_rows(parts: Any) -> None:
    racer = FakeRacer({64: 3, 128: 9})
    tried = parts.accuracy.search(race(parts), racer, lambda words: None)
    assert parts.accuracy.fewest(race(parts), tried) == [{"batch": 64, "rate": 2.0, "epochs": 3}]
    assert {how["held_out"] for how in racer.requests} == {"validation"}
    assert max(how["epochs"] for how in racer.requests if how["batch"] == 64) == 3
    assert all(len(trial["accuracies"]) == 2 for trial in tried if trial["rate"] < 1.5), (
        "hopeless settings are cut short"
    )


def test_the_mean_must_be_at_the_mark_by_more_than_its_error(parts: Any) -> None:
    reaches, rates = parts.accuracy.reaches, race(parts)
    assert reaches(rates, {"accuracies": [0.981, 0.982, 0.981]})
    assert not reaches(rates, {"accuracies": [0.977, 0.985, 0.9795]})
    assert not reaches(rates, {"accuracies": [0.99, 0.99]}), "too few seeds"


@pytest.mark.parametrize(("full", "steps"), [(True, 3), (False, 4)])
def test_the_peers_take_the_rates_of_the_schedule(parts: Any, full: bool, steps: int) -> None:
    rates = parts.racer.one_cycle_rates(0.5, batch=16, rows=50, epochs=2, all_steps=full)
    assert len(rates) == 2 * steps
    assert rates.max() <= 0.5
    assert rates[-1] < 0.01 * rates.max()


RESULTS = {
    "machine": {"processor": "P"},
    "versions": {"ranvier": "1"},
    "settings": {"threads": 2, "engine": "native", "quick": False},
    "measured": {"training": "then", "memory": "then"},
    "training": {"digits": 1, "wide": 1},
    "memory": {"digits": 1},
}


def test_merging_keeps_what_was_not_measured_again(parts: Any) -> None:
    new = copy.deepcopy(RESULTS) | {"measured": {"training": "now"}, "training": {"digits": 2}}
    del new["memory"]
    merged = parts.versus.merged(copy.deepcopy(RESULTS), new)
    assert merged["training"] == {"digits": 2, "wide": 1}
    assert merged["memory"] == {"digits": 1}
    assert merged["measured"] == {"training": "now", "memory": "then"}


@pytest.mark.parametrize(
    "change",
    [
        {"machine": {"processor": "Q"}},
        {"versions": {"ranvier": "2"}},
        {"settings": {"threads": 1, "engine": "native", "quick": False}},
        {"settings": {"threads": 2, "engine": "native", "quick": True}},
    ],
)
def test_results_of_other_machines_or_settings_are_not_mixed(parts: Any, change: dict[str, Any]) -> None:
    with pytest.raises(SystemExit, match="--merge"):
        parts.versus.merged(copy.deepcopy(RESULTS), copy.deepcopy(RESULTS) | change)


def everything(parts: Any) -> dict[str, Any]:
    """Results of every part but the first two, made up."""
    fit = dict.fromkeys(("import", "first", "inside", "warm", "extra_without_imports"), 0.1)
    sizes = {"rows": 2**20, "bare": 2**21, "loaded": 2**22}
    memory = {"ranvier": sizes | {"peak": 2**23}, "torch": sizes | {"peak": 2**24}}
    racer = {"settings": {"batch": 64, "rate": 0.004, "epochs": 7}, "mean": 1.0, "sd": 0.1, "accuracy_sd": 0.001}
    racers = {"ranvier": racer | {"accuracy": 0.9801, "cold": 2.0}, "torch": racer | {"accuracy": 0.9799, "cold": 2.0}}
    fractions = {"1": {"rate": 1e10, "peak": 2e10, "share": 0.5}, "2": {"rate": 1e10, "peak": 4e10, "share": 0.25}}
    return {
        "machine": {"processor": "P"},
        "versions": {},
        "settings": {"threads": 2, "quick": False},
        "imports": {"ranvier": {"numpy": 0.1, "library": 0.02}},
        "first_fit": {"digits": {"ranvier": {"cold": fit | {"extra": 0.4}, "cached": fit | {"extra": 0.06}}}},
        "memory": {"digits": memory | {"share": 0.5, "share_over_rows": 0.4}, "wide": {"failed": "no reason"}},
        "scaling": {"rows": priced(parts, [9.0, 5.0, 1.0, 1.6]), "parameters": priced(parts, [9.0, 5.0, 1.0, 1.4])},
        "accuracy_time": {"digits": {"mark": 0.98, "contenders": racers, "ratios": {"torch": 3.0}}},
        "share_of_peak": {"digits": {"step_flops": 1} | fractions},
    }


def test_every_threshold_is_met_or_not(parts: Any) -> None:
    met = {record["what"]: record["met"] for record in parts.thresholds.checked(everything(parts))}
    assert met == {
        "digits: mean test accuracy of ranvier": True,
        "digits: mean test accuracy of torch": False,
        "digits: times as fast as torch to it": True,
        "scaling: dearest over cheapest FLOP, from 100,000 rows": False,
        "scaling: dearest over cheapest FLOP, from 100,000 parameters": True,
        "first fit digits, cold: seconds over warm": True,
        "first fit digits, cold: seconds over warm, without imports in it": True,
        "first fit digits, cached: seconds over warm": False,
        "first fit digits, cached: seconds over warm, without imports in it": False,
        "memory digits: peak over torch's": True,
    }


def test_the_report_has_all_of_it(parts: Any) -> None:
    results = everything(parts)
    results["asked"] = parts.thresholds.checked(results)
    report = parts.report.markdown(results)
    for words in ("| ranvier | 64, 0.0040, 7 |", "No result for memory of wide: no reason", "| **no** |", "25%"):
        assert words in report
    for block in report.split("\n\n"):
        columns = {line.count("|") for line in block.splitlines()}
        assert len(columns) == 1, "every row of a table is as long as its head"


def test_the_scaling_picture_is_svg_and_shows_every_price(parts: Any) -> None:
    results = everything(parts)
    results["scaling"]["epochs"] = {"points": [parts.scaling.point(1, 1.0, [1.0], 2.0)], "flatness": None}
    picture = ElementTree.fromstring(parts.scaling_picture.draw(results))
    name = "{http://www.w3.org/2000/svg}"
    assert len(picture.findall(f"{name}circle")) == 8
    assert "rows: 1.60× from 10⁵" in [element.text for element in picture.findall(f"{name}text")]


@given(low=st.floats(1e-9, 1e9), factor=st.floats(1.0, 1e6))
def test_ticks_enclose_what_they_are_for(parts: Any, low: float, factor: float) -> None:
    ticks = parts.scaling_picture.ticks_around(low, low * factor)
    assert len(ticks) > 1
    assert ticks[0] <= low * parts.scaling_picture.SHARP
    assert ticks[-1] >= low * factor / parts.scaling_picture.SHARP


def test_the_clock_of_imports_counts_nested_ones_once(
    parts: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "outer_of_versus.py").write_text("import inner_of_versus\n")
    (tmp_path / "inner_of_versus.py").write_text("import time\ntime.sleep(0.02)\n")
    monkeypatch.syspath_prepend(tmp_path)
    before, start = builtins.__import__, time.perf_counter()
    with parts.cold_start_process.ImportClock() as clock:
        import outer_of_versus  # noqa: F401
    assert 0.02 <= clock.seconds <= time.perf_counter() - start
    assert builtins.__import__ is before


def test_kinds_of_workers_exist(parts: Any) -> None:
    for kind in parts.worker.KINDS:
        assert isinstance(parts.worker.kind_of(kind), type)


def test_mapped_rows_train_as_rows_in_memory_and_as_the_reference_engine(parts: Any, tmp_path: Path) -> None:
    scaler = parts.scaler.Scaler({"folder": str(tmp_path), "threads": 1, "engine": "auto"})
    scaler.write(300)
    mapped, held, reference = scaler.check_rows()
    assert mapped == held
    np.testing.assert_allclose(mapped, reference, rtol=parts.measure.STEP_TOLERANCE)
