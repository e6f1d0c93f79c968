"""What a file is, a picture, a recording or a text: by its first bytes, then by the end of its name.

Names alone say little: JPEG files are called .png, pictures of HEIC .jpg, and error pages either.
"""

from __future__ import annotations

import re

HEAD = 4096
"""How many bytes of a file are looked at."""
IMAGE_ENDINGS = (
    *(".png", ".jpg", ".jpeg", ".jfif", ".jpe", ".webp", ".gif", ".bmp", ".dib", ".tif", ".tiff"),
    *(".heic", ".heif", ".avif", ".ppm", ".pgm", ".pbm", ".pnm"),
)
SOUND_ENDINGS = (
    *(".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3"),
    *(".aif", ".aiff", ".au", ".m4a", ".aac", ".wma"),
)
TEXT_ENDINGS = (".txt", ".text", ".md", ".rst")
OTHER_ENDINGS = (
    *(".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".xml", ".html", ".htm", ".yaml", ".yml", ".toml"),
    *(".ini", ".cfg", ".py", ".ipynb", ".r", ".js", ".css", ".sh", ".log", ".tex", ".sql", ".svg"),
)
"""Files whose bytes are text and which are no text to learn from."""
MAGIC = (
    ("image", rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff|GIF8[79]a|II\*\0|MM\0\*|RIFF.{4}WEBP|P[1-6]\s"),
    ("image", rb"BM.{4}\0\0\0\0|BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0"),
    ("image", rb".{4}ftyp(?:hei[cfmsx]|hev[cx]|mif1|msf1|avi[fs])"),
    ("sound", rb"(?:RIFF|RIFX|RF64).{4}WAVE|fLaC|OggS|ID3|FORM.{4}AIF[FC]|\.snd|.{4}ftypM4[AB]"),
    ("sound", rb"\xff[\xe2\xe3\xf2\xf3\xfa\xfb\xf6\xf7][^\xf0-\xff]"),
)
_MAGIC = tuple((kind, re.compile(pattern, re.DOTALL)) for kind, pattern in MAGIC)
_CONTROL = re.compile(rb"[\0-\x08\x0e-\x1a\x1c-\x1f\x7f]")


def content_kind(head: bytes, name: str) -> str | None:
    """The kind of a file: "image", "sound" or "text"; None for anything else.

    Parameters:
        head: its first bytes, `HEAD` or fewer.
        name: its name, whose end decides where the bytes do not: a picture whose first bytes are damaged is still one.

    >>> content_kind(b"fLaC", "clip.wav"), content_kind(b"", "empty.png"), content_kind(b"Hello", "note")
    ('sound', 'image', 'text')
    >>> content_kind(b"a,b", "rows.csv") is None
    True
    """
    for kind, pattern in _MAGIC:
        if pattern.match(head):
            return kind
    lowered = name.lower()
    if lowered.endswith(IMAGE_ENDINGS):
        return "image"
    if lowered.endswith(SOUND_ENDINGS):
        return "sound"
    if lowered.endswith(TEXT_ENDINGS):
        return "text"
    utf_16 = head[:2] in (b"\xff\xfe", b"\xfe\xff")
    if not head or lowered.endswith(OTHER_ENDINGS) or (not utf_16 and _CONTROL.search(head)):
        return None
    return "text"
