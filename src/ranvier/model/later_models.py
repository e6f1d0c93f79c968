"""Models of networks that were trained together, made when somebody looks at them.

Of hundreds of small networks few are looked at, and the records around the numbers of one take more memory than these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from ranvier.data import TargetEncoder
from ranvier.model.model import Model
from ranvier.network.network import Network
from ranvier.training.conformal import Conformal
from ranvier.training.loop import final_parameters
from ranvier.training.member_states import MemberStates
from ranvier.training.settings import TrainSettings


class ModelBlock:
    """What the models of networks are made of that were trained together.

    Parameters:
        networks, trainings: of each.
        target: the encoder of their targets.
        states: of each, at the end.
        engine: the name of what trained them.
        conformals: of each; empty where there were no validation rows.
    """

    def __init__(
        self,
        networks: Sequence[Network],
        trainings: Sequence[TrainSettings],
        target: TargetEncoder,
        states: MemberStates,
        engine: str,
        conformals: Sequence[Conformal | None] = (),
    ) -> None:
        self._networks, self._trainings = _Alike(networks), _Alike(trainings)
        self._target, self._states, self._engine, self._conformals = target, states, engine, tuple(conformals)

    def model(self, number: int) -> Model:
        """The model of one network, which is made of this block when somebody looks at it."""
        later = _LaterModel.__new__(_LaterModel)
        later._block, later._number = self, number
        return later

    def make(self, number: int) -> Model:
        """The model of one network."""
        network, training, state = self._networks[number], self._trainings[number], self._states[number]
        flat = final_parameters(state, training.optimizer, network)
        model = Model(network, self._target, flat, training=training, state=state, engine=self._engine)
        model.conformal = self._conformals[number] if self._conformals else None
        return model


class _LaterModel(Model):
    """A model that is nothing but its place in a block, until it is asked for anything: then it is a `Model`."""

    _block: ModelBlock
    _number: int

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            _make(self)
            return object.__getattribute__(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in ("_block", "_number"):
            _make(self)
        Model.__setattr__(self, name, value)

    def __reduce_ex__(self, protocol: Any) -> Any:
        _make(self)
        return Model.__reduce_ex__(self, protocol)  # which it is now


def _make(later: Model) -> None:
    """Make a model of what stands for it. Two threads may do so at once: what the first one made stays."""
    attributes = vars(later)
    block, number = attributes.get("_block"), attributes.get("_number")
    if block is None or number is None:
        return
    for name, value in vars(block.make(number)).items():
        attributes.setdefault(name, value)
    object.__setattr__(later, "__class__", Model)
    attributes.pop("_block", None)
    attributes.pop("_number", None)


class _Alike:
    """Records of one kind that differ in few fields: the first, and the values of the fields in which others differ."""

    def __init__(self, records: Sequence[Any]) -> None:
        self._first: Any = records[0]
        self._same = all(record is self._first for record in records)
        names = [] if self._same else [field.name for field in fields(self._first) if field.init]
        columns = {name: [getattr(record, name) for record in records] for name in names}
        self._differing = {name: column for name, column in columns.items() if any(v != column[0] for v in column)}

    def __getitem__(self, number: int) -> Any:
        changes = {name: column[number] for name, column in self._differing.items()}
        return replace(self._first, **changes) if changes else self._first
