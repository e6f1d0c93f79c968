"""What does a language model write?"""

from __future__ import annotations

from typing import Any

from ranvier.data.encoders.context import ContextEncoder
from ranvier.errors import InputError
from ranvier.view.subject import Subject

LENGTH, TEMPERATURE, SEED = 400, 0.8, 0


def sample(subject: Subject, start: str = "") -> dict[str, Any]:
    """A `text` that the model goes on with from a start, always the same, and the `temperature` that it is drawn at.

    Raises:
        InputError: the model predicts something else.
    """
    model = subject.model
    if not isinstance(model.encoder, ContextEncoder):
        raise InputError("Only a model that was trained on a plain text writes.")
    text = model.write(start, length=LENGTH, temperature=TEMPERATURE, seed=SEED)
    return {"text": text if start else text.strip("\n"), "temperature": TEMPERATURE}
