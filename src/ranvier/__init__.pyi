"""The public names as editors and type checkers see them; `__init__.py` loads each on first use."""

from ranvier.errors import DataError as DataError
from ranvier.errors import EngineError as EngineError
from ranvier.errors import InputError as InputError
from ranvier.errors import ModelFileError as ModelFileError
from ranvier.errors import RanvierError as RanvierError
from ranvier.errors import ShapeError as ShapeError
from ranvier.errors import TrainingError as TrainingError

from ranvier.estimators.classifier import Classifier as Classifier

from ranvier.estimators.regressor import Regressor as Regressor

from ranvier.explain.importance import Importance as Importance
from ranvier.explain.importance import Importances as Importances

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

from ranvier.model.inspect import LayerView as LayerView
from ranvier.model.inspect import ModelSummary as ModelSummary
from ranvier.model.inspect import NeuronView as NeuronView

from ranvier.model.load import load as load

from ranvier.model.model import Model as Model

from ranvier.model.train import resume as resume
from ranvier.model.train import train as train

from ranvier.network.activations import Activation as Activation
from ranvier.network.activations import activation as activation

from ranvier.network.constraints import Constraint as Constraint
from ranvier.network.constraints import MaxNorm as MaxNorm
from ranvier.network.constraints import NonNegative as NonNegative

from ranvier.network.initializers import Initializer as Initializer
from ranvier.network.initializers import initializer as initializer

from ranvier.network.layers import BatchNorm as BatchNorm
from ranvier.network.layers import Dense as Dense
from ranvier.network.layers import Dropout as Dropout
from ranvier.network.layers import LayerNorm as LayerNorm
from ranvier.network.layers import LearnedScale as LearnedScale
from ranvier.network.layers import Rescale as Rescale
from ranvier.network.layers import Residual as Residual

from ranvier.network.losses import Loss as Loss
from ranvier.network.losses import loss as loss

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
from ranvier.network.optimizers import optimizer as optimizer

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
from ranvier.network.schedules import schedule as schedule

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

from ranvier.training.report import TrainReport as TrainReport

__version__: str
__all__: list[str]
