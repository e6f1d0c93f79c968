"""Files and folders that computers put among a user's, which are never data."""

from __future__ import annotations

FOLDERS = frozenset({"__macosx", "@eadir", "$recycle.bin", "lost+found", "system volume information", "__pycache__"})
FILES = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "folder.htt"})


def is_system_name(name: str) -> bool:
    """Whether a file or folder of this name is hidden, or one that a system makes.

    >>> [is_system_name(name) for name in (".DS_Store", "Thumbs.db", "__MACOSX", "._cat.png", "cat.png")]
    [True, True, True, True, False]
    """
    lowered = name.lower()
    return name.startswith(".") or lowered in FILES or lowered in FOLDERS
