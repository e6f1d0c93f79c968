"""What the trials of `fit_many` share: rows that are encoded once, and initial weights that are drawn together."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data import TargetEncoder
from ranvier.engine import Executable, RowsHandle
from ranvier.errors import InputError
from ranvier.model.fit import encoded_rows, network_target
from ranvier.model.fit_options import FitOptions
from ranvier.network.losses import Loss
from ranvier.network.network import Network
from ranvier.random import check_seed
from ranvier.records import record
from ranvier.rows import Inputs, Rows
from ranvier.scalars import as_number, plain_scalar
from ranvier.training.member_checkpoints import MemberCheckpoints
from ranvier.training.member_states import MemberStates
from ranvier.training.members import MemberRows
from ranvier.training.open_training import OpenTraining, is_small, is_small_member, kind, structure
from ranvier.training.runner import SharedResources
from ranvier.training.settings import TrainSettings
from ranvier.training.state import TrainingState

Array = NDArray[Any]
MAX_SHARED_BYTES = 1 << 26
"""Encoded rows of at most so many bytes wait for other trials that learn from them."""
FREE = ("network", "seed", "optimizer", "schedule")
"""Options that do not tell by their identity whether trials are alike."""
MAX_WAITING = 16
"""So many executables wait for trainings like those before."""
MAX_TOGETHER, MAX_NUMBERS = 32, 1 << 13
"""Initial weights are drawn for so many trials at a time, and for fewer where they would be more numbers than that."""


@record(eq=False)
class Trial:
    """One network of a population, and how it is trained.

    Fields:
        network: what is trained.
        options: how.
        rows, validation_rows: the indices of the rows that it learns from and is measured on; None for all of them, and
            for those that the options say.
        differences: the names and identities of what it says for itself, besides `FREE`.
    """

    network: Network
    options: FitOptions
    rows: Any = None
    validation_rows: Any = None
    differences: frozenset[tuple[str, Any]] = frozenset()

    @classmethod
    def of(cls, network: Network, common: FitOptions, values: Mapping[str, Any]) -> Trial:
        """The trial that a dictionary says, by options of a name each, of those that all have in common."""
        trial_options = dict(values)
        different = frozenset((name, _loss_or_identity(value)) for name, value in values.items() if name not in FREE)
        parts = {
            name: trial_options.pop(name) for name in ("network", "rows", "validation_rows") if name in trial_options
        }
        return cls(
            **{"network": network, **parts},
            differences=different,
            options=replace(common, **trial_options) if trial_options else common,
        )


class PopulationRows:
    """The rows that trials learn from.

    Parameters:
        network, inputs, targets, names: of all rows, and the names of the targets.
    """

    def __init__(self, network: Network, inputs: Inputs, targets: Array, names: tuple[str, ...]) -> None:
        self.network, self.inputs, self.targets, self.names = network, inputs, targets, names
        self._lock = threading.Lock()
        self._target_encoders: dict[Any, TargetEncoder] = {}
        self._encoded: OrderedDict[Any, tuple[Rows, Rows | None]] = OrderedDict()
        self._encoded_bytes = 0
        # What executables of a kind made of each rows of `_encoded`, by their id, which is theirs as long as they wait.
        self._uploaded: dict[int, dict[type, RowsHandle]] = {}

    def target(self, network: Network, loss: Any) -> TargetEncoder:
        """The encoder of the targets of a network."""
        key = network, _loss_or_identity(loss)
        encoder = self._target_encoders.get(key)
        if encoder is None:
            encoder = network_target(network, self.targets, loss, self.names)
            # Networks that differ in hyper-parameters share their encoder, and so their encoded rows.
            with self._lock:
                equal = (earlier for earlier in self._target_encoders.values() if earlier == encoder)
                encoder = self._target_encoders.setdefault(key, next(equal, encoder))
        return encoder

    def rows(self, trial: Trial, target: TargetEncoder, training: TrainSettings) -> tuple[Rows, Rows | None]:
        """The encoded rows of a trial, and its validation rows; those of the trials before, where they are the same.

        Parameters:
            trial: whose rows they are.
            target, training: the encoder of its targets, and its settings.
        """
        options = trial.options
        seed = training.seed if as_number(options.validation) is not None else None
        decisive = (trial.rows, trial.validation_rows, options.validation, options.sample_weight, options.class_weight)
        key = id(target), training.loss, training.row_dtype, seed, *map(identity, decisive)
        with self._lock:
            encoded = self._encoded.get(key)
        if encoded is None:
            made = self._encode(trial, target, training)
            with self._lock:
                encoded = self._encoded.setdefault(key, made)
                if encoded is made:
                    self._keep(made)
        return encoded

    def _keep(self, made: tuple[Rows, Rows | None]) -> None:
        """Let new rows wait for other trials, and the oldest ones go where that is too much."""
        self._encoded_bytes += _nbytes(made)
        self._uploaded |= {id(part): {} for part in made if part is not None}
        while len(self._encoded) > 1 and self._encoded_bytes > MAX_SHARED_BYTES:
            _, oldest = self._encoded.popitem(last=False)
            self._encoded_bytes -= _nbytes(oldest)
            for part in oldest:
                self._uploaded.pop(id(part), None)

    def upload(self, executable: Executable, rows: Rows) -> RowsHandle:
        """Give rows to an executable; those that wait for other trials, once to all executables of a kind."""
        handles, kind = self._uploaded.get(id(rows)), type(executable)
        if handles is None:
            return executable.upload(rows)
        if kind not in handles:
            handles[kind] = executable.upload(rows)
        return handles[kind]

    def _encode(self, trial: Trial, target: TargetEncoder, training: TrainSettings) -> tuple[Rows, Rows | None]:
        options, X, y = trial.options, self.inputs, self.targets
        weights = None if options.sample_weight is None else np.asarray(options.sample_weight)
        if trial.validation_rows is not None:
            index = _row_indices(trial.validation_rows, len(y), "validation_rows")
            options = replace(options, validation=(X[index], y[index], *(() if weights is None else (weights[index],))))
        if trial.rows is not None:
            index = _row_indices(trial.rows, len(y), "rows")
            X, y = X[index], y[index]
            options = replace(options, sample_weight=None if weights is None else weights[index])
        return encoded_rows(trial.network, target, X, y, options, training)


class OpenTrainings:
    """Trains small networks in the executables of those before them that are like them."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Any, OpenTraining]] = []
        self._lock = threading.Lock()

    def train(
        self,
        network: Network,
        target: TargetEncoder,
        training: TrainSettings,
        rows: Rows,
        shared: SharedResources,
        stop_requested: Callable[[], bool],
    ) -> tuple[TrainingState, str] | None:
        """Train; gives the state at the end and the name of the engine. None for trainings of another kind.

        Parameters:
            network, target, training, rows, shared, stop_requested: as for `run_training`.
        """
        alike = kind(network, training) if is_small(network, training, rows) else None
        if alike is None:
            return None
        key = alike, id(target), len(rows), rows.weights is None
        opened = self._opened(key, network, target, training, rows)
        initial = partial(shared.initial_weights, network, training.seed)
        state = opened.train(training, rows, initial, stop_requested)
        self._give_back(key, opened)
        return state, opened.engine

    def train_members(
        self,
        members: Sequence[tuple[Network, TrainSettings]],
        target: TargetEncoder,
        rows: MemberRows,
        stop_requested: Callable[[], bool],
        checkpoints: MemberCheckpoints,
    ) -> tuple[MemberStates, str] | None:
        """Train several networks in one executable; None for trainings of another kind.

        Parameters:
            members: the network and the settings of each, of one structure; they differ in hyper-parameters, seed and
                schedule alone.
            target: as for `train`.
            rows, stop_requested, checkpoints: as for `OpenTraining.train_members`.
        """
        (network, first), some = members[0], rows.rows[0]
        if not is_small_member(network, first, some):
            return None
        key = structure(network, first), id(target), len(some), some.weights is None
        opened = self._opened(key, network, target, first, some, rows.validation is not None)
        trained = opened.train_members(members, rows, stop_requested, checkpoints)
        self._give_back(key, opened)
        return None if trained is None else (trained, opened.engine)

    def _opened(
        self,
        key: Any,
        network: Network,
        target: TargetEncoder,
        training: TrainSettings,
        rows: Rows,
        validated: bool = False,
    ) -> OpenTraining:
        """An open training for trainings of a kind, one that waits or another."""
        opened = self._take(key)
        if opened is None or training.callbacks:
            training.check(network, target.task, validated)
        return opened or OpenTraining(network, training, target, rows)

    def _take(self, key: Any) -> OpenTraining | None:
        with self._lock:
            for index, (waiting_key, opened) in enumerate(self._waiting):
                if waiting_key == key:
                    del self._waiting[index]
                    return opened
        return None

    def _give_back(self, key: Any, opened: OpenTraining) -> None:
        with self._lock:
            self._waiting.insert(0, (key, opened))
            oldest = self._waiting.pop()[1] if len(self._waiting) > MAX_WAITING else None
        if oldest is not None:
            oldest.close()


