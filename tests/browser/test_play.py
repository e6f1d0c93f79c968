"""The playground in a real browser: it plays, its address holds the settings and never the token, files are taken."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import ranvier as rv
from ranvier.view.playground import Playground
from tests.browser.conftest import Open, comes_to, fits, go, number, settle


@pytest.fixture
def ground() -> Iterator[Playground]:
    """A playground that ends with the test."""
    playground = Playground()
    yield playground
    playground.close()


def session_of(ground: Playground) -> Any:
    return next(session for session in ground._sessions.values() if not session.closed)


def test_it_plays_pauses_steps_and_begins_again(ground: Playground, open_view: Open) -> None:
    page = open_view(ground, "play")
    go(page, "play?d=gaussians&l=2:tanh")
    page.get_by_role("button", name="Step").click()
    comes_to(page, "play.epoch", 1)
    session = session_of(ground)
    assert number(page, "play.loss") == session.losses[0][1]
    assert number(page, "play.bias") == session.weights()[-1]["bias"][0]
    page.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_function("() => Number(document.querySelector('[data-name=\"play.epoch\"]').dataset.value) > 5")
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Reset").click()
    comes_to(page, "play.epoch", 0)


def test_the_address_holds_the_settings_and_not_the_token(ground: Playground, open_view: Open) -> None:
    page = open_view(ground, "play")
    go(page, "play?d=moons&l=3:relu&r=99&token=secret")
    page.wait_for_function("() => location.hash.includes('r=10')")
    assert "secret" not in page.url
    assert "lies between" in page.locator('[data-name="play.message"]').inner_text()
    page.get_by_role("button", name="One unit more in layer 1").click()
    page.wait_for_function("() => location.hash.includes('l=4:relu')")
    page.get_by_label("optimizer").select_option("sgd")
    page.wait_for_function("() => location.hash.includes('o=sgd')")
    page.reload()
    settle(page)
    assert "l=4:relu" in page.url
    assert page.locator(".plane .cell").count() == 2 + 4


def test_a_table_is_taken_and_files_are_given(ground: Playground, open_view: Open, tmp_path: Path) -> None:
    page = open_view(ground, "play")
    go(page, "play?d=xor")
    (tmp_path / "mine.csv").write_text(
        "wide,long,sort\n" + "".join(f"{at},{at % 7},{'ab'[at % 2]}\n" for at in range(60))
    )
    page.locator("input[type=file]").set_input_files(tmp_path / "mine.csv")
    page.wait_for_function("() => location.hash.includes('d=own')")
    page.wait_for_function(
        "() => document.querySelector('.result')?.innerText.includes('Upwards long, to the right wide')"
    )
    page.get_by_role("button", name="Step").click()
    comes_to(page, "play.epoch", 1)
    with page.expect_download() as download:
        page.get_by_role("button", name="Model file").click()
    download.value.save_as(tmp_path / "play.rv")
    assert rv.load(tmp_path / "play.rv").network == session_of(ground).model.network
    with page.expect_download() as download:
        page.get_by_role("button", name="Python code").click()
    download.value.save_as(tmp_path / "play.py")
    assert "rv.Network(2" in (tmp_path / "play.py").read_text()


def test_a_teacher_may_hide_controls(ground: Playground, open_view: Open) -> None:
    page = open_view(ground, "play")
    go(page, "play?d=xor&hide=layers,features,optimizer")
    assert page.get_by_label("optimizer").count() == 0
    assert page.get_by_role("button", name="+ layer").count() == 0
    assert page.get_by_label("learning rate").count() == 1


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_overflows(theme: str, ground: Playground, open_view: Open) -> None:
    page = open_view(ground, "play", color_scheme=theme)
    go(page, "play?l=8:tanh,8:tanh,8:tanh,8:tanh,8:tanh,8:tanh&i=x,y,xx,yy,xy,sinx,siny")
    fits(page)


def test_four_layers_fit_a_narrow_window(ground: Playground, open_view: Open) -> None:
    page = open_view(ground, "play", viewport={"width": 768, "height": 1024})
    go(page, "play?l=8:tanh,8:leaky_relu,8:tanh,8:tanh&i=x,y,sinx,siny")
    assert page.locator(".layer").count() == 6
    assert page.locator(".board-of-play").evaluate("board => board.scrollWidth - board.clientWidth") == 0
