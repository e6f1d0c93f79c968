"""The playground: states of addresses, points, sessions that train and end, and what is exported."""

from __future__ import annotations

import base64
import math
import runpy
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

import ranvier as rv
from ranvier.errors import InputError
from ranvier.view.frames import read_frame
from ranvier.view.play_data import own_points, toy_points
from ranvier.view.play_session import LARGE, SMALL, PlaySession, plane
from ranvier.view.play_state import ACTIVATIONS, CLASSES, FEATURES, NAMES, NUMBERS, PlayState
from ranvier.view.playground import MAX_SESSIONS, Playground
from ranvier.view.safety import new_token
from ranvier.view.server import view_app

TOKEN = new_token()
TABLE = "a,b,kind\n" + "".join(f"{at},{(at * 7) % 11},{['no', 'yes'][at % 2]}\n" for at in range(40))


@pytest.fixture
def ground() -> Iterator[Playground]:
    """A playground whose sessions end with the test."""
    playground = Playground()
    yield playground
    playground.close()


def opened(ground: Playground, **state: Any) -> dict[str, Any]:
    return dict(ground.ask("open", {"state": state}))


def wait_for(ground: Playground, session: str, condition: Any) -> dict[str, Any]:
    """Look until a condition holds of what is seen."""
    until = time.monotonic() + 60.0
    while time.monotonic() < until:
        head, _ = read_frame(ground.ask("look", {"session": session}))
        if condition(head):
            return head
        time.sleep(0.02)
    raise AssertionError("It did not come to this within a minute.")


@given(st.dictionaries(st.sampled_from("vdnilorgpbsf") | st.text(max_size=4) | st.just("hide"), st.text(max_size=12)))
def test_any_address_gives_a_state_that_reads_back(values: dict[str, str]) -> None:
    state, _ = PlayState.read(values)
    again, notes = PlayState.read(dict(part.split("=", 1) for part in state.address().split("&")))
    assert again == state
    assert notes == ()


def test_values_are_clamped_and_unknown_keys_ignored() -> None:
    state, notes = PlayState.read({"r": "1e9", "n": "-1", "b": "nan", "token": "secret", "d": "mars"})
    assert (state.rate, state.noise, state.batch, state.data) == (10.0, 0.0, 10, "circles")
    assert len(notes) == 5
    assert "secret" not in state.address()


@pytest.mark.parametrize("data", [*CLASSES, *NUMBERS])
def test_points_lie_in_the_plane(data: str) -> None:
    points = toy_points(data, 0.1, 3)
    assert np.abs(points.points).max() <= 1.0
    assert (set(points.targets.tolist()) == {0.0, 1.0}) == points.classes == (data in CLASSES)
    assert points.test.sum() == len(points.points) // 4
    assert (toy_points(data, 0.1, 3).points == points.points).all()
    assert not (toy_points(data, 0.1, 4).points == points.points).all()


def test_a_table_of_ones_own() -> None:
    points = own_points(TABLE, 0)
    assert (points.names, points.labels, points.classes) == (("a", "b", "kind"), ("no", "yes"), True)
    assert points.points.min() == pytest.approx(-0.9)
    numbers = own_points("a,b,c\n" + "".join(f"{at},{at % 3},{at * at}\n" for at in range(20)), 0)
    assert not numbers.classes
    for text in ("a\n1\n2\n", "a,b,c\n1,x,3\n2,y,4\n", "", TABLE.replace("no", "a").replace("3,", "3,oh")):
        with pytest.raises(InputError) as error:
            own_points(text, 0)
        assert "/tmp" not in str(error.value)


def test_a_network_learns_epoch_by_epoch(ground: Playground) -> None:
    session = opened(ground, d="gaussians", l="4:tanh")["session"]
    assert ground.ask("do", {"session": session, "do": "step"}) == {"playing": False}
    head = wait_for(ground, session, lambda head: head["epoch"] == 1)
    assert not head["playing"]
    ground.ask("do", {"session": session, "do": "play"})
    head = wait_for(ground, session, lambda head: head["epoch"] > 20)
    ground.ask("do", {"session": session, "do": "pause"})
    assert head["losses"][-1][1] < head["losses"][0][1] / 2
    ground.ask("do", {"session": session, "do": "reset"})
    assert wait_for(ground, session, lambda head: head["epoch"] == 0)["losses"] == []


def test_pictures_are_what_the_model_computes() -> None:
    state, _ = PlayState.read({"d": "xor", "i": "x,xy", "l": "3:relu,2:tanh", "p": "0.2"})
    session = PlaySession(state)
    try:
        parts, pictures = session.pictures()
        assert [part["path"] for part in parts] == ["inputs"] * 2 + ["layers.0"] * 3 + ["layers.2"] * 2 + ["output"]
        assert len(pictures) == 7 * SMALL * SMALL + LARGE * LARGE
        chances = session.model.outputs(state.inputs(plane(LARGE)))[:, 0]
        shown = (pictures[-LARGE * LARGE :].astype(float) - 128) / 127
        assert np.abs(shown - (2 * chances - 1)).max() <= 0.5 / 127 + 1e-6
        first = (pictures[: SMALL * SMALL].astype(float) - 128) / 127
        assert np.abs(first - plane(SMALL)[:, 0]).max() <= 0.5 / 127 + 1e-9
    finally:
        session.close()


def test_the_start_is_that_of_the_training() -> None:
    session = PlaySession(PlayState(data="moons"))
    try:
        start = {name: np.array(value) for name, value in session.model.parameters.items()}
        changed = session._fitted(PlayState(data="moons", rate=1e-5), None, 1)
        for name, value in start.items():
            assert np.abs(changed.parameters[name] - value).max() < 0.01
    finally:
        session.close()


