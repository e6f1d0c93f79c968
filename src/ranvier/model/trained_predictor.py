"""TrainedPredictor: a predictor beside what is known of its training, which a model file holds."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from ranvier.data import TargetEncoder
from ranvier.model.predictor import Predictor
from ranvier.network.network import Network
from ranvier.training.conformal import Conformal
from ranvier.training.history import History
from ranvier.training.report import TrainReport
from ranvier.training.settings import TrainSettings


class TrainedPredictor(Predictor):
    """A predictor that knows how it was trained.

    Parameters:
        network, target, parameters, training, encoder, byte_divisor: of the predictor.
        history: one record an epoch.
        engine: the name of the engine that trained it.
        report: what was read and measured; None for a model trained on arrays.
        conformal: the scores of rows that stood outside training, from which intervals and sets are made; None where
            there were none.
    """

    def __init__(
        self,
        network: Network,
        target: TargetEncoder,
        parameters: NDArray[Any],
        *,
        training: TrainSettings,
        history: History,
        engine: str,
        encoder: Any,
        report: TrainReport | None,
        byte_divisor: float | None,
        conformal: Conformal | None,
    ) -> None:
        super().__init__(network, target, parameters, training=training, encoder=encoder, byte_divisor=byte_divisor)
        self.engine = engine
        self.history = history
        self.conformal = conformal
        self._report = report

    @property
    def report(self) -> TrainReport:
        """What `ranvier.train` read and measured; empty for a model trained on arrays."""
        # One of many small models takes more memory for an empty report than for its parameters.
        if self._report is None:
            self._report = TrainReport()
        return self._report

    @report.setter
    def report(self, report: TrainReport) -> None:
        self._report = report
