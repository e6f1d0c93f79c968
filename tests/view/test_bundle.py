"""The page that is shipped is the one that its sources make, is small, and names no registry."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from ranvier.view.server import ASSETS, TYPES

ROOT = Path(__file__).parents[2]
FRONTEND = ROOT / "view" / "frontend"
MAX_BYTES = 400_000


def run(*command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=200, check=False)


def test_it_is_small() -> None:
    files = [path for path in ASSETS.iterdir() if path.suffix in TYPES]
    assert {path.name for path in files} >= {"index.html", "view.js", "style.css"}
    assert sum(len(gzip.compress(path.read_bytes())) for path in files) < MAX_BYTES


def test_the_page_has_no_script_or_style_of_its_own() -> None:
    page = (ASSETS / "index.html").read_text()
    assert not re.search(r"<style|style=|\son\w+=|<script(?![^>]* src=)", page)
    assert not re.search(r"""(?:src|href)="(?!\./|data:,)""", page)


def test_licences_of_what_is_bundled_are_shipped() -> None:
    notice = (ASSETS / "NOTICE.txt").read_text()
    for name in json.loads((FRONTEND / "package.json").read_text())["dependencies"]:
        assert f"== {name}" in notice


def test_the_lock_file_names_no_registry_and_no_folder() -> None:
    lock = (FRONTEND / "package-lock.json").read_text()
    packages = json.loads(lock)["packages"]
    assert not [name for name, entry in packages.items() if "resolved" in entry]
    assert "registry" not in lock
    assert not re.search(r'"(?:file:|/)', lock)
    assert all("integrity" in entry for name, entry in packages.items() if name)


def test_the_shipped_page_is_what_its_sources_make(tmp_path: Path) -> None:
    if shutil.which("npm") is None:
        pytest.skip("install Node 20 and npm to build the page again and compare")
    copy = tmp_path / "view" / "frontend"
    shutil.copytree(FRONTEND, copy, ignore=shutil.ignore_patterns("node_modules"))
    installed = run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", folder=copy)
    if installed.returncode:
        pytest.skip(f"npm cannot install what the page is built with: {installed.stderr[-200:]}")
    built = run("npm", "run", "build", folder=copy)
    assert built.returncode == 0, built.stdout + built.stderr
    made = tmp_path / "src" / "ranvier" / "view" / "assets"
    names = sorted(path.name for path in made.iterdir())
    assert names == sorted(path.name for path in ASSETS.iterdir())
    changed = [name for name in names if (made / name).read_bytes() != (ASSETS / name).read_bytes()]
    assert changed == [], "build the page again: npm ci --ignore-scripts && npm run build in view/frontend"
