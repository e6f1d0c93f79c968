"""Record what PyTorch's optimizers and schedules do, for test_optimizer_trajectories.py and test_schedules.py.

    python -m venv torch && torch/bin/pip install torch==2.13.0 numpy
    torch/bin/python tests/network/make_optimizer_fixtures.py

writes optimizer_trajectories.json and schedule_factors.json beside this file. The tests read these and need no PyTorch.
The problem is a badly scaled quadratic with a rotation in it: the gradient at w is `MATRIX @ w - SHIFT`, 20 steps,
float64. Numbers are written with 17 digits, so nothing is lost.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

STEPS = 20
START = [1.0, -2.0]
MATRIX = [[40.0, 3.0], [3.0, 0.5]]
SHIFT = [1.0, 0.5]

# name -> (Ranvier's name, Ranvier's options, PyTorch's class, PyTorch's options)
OPTIMIZERS: dict[str, tuple[str, dict[str, Any], str, dict[str, Any]]] = {
    "sgd": ("sgd", {"learning_rate": 0.02}, "SGD", {"lr": 0.02}),
    "momentum": ("sgd", {"learning_rate": 0.02, "momentum": 0.8}, "SGD", {"lr": 0.02, "momentum": 0.8}),
    "nesterov": (
        "sgd",
        {"learning_rate": 0.02, "momentum": 0.8, "nesterov": True},
        "SGD",
        {"lr": 0.02, "momentum": 0.8, "nesterov": True},
    ),
    "adagrad": ("adagrad", {"learning_rate": 0.3}, "Adagrad", {"lr": 0.3}),
    "adagrad_accumulated": (
        "adagrad",
        {"learning_rate": 0.3, "initial_accumulator": 0.1},
        "Adagrad",
        {"lr": 0.3, "initial_accumulator_value": 0.1},
    ),
    "adadelta": ("adadelta", {"rho": 0.9}, "Adadelta", {"rho": 0.9}),
    "rmsprop": ("rmsprop", {"learning_rate": 0.05}, "RMSprop", {"lr": 0.05, "alpha": 0.9}),
    "rmsprop_momentum": (
        "rmsprop",
        {"learning_rate": 0.05, "momentum": 0.5},
        "RMSprop",
        {"lr": 0.05, "alpha": 0.9, "momentum": 0.5},
    ),
    "adam": ("adam", {"learning_rate": 0.1}, "Adam", {"lr": 0.1}),
    "adamw": ("adamw", {"learning_rate": 0.1, "weight_decay": 0.3}, "AdamW", {"lr": 0.1, "weight_decay": 0.3}),
    "nadam": ("nadam", {"learning_rate": 0.1}, "NAdam", {"lr": 0.1}),
    "adamax": ("adamax", {"learning_rate": 0.1}, "Adamax", {"lr": 0.1}),
    "amsgrad": (
        "amsgrad",
        {"learning_rate": 0.3, "beta2": 0.7},
        "Adam",
        {"lr": 0.3, "betas": (0.9, 0.7), "amsgrad": True},
    ),
}

SCHEDULES: dict[str, tuple[str, dict[str, Any], str, dict[str, Any]]] = {
    "step": ("step", {"step_epochs": 3, "decay_factor": 0.5}, "StepLR", {"step_size": 3, "gamma": 0.5}),
    "exponential": ("exponential", {"decay_factor": 0.8}, "ExponentialLR", {"gamma": 0.8}),
    "polynomial": ("polynomial", {"power": 2.0}, "PolynomialLR", {"total_iters": STEPS, "power": 2.0}),
    "cosine": ("cosine", {"final_factor": 0.1}, "CosineAnnealingLR", {"T_max": STEPS, "eta_min": 0.1}),
    "cosine_restarts": (
        "cosine_restarts",
        {"first_cycle_epochs": 3, "cycle_multiplier": 2.0, "min_factor": 0.1},
        "CosineAnnealingWarmRestarts",
        {"T_0": 3, "T_mult": 2, "eta_min": 0.1},
    ),
    "cosine_restarts_even": (
        "cosine_restarts",
        {"first_cycle_epochs": 3, "cycle_multiplier": 1.0},
        "CosineAnnealingWarmRestarts",
        {"T_0": 3, "T_mult": 1},
    ),
    "one_cycle": (
        "one_cycle",
        {"peak_fraction": 0.25, "initial_factor": 0.04, "final_factor": 4e-6},
        "OneCycleLR",
        {"max_lr": 1.0, "total_steps": STEPS, "pct_start": 0.25},
    ),
}


def trajectory(kind: str, options: dict[str, Any]) -> list[list[float]]:
    """The parameters after each step."""
    import torch

    matrix, shift = torch.tensor(MATRIX), torch.tensor(SHIFT)
    parameter = torch.nn.Parameter(torch.tensor(START))
    optimizer = getattr(torch.optim, kind)([parameter], **options)
    points = []
    for _ in range(STEPS):
        parameter.grad = matrix @ parameter.detach() - shift
        optimizer.step()
        points.append(parameter.detach().tolist())
    return points


def factors(kind: str, options: dict[str, Any]) -> list[float]:
    """The learning rate of each step, starting from 1."""
    import torch

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = getattr(torch.optim.lr_scheduler, kind)(optimizer, **options)
    rates = []
    for step in range(STEPS):
        rates.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        if step + 1 < STEPS:
            schedule.step()
    return rates


def write(name: str, content: dict[str, Any]) -> None:
    """Write one case a line, so that a change is easy to read."""
    cases = content.pop("cases")
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in content.items()]
    inner = ",\n  ".join(f"{json.dumps(case)}: {json.dumps(value)}" for case, value in cases.items())
    text = "{\n" + ",\n".join([*lines, f'"cases": {{\n  {inner}\n}}']) + "\n}\n"
    (Path(__file__).parent / name).write_text(text, encoding="utf-8")


def main() -> None:
    import torch

    torch.set_default_dtype(torch.float64)
    problem = {"pytorch": torch.__version__, "steps": STEPS, "start": START, "matrix": MATRIX, "shift": SHIFT}
    paths = {
        case: {"name": name, "options": options, "points": trajectory(kind, arguments)}
        for case, (name, options, kind, arguments) in OPTIMIZERS.items()
    }
    write("optimizer_trajectories.json", problem | {"cases": paths})
    courses = {
        case: {"name": name, "options": options, "factors": factors(kind, arguments)}
        for case, (name, options, kind, arguments) in SCHEDULES.items()
    }
    write("schedule_factors.json", {"pytorch": torch.__version__, "steps": STEPS, "cases": courses})


if __name__ == "__main__":
    main()
