"""Draw the pictures of the documentation as SVG text: python docs/pictures/draw.py

The weights and losses in them are those of lesson 1, computed here. Only the standard library writes the pictures.
"""

from __future__ import annotations

import math
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

import ranvier as rv

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parents[1]))
INK, SOFT, PAPER, GRID = "#1d2733", "#64717f", "#ffffff", "#e6eaee"
BLUE, RED, GREEN = "#2563c9", "#c2410c", "#0f766e"
FONT = "font-family='Helvetica, Arial, sans-serif'"
MONOSPACED = "font-family='DejaVu Sans Mono, Menlo, Consolas, monospace' xml:space='preserve'"
EIGHTHS = {character: eighths / 8 for eighths, character in enumerate("▏▎▍▌▋▊▉█", 1)}
Point = tuple[float, float]


def svg(width: int, height: int, title: str, parts: Sequence[str]) -> str:
    """A whole picture on a white card, so that it can be read on dark pages too."""
    head = (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' width='{width}' height='{height}' "
        f"role='img' {FONT}>\n<title>{title}</title>\n"
        f"<rect width='{width}' height='{height}' rx='10' fill='{PAPER}'/>"
    )
    return "\n".join((head, *parts, "</svg>")) + "\n"


def text(at: Point, words: str, size: float = 14, color: str = INK, anchor: str = "middle", more: str = "") -> str:
    """Words whose middle, start or end stands at a point."""
    attributes = f"x='{at[0]:.1f}' y='{at[1]:.1f}' text-anchor='{anchor}'"
    return f"<text {attributes} font-size='{size}' fill='{color}' {more}>{words}</text>"


def line(a: Point, b: Point, color: str, width: float = 1.0, more: str = "") -> str:
    """A straight line."""
    ends = f"x1='{a[0]:.1f}' y1='{a[1]:.1f}' x2='{b[0]:.1f}' y2='{b[1]:.1f}'"
    return f"<line {ends} stroke='{color}' stroke-width='{width:.2f}' {more}/>"


def curve(points: Sequence[Point], color: str, width: float = 2.5, more: str = "") -> str:
    """A line through many points."""
    coordinates = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    stroke = f"stroke='{color}' stroke-width='{width}' stroke-linejoin='round'"
    return f"<polyline points='{coordinates}' fill='none' {stroke} {more}/>"


def signed(value: float) -> str:
    """A number with a real minus sign and four decimals."""
    return f"{value:.4f}".replace("-", "−")


def neuron(at: Point, name: str, color: str, below: str = "") -> list[str]:
    """A circle with its name, and a line of words below."""
    circle = f"<circle cx='{at[0]}' cy='{at[1]}' r='28' fill='{PAPER}' stroke='{color}' stroke-width='2.5'/>"
    return [circle, text((at[0], at[1] + 6), name, 18), text((at[0], at[1] + 48), below, 13, SOFT)]


def connection(a: Point, b: Point, weight: float, fraction: float) -> list[str]:
    """A weighted connection: colour says the sign, thickness the size; the number stands a share of the way along."""
    color = BLUE if weight > 0 else RED
    x, y = a[0] + fraction * (b[0] - a[0]), a[1] + fraction * (b[1] - a[1])
    label = f"<rect x='{x - 32:.1f}' y='{y - 12:.1f}' width='64' height='22' rx='4' fill='{PAPER}'/>"
    return [line(a, b, color, 1.2 + 4.0 * abs(weight)), label, text((x, y + 4), signed(weight), 14, color)]


