"""Frames: large numbers on their way to the page, as bytes behind a small JSON head."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

HEADER = struct.Struct("<IBBHdII")
"""Length of what follows it, topic, version, flags, time in seconds, sequence, length of the JSON head: 24 bytes."""
VERSION = 1
TOPICS = {
    "answer": 1,
    "weights": 2,
    "status": 3,
    "epochs": 4,
    "network": 5,
    "lines": 6,
    "health": 7,
    "surface": 8,
    "sound": 9,
    "picture": 10,
}
TYPES = ("uint8", "float32")
ALIGNMENT = 8


def frame(topic: str, head: dict[str, Any], array: NDArray[Any], time: float = 0.0, sequence: int = 0) -> bytes:
    """A frame: the header, the head as JSON with `shape` and `dtype` of the array, padding to 8 bytes, the array.

    Everything is little-endian, so that the page can read the array where it lies.

    Parameters:
        topic: what it is about, a key of `TOPICS`.
        head: JSON values.
        array: uint8 or float32.
        time, sequence: of frames that follow each other; 0 for an answer.

    >>> bytes_of = frame("weights", {"limit": 0.5}, np.array([1, 2], np.uint8))
    >>> read_frame(bytes_of)[0], len(bytes_of) % 8
    ({'limit': 0.5, 'shape': [2], 'dtype': 'uint8'}, 2)
    """
    assert array.dtype.name in TYPES
    described = json.dumps({**head, "shape": list(array.shape), "dtype": array.dtype.name}, allow_nan=False).encode()
    padding = b" " * (-(HEADER.size + len(described)) % ALIGNMENT)
    numbers = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
    text = described + padding
    length = HEADER.size - 4 + len(text) + len(numbers)
    return HEADER.pack(length, TOPICS[topic], VERSION, 0, time, sequence, len(text)) + text + numbers


def read_frame(content: bytes) -> tuple[dict[str, Any], NDArray[Any]]:
    """The head and the array of a frame."""
    *_, n_text = HEADER.unpack_from(content)
    head: dict[str, Any] = json.loads(content[HEADER.size : HEADER.size + n_text])
    numbers = np.frombuffer(content, np.dtype(head["dtype"]).newbyteorder("<"), offset=HEADER.size + n_text)
    return head, numbers.reshape(head["shape"])
