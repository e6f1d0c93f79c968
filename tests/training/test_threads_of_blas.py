"""Training has the same bits for any number of threads of BLAS; NumPy takes as many as there are processors."""

from __future__ import annotations

import os
import subprocess
import sys

TRAININGS = """
import hashlib
import numpy as np
import ranvier as rv

random = np.random.default_rng(0)
X = random.normal(size=(24_000, 2)).astype(np.float32)
y, weights = X[:, 0] + random.normal(size=len(X)), random.random(len(X))
wide = rv.Network(2, [rv.Dense(6_000, "tanh"), rv.Dense(1)])
small = rv.Network(2, [rv.Dense(2, "tanh"), rv.Dense(1)])
one = rv.Network(2, [rv.Dense(1, "sigmoid")])
stop = rv.EarlyStopping(metric="calibrated_d2_log_loss")
models = [
    wide.fit(X[:50], y[:50], optimizer=rv.LBFGS(), epochs=3, seed=0),
    small.fit(X, y, sample_weight=weights, validation=0.5, epochs=2, batch_size=1, seed=0),
    one.fit(X, y > 0, validation=0.5, epochs=1, metrics=["f1", "auc"], callbacks=[stop]),
    rv.Classifier(effort="fast", epochs=1, random_state=0, threads=1).fit(X, y > 0, sample_weight=weights).model_,
]
digest = hashlib.sha256()
for model in models:
    for values in model.parameters.values():
        digest.update(values.tobytes())
    for name, values in sorted(model.history.columns().items()):
        if "seconds" not in name and "per_second" not in name:
            digest.update(np.asarray(values, np.float64).tobytes())
print(digest.hexdigest())
"""


def test_the_number_of_threads_of_blas_changes_no_bit() -> None:
    digests = []
    for threads in ("1", "2"):
        environment = dict(os.environ, OPENBLAS_NUM_THREADS=threads, OMP_NUM_THREADS=threads)
        answer = subprocess.run(
            [sys.executable, "-c", TRAININGS], env=environment, capture_output=True, text=True, check=False
        )
        assert answer.returncode == 0, answer.stderr
        digests.append(answer.stdout)
    assert digests[0] == digests[1]
