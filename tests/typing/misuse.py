"""What a program may not do with the public names: type checkers must find every line marked so."""

from __future__ import annotations

import ranvier as rv

rv.Netwrok  # wrong: no such name
rv.Network(inputs="2", layers=[rv.Dense(8)])  # wrong: a number of inputs is an int
rv.Dense(8, "relu", unts=3)  # wrong: no such option
rv.activation("leaky_relu", slop=0.1)  # wrong: no such option
rv.activation("relu", slope=0.1)  # wrong: an option of another activation
rv.initializer("normal", stddev="1")  # wrong: a number
rv.loss("huber", q=0.5)  # wrong: an option of another loss
rv.optimizer("adam", beta3=0.9)  # wrong: no such option
rv.optimizer("sgd", beta1=0.9)  # wrong: an option of another optimizer
rv.schedule("step", step_epoch=3)  # wrong: no such option