class InitialWeights:
    """The initial weights of trials of one network, drawn for several at a time.

    Parameters:
        network: of all of them.
        seeds: theirs, in the order in which they begin. Those that are no seeds are refused elsewhere.
    """

    def __init__(self, network: Network, seeds: Sequence[Any]) -> None:
        self._table = network.parameter_table
        self._seeds = [seed if _is_seed(seed) else 0 for seed in seeds]
        self._together = min(MAX_TOGETHER, MAX_NUMBERS // max(1, self._table.size))
        self._parts: dict[int, Array] = {}
        self._lock = threading.Lock()

    def of(self, position: int) -> Callable[[type], Array] | None:
        """What gives the weights of a trial, (P,), in a type; None where they are best drawn alone."""
        return (lambda dtype: self._drawn(position, dtype)) if self._together > 1 else None

    def _drawn(self, position: int, dtype: type) -> Array:
        number, row = divmod(position, self._together)
        with self._lock:
            if number not in self._parts:
                first = number * self._together
                seeds = self._seeds[first : first + self._together]
                # Trials begin in their order, so those of earlier parts have theirs, but for the latest.
                self._parts = {n: part for n, part in self._parts.items() if n == number - 1}
                self._parts[number] = self._table.initial_for_seeds(seeds, dtype)
            flat: Array = self._parts[number][row]
            return flat


def identity(value: Any) -> Any:
    """What tells an option of one trial from that of another: plain values by value, all others as objects."""
    plain = plain_scalar(value)
    return plain if plain is None or isinstance(plain, (str, int, float)) else (type(value), id(value))


def _loss_or_identity(value: Any) -> Any:
    return value if isinstance(value, Loss) else identity(value)


def _nbytes(parts: tuple[Rows, Rows | None]) -> int:
    arrays = [array for part in parts if part is not None for array in (*part.inputs.arrays(), part.targets)]
    return sum(array.nbytes for array in arrays)


def _is_seed(seed: Any) -> bool:
    try:
        check_seed(seed)
    except InputError:
        return False
    return True


def _row_indices(rows: Any, count: int, name: str) -> NDArray[np.int64]:
    index = np.asarray(rows)
    if index.dtype == bool and index.shape == (count,):
        return np.flatnonzero(index)
    if index.ndim != 1 or not len(index) or index.dtype.kind not in "iu":
        raise InputError(f"{name} is an array of {index.dtype}, shape {index.shape}; it must be a list of row indices.")
    if index.min() < 0 or index.max() >= count:
        wrong = index[(index < 0) | (index >= count)][0]
        raise InputError(f"{name} holds {wrong}, and the indices of the rows of X go from 0 to {count - 1:,}.")
    return index.astype(np.int64)
