"""What a program may not do with the public names: type checkers must find every line marked so."""

from __future__ import annotations

import ranvier as rv

rv.Netwrok  # wrong: no such name
rv.Network(inputs="2", layers=[rv.Dense(8)])  # wrong: a number of inputs is an int
rv.Dense(8, "relu", unts=3)  # wrong: no such option