def network_picture() -> str:
    """The 2-2-1 network of lesson 1 with its first weights."""
    start = lesson_network().parameter_table
    values = start.views(start.initial(seed=0))
    hidden, output = values["layers.0.weight"], values["layers.1.weight"]
    xs, hs, y = ((90.0, 110.0), (90.0, 270.0)), ((340.0, 110.0), (340.0, 270.0)), (590.0, 190.0)
    parts: list[str] = []
    for row, left in enumerate(xs):
        for column, right in enumerate(hs):
            parts += connection(left, right, float(hidden[row, column]), 0.5 if row == column else 0.27)
    for row, left in enumerate(hs):
        parts += connection(left, y, float(output[row, 0]), 0.5)
    parts += neuron(xs[0], "x₁", SOFT, "1.0") + neuron(xs[1], "x₂", SOFT, "0.5")
    parts += neuron(hs[0], "h₁", GREEN, "bias 0") + neuron(hs[1], "h₂", GREEN, "bias 0")
    parts += neuron(y, "y", GREEN, "bias 0")
    for x, words in ((90, "input layer"), (340, "hidden layer"), (590, "output layer")):
        parts.append(text((x, 40), words, 15, INK, more="font-weight='bold'"))
    parts.append(text((340, 362), "blue: positive weight, red: negative weight; the thicker, the larger", 13, SOFT))
    return svg(680, 384, "A network with two inputs, two hidden neurons and one output", parts)


def activation_picture() -> str:
    """Sigmoid and ReLU side by side with their slopes."""

    def sigmoid(z: float) -> float:
        return 1.0 / (1.0 + math.exp(-z))

    parts = panel(
        60, "sigmoid: σ(z) = 1 / (1 + e⁻ᶻ)", 6.0, (0.0, 1.0), sigmoid, lambda z: sigmoid(z) * (1 - sigmoid(z))
    )
    parts += panel(400, "ReLU: max(0, z)", 3.0, (0.0, 3.0), lambda z: max(0.0, z), lambda z: float(z > 0))
    return svg(720, 320, "The sigmoid and the ReLU, with their slopes", parts)


def panel(
    left: float,
    title: str,
    reach: float,
    span: Point,
    value: Callable[[float], float],
    derivative: Callable[[float], float],
) -> list[str]:
    """One pair of axes from -reach to reach with a function (solid) and its slope (dashed)."""
    width, top, bottom = 270.0, 60.0, 250.0

    def to_pixels(z: float, v: float) -> Point:
        return left + (z + reach) / (2 * reach) * width, bottom - (v - span[0]) / (span[1] - span[0]) * (bottom - top)

    parts = [text((left + width / 2, 34), title, 16, INK)]
    for tick in (span[0], (span[0] + span[1]) / 2, span[1]):
        y = to_pixels(0, tick)[1]
        parts += [line((left, y), (left + width, y), GRID), text((left - 8, y + 4), f"{tick:g}", 12, SOFT, "end")]
    for tick in (-reach, 0.0, reach):
        x = to_pixels(tick, 0)[0]
        parts.append(text((x, bottom + 20), f"{tick:g}".replace("-", "−"), 12, SOFT))
    parts.append(line(to_pixels(0, span[0]), to_pixels(0, span[1]), SOFT, 1.0))
    grid = np.linspace(-reach, reach, 241)
    parts.append(curve([to_pixels(z, value(z)) for z in grid], BLUE))
    parts.append(curve([to_pixels(z, derivative(z)) for z in grid], RED, 2, "stroke-dasharray='6 5'"))
    y = bottom + 46
    parts += [line((left + 40, y), (left + 70, y), BLUE, 2.5), text((left + 78, y + 4), "output", 13, SOFT, "start")]
    parts += [line((left + 150, y), (left + 180, y), RED, 2, "stroke-dasharray='6 5'")]
    return [*parts, text((left + 188, y + 4), "slope", 13, SOFT, "start")]


def loss_picture() -> str:
    """The loss of the XOR lesson, epoch by epoch."""
    inputs = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    answers = np.array([[0.0], [1.0], [1.0], [0.0]])
    options = {"loss": "squared_error", "optimizer": rv.SGD(2.0), "batch_size": 4, "engine": "reference"}

    def losses(seed: int) -> list[float]:
        model = lesson_network().fit(inputs, answers, epochs=2000, seed=seed, progress=False, **options)
        return [epoch.loss for epoch in model.history]

    return loss_axes({"seed 0": (losses(0), BLUE), "seed 1": (losses(1), RED)}, 2000)


