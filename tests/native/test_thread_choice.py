"""The number of threads follows the measured speed of pieces of work; all times here are invented."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ranvier as rv
from ranvier.engine import CompileSpec, Span, State
from ranvier.native.thread_choice import PIECE_SECONDS, ThreadChooser, others
from ranvier.rows import Rows

UNIT = 1e-4
"""Seconds of a unit of work by one thread on a quiet machine."""
Slowness = Callable[[int, float], float]
"""By the number of threads and the time: how many times as long a unit takes as by one thread on a quiet machine."""


class Machine:
    """A machine whose clock is moved by the work on it. `log` holds (time, threads, units) of each piece."""

    def __init__(self, slowness: Slowness, most: int, unit: float = UNIT) -> None:
        self.now, self.slowness, self.most, self.unit = 0.0, slowness, most, unit
        self.chooser = ThreadChooser(unit, clock=lambda: self.now)
        self.log: list[tuple[float, int, int]] = []

    def work(self, first: int, count: int, threads: int) -> int:
        self.now += count * self.unit * self.slowness(threads, self.now)
        self.log.append((self.now, threads, count))
        return count

    def until(self, end: float) -> None:
        while self.now < end:
            self.chooser.run(500, self.work, self.most)

    def speed(self, start: float, end: float) -> float:
        """Units a second, in those of one thread on a quiet machine."""
        return sum(count for now, _, count in self.log if start < now <= end) * self.unit / (end - start)

    def used(self, start: float, end: float) -> int:
        """The number of threads that did most of the work."""
        work: dict[int, int] = {}
        for now, threads, count in self.log:
            if start < now <= end:
                work[threads] = work.get(threads, 0) + count
        return max(work, key=lambda threads: work[threads])


def quiet(threads: int, now: float) -> float:
    return 1 / threads


@pytest.mark.parametrize("most", [1, 2, 3, 8, 15, 64])
def test_a_quiet_machine_is_used_whole(most: int) -> None:
    machine = Machine(quiet, most)
    machine.until(20.0)
    assert machine.used(0.0, 20.0) == most
    assert machine.speed(0.0, 20.0) > 0.95 * most


@pytest.mark.parametrize("unit", [1e-5, 1e-4, 2e-3])
def test_little_work_on_a_quiet_machine_spends_next_to_nothing_on_looks(unit: float) -> None:
    """One thread is seen to be far slower; that it could be the faster one by now shows in the pieces themselves."""
    machine = Machine(quiet, 2, unit)
    machine.until(0.3)
    assert machine.speed(0.0, machine.now) > 0.99 * 2


@pytest.mark.parametrize("times", [1.1, 1.3, 3.0, 18.0])
@pytest.mark.parametrize("most", [2, 3, 8])
def test_more_threads_than_idle_cores_are_never_slower_than_one(most: int, times: float) -> None:
    """A neighbour that was there before: all other numbers of threads are as slow."""
    machine = Machine(lambda threads, now: 1.0 if threads == 1 else times, most)
    machine.until(20.0)
    assert machine.used(1.0, 20.0) == 1
    assert machine.speed(0.0, 20.0) > 0.9


@pytest.mark.parametrize(("most", "times"), [(2, 1.3), (2, 18.0), (8, 1.3)])
def test_a_neighbour_comes_and_goes(most: int, times: float) -> None:
    def slowness(threads: int, now: float) -> float:
        return quiet(threads, now) if threads == 1 or not 5.0 <= now < 15.0 else times

    machine = Machine(slowness, most)
    machine.until(30.0)
    assert machine.used(6.0, 15.0) == 1
    assert machine.speed(5.0, 15.0) > 0.9
    assert machine.used(20.0, 30.0) == most
    assert machine.speed(20.0, 30.0) > 0.9 * most


@pytest.mark.parametrize(("most", "idle"), [(16, 15), (4, 3), (16, 8), (64, 32), (3, 2)])
def test_busy_cores_are_left_alone(most: int, idle: int) -> None:
    """With one thread more than there are idle cores, all wait for two that share one."""
    machine = Machine(lambda threads, now: (1.0 if threads <= idle else 2.5) / threads, most)
    machine.until(20.0)
    assert machine.used(5.0, 20.0) == idle
    assert machine.speed(5.0, 20.0) > 0.9 * idle


@pytest.mark.parametrize("times", [2.0, 4.0, 8.0])
@pytest.mark.parametrize("burst", [0.01, 0.03])
def test_short_bursts_of_a_neighbour_do_not_send_threads_away(burst: float, times: float) -> None:
    """A page draws about ten times a second and takes a core meanwhile, for which all threads wait."""
    generator = np.random.default_rng(0)

    class Bursts(Machine):
        next_burst = 0.05

        def work(self, first: int, count: int, threads: int) -> int:
            for _ in range(count):
                while self.now > self.next_burst + burst:
                    self.next_burst += 0.1 * generator.uniform(0.7, 1.3)
                waits = threads > 1 and self.now >= self.next_burst
                self.now += self.unit / threads * (times if waits else 1.0)
            self.log.append((self.now, threads, count))
            return count

    machine = Bursts(quiet, 2, 1e-3)
    machine.until(30.0)
    always = 2 * (1 - burst / 0.1 * (1 - 1 / times))
    assert machine.speed(1.0, 30.0) > 0.9 * always


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("busy", [False, True])
def test_single_slow_pieces_are_survived(seed: int, busy: bool) -> None:
    """One piece in twenty takes up to four times as long, and all vary."""
    generator = np.random.default_rng(seed)

    def slowness(threads: int, now: float) -> float:
        noise = 1 + 0.05 * generator.random() + (3 * generator.random() if generator.random() < 0.05 else 0.0)
        return (1.5 if busy and threads > 1 else 1 / threads) * noise

    machine = Machine(slowness, 2)
    machine.until(30.0)
    alone = Machine(lambda threads, now: slowness(1 if busy else 2, now) * 1.0, 1)
    alone.until(30.0)
    assert machine.speed(0.0, 30.0) > 0.85 * alone.speed(0.0, 30.0)


@pytest.mark.parametrize("most", [2, 16])
@pytest.mark.parametrize("unit", [0.05, 1.0, 20.0])
def test_looks_at_long_steps_are_rare(most: int, unit: float) -> None:
    """A step cannot be cut, and one thread takes very long for it."""
    machine = Machine(quiet, most, unit)
    machine.until(500 * unit)
    assert machine.speed(0.0, 500 * unit) > 0.9 * most


def test_pieces_are_short_at_first_and_longer_then() -> None:
    machine = Machine(quiet, 2)
    machine.until(3.0)
    lengths = np.diff([0.0, *(now for now, _, _ in machine.log)])
    assert lengths[0] < 0.003
    assert max(lengths) < 1.5 * PIECE_SECONDS


def test_less_work_than_threads_can_share_uses_fewer() -> None:
    """And tells nothing about the largest number."""
    machine = Machine(quiet, 8)
    machine.chooser.run(100, machine.work, 8)
    before = machine.chooser.choice.rates.get(8)
    machine.chooser.run(100, machine.work, 2)
    assert machine.log[-1][1] <= 2
    assert machine.chooser.choice.rates.get(8) == before


def test_work_that_is_not_done_completely_ends() -> None:
    pieces: list[int] = []

    def work(first: int, count: int, threads: int) -> int:
        pieces.append(first)
        return count if len(pieces) < 3 else 1

    chooser = ThreadChooser(UNIT, clock=lambda: 0.0 if not pieces else 1e-3 * len(pieces))
    assert chooser.run(10**6, work, 2, per_thread=10) == pieces[2] + 1


def test_a_fixed_number_is_never_changed() -> None:
    machine = Machine(lambda threads, now: float(threads), 4)
    machine.chooser = ThreadChooser(UNIT, fixed=True, clock=lambda: machine.now)
    machine.until(2.0)
    assert {threads for _, threads, _ in machine.log} == {4}


@settings(max_examples=60, deadline=None)
@given(most=st.integers(2, 40), data=st.data())
def test_what_is_kept_is_no_slower_than_one_or_its_neighbours(most: int, data: st.DataObject) -> None:
    times: dict[int, float] = {}

    def slowness(threads: int, now: float) -> float:
        if threads not in times:
            times[threads] = data.draw(st.floats(0.05, 20.0), label=f"{threads} threads")
        return times[threads]

    machine = Machine(slowness, most)
    machine.until(40.0)
    used = machine.used(30.0, 40.0)
    for other in others(most, used):
        assert slowness(other, 0.0) > 0.9 * slowness(used, 0.0)


def test_an_executable_keeps_to_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    program = pytest.importorskip("ranvier.native.program", reason="llvmlite is missing", exc_type=ImportError)
    from ranvier.native.engine import NativeEngine

    used: list[int] = []
    run = program.Program.run

    def noted(self: object, threads: int) -> None:
        used.append(threads)
        run(self, threads)

    monkeypatch.setattr(program.Program, "run", noted)
    network = rv.Network(64, [rv.Dense(256, "relu"), rv.Dense(256)])
    spec = CompileSpec(network, rv.loss("squared_error"), rv.SGD(0.01), batch_size=64, threads=2)
    executable = NativeEngine().compile(spec)
    rows = Rows(np.ones((256, 64), np.float32), np.ones((256, 256), np.float32))
    steps = Span(np.arange(256), np.arange(5) * 64, np.full((4, 1), 0.01))
    executable.uses_all_threads = True
    parameters = []
    for limit, ask in ((1, lambda: 1), (2, lambda: 2)):
        executable.thread_limit = ask
        used.clear()
        executable.set_state(
            State(network.parameter_table.initial(0, np.float32), np.zeros((0, network.parameter_count)), 0)
        )
        executable.run(rows, steps)
        assert set(used) == {min(limit, executable.threads)}
        executable.evaluate(rows)
        assert max(used) <= limit
        parameters.append(executable.snapshot())
    np.testing.assert_array_equal(*parameters)
