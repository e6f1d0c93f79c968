"""How the pages of docs/ become a site: python -m sphinx -W -b html docs site."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import docstrings

from ranvier import __version__

ROOT = Path(__file__).resolve().parents[1]

project = "Ranvier"
author = "the Ranvier developers"
release = version = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["**/__pycache__"]
html_theme = "furo"
html_title = f"Ranvier {__version__}"
html_show_sourcelink = False
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 4
napoleon_numpy_docstring = False
napoleon_custom_sections = [("Fields", "params_style"), "Formula", "Source", "Shapes"]
napoleon_use_ivar = True
napoleon_use_rtype = False
autodoc_member_order = "bysource"
autodoc_typehints = "none"
default_role = "code"
suppress_warnings = ["myst.xref_missing"]
nitpicky = False


def _process(app: Any, what: str, name: str, subject: Any, options: Any, lines: list[str]) -> None:
    lines[:] = docstrings.to_restructured_text(lines)


def _for_the_site(app: Any, docname: str, source: list[str]) -> None:
    """Make `csv FILE` and `hand` blocks plain text, and links to files outside of docs/ plain names."""
    folder = (Path(app.srcdir) / docname).parent

    def link(match: re.Match[str]) -> str:
        words, address = match.groups()
        target = (folder / address.partition("#")[0]).resolve()
        inside = "://" in address or target.is_relative_to(Path(app.srcdir).resolve())
        return match.group(0) if inside else f"{words} (`{target.relative_to(ROOT)}`)"

    text = re.sub(r"^```(?:csv .*|hand)$", "```text", source[0], flags=re.M)
    source[0] = re.sub(r"(?<!!)\[([^]]*)\]\(([^)]*)\)", link, text)


def _skip(app: Any, what: str, name: str, member: Any, skip: bool, options: Any) -> bool | None:
    """What scikit-learn adds to an estimator is documented there."""
    return True if name.startswith("set_") and name.endswith("_request") else None


def setup(app: Any) -> None:
    # Before napoleon, whose listener has priority 500.
    app.connect("autodoc-process-docstring", _process, priority=400)
    app.connect("autodoc-skip-member", _skip)
    app.connect("source-read", _for_the_site)
