"""The same bits in any floating-point mode of the caller, which is its own again afterwards."""

from __future__ import annotations

import ctypes
import hashlib
import inspect
import json
import math
import platform
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ranvier as rv
from ranvier.floating_point_mode import in_usual_mode, is_usual_mode, usual_mode

X86 = platform.machine() in ("x86_64", "AMD64")
OFFSET = 28 if X86 else 0
"""Where the control register lies in `fenv_t` of the C libraries of Linux."""
BITS = (
    {
        "flush to zero": 0x8000,
        "flush operands": 0x40,
        "upwards": 0x4000,
        "downwards": 0x2000,
        "towards zero": 0x6000,
    }
    if X86
    else {"flush to zero": 1 << 24, "upwards": 1 << 22, "downwards": 2 << 22, "towards zero": 3 << 22}
)
"""What is set in MXCSR or FPCR."""
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="fenv_t of Linux is changed here")


def control_bits(bits: int | None = None) -> int:
    """Those of all BITS that are set in this thread; where `bits` are given they alone are set now."""
    library, environment = ctypes.CDLL(getattr(math, "__file__", None)), ctypes.create_string_buffer(256)
    library.fegetenv(environment)
    register = ctypes.c_uint32.from_buffer(environment, OFFSET)
    every = 0
    for bit in BITS.values():
        every |= bit
    before = register.value & every
    if bits is not None:
        register.value = register.value & ~every | bits
        library.fesetenv(environment)
    return before


@contextmanager
def within_mode(name: str | None) -> Iterator[None]:
    """A mode of BITS while the body runs, which still is set at the end; None is the usual mode."""
    bits = BITS[name] if name else 0
    before = control_bits(bits)
    try:
        yield
        after = control_bits()
    finally:
        control_bits(before)
    assert after == bits


@pytest.mark.parametrize("name", BITS)
def test_a_function_runs_in_the_usual_mode(name: str) -> None:
    with within_mode(name):
        assert not is_usual_mode()
        assert in_usual_mode(lambda: (control_bits(), is_usual_mode()))() == (0, True)
        with usual_mode():
            assert is_usual_mode()
        with pytest.raises(ZeroDivisionError):
            in_usual_mode(lambda: 1 / 0)()


def digest(*arrays: Any) -> str:
    return hashlib.sha256(b"".join(np.asarray(array).tobytes() for array in arrays)).hexdigest()[:16]


def of_model(model: rv.Model, *more: Any) -> str:
    history = model.history
    losses = [history.loss] if history.validation_loss is None else [history.loss, history.validation_loss]
    return digest(*model.parameters.values(), *losses, *more)


def arrays() -> dict[str, tuple[Any, Any]]:
    """Inputs near the smallest normal number, so that sums, outputs and gradients are subnormal, and usual ones."""
    generator = np.random.default_rng(3)
    small = (generator.normal(size=(200, 64)) * 3e-38).astype(np.float32), generator.normal(size=(200, 3)) * 3e-38
    return {"small": small, "usual": (generator.normal(size=(200, 64)), generator.normal(size=(200, 3)))}


def of_arrays(small: tuple[Any, Any], usual: tuple[Any, Any]) -> dict[str, str]:
    after = {}
    wide = rv.Network(64, [rv.Dense(256, "relu"), rv.Dense(256, "tanh"), rv.Dense(3)])
    for size, (X, y) in {"small": small, "usual": usual}.items():
        for options in ({"validation": 0.2}, {"precision": "bfloat16"}, {"optimizer": rv.LBFGS()}, {"threads": 1}):
            model = wide.fit(X, y, epochs=2, batch_size=64, **options)
            # The second time one row takes the fast path.
            outputs = model.outputs(X[:1]), model.outputs(X[:1]), model.outputs(X)
            outputs = *outputs, *[layer.outputs for layer in model.activations(X)]
            after[f"{size}, {', '.join(options)}"] = of_model(model, *outputs, list(model.evaluate(X, y).values()))
    after["reference"] = of_model(wide.fit(*usual, epochs=1, engine="reference"))
    narrow = rv.Network(64, [rv.Dense(8, "tanh"), rv.Dense(3)])
    trials = [{"seed": seed, "optimizer": rv.Adam(1e-3 / 3)} for seed in range(3)]
    models = rv.fit_many(narrow, *usual, trials=trials, epochs=2, validation=0.3)
    after["fit_many"] = digest(*[of_model(model, model.outputs(usual[0])) for model in models])
    labels = np.digitize(usual[1][:, 0], [-0.5, 0.5])
    classes = rv.Network(64, [rv.Dense(8, "tanh"), rv.Dense(3, "softmax")]).fit(usual[0], labels, epochs=2)
    after["classes"] = digest(classes.probabilities(usual[0]), *classes.gradients(usual[0], labels).values())
    return after


