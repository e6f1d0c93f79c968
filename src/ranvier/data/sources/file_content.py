"""What a file is, a picture, a recording or a text: by its first bytes, then by the end of its name.

Names alone say little: JPEG files are called .png, pictures of HEIC .jpg, and error pages either.
"""

from __future__ import annotations

import codecs
import re

from ranvier.data.sources.text_encoding import is_utf_16

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
_DOCUMENT = re.compile(rb"%PDF-|%!PS|\{\\rtf|PK\x03\x04|\xd0\xcf\x11\xe0")
"""How PDF, PostScript, RTF and the files of word processors begin, whose bytes are not the text that they hold."""
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
MAX_CONTROLS = 0.01
"""The fraction of control characters that a text may have, such as the end mark of old systems."""


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
    if _DOCUMENT.match(head):
        return None
    if lowered.endswith(TEXT_ENDINGS):
        return "text"
    if not head or lowered.endswith(OTHER_ENDINGS) or (not head.startswith(UTF_16) and _CONTROL.search(head)):
        return None
    return "text"


def is_binary(head: bytes) -> bool:
    """Whether the first bytes of a file are those of no text, whatever its name says.

    >>> is_binary(b"Hello"), is_binary("Hello".encode("utf-16")), is_binary(b"MZ\\x90\\0\\3\\0\\0\\0")
    (False, False, True)
    """
    if head.startswith(UTF_16) or is_utf_16(head):
        return False
    controls = _CONTROL.findall(head)
    return b"\0" in controls or len(controls) > max(MAX_CONTROLS * len(head), 1)
