"""The peers: the same network trained by jax, torch and scikit-learn, each the way its users would make it fast.

A contender has `start(X, y, weights, batch)`, a new network and optimizer on these rows (weights None: its own), and
`train(epochs, shuffle)`, which goes on from there and gives the mean loss of every epoch. jax and torch also take
the `Pace` of a race, and give the `labels` that the trained network says. Each library is imported only in the process
that measures it.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from versus_parts.workloads import SHUFFLE_SEED, Array, Pace, Workload, layers_of

B1, B2, EPSILON = 0.9, 0.999, 1e-8
OWN_PACE = Pace(SHUFFLE_SEED)


class Jax:
    """A whole epoch is one compiled program: shuffle, then a scan over the batches; its state is given, not copied."""

    def __init__(self, workload: Workload, threads: int) -> None:
        import jax

        self.jax, self.workload = jax, workload
        self.epochs: dict[Any, Any] = {}
        self.saying = jax.jit(lambda parameters, x: self._logits(parameters, x).argmax(1))

    def start(self, X: Array, y: Array, weights: Array | None, batch: int, pace: Pace = OWN_PACE) -> None:
        jnp = self.jax.numpy
        if weights is None:
            raise ValueError("jax is given its weights.")
        parameters = [(jnp.array(w), jnp.array(b)) for w, b in layers_of(weights, self.workload.sizes)]
        zeros = [self.jax.tree.map(jnp.zeros_like, parameters) for _ in range(2)]
        moments = tuple(zeros) if self.workload.optimizer == "adam" else ()
        self.state = (parameters, moments, jnp.zeros((), jnp.float32))
        self.X, self.y = jnp.asarray(X), jnp.asarray(y.astype(np.int32))
        self.batch, self.rates, self.key = batch, pace.rates, self.jax.random.key(pace.seed)
        self.jax.block_until_ready((self.state, self.X, self.y))

    def train(self, epochs: int, shuffle: bool = True) -> list[float]:
        kind = (self.batch, shuffle, None if self.rates is None else self.rates.tobytes())
        if kind not in self.epochs:
            self.epochs[kind] = self._compiled(self.batch, shuffle)
        run, losses = self.epochs[kind], []
        for _ in range(epochs):
            self.key, key = self.jax.random.split(self.key)
            self.state, loss = run(self.state, self.X, self.y, key)
            losses.append(float(loss))
        return losses

    def _compiled(self, batch: int, shuffle: bool) -> Any:
        jax, jnp = self.jax, self.jax.numpy
        gradient = jax.value_and_grad(self._loss)
        rates = None if self.rates is None else jnp.asarray(self.rates, jnp.float32)

        def step(state: Any, rows: Any, X: Any, y: Any) -> Any:
            parameters, moments, t = state
            loss, slopes = gradient(parameters, X[rows], y[rows])
            rate = self.workload.rate if rates is None else rates[t.astype(jnp.int32)]
            parameters, moments = self._update(parameters, slopes, moments, t + 1, rate)
            return (parameters, moments, t + 1), loss

        def epoch(state: Any, X: Any, y: Any, key: Any) -> Any:
            order = jax.random.permutation(key, len(X)) if shuffle else jnp.arange(len(X))
            batches = order[: len(X) // batch * batch].reshape(-1, batch)
            state, losses = jax.lax.scan(lambda state, rows: step(state, rows, X, y), state, batches)
            return state, losses.mean()

        return jax.jit(epoch, donate_argnums=0)

    def labels(self, X: Array) -> Array:
        return np.asarray(self.saying(self.state[0], X))

    def _logits(self, parameters: Any, x: Any) -> Any:
        jax, jnp = self.jax, self.jax.numpy
        bend = {"relu": jax.nn.relu, "tanh": jnp.tanh, "sigmoid": jax.nn.sigmoid}[self.workload.activation]
        for weight, bias in parameters[:-1]:
            x = bend(x @ weight + bias)
        weight, bias = parameters[-1]
        return x @ weight + bias

    def _loss(self, parameters: Any, x: Any, y: Any) -> Any:
        jnp = self.jax.numpy
        logs = self.jax.nn.log_softmax(self._logits(parameters, x))
        return -jnp.take_along_axis(logs, y[:, None], axis=1).mean()

    def _update(self, parameters: Any, slopes: Any, moments: Any, t: Any, rate: Any) -> Any:
        jax, jnp = self.jax, self.jax.numpy
        if not moments:
            return jax.tree.map(lambda w, g: w - rate * g, parameters, slopes), ()
        first = jax.tree.map(lambda m, g: B1 * m + (1 - B1) * g, moments[0], slopes)
        second = jax.tree.map(lambda s, g: B2 * s + (1 - B2) * g * g, moments[1], slopes)
        a, b = rate / (1 - B1**t), 1 / jnp.sqrt(1 - B2**t)
        moved = jax.tree.map(lambda w, m, s: w - a * m / (jnp.sqrt(s) * b + EPSILON), parameters, first, second)
        return moved, (first, second)


class Torch:
    """Eager, with the fused optimizer."""

    def __init__(self, workload: Workload, threads: int) -> None:
        import torch

        torch.set_num_threads(threads)
        self.torch, self.workload = torch, workload

    def start(self, X: Array, y: Array, weights: Array | None, batch: int, pace: Pace = OWN_PACE) -> None:
        torch, sizes = self.torch, self.workload.sizes
        bend = {"relu": torch.nn.ReLU, "tanh": torch.nn.Tanh, "sigmoid": torch.nn.Sigmoid}[self.workload.activation]
        torch.manual_seed(pace.seed)
        layers: list[Any] = []
        for inputs, units in pairwise(sizes):
            layers += [torch.nn.Linear(inputs, units), bend()]
        self.network = torch.nn.Sequential(*layers[:-1])
        if weights is not None:
            with torch.no_grad():
                for layer, (weight, bias) in zip(layers[::2], layers_of(weights, sizes), strict=True):
                    layer.weight.copy_(torch.from_numpy(weight.T))
                    layer.bias.copy_(torch.from_numpy(bias))
        make = torch.optim.Adam if self.workload.optimizer == "adam" else torch.optim.SGD
        self.optimizer = make(self.network.parameters(), lr=self.workload.rate, fused=True)
        self.X, self.y, self.batch = torch.from_numpy(X), torch.from_numpy(y), batch
        self.rates = None if pace.rates is None else iter(pace.rates.tolist())

    def train(self, epochs: int, shuffle: bool = True) -> list[float]:
        torch, rows, losses = self.torch, len(self.X), []
        (settings,) = self.optimizer.param_groups
        for _ in range(epochs):
            order = torch.randperm(rows) if shuffle else torch.arange(rows)
            total = torch.zeros(())
            for at in range(0, rows, self.batch):
                batch = order[at : at + self.batch]
                outputs = self.network(self.X.index_select(0, batch))
                loss = torch.nn.functional.cross_entropy(outputs, self.y.index_select(0, batch))
                self.optimizer.zero_grad(set_to_none=True)
                if self.rates is not None:
                    settings["lr"] = next(self.rates)
                loss.backward()
                self.optimizer.step()
                total += loss.detach()
            losses.append(float(total) / -(-rows // self.batch))
        return losses

    def labels(self, X: Array) -> Array:
        with self.torch.inference_mode():
            return self.network(self.torch.from_numpy(X)).argmax(1).numpy()


class ScikitLearn:
    """MLPClassifier, one partial_fit an epoch. For two classes it has one sigmoid output in place of two of softmax."""

    def __init__(self, workload: Workload, threads: int) -> None:
        from sklearn.neural_network import MLPClassifier

        self.make, self.workload = MLPClassifier, workload

    def start(self, X: Array, y: Array, weights: Array | None, batch: int) -> None:
        names = {"relu": "relu", "tanh": "tanh", "sigmoid": "logistic"}
        self.model = self.make(
            self.workload.sizes[1:-1],
            activation=names[self.workload.activation],
            solver=self.workload.optimizer,
            alpha=0.0,
            batch_size=batch,
            learning_rate_init=self.workload.rate,
            momentum=0.0,
            nesterovs_momentum=False,
            random_state=SHUFFLE_SEED,
        )
        self.X, self.y = X, y
        classes = np.arange(self.workload.sizes[-1])
        self.model.partial_fit(X[:batch], y[:batch], classes=classes)
        if weights is not None:
            self._give(layers_of(weights, self.workload.sizes))
        # The optimizer is made again with the next call, without a memory of the first step.
        del self.model._optimizer

    def _give(self, layers: list[tuple[Array, Array]]) -> None:
        if len(self.model.intercepts_[-1]) == 1:
            weight, bias = layers[-1]
            layers = [*layers[:-1], (weight[:, 1:] - weight[:, :1], bias[1:] - bias[:1])]
        for index, (weight, bias) in enumerate(layers):
            self.model.coefs_[index][...] = weight
            self.model.intercepts_[index][...] = bias

    def train(self, epochs: int, shuffle: bool = True) -> list[float]:
        self.model.shuffle = shuffle
        return [float(self.model.partial_fit(self.X, self.y).loss_) for _ in range(epochs)]
