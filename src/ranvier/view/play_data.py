"""Points to play with: five sets of two classes, two of numbers, and tables that are dropped on the page. n points."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ranvier.data import open_source
from ranvier.errors import InputError
from ranvier.records import record

Array = NDArray[np.float64]
N_POINTS = 400
MAX_ROWS = 2000
SPREAD = 0.9
"""Points lie within -1 and 1; a table's own points are brought to lie within this."""

OWN_NEEDED = "Drop a CSV file on the page: two columns of numbers, and the target as its last column."


@record(eq=False)
class Points:
    """Points with what is to be predicted of them.

    Fields:
        points: (n, 2), within -1 and 1.
        targets: (n,): 0 and 1 for classes, else numbers.
        classes: whether they are classes.
        names: of the two columns and of the target.
        labels: of the two classes; empty for numbers.
        test: which points are not trained on, (n,).
    """

    points: Array
    targets: Array
    classes: bool
    names: tuple[str, str, str]
    labels: tuple[str, ...]
    test: NDArray[np.bool_]


def toy_points(name: str, noise: float, seed: int) -> Points:
    """One of the sets.

    Parameters:
        name: "circles", "xor", "spirals", "gaussians" or "moons", of two classes; "plane" or "hills", of numbers.
        noise: the standard deviation by which points are displaced, as a fraction of their spread.
        seed: of the points.
    """
    random = np.random.default_rng(seed)
    half = N_POINTS // 2
    targets = np.repeat([0.0, 1.0], half)
    angle = random.uniform(0.0, 2.0 * np.pi, N_POINTS)
    if name == "circles":
        radius = np.where(targets == 1, random.uniform(0.0, 0.4, N_POINTS), random.uniform(0.6, 0.85, N_POINTS))
        points = _polar(radius, angle)
    elif name == "spirals":
        way = np.tile(np.linspace(0.05, 1.0, half), 2)
        points = _polar(0.85 * way, 3.5 * np.pi * way + np.pi * targets)
    elif name == "gaussians":
        points = np.where(targets == 1, 0.4, -0.4)[:, None] + random.normal(0.0, 0.16, (N_POINTS, 2))
    elif name == "moons":
        arc = np.pi * np.tile(np.linspace(0.0, 1.0, half), 2)
        x = np.where(targets == 1, 1.0 - np.cos(arc), np.cos(arc))
        y = np.where(targets == 1, 0.5 - np.sin(arc), np.sin(arc))
        points = np.stack([(x - 0.5) / 1.9, (y - 0.25) / 1.1], axis=1)
    else:
        points = random.uniform(-0.85, 0.85, (N_POINTS, 2))
        if name == "xor":
            points += np.where(points > 0, 0.08, -0.08)
            targets = (points[:, 0] * points[:, 1] > 0).astype(np.float64)
        elif name == "plane":
            targets = (points[:, 0] + points[:, 1]) / 2.0
        else:
            centres = np.array([[-0.5, 0.4], [0.5, -0.4], [0.4, 0.5], [-0.4, -0.5]])
            squares = ((points[:, None] - centres) ** 2).sum(axis=2)
            targets = np.exp(-squares / 0.08) @ np.array([1.0, 1.0, -1.0, -1.0])
    points = np.clip(points + random.normal(0.0, noise, points.shape), -1.0, 1.0)
    is_class = name not in ("plane", "hills")
    return Points(
        points, targets, is_class, ("x", "y", "class" if is_class else "z"), _labels(is_class), _test(len(points), seed)
    )


def own_points(text: str, seed: int) -> Points:
    """The points of a table as text: its first two columns of numbers, and its last column as the target.

    Raises:
        InputError: it cannot be read, has no two such columns, or a target that is neither two classes nor numbers.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        path.write_text(text, encoding="utf-8")
        try:
            source = open_source(path)
            frame = source.frame.head(MAX_ROWS)
        except InputError as error:
            raise InputError(str(error).replace(f"{folder}/", "")) from error
    columns = {name: _numbers(frame[name].to_list()) for name in frame.columns}
    target = frame.columns[-1]
    inputs = [name for name in frame.columns[:-1] if columns[name] is not None][:2]
    if len(inputs) < 2:
        raise InputError("A table to play with has two columns of numbers, and the target as its last column.")
    cells = [str(cell) for cell in frame[target].to_list()]
    labels = tuple(sorted(set(cells)))
    numbers = columns[target]
    if len(labels) == 2:
        targets = np.array([float(labels.index(cell)) for cell in cells])
    elif numbers is None:
        raise InputError(
            f'The last column, "{target}", has {len(labels)} different words; two classes or numbers were expected.'
        )
    else:
        labels, targets = (), _scaled(numbers)
    points = np.stack([_scaled(np.asarray(columns[name])) for name in inputs], axis=1)
    names = (inputs[0], inputs[1], target)
    return Points(points, targets, bool(labels), names, labels, _test(len(points), seed))


def _polar(radius: Array, angle: Array) -> Array:
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def _labels(is_class: bool) -> tuple[str, ...]:
    return ("orange", "blue") if is_class else ()


def _test(count: int, seed: int) -> NDArray[np.bool_]:
    """A quarter of the points, by chance."""
    test = np.zeros(count, np.bool_)
    test[np.random.default_rng(seed + 1).permutation(count)[: count // 4]] = True
    return test


def _numbers(cells: list[object]) -> Array | None:
    """A column as numbers; None where a cell is none."""
    try:
        numbers = np.array([float(str(cell)) for cell in cells])
    except ValueError:
        return None
    return numbers if np.isfinite(numbers).all() and len(numbers) >= 4 else None


def _scaled(numbers: Array) -> Array:
    """Numbers brought to lie between -0.9 and 0.9."""
    low, high = float(numbers.min()), float(numbers.max())
    return (2.0 * (numbers - low) / (high - low) - 1.0) * SPREAD if high > low else np.zeros(len(numbers))