def table() -> dict[str, Any]:
    generator = np.random.default_rng(5)
    numbers, shops = generator.normal(size=(240, 2)) / 3, generator.choice(["a", "b", "c"], 240)
    words = generator.choice(["a good film", "a bad film", "with songs", "and much too long", "for children"], (240, 6))
    return {
        "columns": {"price": [f"{x:.7f}" for x in numbers[:, 0] * 1e5], "size": numbers[:, 1], "shop": shops.tolist()},
        "texts": [", ".join(line) for line in words],
        "labels": np.where(numbers[:, 0] + (shops == "a") > 0.2, "yes", "no"),
        "numbers": numbers,
    }


def of_table(columns: dict[str, Any], texts: list[str], labels: Any, numbers: Any) -> dict[str, str]:
    after, row = {}, {name: cells[:1] for name, cells in columns.items()}
    for effort in ("fast", "default"):
        classifier = rv.Classifier(effort=effort, random_state=0, epochs=3).fit(columns, labels)
        model, logarithms = classifier.model_, classifier.predict_log_proba(columns)
        probabilities = classifier.predict_proba(columns), classifier.predict_proba(row)
        after[f"classifier, {effort}"] = of_model(model, logarithms, *probabilities, classifier.score(columns, labels))
    importances = [(item.importance, item.standard_error) for item in model.importances(columns, labels)]
    after["explained"] = digest(importances, model.attributions(columns).values)
    after["evaluated"] = digest(list(model.evaluate(columns, labels).values()))
    regressor = rv.Regressor(random_state=0, epochs=3).fit(columns, numbers[:, 0])
    after["regressor"] = of_model(regressor.model_, regressor.predict(columns), regressor.predict_interval(columns))
    learner = rv.Classifier(hidden=[8], recipe="plain", random_state=0)
    for start in range(0, 60, 20):
        learner.partial_fit(numbers[start : start + 20], labels[start : start + 20], ["no", "yes"])
    after["partial_fit"] = of_model(learner.model_)
    model = rv.train({"text": texts, "label": labels}, target="label", epochs=2, seed=0)
    after["texts"] = of_model(model, json.dumps(model.report.metrics), model.probabilities({"text": texts}))
    return after


def results(name: str | None) -> dict[str, str]:
    inputs, of_tables = arrays(), table()
    with within_mode(name):
        return {**of_arrays(**inputs), **of_table(**of_tables)}


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return in_process(None, tmp_path_factory.mktemp("cache"))


def in_process(name: str | None, cache: Path) -> dict[str, str]:
    """The results of a process of its own, with a cache of its own, so that all code is written in that mode."""
    code = (
        f"import os; os.environ['RANVIER_CACHE'] = {str(cache)!r}\n"
        "import json; from tests.test_floating_point_mode import results\n"
        f"print(json.dumps(results({name!r})))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("name", [name for name in BITS if name not in ("downwards", "flush operands")])
def test_the_callers_mode_changes_no_bit(name: str, usual: dict[str, str], tmp_path: Path) -> None:
    assert in_process(name, tmp_path) == usual


NOTHING_COMPUTED = (
    {"activations_of", "attributions_of", "gradients_of", "interval_of", "outputs_of", "response_of"}
    | {"can_learn_on", "class_sets", "close", "learn_on", "replace_parameters", "rescale", "restore_training"}
    | {"get_metadata_routing", "get_params", "set_fit_request", "set_params", "set_partial_fit_request"}
    | {"set_score_request"}
)
"""Methods that others here call, or that read and set what an estimator was made with."""


@pytest.mark.parametrize("kind", [rv.Model, rv.Classifier, rv.Regressor])
def test_every_method_runs_in_the_usual_mode(kind: type) -> None:
    methods = {name: value for name, value in inspect.getmembers(kind, callable) if not name.startswith("_")}
    plain = {name for name, value in methods.items() if not hasattr(value, "__wrapped__")}
    assert plain - NOTHING_COMPUTED == set()


def test_every_function_runs_in_the_usual_mode() -> None:
    functions = (rv.fit, rv.fit_many, rv.load, rv.resume, rv.search, rv.train)
    assert all(hasattr(function, "__wrapped__") for function in functions)
