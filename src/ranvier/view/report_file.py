"""The report of a model: one HTML file that needs no network, made of the page of the view and of frozen answers."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

from ranvier.errors import InputError, RanvierError
from ranvier.model.model import Model
from ranvier.storage.atomic import write_atomically
from ranvier.version import __version__
from ranvier.view.frozen import frozen_answers
from ranvier.view.known_rows import rows_from_arrays, rows_of
from ranvier.view.report_tables import report_tables
from ranvier.view.subject import Subject

ASSETS = Path(__file__).parent / "assets"
MAX_BYTES = 2_000_000


def write_report(subject: Subject, path: str | Path, opened_with: str | None = None) -> int:
    """Write the report of a subject, and return its number of bytes.

    Parameters:
        subject: a model, and rows where they are known.
        path: of the HTML file, which is replaced atomically.
        opened_with: the command that shows the model live, for the page to name.

    Raises:
        InputError: the path cannot be written.
    """
    check_name(path)
    content = report_page(subject, opened_with).encode()
    if len(content) > MAX_BYTES:
        raise RanvierError(f"The report would have {len(content):,} bytes; at most {MAX_BYTES:,} are written.")
    write_atomically(path, content)
    return len(content)


def check_name(path: str | Path) -> None:
    """Raise an `InputError` where the name of a report says that it is something else than a page.

    >>> check_name("r.html")
    """
    ending = Path(path).suffix.lower()
    if ending in (".pdf", ".docx", ".md", ".txt", ".csv", ".json", ".png"):
        raise InputError(
            f'"{path}" ends in {ending}, and a report is a page in HTML. End its name in .html; a browser prints it as '
            "PDF."
        )


def write_model_report(model: Model, path: str | Path, X: Any = None, y: Any = None) -> None:
    """Write the report of a model; `Model.write_report` calls it."""
    rows = rows_of(model) if X is None else rows_from_arrays(model, X, y)
    name = Path(model.report.model).name if model.report.model else "model"
    write_report(Subject(model, rows, name), path, f"ranvier view {name}" if model.report.model else None)


def report_page(subject: Subject, opened_with: str | None = None) -> str:
    """The text of the file: tables that need no script, the answers as JSON, the page's style and script.

    The policy in the file lets run only this script and this style, which are named by their hashes, and forbids every
    request.
    """
    answers = frozen_answers(subject)
    written = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    frozen = {"answers": answers, "written": written, "version": __version__, "command": opened_with}
    text = json.dumps(frozen, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    script, style = _script(), _style()
    policy = "; ".join(
        (
            "default-src 'none'",
            f"script-src {_hash(script)}",
            f"style-src {_hash(style)}",
            "img-src data: blob:",
            "media-src blob:",
            "font-src data:",
            "connect-src 'none'",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    return "\n".join(
        (
            "<!doctype html>",
            '<html lang="en" data-report="">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            '<meta name="referrer" content="no-referrer">',
            '<link rel="icon" href="data:,">',
            f"<title>{escape(subject.name)} \u00b7 Ranvier report</title>",
            f"<style>{style}</style>",
            "</head>",
            "<body>",
            f'<div id="app">{report_tables(answers, written)}</div>',
            f'<script type="application/json" id="frozen">{text}</script>',
            f'<script type="module">{script}</script>',
            "</body>",
            "</html>",
            "",
        )
    )


def notebook_page() -> str:
    """The page of the view in one text, for the frame of a notebook's cell."""
    return (
        '<!doctype html><html lang="en" data-notebook=""><head><meta charset="utf-8">'
        f'<style>{_style()}</style></head><body><div id="app"></div>'
        f'<script type="module">{_script()}</script></body></html>'
    )


def _script() -> str:
    """The script of the page as it may stand between tags."""
    script = (ASSETS / "view.js").read_text(encoding="utf-8").strip()
    # Within a string of the script a backslash before the slash changes nothing; a parser of HTML would end there.
    return re.sub(r"<(?=/script|!--)", r"\\x3c", script)


def _style() -> str:
    """The style sheet of the page with its font inside."""

    def inlined(match: re.Match[str]) -> str:
        content = base64.b64encode((ASSETS / match[1]).read_bytes()).decode("ascii")
        return f"url(data:font/woff2;base64,{content})"

    style = (ASSETS / "style.css").read_text(encoding="utf-8").strip()
    return re.sub(r"""url\(["']?(?:\./)?([\w.-]+\.woff2)["']?\)""", inlined, style)


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
    return f"'sha256-{digest}'"
