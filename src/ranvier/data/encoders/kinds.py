"""The kinds of columns that can be inputs, each with its encoder. A new kind is a new file and a line here."""

from __future__ import annotations

from ranvier.data.encoders.boolean import BooleanEncoder
from ranvier.data.encoders.category import CategoryEncoder
from ranvier.data.encoders.column import ColumnEncoder
from ranvier.data.encoders.date import DateEncoder
from ranvier.data.encoders.image import ImageEncoder
from ranvier.data.encoders.number import NumberEncoder
from ranvier.data.encoders.sound import SoundEncoder
from ranvier.data.encoders.text import TextEncoder
from ranvier.data.encoders.vector import VectorEncoder

COLUMN_KINDS: dict[str, type[ColumnEncoder]] = {
    "number": NumberEncoder,
    "boolean": BooleanEncoder,
    "category": CategoryEncoder,
    "date": DateEncoder,
    "image": ImageEncoder,
    "sound": SoundEncoder,
    "text": TextEncoder,
    "vector": VectorEncoder,
}
STORED_KINDS = {"basis": "number"}
"""Kinds of encoders in model files of earlier versions, under today's names."""
