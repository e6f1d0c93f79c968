"""The weights of a neuron over pixels, drawn in the terminal: one character for two pixels above each other."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ranvier.cli.console import Output

if TYPE_CHECKING:
    from ranvier.model.inspect import NeuronView
    from ranvier.model.model import Model

UPPER_HALF = "\u2580"
MAX_PATTERNS = 4
SHADES = " .:-=+*#%@"
"""For terminals without colours: the larger a weight in size, the darker."""


def pixel_shape(model: Model, view: NeuronView) -> tuple[int, int, int] | None:
    """Height, width and channels where the inputs of a neuron are a picture or a spectrogram; else None."""
    encoder = model.encoder
    files = getattr(encoder, "image", None) or getattr(encoder, "sound", None)
    shape = getattr(encoder, "shape", ()) if files is None else files.form.shape
    if files is not None and files.patches:
        return None
    shape = (*shape, 1) if len(shape) == 2 else tuple(shape)
    names = getattr(encoder, "feature_names", ())
    if len(shape) != 3 or view.inputs != tuple(names) or view.weights.size != shape[0] * shape[1] * shape[2]:
        return None
    return shape[0], shape[1], shape[2]


def patch_drawer(output: Output, model: Model, view: NeuronView) -> Callable[[], None] | None:
    """A function that draws what the strongest inputs of a neuron look for; None where they are no patch features."""
    is_sound = getattr(model.encoder, "sound", None) is not None
    files = getattr(model.encoder, "sound" if is_sound else "image", None)
    if files is None or not files.patches:
        return None
    index = {name: at for at, name in enumerate(files.feature_names)}
    if any(name not in index for name in view.inputs):
        return None

    def draw_patches() -> None:
        rows, columns = files.patches[0].grid
        what, cells = ("spectrogram", "band, time") if is_sound else ("picture", "row, column")
        end = ", low bands at the bottom:" if is_sound else ":"
        output.say(
            f"An input is how near the pieces of a {what} in one of {rows} x {columns} cells ({cells}) are to a "
            f"pattern. The patterns of the largest weights{end}"
        )
        drawn = 0
        for at in np.argsort(-np.abs(view.weights), kind="stable").tolist():
            pattern = files.pattern(index[view.inputs[at]])
            if pattern is not None and drawn < MAX_PATTERNS:
                drawn += 1
                output.say()
                output.say(f"{view.inputs[at]}, weight {view.weights[at]:+.4f}")
                draw(output, pattern[:: -1 if is_sound else 1].reshape(-1), pattern.shape)

    return draw_patches


def draw(output: Output, weights: NDArray[np.floating], shape: tuple[int, int, int]) -> None:
    """Draw weights, red below 0 and cyan above; of several channels their mean.

    Parameters:
        weights: one for each pixel and channel.
        shape: height, width, channels.
    """
    from rich.color import Color
    from rich.style import Style
    from rich.text import Text

    picture = weights.reshape(shape).mean(axis=2)
    step = -(-shape[1] // max(output.console.width - 2, 8))
    picture = picture[::step, ::step]
    largest = float(np.abs(picture).max()) or 1.0
    scaled = picture / largest
    if output.console.color_system is None or os.environ.get("NO_COLOR"):
        for row in scaled[::2]:
            output.console.print(Text("".join(SHADES[int(abs(value) * (len(SHADES) - 1))] for value in row)))
        return
    if len(scaled) % 2:
        scaled = np.concatenate([scaled, np.zeros((1, scaled.shape[1]))])
    for upper, lower in zip(scaled[::2], scaled[1::2], strict=True):
        line = Text()
        for top, bottom in zip(upper.tolist(), lower.tolist(), strict=True):
            colours = (Color.from_rgb(*_colour(value)) for value in (top, bottom))
            line.append(UPPER_HALF, Style(color=next(colours), bgcolor=next(colours)))
        output.console.print(line, no_wrap=True, overflow="crop")


def _colour(value: float) -> tuple[int, int, int]:
    """Black for 0, red for -1, cyan for 1.

    >>> _colour(0.0), _colour(-1.0), _colour(1.0)
    ((0, 0, 0), (255, 0, 0), (0, 255, 255))
    """
    strength = round(255 * min(abs(value), 1.0))
    return (strength, 0, 0) if value < 0 else (0, strength, strength)
