"""The site: every page and every public name is on it, and building it gives no warning."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import ranvier
from docs.pages import ROOT

DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    folder = tmp_path_factory.mktemp("site")
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-q",
        "-W",
        "--keep-going",
        "-b",
        "html",
        str(DOCS),
        str(folder / "html"),
    ]
    done = subprocess.run(
        [*command, "-d", str(folder / "doctrees")], check=False, capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    return folder / "html"


def test_every_page_is_built(site: Path) -> None:
    for page in DOCS.rglob("*.md"):
        assert (site / page.relative_to(DOCS).with_suffix(".html")).exists()


def test_every_public_name_is_documented_once() -> None:
    text = "\n".join(page.read_text() for page in (DOCS / "api").glob("*.md"))
    documented = re.findall(r"^\.\. auto(?:class|function|data):: (\w+)$", text, flags=re.M)
    assert sorted(documented) == sorted(name for name in ranvier.__all__ if name != "__version__")


def test_formulas_and_parameters_stand_on_the_page(site: Path) -> None:
    page = (site / "api" / "optimizers.html").read_text()
    assert "Formula" in page
    assert "Parameters" in page
    assert 'id="ranvier.Adam"' in page
