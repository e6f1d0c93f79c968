"""Small files of every kind, for tests of folders, archives and manifests."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path


def png(value: int = 0, width: int = 8, height: int = 8) -> bytes:
    """A grey picture of one value."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = (b"\0" + bytes([value]) * width) * height
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


WAV = b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\0\0\0\0"
SOUNDS = {"a.wav": WAV, "b.flac": b"fLaC\0\0\0\x22", "c.ogg": b"OggS\0\x02", "d.mp3": b"ID3\x03\0\0\0\0\0\0"}


def write_tree(folder: Path, files: dict[str, bytes]) -> Path:
    """Write files by their paths below a folder."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def pets(count: int = 2, start: str = "") -> dict[str, bytes]:
    """Pictures of two classes, by their paths."""
    return {f"{start}{label}/{number}.png": png(number) for label in ("cats", "dogs") for number in range(count)}
