"""How fast many small networks are trained side by side, next to scikit-learn and jax; checked before it is timed.

Run:  pip install -e '.[bench]' && python benchmarks/many.py

Three populations: 64 networks 20-64-64-2 on 2,000 rows, 1,000 networks 8-8-8-1 on 500, and 300 of these with a tenth
of the rows for validation, early stopping and the best weights, which differ in penalty, too. First some of each are
compared with networks that were trained alone, on one thread and on all: parameters must be equal, bit by bit. Where
networks stop early, contenders make different numbers of epochs, so the time of an epoch is told beside. The peers
train some of their networks, which all take the same time: scikit-learn one `fit` after the other, jax all at once by
`vmap` over one compiled scan of the same steps, without early stopping. Contenders take turns; a figure is the median
of the rounds.
Leave the machine alone meanwhile.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

import ranvier as rv

sys.path.insert(0, str(Path(__file__).resolve().parent))

from installed import versions
from versus_parts import report

RESULTS = Path(__file__).resolve().parent / "results"
POPULATIONS = {
    "64 x 20-64-64-2": {"sizes": (20, 64, 64, 2), "rows": 2000, "networks": 64, "epochs": 20, "batch": 32},
    "1000 x 8-8-8-1": {"sizes": (8, 8, 8, 1), "rows": 500, "networks": 1000, "epochs": 20, "batch": 32},
    "300 x 8-8-8-1, early stopping": {
        "sizes": (8, 8, 8, 1),
        "rows": 500,
        "networks": 300,
        "epochs": 100,
        "batch": 32,
        "patience": 5,
        "penalties": (1e-4, 1e-3, 1e-2),
    },
}
ASKED = {"64 x 20-64-64-2": {"scikit-learn": 20, "jax": 3}, "1000 x 8-8-8-1": {"scikit-learn": 100}}
HELD = 0.1
"""The fraction of the rows for validation, where networks stop early."""
"""Times as fast as a peer."""
RATE = 1e-3


def rows_of(population: dict[str, Any]) -> tuple[Any, Any]:
    """Inputs, and labels or numbers that a small network can learn."""
    random = np.random.default_rng(0)
    X = random.normal(size=(population["rows"], population["sizes"][0])).astype(np.float32)
    signal = X[:, 0] * X[:, 1] + X[:, 2]
    return X, (signal > 0).astype(int) if population["sizes"][-1] > 1 else signal


def network_of(population: dict[str, Any], seed: int) -> rv.Network:
    """The network of a population with this seed."""
    sizes, penalties = population["sizes"], population.get("penalties", (0.0,))
    penalty = penalties[seed % len(penalties)]
    last = rv.Dense(sizes[-1], "softmax") if sizes[-1] > 1 else rv.Dense(1, l2=penalty)
    return rv.Network(inputs=sizes[0], layers=[*(rv.Dense(width, "relu", l2=penalty) for width in sizes[1:-1]), last])


def options_of(population: dict[str, Any]) -> dict[str, Any]:
    """How the networks of a population are trained."""
    options: dict[str, Any] = {"epochs": population["epochs"], "batch_size": population["batch"]}
    if "patience" in population:
        options |= {"validation": HELD, "callbacks": [rv.EarlyStopping(population["patience"])]}
    return options


def ours(population: dict[str, Any], networks: int, threads: int | None = None) -> list[rv.Model]:
    """Train the population."""
    X, y = rows_of(population)
    trials = [
        {"seed": seed, "network": network_of(population, seed), "optimizer": rv.Adam(RATE * (1 + seed % 4))}
        for seed in range(networks)
    ]
    options = {**options_of(population), "threads": threads, "progress": False}
    return rv.fit_many(network_of(population, 0), X, y, trials=trials, **options)


def check(population: dict[str, Any]) -> None:
    """Members of the population have the bits of networks that were trained alone."""
    X, y = rows_of(population)
    for threads in (1, None):
        for seed, model in enumerate(ours(population, 5, threads)):
            network, optimizer = network_of(population, seed), rv.Adam(RATE * (1 + seed % 4))
            alone = network.fit(X, y, optimizer=optimizer, seed=seed, **options_of(population))
            for name, values in alone.parameters.items():
                if not np.array_equal(values, model.parameters[name]):
                    raise SystemExit(f"Network {seed} of the population differs from one trained alone: {name}.")


def our_epochs(population: dict[str, Any], networks: int, threads: int | None = None) -> int:
    """Train the population; gives the epochs of all networks together."""
    return sum(len(model.history) for model in ours(population, networks, threads))


def sklearn_epochs(population: dict[str, Any], networks: int) -> int:
    """Train the peer's networks, one after the other; gives the epochs of all together."""
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    X, y = rows_of(population)
    kind = MLPClassifier if population["sizes"][-1] > 1 else MLPRegressor
    early, epochs = "patience" in population, 0
    for seed in range(networks):
        penalties = population.get("penalties", (1e-4,))
        options = {"max_iter": population["epochs"], "tol": 0.0, "random_state": seed}
        options |= {"early_stopping": early, "validation_fraction": HELD}
        model = kind(
            hidden_layer_sizes=population["sizes"][1:-1],
            batch_size=population["batch"],
            learning_rate_init=RATE * (1 + seed % 4),
            alpha=penalties[seed % len(penalties)],
            n_iter_no_change=population.get("patience", 10**6),
            **options,
        ).fit(X, y)
        epochs += model.n_iter_
    return epochs


