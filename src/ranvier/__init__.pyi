"""The public names as editors and type checkers see them; `__init__.py` loads each on first use."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, overload

from ranvier.data.diagnosis.finding import Finding as Finding

from ranvier.errors import DataError as DataError
from ranvier.errors import EngineError as EngineError
from ranvier.errors import InputError as InputError
from ranvier.errors import ModelFileError as ModelFileError
from ranvier.errors import RanvierError as RanvierError
from ranvier.errors import ShapeError as ShapeError
from ranvier.errors import TrainingError as TrainingError

from ranvier.estimators.classifier import Classifier as Classifier

from ranvier.estimators.regressor import Regressor as Regressor

from ranvier.explain.attributions import Attributions as Attributions
from ranvier.explain.attributions import PartAttributions as PartAttributions

from ranvier.explain.dependence import PartialDependence as PartialDependence

from ranvier.explain.importance import Importance as Importance
from ranvier.explain.importance import Importances as Importances

from ranvier.explain.interactions import Interaction as Interaction

from ranvier.explain.nearest import NearestRow as NearestRow

from ranvier.expression import Expression as Expression
from ranvier.expression import absolute as absolute
from ranvier.expression import cos as cos
from ranvier.expression import erf as erf
from ranvier.expression import exp as exp
from ranvier.expression import expm1 as expm1
from ranvier.expression import log as log
from ranvier.expression import log1p as log1p
from ranvier.expression import maximum as maximum
from ranvier.expression import minimum as minimum
from ranvier.expression import sigmoid as sigmoid
from ranvier.expression import sign as sign
from ranvier.expression import sin as sin
from ranvier.expression import softplus as softplus
from ranvier.expression import sqrt as sqrt
from ranvier.expression import tanh as tanh
from ranvier.expression import where as where

from ranvier.model.fit import fit as fit

from ranvier.model.fit_many import fit_many as fit_many

from ranvier.model.inspect import LayerView as LayerView
from ranvier.model.inspect import ModelSummary as ModelSummary
from ranvier.model.inspect import NeuronView as NeuronView

from ranvier.model.load import load as load

from ranvier.model.model import Model as Model

from ranvier.model.train import resume as resume
from ranvier.model.train import train as train

from ranvier.network.activations import Activation as Activation

from ranvier.network.constraints import Constraint as Constraint
from ranvier.network.constraints import MaxNorm as MaxNorm
from ranvier.network.constraints import NonNegative as NonNegative

from ranvier.network.initializers import Initializer as Initializer

from ranvier.network.layers import BatchNorm as BatchNorm
from ranvier.network.layers import Dense as Dense
from ranvier.network.layers import Dropout as Dropout
from ranvier.network.layers import LayerNorm as LayerNorm
from ranvier.network.layers import LearnedScale as LearnedScale
from ranvier.network.layers import Rescale as Rescale
from ranvier.network.layers import Residual as Residual

from ranvier.network.losses import Loss as Loss

from ranvier.network.network import Network as Network

from ranvier.network.optimizers import AMSGrad as AMSGrad
from ranvier.network.optimizers import Adadelta as Adadelta
from ranvier.network.optimizers import Adagrad as Adagrad
from ranvier.network.optimizers import Adam as Adam
from ranvier.network.optimizers import AdamW as AdamW
from ranvier.network.optimizers import Adamax as Adamax
from ranvier.network.optimizers import LBFGS as LBFGS
from ranvier.network.optimizers import Lion as Lion
from ranvier.network.optimizers import NAdam as NAdam
from ranvier.network.optimizers import Optimizer as Optimizer
from ranvier.network.optimizers import RMSprop as RMSprop
from ranvier.network.optimizers import SGD as SGD

from ranvier.network.schedules import ConstantSchedule as ConstantSchedule
from ranvier.network.schedules import CosineDecay as CosineDecay
from ranvier.network.schedules import CosineWarmRestarts as CosineWarmRestarts
from ranvier.network.schedules import ExponentialDecay as ExponentialDecay
from ranvier.network.schedules import OneCycle as OneCycle
from ranvier.network.schedules import PolynomialDecay as PolynomialDecay
from ranvier.network.schedules import ReduceOnPlateau as ReduceOnPlateau
from ranvier.network.schedules import Schedule as Schedule
from ranvier.network.schedules import StepDecay as StepDecay
from ranvier.network.schedules import Warmup as Warmup

from ranvier.network.task import Task as Task

from ranvier.recipes.recipe import Recipe as Recipe

from ranvier.recipes.registry import recipe as recipe

from ranvier.rows.inputs import Inputs as Inputs

from ranvier.training.callbacks import Callback as Callback
from ranvier.training.callbacks import CallbackResult as CallbackResult
from ranvier.training.callbacks import EarlyStopping as EarlyStopping
from ranvier.training.callbacks import EpochContext as EpochContext
from ranvier.training.callbacks import TimeLimit as TimeLimit

from ranvier.training.epoch_metrics import Metric as Metric
from ranvier.training.epoch_metrics import metric as metric

from ranvier.training.history import Epoch as Epoch
from ranvier.training.history import History as History

from ranvier.training.reliability import Reliability as Reliability
from ranvier.training.reliability import ReliabilityBin as ReliabilityBin

from ranvier.training.report import TrainReport as TrainReport

from ranvier.tuning.search import Search as Search
from ranvier.tuning.search import search as search

@overload
def activation(name: Literal["identity"]) -> Activation: ...
@overload
def activation(name: Literal["sigmoid"]) -> Activation: ...
@overload
def activation(name: Literal["tanh"]) -> Activation: ...
@overload
def activation(name: Literal["relu"]) -> Activation: ...
@overload
def activation(name: Literal["leaky_relu"], *, slope: float = 0.01) -> Activation: ...
@overload
def activation(name: Literal["elu"], *, alpha: float = 1.0) -> Activation: ...
@overload
def activation(name: Literal["selu"]) -> Activation: ...
@overload
def activation(name: Literal["gelu"]) -> Activation: ...
@overload
def activation(name: Literal["silu"]) -> Activation: ...
@overload
def activation(name: Literal["mish"]) -> Activation: ...
@overload
def activation(name: Literal["softplus"]) -> Activation: ...
@overload
def activation(name: Literal["softsign"]) -> Activation: ...
@overload
def activation(name: Literal["hard_sigmoid"]) -> Activation: ...
@overload
def activation(name: Literal["hard_tanh"]) -> Activation: ...
@overload
def activation(name: Literal["relu6"]) -> Activation: ...
@overload
def activation(name: Literal["exponential"]) -> Activation: ...
@overload
def activation(name: Literal["softmax"]) -> Activation: ...
@overload
def activation(name: str, function: Callable[[Any], Any]) -> Activation: ...
@overload
def activation(name: str | Activation) -> Activation: ...
@overload
def initializer(name: Literal["normal"], *, stddev: float = 0.01) -> Initializer: ...
@overload
def initializer(name: Literal["uniform"], *, limit: float = 0.05) -> Initializer: ...
@overload
def initializer(name: Literal["glorot_normal"]) -> Initializer: ...
@overload
def initializer(name: Literal["glorot_uniform"]) -> Initializer: ...
@overload
def initializer(name: Literal["he_normal"], *, slope: float = 0.0) -> Initializer: ...
@overload
def initializer(name: Literal["he_uniform"], *, slope: float = 0.0) -> Initializer: ...
@overload
def initializer(name: Literal["lecun_normal"]) -> Initializer: ...
@overload
def initializer(name: Literal["lecun_uniform"]) -> Initializer: ...
@overload
def initializer(name: Literal["orthogonal"], *, gain: float = 1.0) -> Initializer: ...
@overload
def initializer(name: Literal["zeros"]) -> Initializer: ...
@overload
def initializer(name: Literal["constant"], *, value: float = 0.0) -> Initializer: ...
@overload
def initializer(name: str | Initializer) -> Initializer: ...
@overload
def loss(name: Literal["squared_error"], *, reduction: str | None = None, label_smoothing: float = 0.0) -> Loss: ...
@overload
def loss(name: Literal["absolute_error"], *, reduction: str | None = None, label_smoothing: float = 0.0) -> Loss: ...
@overload
def loss(
    name: Literal["huber"], *, reduction: str | None = None, label_smoothing: float = 0.0, delta: float = 1.0
) -> Loss: ...
@overload
def loss(name: Literal["log_cosh"], *, reduction: str | None = None, label_smoothing: float = 0.0) -> Loss: ...
@overload
def loss(
    name: Literal["binary_cross_entropy"], *, reduction: str | None = None, label_smoothing: float = 0.0
) -> Loss: ...
@overload
def loss(
    name: Literal["categorical_cross_entropy"], *, reduction: str | None = None, label_smoothing: float = 0.0
) -> Loss: ...
@overload
def loss(
    name: Literal["focal"], *, reduction: str | None = None, label_smoothing: float = 0.0, gamma: float = 2.0
) -> Loss: ...
@overload
def loss(
    name: Literal["binary_focal"], *, reduction: str | None = None, label_smoothing: float = 0.0, gamma: float = 2.0
) -> Loss: ...
@overload
def loss(name: Literal["poisson"], *, reduction: str | None = None, label_smoothing: float = 0.0) -> Loss: ...
@overload
def loss(
    name: Literal["quantile"],
    *,
    reduction: str | None = None,
    label_smoothing: float = 0.0,
    q: float | Sequence[float] = 0.5,
) -> Loss: ...
@overload
def loss(
    name: str,
    function: Callable[..., Any],
    *,
    applied_to: str = "output",
    reduction: str | None = None,
    label_smoothing: float = 0.0,
) -> Loss: ...
@overload
def loss(name: str | Loss) -> Loss: ...
@overload
def optimizer(
    name: Literal["sgd"],
    *,
    learning_rate: float = 0.01,
    momentum: float = 0.0,
    nesterov: bool = False,
    weight_decay: float = 0.0,
    clip_value: float | None = None,
    clip_norm: float | None = None,
    ema_decay: float | None = None,
) -> Optimizer: ...
@overload
def optimizer(
    name: Literal["adagrad"],
    *,
    learning_rate: float = 0.01,
    epsilon: float = 1e-10,
    initial_accumulator: float = 0.0,
    weight_decay: float = 0.0,
    clip_value: float | None = None,
    clip_norm: float | None = None,
    ema_decay: float | None = None,
) -> Optimizer: ...
@overload
def optimizer(
    name: Literal["adadelta"],
    *,
    learning_rate: float = 1.0,
    rho: float = 0.95,
    epsilon: float = 1e-06,
    weight_decay: float = 0.0,
    clip_value: float | None = None,
    clip_norm: float | None = None,
    ema_decay: float | None = None,
) -> Optimizer: ...
@overload
def optimizer(
    name: Literal["rmsprop"],
    *,
    learning_rate: float = 0.001,
    rho: float = 0.9,
    epsilon: float = 1e-08,
    momentum: float = 0.0,
    weight_decay: float = 0.0,
    clip_value: float | None = None,
    clip_norm: float | None = None,
    ema_decay: float | None = None,
) -> Optimizer: ...
@overload
def optimizer(
    name: Literal["adam"],
    *,
    learning_rate: float = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-08,
    weight_decay: float = 0.0,
    clip_value: float | None = None,
    clip_norm: float | None = None,
    ema_decay: float | None = None,
) -> Optimizer: ...
@overload
def optimizer(
    name: Literal["adamw"],
    *,
    learning_rate: float = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-08,
    weight_decay: float = 0.01,
    clip_value: float | None = None,
    clip_norm: float | None = None,
    ema_decay: float | None = None,
) -> Optimizer: ...
@overload
def optimizer(
    name: Literal["nadam"],
    *,
    learning_rate: float = 0.002,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-08,
    momentum_decay: float = 0.004,
    weight_decay: float = 0.0,
    clip_value: float | None = None,
    clip_norm: float | None = None,
    ema_decay: float | None = None,
) -> Optimizer: ...
@overload
def optimizer(
    name: Literal["adamax"],
    *,
    learning_rate: float = 0.002,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-08,
    weight_decay: float = 0.0,
    clip_value: float | None = None,
    clip_norm: float | None = None,
    ema_decay: float | None = None,
) -> Optimizer: ...
@overload
def optimizer(
    name: Literal["amsgrad"],
    *,
    learning_rate: float = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-08,
    weight_decay: float = 0.0,
    clip_value: float | None = None,
    clip_norm: float | None = None,
    ema_decay: float | None = None,
) -> Optimizer: ...
@overload
def optimizer(
    name: Literal["lion"],
    *,
    learning_rate: float = 0.0001,
    beta1: float = 0.9,
    beta2: float = 0.99,
    weight_decay: float = 0.0,
    clip_value: float | None = None,
    clip_norm: float | None = None,
    ema_decay: float | None = None,
) -> Optimizer: ...
@overload
def optimizer(
    name: Literal["lbfgs"],
    *,
    learning_rate: float = 1.0,
    history_size: int = 10,
    c1: float = 0.0001,
    c2: float = 0.9,
    max_line_search_evals: int = 25,
    gradient_tolerance: float = 1e-07,
    weight_decay: float = 0.0,
    clip_value: float | None = None,
    clip_norm: float | None = None,
    ema_decay: float | None = None,
) -> Optimizer: ...
@overload
def optimizer(
    name: str,
    update: Callable[..., Any],
    slots: Mapping[str, float] | None = None,
    *,
    learning_rate: float = ...,
    weight_decay: float = ...,
    clip_value: float | None = ...,
    clip_norm: float | None = ...,
    ema_decay: float | None = ...,
) -> Optimizer: ...
@overload
def optimizer(name: str | Optimizer) -> Optimizer: ...
@overload
def schedule(name: Literal["constant"]) -> Schedule: ...
@overload
def schedule(name: Literal["step"], *, step_epochs: int = 10, decay_factor: float = 0.1) -> Schedule: ...
@overload
def schedule(name: Literal["exponential"], *, decay_factor: float = 0.95) -> Schedule: ...
@overload
def schedule(name: Literal["polynomial"], *, power: float = 1.0, final_factor: float = 0.0) -> Schedule: ...
@overload
def schedule(name: Literal["cosine"], *, final_factor: float = 0.0) -> Schedule: ...
@overload
def schedule(
    name: Literal["cosine_restarts"],
    *,
    first_cycle_epochs: int = 10,
    cycle_multiplier: float = 2.0,
    min_factor: float = 0.0,
) -> Schedule: ...
@overload
def schedule(
    name: Literal["one_cycle"],
    *,
    peak_fraction: float = 0.3,
    initial_factor: float = 0.04,
    final_factor: float = 0.0001,
) -> Schedule: ...
@overload
def schedule(name: Literal["warm_up"], *, epochs: float = 5.0, next_schedule: Schedule = ...) -> Schedule: ...
@overload
def schedule(
    name: Literal["reduce_on_plateau"],
    *,
    factor: float = 0.5,
    patience: int = 5,
    threshold: float = 0.0001,
    min_factor: float = 0.0,
) -> Schedule: ...
@overload
def schedule(name: str | Schedule) -> Schedule: ...

__version__: str
__all__: list[str]
