"""Programs for type checkers are not run."""

from __future__ import annotations

collect_ignore = ["use.py", "misuse.py"]