def jax_population(population: dict[str, Any], networks: int) -> Callable[[], int]:
    """All networks of the peer at once: vmap over one compiled scan of Adam steps; compiled before it is timed.

    Gives the epochs of all networks together.
    """
    import jax
    import jax.numpy as jnp

    X, y = (jnp.asarray(array) for array in rows_of(population))
    sizes, batch, epochs = population["sizes"], population["batch"], population["epochs"]
    steps = len(X) // batch

    def initial(key: Any) -> Any:
        keys = jax.random.split(key, len(sizes) - 1)
        shapes = zip(keys, sizes[:-1], sizes[1:], strict=True)
        return [(jax.random.normal(k, (n, m)) * (2 / n) ** 0.5, jnp.zeros(m)) for k, n, m in shapes]

    def loss(parameters: Any, x: Any, t: Any) -> Any:
        for weight, bias in parameters[:-1]:
            x = jax.nn.relu(x @ weight + bias)
        outputs = x @ parameters[-1][0] + parameters[-1][1]
        if sizes[-1] == 1:
            return jnp.mean((outputs[:, 0] - t) ** 2)
        return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(outputs), t[:, None], 1))

    def step(state: Any, index: Any) -> Any:
        parameters, m, v, count, rate = state
        value, gradient = jax.value_and_grad(loss)(parameters, X[index], y[index])
        count += 1
        m = jax.tree.map(lambda a, g: 0.9 * a + 0.1 * g, m, gradient)
        v = jax.tree.map(lambda a, g: 0.999 * a + 0.001 * g * g, v, gradient)
        size = rate * jnp.sqrt(1 - 0.999**count) / (1 - 0.9**count)
        parameters = jax.tree.map(lambda p, a, b: p - size * a / (jnp.sqrt(b) + 1e-8), parameters, m, v)
        return (parameters, m, v, count, rate), value

    def train(seed: Any, rate: Any) -> Any:
        key = jax.random.key(seed)
        parameters = initial(key)
        zeros = jax.tree.map(jnp.zeros_like, parameters)

        def epoch(state: Any, key: Any) -> Any:
            order = jax.random.permutation(key, len(X))[: steps * batch].reshape(steps, batch)
            return jax.lax.scan(step, state, order)

        return jax.lax.scan(epoch, (parameters, zeros, zeros, 0.0, rate), jax.random.split(key, epochs))[1][-1].mean()

    seeds, rates = jnp.arange(networks), RATE * (1 + jnp.arange(networks) % 4)
    compiled = jax.jit(jax.vmap(train))

    def run() -> int:
        losses = compiled(seeds, rates).block_until_ready()
        assert bool(jnp.isfinite(losses).all())
        return epochs * networks

    run()
    return run


def seconds(work: Callable[[], int]) -> tuple[float, float]:
    """How long some work takes, and the processor's time of each of its epochs."""
    start, cpu_begun = time.perf_counter(), time.process_time()
    epochs = work()
    return time.perf_counter() - start, (time.process_time() - cpu_begun) / epochs


def measure(name: str, rounds: int) -> dict[str, Any]:
    """The seconds a network of each contender, and how many times as fast Ranvier is."""
    population = POPULATIONS[name]
    check(population)
    networks, few = population["networks"], 3
    ours(population, 4)
    contenders = {
        "ranvier": (lambda: our_epochs(population, networks), networks),
        "ranvier, 1 thread": (lambda: our_epochs(population, networks, 1), networks),
        "scikit-learn": (lambda: sklearn_epochs(population, few), few),
    }
    if "patience" not in population and find_spec("jax"):
        contenders["jax"] = jax_population(population, networks), networks
    times: dict[str, list[float]] = {contender: [] for contender in contenders}
    epochs: dict[str, list[float]] = {contender: [] for contender in contenders}
    for _ in range(rounds):
        for contender, (work, count) in contenders.items():
            full, epoch = seconds(work)
            times[contender].append(full / count)
            epochs[contender].append(epoch)
    medians = {contender: statistics.median(values) for contender, values in times.items()}
    return {
        "seconds_a_network": medians,
        "times_as_fast": {contender: value / medians["ranvier"] for contender, value in medians.items()},
        "cpu_seconds_an_epoch": {contender: statistics.median(values) for contender, values in epochs.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=list(POPULATIONS), default=list(POPULATIONS))
    parser.add_argument("--output", type=Path, help="the results of all populations beside all peers go to many.json")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # scikit-learn says that it has not converged
    names = ("ranvier", "numpy", "llvmlite", "scikit-learn", "jax")
    figures: dict[str, Any] = {"machine": report.machine(), "versions": versions(names), "populations": {}}
    for name in options.only:
        figures["populations"][name] = result = measure(name, options.rounds)
        for contender, value in result["seconds_a_network"].items():
            target = ASKED.get(name, {}).get(contender)
            note = "" if target is None else f" (asked: {target})"
            times = result["times_as_fast"][contender]
            cpu = result["cpu_seconds_an_epoch"][contender] * 1e6
            print(
                f"{name}: {contender} {value * 1e3:.2f} ms a network, {cpu:.0f} us of CPU an epoch; "
                f"Ranvier is {times:.2f} times as fast{note}"
            )
    complete = len(figures["populations"]) == len(POPULATIONS) and find_spec("jax") is not None
    output = options.output or (RESULTS / "many.json" if complete else None)
    if output is None:
        print("Not stored: some populations or jax are missing; --output FILE stores it.")
    else:
        output.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
