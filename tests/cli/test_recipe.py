"""`ranvier train --recipe`: several networks, said as one run, and listed by `ranvier show`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import ranvier
from ranvier.cli.show import RECIPE_PARTS
from ranvier.recipes.registry import recipe
from tests.cli.helpers import invoke

WORDS = ["--recipe", "table", "--epochs", "2", "--hidden", "4"]


def test_a_recipe_is_followed_and_shown(here: Path) -> None:
    result = invoke("train", "iris", *WORDS)
    assert result.exit_code == 0, result.output
    members = recipe("table").n_networks
    words = " ".join(result.stdout.split())
    assert f"{members} networks merged into one, {2 * members} epochs" in words
    assert "the best weights of each kept" in words
    assert f"{members}/{members}" in result.stderr
    assert max(len(line) for line in result.stdout.splitlines()) <= 80
    shown = invoke("show", "iris.rv")
    assert shown.exit_code == 0, shown.output
    assert "Recipe" in shown.stdout
    for name in recipe("table").to_dict().keys() - {"name"}:
        assert RECIPE_PARTS.get(name, name.replace("_", " ")) in shown.stdout
    again = invoke("predict", "iris.rv", "iris", "--json")
    assert again.exit_code == 0, again.output
    assert (here / "iris.rv").is_file()


def test_the_effort_is_taken_and_written_down(here: Path) -> None:
    result = invoke("train", "iris", *WORDS, "--effort", "fast", "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    trained = ranvier.load(here / "iris.rv").report
    assert len(trained.members) == recipe("table", "fast").n_networks
    assert trained.recipe == report["recipe"] == "table"


@pytest.mark.parametrize(
    "words",
    [["--recipe", "chair"], ["--recipe", "table", "--effort", "much"], ["--recipe", "plain", "--effort", "best"]],
)
def test_what_is_no_recipe_is_refused(words: list[str], here: Path) -> None:
    result = invoke("train", "iris", *words)
    assert result.exit_code == 2
    assert not (here / "iris.rv").exists()
