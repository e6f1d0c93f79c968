"""Bytes on disk: model files, checkpoints and run folders, written so that a crash never damages the earlier file."""

from ranvier.storage.atomic import check_writable, write_atomically
from ranvier.storage.checkpoint import read_latest, write_checkpoint
from ranvier.storage.model_file import read_model, write_model
from ranvier.storage.run_folder import RunFolder

__all__ = [
    "RunFolder",
    "check_writable",
    "read_latest",
    "read_model",
    "write_atomically",
    "write_checkpoint",
    "write_model",
]