def loss_axes(series: dict[str, tuple[list[float], str]], epochs: int) -> str:
    """Losses over the epochs, each with its name at its end."""
    left, right, top, bottom, highest = 70.0, 690.0, 30.0, 250.0, 0.3

    def to_pixels(epoch: float, loss: float) -> Point:
        return left + epoch / epochs * (right - left), bottom - loss / highest * (bottom - top)

    parts: list[str] = []
    for tick in (0.0, 0.1, 0.2, 0.3):
        y = to_pixels(0, tick)[1]
        parts += [line((left, y), (right, y), GRID), text((left - 10, y + 4), f"{tick:g}", 12, SOFT, "end")]
    for tick in range(0, epochs + 1, 500):
        parts.append(text((to_pixels(tick, 0)[0], bottom + 20), f"{tick}", 12, SOFT))
    for name, (losses, color) in series.items():
        parts.append(curve([to_pixels(epoch, loss) for epoch, loss in enumerate(losses, 1)], color))
        end = to_pixels(epochs, losses[-1])
        parts.append(text((end[0], end[1] - 10), name, 13, color, "end"))
    parts.append(text(((left + right) / 2, bottom + 44), "epoch", 13, SOFT))
    parts.append(
        text((24, (top + bottom) / 2), "loss", 13, SOFT, more=f"transform='rotate(-90 24 {(top + bottom) / 2})'")
    )
    return svg(720, 310, "The loss while learning XOR", parts)


def lesson_network() -> rv.Network:
    """The network of lesson 1."""
    start = rv.initializer("uniform", limit=1.0)
    return rv.Network(2, [rv.Dense(2, "sigmoid", initializer=start), rv.Dense(1, "sigmoid", initializer=start)])


def training_picture() -> str:
    """The end of `ranvier train digits` as a terminal shows it."""
    from docs.pages import Runner

    with tempfile.TemporaryDirectory() as folder:
        lines = Runner(Path(folder)).command("ranvier train digits").splitlines()
    first = next(n for n, words in enumerate(lines) if words.startswith("On ") and "not seen" in words)
    last = next(n for n, words in enumerate(lines) if words.startswith("Most often"))
    shown = ["$ ranvier train digits", "…", *(words.rstrip() for words in lines[first : last + 1])]
    width, pitch = 760, 19.0
    parts = [f"<rect width='{width}' height='{pitch * len(shown) + 44:.0f}' rx='10' fill='#10161d'/>"]
    for number, words in enumerate(shown):
        y = 38 + number * pitch
        label, bar, _ = words.partition("█")
        size = len(words[len(label) :].rstrip())
        color = "#7ee0c6" if number == 0 else "#d6dee7"
        if set(label.strip()) == {"─"}:
            parts.append(line((24, y - 5), (24 + 7.83 * len(words), y - 5), "#3b4754"))
        else:
            escaped = label.replace("&", "&amp;").replace("<", "&lt;")
            parts.append(text((24, y), escaped, 13, color, "start", MONOSPACED))
        if bar:
            bar_width = 7.83 * (size - 1 + EIGHTHS.get(words.rstrip()[-1], 1.0))
            left = 24 + 7.83 * len(label)
            parts.append(f"<rect x='{left:.1f}' y='{y - 11:.1f}' width='{bar_width:.1f}' height='14' fill='#3fb8ac'/>")
    return svg(width, round(pitch * len(shown) + 44), "ranvier train digits", parts)


