"""What does a language model write?"""

from __future__ import annotations

from typing import Any

from ranvier.data.encoders.context import ContextEncoder
from ranvier.errors import InputError
from ranvier.view.subject import Subject

LENGTH, TEMPERATURE, SEED = 400, 0.8, 0


def sample(subject: Subject) -> dict[str, Any]:
    """A `text` that the model writes from nothing, always the same, and the `temperature` that it is drawn at.

    Raises:
        InputError: the model predicts something else.
    """
    model = subject.model
    if not isinstance(model.encoder, ContextEncoder):
        raise InputError("Only a model that was trained on a plain text writes.")
    text = model.write(length=LENGTH, temperature=TEMPERATURE, seed=SEED)
    return {"text": text.strip("\n"), "temperature": TEMPERATURE}
