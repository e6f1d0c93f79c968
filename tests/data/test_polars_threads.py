"""A forked child never waits for the threads of polars that its parent has: it says that they are missing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")

START = """
import os, signal, threading, warnings
import numpy as np, ranvier as rv
warnings.filterwarnings("ignore", message=".*fork.*", category=DeprecationWarning)
table = {"size": np.arange(40.0), "shop": ["a", "b"] * 20}
labels = ["no", "yes"] * 20

def fitted():
    return rv.Classifier(effort="fast", epochs=1, random_state=0, engine="reference").fit(table, labels)

def in_child(work):
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        try:
            print(work(), flush=True)
        except rv.EngineError as error:
            print(str(error)[:56], flush=True)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
"""
SAYS = "This process was forked after its parent had read a tabl"


def lines(code: str, folder: Path) -> list[str]:
    """What a Python program prints."""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_child_says_that_threads_are_missing(tmp_path: Path) -> None:
    """Whatever it asks of a table; arrays need no polars."""
    code = (
        START
        + """
classifier = fitted()
classifier.model_.save("model.rv")
rows = np.arange(8.0)[:, None]
model = rv.Network(1, [rv.Dense(1)]).fit(rows, rows, epochs=1, engine="reference")
for work in (
    fitted,
    lambda: classifier.predict({"size": [1.0], "shop": ["a"]}),
    lambda: classifier.predict(table),
    lambda: rv.load("model.rv").evaluate(table, labels),
    lambda: rv.train("iris", epochs=1),
):
    in_child(work)
in_child(lambda: model.outputs(rows).shape)
in_child(lambda: model.fit(rows, rows, epochs=1).outputs(rows).shape)
"""
    )
    assert lines(code, tmp_path) == [SAYS] * 5 + ["(8, 1)"] * 2


def test_a_child_reads_the_first_table_itself(tmp_path: Path) -> None:
    code = (
        START
        + """
rv.Classifier
in_child(lambda: fitted().predict(table).shape)
print(fitted().predict(table).shape)
"""
    )
    assert lines(code, tmp_path) == ["(40,)"] * 2


def test_a_child_of_a_thread_that_fits_never_waits(tmp_path: Path) -> None:
    """At any moment: while polars reads, while the network is compiled and while it is trained."""
    code = (
        START
        + """
from ranvier.estimators.classifier import Classifier
fitted()
end = threading.Event()

def fit():
    while not end.is_set():
        fitted()

thread = threading.Thread(target=fit)
thread.start()
for _ in range(5):
    in_child(fitted)
end.set()
thread.join()
"""
    )
    assert lines(code, tmp_path) == [SAYS] * 5