def test_nan_stops_and_names_the_setting(ground: Playground) -> None:
    session = opened(ground, d="plane", l="8:relu,8:relu", o="sgd", r="10", f="squared_error")["session"]
    ground.ask("do", {"session": session, "do": "play"})
    head = wait_for(ground, session, lambda head: head["message"])
    assert "the learning rate of 10 is too large" in head["message"]
    assert not head["playing"]
    assert all(math.isfinite(value) for layer in head["layers"] for row in layer["weight"] for value in row)


@pytest.mark.parametrize("error", [MemoryError("no room"), KeyboardInterrupt()])
def test_what_breaks_training_off_is_reported_and_it_can_go_on(
    error: BaseException, ground: Playground, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, fitted, broken = opened(ground)["session"], PlaySession._fitted, [error]

    def fails_once(self: PlaySession, *given: Any) -> Any:
        if broken:
            raise broken.pop()
        return fitted(self, *given)

    monkeypatch.setattr(PlaySession, "_fitted", fails_once)
    ground.ask("do", {"session": session, "do": "play"})
    head = wait_for(ground, session, lambda head: head["message"])
    assert head["message"].startswith(f"Training broke off: {type(error).__name__}")
    assert not head["playing"]
    ground.ask("do", {"session": session, "do": "step"})
    assert wait_for(ground, session, lambda head: head["epoch"] == 1)["message"] == ""


def test_no_session_begins_in_a_closed_playground(ground: Playground) -> None:
    first = opened(ground)["session"]
    ground.close()
    with pytest.raises(InputError, match="being closed"):
        opened(ground)
    with pytest.raises(InputError, match="has ended"):
        ground.ask("do", {"session": first, "do": "play"})


def test_at_most_four_sessions_and_those_of_closed_pages_end(
    ground: Playground, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [opened(ground)["session"] for _ in range(MAX_SESSIONS)]
    with pytest.raises(InputError, match="4 pages play already"):
        opened(ground)
    replaced = ground.ask("open", {"state": {}, "instead": keys[0]})["session"]
    assert read_frame(ground.ask("look", {"session": keys[0]}))[0]["ended"]
    with pytest.raises(InputError, match="has ended"):
        ground.ask("do", {"session": keys[0], "do": "play"})
    monkeypatch.setattr("ranvier.view.play_session.IDLE_SECONDS", 0.0)
    session = ground._sessions[replaced]
    session.do("pause")
    session._thread.join(10.0)
    assert session.closed
    opened(ground)


@pytest.mark.parametrize("data", ["spirals", "hills"])
def test_exported_code_trains_the_same_network(data: str, ground: Playground, tmp_path: Path, capsys: Any) -> None:
    session = opened(ground, d=data, l="3:tanh", g="l2:0.001", p="0.1", i="x,yy", o="rmsprop")["session"]
    with pytest.raises(InputError, match="Nothing has been trained"):
        ground.ask("export", {"session": session, "as": "model"})
    ground.ask("do", {"session": session, "do": "step"})
    wait_for(ground, session, lambda head: head["epoch"] == 1)
    path = tmp_path / "play.rv"
    path.write_bytes(base64.b64decode(ground.ask("export", {"session": session, "as": "model"})["file"]))
    loaded = rv.load(path)
    assert loaded.network == ground._sessions[session].model.network
    code = ground.ask("export", {"session": session, "as": "python"})["text"].replace("epochs=100", "epochs=1")
    (tmp_path / "play.py").write_text(code)
    model = runpy.run_path(str(tmp_path / "play.py"))["model"]
    assert model.network == loaded.network
    # Points are written with four digits.
    for name, value in loaded.parameters.items():
        assert np.abs(model.parameters[name] - value).max() < 0.05
    assert "{" in capsys.readouterr().out


@pytest.mark.parametrize("name", [*ACTIVATIONS, *NAMES, *FEATURES])
def test_every_choice_trains(name: str) -> None:
    layers = f"2:{name}" if name in ACTIVATIONS else "2:tanh"
    state, notes = PlayState.read(
        {"l": layers, "o": name if name in NAMES else "adam", "i": name if name in FEATURES else "x,y"}
    )
    assert notes == ()
    assert state.network(True).outputs == 1
    assert np.isfinite(state.inputs(plane(4))).all()
    assert state.update_rule().learning_rate == 0.03


def test_the_endpoints_refuse_and_pass(ground: Playground) -> None:
    client = TestClient(view_app(ground, TOKEN), base_url="http://127.0.0.1:8000", headers={"x-ranvier-token": TOKEN})
    assert client.post("/api/page").json()["page"] == "play"
    assert "spirals" in client.post("/api/options").json()["classes"]
    assert client.post("/api/open", json={"state": {}}, headers={"x-ranvier-token": ""}).status_code == 401
    assert client.post("/api/open", json={"state": {}}, headers={"sec-fetch-site": "cross-site"}).status_code == 403
    session = client.post("/api/open", json={"state": {}}).json()["session"]
    assert client.post("/api/look", json={"session": session}).status_code == 200
    for body in ({"session": "../x"}, {"session": None}, {"session": session, "do": "format"}, {"do": "play"}):
        assert client.post("/api/do", json=body).status_code == 422
    for body in ({"state": 3}, {"state": {str(at): "1" for at in range(99)}}, {"state": {}, "table": 3}, {}):
        assert client.post("/api/open", json=body).status_code == 422
    assert client.post("/api/what").status_code == 404
