"""One layer and one neuron of a model, as records and on the screen. N units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ranvier.cli.console import Output
from ranvier.errors import InputError, nearest

if TYPE_CHECKING:
    from ranvier.model.model import Model
    from ranvier.network.network import LayerInfo, Network

SHOWN_WEIGHTS = 24
SHOWN_NEURONS = 64


def find_layer(network: Network, asked: str) -> LayerInfo:
    """The layer with neurons that a number or a path names.

    Raises:
        InputError: there is none, or it has no neurons.
    """
    places = {place.path: place for place in network.iter_layers()}
    path = asked if asked.startswith("layers") else f"layers.{asked}"
    with_neurons = [name for name, place in places.items() if hasattr(place.layer, "units")]
    if path not in places:
        raise InputError(f'There is no layer "{asked}". {nearest(path, with_neurons)}')
    if path not in with_neurons:
        kind = type(places[path].layer).__name__
        raise InputError(f"{path} is a {kind} layer and has no neurons. {nearest('', with_neurons)}")
    return places[path]


def input_names(model: Model, place: LayerInfo) -> list[str]:
    """The names of what goes into a layer: the encoded columns, or the neurons of the Dense layer before."""
    source = None
    for other in model.network.iter_layers():
        if other.index >= place.index:
            break
        if type(other.layer).__name__ in ("Dense", "Residual"):
            source = other
    if source is None:
        names = getattr(model.encoder, "feature_names", None) or [f"x{at}" for at in range(place.inputs)]
        return list(names)
    if type(source.layer).__name__ == "Residual" or place.path.count(".") != source.path.count("."):
        return [f"input {at}" for at in range(place.inputs)]
    return [f"{source.path} neuron {at}" for at in range(place.inputs)]


def seen_inputs(place: LayerInfo, neuron: int) -> slice:
    """Which inputs of its layer a neuron sees: those of its group."""
    group = neuron // (place.outputs // place.groups)
    return slice(group * place.fan_in, (group + 1) * place.fan_in)


def output_label(model: Model, place: LayerInfo, neuron: int) -> str | None:
    """What a neuron of the output layer stands for; None elsewhere."""
    if place != model.network.layer_infos[-1]:
        return None
    task = model.task
    if task.kind == "binary":
        return str(task.classes[1])
    return str((task.classes or task.target_names)[neuron]) if task.classes or task.target_names else None


def layer_record(model: Model, asked: str) -> dict[str, Any]:
    """Every neuron of a layer: bias, size of its weights and its strongest input."""
    import numpy as np

    place = find_layer(model.network, asked)
    weight, bias = _arrays(model, place)
    names = input_names(model, place)
    strongest = np.abs(weight).argmax(axis=0)
    neurons = [
        {
            "neuron": at,
            "stands_for": output_label(model, place, at),
            "bias": None if bias is None else float(bias[at]),
            "weight_norm": float(np.linalg.norm(weight[:, at])),
            "strongest_input": names[seen_inputs(place, at).start + strongest[at]],
            "strongest_weight": float(weight[strongest[at], at]),
        }
        for at in range(place.outputs)
    ]
    return {"layer": place.path, "activation": _activation(place), "neurons": neurons}


def neuron_record(model: Model, asked: str, neuron: int) -> dict[str, Any]:
    """The weights of one neuron with the names of its inputs, largest first, its bias and its formula.

    Raises:
        InputError: there is no such layer or neuron.
    """
    import numpy as np

    place = find_layer(model.network, asked)
    if neuron >= place.outputs:
        raise InputError(f"{place.path} has the neurons 0 to {place.outputs - 1}; there is no neuron {neuron}.")
    weight, bias = _arrays(model, place)
    names = input_names(model, place)[seen_inputs(place, neuron)]
    order = np.argsort(-np.abs(weight[:, neuron]), kind="stable")
    return {
        "layer": place.path,
        "neuron": neuron,
        "stands_for": output_label(model, place, neuron),
        "activation": _activation(place),
        "bias": None if bias is None else float(bias[neuron]),
        "weights": [{"input": names[at], "weight": float(weight[at, neuron])} for at in order],
    }


def print_layer(output: Output, found: Mapping[str, Any]) -> None:
    """The neurons of a layer as a table."""
    from ranvier.cli.report import heading
    from ranvier.display.tables import literal, table

    neurons: Sequence[Mapping[str, Any]] = found["neurons"]
    named = neurons[0]["stands_for"] is not None
    heading(output, f"{found['layer']}, {len(neurons):,} neurons")
    _print_formula(output, found)
    output.say()
    numbers = ("Neuron", "Bias", "Weight norm", "Its weight")
    extra = ["Stands for"] if named else []
    shown = table("Neuron", *extra, "Bias", "Weight norm", "Its weight", "Strongest input", numbers=numbers)
    for neuron in neurons[:SHOWN_NEURONS]:
        bias = "-" if neuron["bias"] is None else f"{neuron['bias']:+z,.4f}"
        label = [literal(neuron["stands_for"])] if named else []
        values = (bias, f"{neuron['weight_norm']:,.4f}", f"{neuron['strongest_weight']:+z,.4f}")
        shown.add_row(str(neuron["neuron"]), *label, *values, literal(neuron["strongest_input"]))
    output.words.print(shown)
    if len(neurons) > SHOWN_NEURONS:
        output.say(f"and {len(neurons) - SHOWN_NEURONS:,} more neurons; --json lists them all.", "dim")


def print_neuron(output: Output, found: Mapping[str, Any]) -> None:
    """A neuron's weights as bars as long as their size; the sign is written, and has its colour."""
    from rich.text import Text

    from ranvier.cli.report import heading
    from ranvier.display.tables import bar, literal

    label = "" if found["stands_for"] is None else f", stands for {found['stands_for']}"
    heading(output, f"{found['layer']}, neuron {found['neuron']}{label}")
    _print_formula(output, found)
    output.say("No bias" if found["bias"] is None else f"Bias {found['bias']:+z,.4f}")
    output.say()
    weights: Sequence[Mapping[str, Any]] = found["weights"]
    shown = weights[:SHOWN_WEIGHTS]
    largest = abs(shown[0]["weight"]) or 1.0
    widest = min(max(len(entry["input"]) for entry in shown), max(12, output.words.width - 40))
    room = max(8, min(40, output.words.width - widest - 14))
    for entry in shown:
        name = literal(entry["input"])
        name.truncate(widest, overflow="ellipsis", pad=True)
        colour = "cyan" if entry["weight"] >= 0 else "red"
        line = Text.assemble(name, f"  {entry['weight']:+z9.4f}  ")
        line.append(bar(abs(entry["weight"]) / largest, room), colour)
        output.words.print(line, no_wrap=True, overflow="crop")
    if len(weights) > SHOWN_WEIGHTS:
        output.say(f"and {len(weights) - SHOWN_WEIGHTS:,} smaller weights; --json lists them all.", "dim")


def _print_formula(output: Output, found: Mapping[str, Any]) -> None:
    shape = found["activation"]
    output.say(f"output = {shape['name']}(x), x = sum of weight * input + bias", "dim")
    output.say(f"{shape['name']}(x) = {shape['formula']}", "dim")


def _activation(place: LayerInfo) -> dict[str, str]:
    shape: Any = getattr(place.layer, "activation")  # noqa: B009
    return {"name": shape.name, "formula": shape.formula}


def _arrays(model: Model, place: LayerInfo) -> tuple[Any, Any]:
    """Weights (inputs that a neuron sees, N) and biases (N,) or None."""
    return model.parameters[f"{place.path}.weight"], model.parameters.get(f"{place.path}.bias")
