"""One layer and one neuron of a model on the screen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ranvier.cli.console import Output
from ranvier.model.inspect import MAX_SHOWN_NEURONS, MAX_SHOWN_WEIGHTS
from ranvier.plural import plural


def print_layer(output: Output, view: Mapping[str, Any]) -> None:
    """The neurons of a layer as a table."""
    from ranvier.display.tables import literal, table

    neurons: Sequence[Mapping[str, Any]] = view["neurons"]
    named = neurons[0]["stands_for"] is not None
    output.heading(f"{view['layer']}, {plural(len(neurons), 'neuron')}")
    _print_formula(output, view)
    output.say()
    numbers = ("Neuron", "Bias", "Weight norm", "Its weight")
    extra = ["Stands for"] if named else []
    grid = table("Neuron", *extra, "Bias", "Weight norm", "Its weight", "Strongest input", numbers=numbers)
    for neuron in neurons[:MAX_SHOWN_NEURONS]:
        bias = "-" if neuron["bias"] is None else f"{neuron['bias']:+z,.4f}"
        label = [literal(neuron["stands_for"])] if named else []
        values = (bias, f"{neuron['weight_norm']:,.4f}", f"{neuron['strongest_weight']:+z,.4f}")
        grid.add_row(str(neuron["neuron"]), *label, *values, literal(neuron["strongest_input"]))
    output.console.print(grid)
    if len(neurons) > MAX_SHOWN_NEURONS:
        output.say(f"and {len(neurons) - MAX_SHOWN_NEURONS:,} more neurons; --json lists them all.", "dim")


def print_neuron(output: Output, view: Mapping[str, Any], picture: Callable[[], None] | None = None) -> None:
    """A neuron's weights as bars as long as their size; the sign is written, and has its colour.

    Parameters:
        output: where to.
        view: the neuron.
        picture: draws its weights, where they belong to pixels; None for nothing.
    """
    from rich.text import Text

    from ranvier.display.tables import bar, literal

    label = "" if view["stands_for"] is None else f", stands for {view['stands_for']}"
    output.heading(f"{view['layer']}, neuron {view['neuron']}{label}")
    _print_formula(output, view)
    output.say("No bias" if view["bias"] is None else f"Bias {view['bias']:+z,.4f}")
    output.say()
    if picture is not None:
        picture()
        output.say()
    weights: Sequence[Mapping[str, Any]] = view["weights"]
    largest_weights = weights[:MAX_SHOWN_WEIGHTS]
    largest = abs(largest_weights[0]["weight"]) or 1.0
    widest = min(max(len(entry["input"]) for entry in largest_weights), max(12, output.console.width - 40))
    bar_width = max(8, min(40, output.console.width - widest - 14))
    for entry in largest_weights:
        name = literal(entry["input"])
        name.truncate(widest, overflow="ellipsis", pad=True)
        colour = "cyan" if entry["weight"] >= 0 else "red"
        line = Text.assemble(name, f"  {entry['weight']:+z9.4f}  ")
        line.append(bar(abs(entry["weight"]) / largest, bar_width), colour)
        output.console.print(line, no_wrap=True, overflow="crop")
    if len(weights) > MAX_SHOWN_WEIGHTS:
        output.say(f"and {len(weights) - MAX_SHOWN_WEIGHTS:,} smaller weights; --json lists them all.", "dim")


def _print_formula(output: Output, view: Mapping[str, Any]) -> None:
    activation = view["activation"]
    output.say(f"output = {activation['name']}(x), x = sum of weight * input + bias", "dim")
    output.say(f"{activation['name']}(x) = {activation['formula']}", "dim")