def overfitting_picture() -> str:
    """The overfitted curve of lesson 2 beside the one stopped early, and the losses over the epochs."""
    generator = np.random.default_rng(4)
    sets = []
    for _ in range(2):
        x = generator.uniform(-1, 1, (20, 1))
        sets.append((x, np.sin(3 * x[:, 0]) + generator.normal(0, 0.3, 20)))
    learn, validation = sets
    wide = rv.Network(inputs=1, layers=[rv.Dense(64, "tanh"), rv.Dense(64, "tanh"), rv.Dense(1)])
    options = {"epochs": 1000, "batch_size": 20, "validation": validation, "seed": 0, "progress": False}
    model = wide.fit(*learn, optimizer=rv.Adam(0.01), **options)
    stopped = wide.fit(*learn, optimizer=rv.Adam(0.01), callbacks=[rv.EarlyStopping(patience=100)], **options)
    return svg(
        900,
        340,
        "Overfitting: a curve that follows the noise, and the losses that show it",
        [*_fitted_curves(learn, model, stopped), *_two_losses(model, stopped.best_epoch)],
    )


def _fitted_curves(learn: tuple[np.ndarray, np.ndarray], model: rv.Model, stopped: rv.Model) -> list[str]:
    """The training points, the true curve and two fitted ones; x from -1 to 1, y from -1.8 to 1.8."""

    def at(x: float, y: float) -> Point:
        return 40 + (x + 1) * 190, 165 - min(max(y, -1.8), 1.8) * 75

    xs = np.linspace(-1, 1, 201)
    parts = [line(at(-1, 0), at(1, 0), GRID)]
    shown = (("the true curve", np.sin(3 * xs), SOFT), ("after 1,000 epochs", _on(model, xs), RED))
    for number, (name, ys, color) in enumerate((*shown, ("stopped early", _on(stopped, xs), BLUE))):
        parts.append(curve([at(x, y) for x, y in zip(xs, ys, strict=True)], color, 2.2))
        parts.append(text((40 + 140 * number, 328), name, 13, color, "start"))
    for x, y in zip(learn[0][:, 0], learn[1], strict=True):
        cx, cy = at(x, y)
        parts.append(f"<circle cx='{cx:.1f}' cy='{cy:.1f}' r='4.5' fill='{PAPER}' stroke='{INK}' stroke-width='1.6'/>")
    return parts


def _on(model: rv.Model, xs: np.ndarray) -> np.ndarray:
    return np.asarray(model.outputs(xs[:, None]))[:, 0]


def _two_losses(model: rv.Model, best: int) -> list[str]:
    """Training and validation loss over 1,000 epochs, up to 0.4, with the best epoch marked."""

    def at(epoch: float, loss: float) -> Point:
        return 490 + epoch * 0.3, 280 - min(loss, 0.4) * 600

    parts = []
    for loss in (0.0, 0.1, 0.2, 0.3, 0.4):
        parts += [
            line(at(0, loss), at(1000, loss), GRID),
            text((482, at(0, loss)[1] + 4), f"{loss:.1f}", 12, SOFT, "end"),
        ]
    parts += [
        line(at(best, 0), at(best, 0.4), BLUE, 1.5, "stroke-dasharray='5 4'"),
        text(at(best, -0.03), f"epoch {best}", 12, BLUE),
    ]
    for name, color, values in (
        ("training", INK, [epoch.loss for epoch in model.history]),
        ("validation", GREEN, [epoch.validation_loss for epoch in model.history]),
    ):
        points = [at(epoch, loss) for epoch, loss in enumerate(values, 1) if epoch % 4 == 1 or epoch == len(values)]
        parts += [curve(points, color, 2.0), text((points[-1][0] + 6, points[-1][1] + 4), name, 13, color, "start")]
    return [*parts, text((640, 328), "loss by epoch", 13, SOFT)]


PICTURES = {
    "training": training_picture,
    "network": network_picture,
    "activations": activation_picture,
    "xor-loss": loss_picture,
    "overfitting": overfitting_picture,
}

if __name__ == "__main__":
    for name, draw in PICTURES.items():
        (FOLDER / f"{name}.svg").write_text(draw(), encoding="utf-8")
