"""What does the network get of a picture from the page?"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data import TableEncoder
from ranvier.data.images.load import load_known
from ranvier.data.images.picture_format import PictureFormat
from ranvier.errors import InputError
from ranvier.view.row_form import file_content
from ranvier.view.subject import Subject


def decoded_picture(subject: Subject, text: Any) -> tuple[dict[str, Any], NDArray[np.uint8]]:
    """A picture from the page as the network gets it, (H, W, C), from 0 to 255: upright, resized, grey or in colour.

    Parameters:
        text: the bytes of its file in base64.

    Raises:
        InputError: the model takes no pictures, or these are no bytes in base64.
        DataError: the file is no picture, or a damaged one.
    """
    form, encoder = subject.form, subject.model.encoder
    if form.kind != "picture":
        raise InputError("This model takes no pictures.")
    content = file_content(text, "A picture")
    has_format = isinstance(encoder, TableEncoder) and encoder.image is not None
    height, width, channels = form.shape
    wanted = encoder.image.form if has_format else PictureFormat(height, width, channels)
    return {}, load_known([content], wanted, "picture").pixels[0]
