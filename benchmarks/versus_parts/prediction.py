"""Prediction: the same trained network asked by Ranvier, onnxruntime and torch. (n, K) in, probabilities (n, N) out.

Each takes a NumPy array and gives one back, as a program that serves answers would.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from versus_parts.workloads import Array, Workload, layers_of, read_rows

Predict = Callable[[Array], Array]
TRAINED_ROWS = 1024


def ranvier(workload: Workload, folder: Path, threads: int, engine: str) -> Predict:
    """Trains for one short epoch and leaves the parameters in the folder for the others."""
    from versus_parts.ours import Ranvier

    contender = Ranvier(workload, threads, engine)
    contender.start(*read_rows(folder, TRAINED_ROWS), None, workload.batch)
    model = contender.fit(1)
    flat = np.concatenate([np.ravel(values) for values in model.parameters.values()])
    np.save(folder / "trained.npy", flat.astype(np.float32))
    return model.outputs


def onnxruntime(workload: Workload, folder: Path, threads: int, engine: str) -> Predict:
    """An ONNX model of the same layers, all graph optimizations on."""
    import onnxruntime as ort
    from onnx import TensorProto, helper, numpy_helper

    layers = layers_of(np.load(folder / "trained.npy"), workload.sizes)
    nodes, constants, value = [], [], "x"
    for index, (weight, bias) in enumerate(layers):
        constants += [numpy_helper.from_array(weight, f"w{index}"), numpy_helper.from_array(bias, f"b{index}")]
        nodes.append(helper.make_node("Gemm", [value, f"w{index}", f"b{index}"], [f"z{index}"]))
        last = index == len(layers) - 1
        value = "y" if last else f"a{index}"
        bend = {"relu": "Relu", "tanh": "Tanh", "sigmoid": "Sigmoid"}[workload.activation]
        nodes.append(helper.make_node("Softmax" if last else bend, [f"z{index}"], [value]))
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", width])
        for name, width in (("x", workload.sizes[0]), ("y", workload.sizes[-1]))
    ]
    graph = helper.make_graph(nodes, "network", ends[:1], ends[1:], constants)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = ort.InferenceSession(made.SerializeToString(), options, ["CPUExecutionProvider"])
    return lambda x: session.run(None, {"x": x})[0]


def torch(workload: Workload, folder: Path, threads: int, engine: str) -> Predict:
    """Eager, in inference mode."""
    from versus_parts.peers import Torch

    contender = Torch(workload, threads)
    X, y = read_rows(folder, 1)
    contender.start(X, y, np.load(folder / "trained.npy"), 1)
    library = contender.torch
    network = library.nn.Sequential(*contender.network, library.nn.Softmax(1)).eval()

    def predict(x: Array) -> Array:
        with library.inference_mode():
            return network(library.from_numpy(x)).numpy()

    return predict


PREDICTORS = {"ranvier": ranvier, "onnxruntime": onnxruntime, "torch": torch}
