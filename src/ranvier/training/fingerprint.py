"""Fingerprint: what tells whether a checkpoint belongs to a call of `fit` or `train`, and may be continued by it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.records import record
from ranvier.training.callbacks import Callback

Array = NDArray[Any]
WORDING = 2
"""Which names the settings have, as JSON. Whoever renames a field of a network, loss, optimizer, schedule or callback
adds 1: the digests of earlier checkpoints then say nothing of the settings any more, and theirs are not compared."""


@record
class Fingerprint:
    """Digests of everything that decides what a run computes, apart for settings and numbers.

    The digest of the settings depends on the names that their fields have in this version; that of the arrays does not,
    so that it can be compared with what an earlier version wrote.

    >>> one = fingerprint([{"seed": 0}], [np.zeros(3)])
    >>> other = fingerprint([{"seed": 1}], [np.zeros(3)])
    >>> one == other, one.arrays == other.arrays
    (False, True)
    """

    settings: str
    arrays: str

    def to_dict(self) -> dict[str, Any]:
        """The digests as plain JSON values."""
        return {"wording": WORDING, "settings": self.settings, "arrays": self.arrays}

    def difference(self, stored: Any) -> str | None:
        """How the fingerprint of a checkpoint differs, as a noun: "rows or weights", "settings"; None where it fits.

        Parameters:
            stored: what `to_dict` wrote, or the text that version 0.1 wrote, one digest of everything under its names.

        >>> one = fingerprint([{"seed": 0}], [np.zeros(3)])
        >>> one.difference(fingerprint([{"seed": 1}], [np.zeros(3)]).to_dict())
        'other settings or another network'
        """
        if isinstance(stored, str):
            return None
        if not isinstance(stored, dict):
            return "no fingerprint"
        if stored.get("arrays") != self.arrays:
            return "other rows"
        if stored.get("wording") == WORDING and stored.get("settings") != self.settings:
            return "other settings or another network"
        return None


def compared(stored: Any) -> bool:
    """Whether settings and arrays of this fingerprint can both be compared: an earlier version's cannot.

    >>> compared(fingerprint([], []).to_dict()), compared("the digest of version 0.1")
    (True, False)
    """
    return isinstance(stored, dict) and stored.get("wording") == WORDING


def fingerprint(settings: Any, arrays: Iterable[Array | None]) -> Fingerprint:
    """The fingerprint of settings, as plain JSON values, and of arrays in a fixed order, None where one is absent."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(b"none" if array is None else f"{array.dtype} {array.shape}".encode())
        digest.update(b"" if array is None else np.ascontiguousarray(array).data)
    words = json.dumps(settings, sort_keys=True).encode()
    return Fingerprint(hashlib.sha256(words).hexdigest(), digest.hexdigest())


def callback_fingerprint(callback: Callback) -> str:
    """A callback in words that are the same in every process: addresses in memory are left out."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(callback))
