"""The server: each rule of safety with a request that is refused and one that passes, and the endpoints."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, ClassVar

import httpx2 as httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.testclient import TestClient

import ranvier as rv
from ranvier.view import server
from ranvier.view.answers import QUESTIONS
from ranvier.view.frames import read_frame
from ranvier.view.notebook import reply_to
from ranvier.view.questions.answer import answer
from ranvier.view.questions.near import near
from ranvier.view.safety import HEADERS, MAX_BODY, bounded_body, host_name, new_token
from ranvier.view.serve import RunningView, over_ssh, tunnel_command
from ranvier.view.server import _control, view_app
from ranvier.view.subject import Subject

TOKEN = new_token()
PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
"""A black pixel."""
BODIES: dict[str, dict[str, Any]] = {
    "contributions": {"row": 3},
    "responses": {"row": 3},
    "near": {"row": 3},
    "rows": {"start": 0, "count": 2},
    "answer": {"row": 1},
    "weights": {"path": "layers.0", "height": 8, "width": 8},
    "picture": {"picture": PICTURE},
    "connections": {"path": "layers.0"},
    "inputs": {"row": 0, "count": 3},
    "neuron": {"path": "layers.0", "neuron": 2, "row": 0},
    "cell": {"actual": 1, "predicted": 1},
    "neuron_examples": {"path": "layers.0", "neuron": 2},
    "step": {"step": 1},
    "step_check": {"step": 1, "path": "layers.0", "neuron": 2, "term": 3},
}


@pytest.fixture
def client(digits: Subject) -> TestClient:
    headers = {"x-ranvier-token": TOKEN}
    return TestClient(view_app(digits, TOKEN), base_url="http://127.0.0.1:8000", headers=headers)


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "evil@127.0.0.1", "0.0.0.0", "", "a:b:c"])
def test_other_hosts_are_refused(host: str, client: TestClient) -> None:
    assert client.get("/", headers={"host": host}).status_code == 403
    assert client.post("/api/what", headers={"host": host}).status_code == 403


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:9000", "localhost", "[::1]:8000"])
def test_this_machine_passes_under_any_port(host: str, client: TestClient) -> None:
    assert client.post("/api/what", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:8001", "https://127.0.0.1:8000"])
def test_other_pages_are_refused(origin: str, client: TestClient) -> None:
    assert client.post("/api/what", headers={"origin": origin}).status_code == 403


@pytest.mark.parametrize("name", ["origin", "sec-fetch-site"])
@pytest.mark.parametrize("order", [1, -1])
def test_a_header_that_comes_twice_must_be_right_both_times(name: str, order: int, client: TestClient) -> None:
    right = {"origin": "http://127.0.0.1:8000", "sec-fetch-site": "same-origin"}[name]
    wrong = {"origin": "http://evil.example", "sec-fetch-site": "cross-site"}[name]
    assert client.post("/api/what", headers=[(name, right), (name, right)]).status_code == 200
    assert client.post("/api/what", headers=[(name, right), (name, wrong)][::order]).status_code == 403


def test_the_own_page_passes(client: TestClient) -> None:
    assert client.post("/api/what", headers={"origin": "http://127.0.0.1:8000"}).status_code == 200


@pytest.mark.parametrize(
    ("site", "status"), [("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)]
)
def test_where_a_request_comes_from(site: str, status: int, client: TestClient) -> None:
    assert client.post("/api/what", headers={"sec-fetch-site": site}).status_code == status


@pytest.mark.parametrize(
    "token",
    ["", "wrong", TOKEN[:-1], TOKEN + "a", "\u00fc".encode()],
    ids=["none", "another", "a sign too few", "a sign too many", "no ASCII"],
)
def test_a_wrong_token_is_refused(token: str | bytes, client: TestClient) -> None:
    response = client.post("/api/what", headers={b"x-ranvier-token": token})  # type: ignore[dict-item]
    assert response.status_code == 401
    assert "open the address that the terminal shows" in response.json()["error"]
    assert client.get("/").status_code == 200, "the page holds no data"


def test_tokens_differ() -> None:
    assert len({new_token() for _ in range(8)}) == 8
    assert len(TOKEN) >= 43


def test_every_response_has_the_headers(client: TestClient) -> None:
    responses = [
        client.get("/"),
        client.post("/api/what"),
        client.get("/nothing"),
        client.get("/", headers={"host": "x"}),
    ]
    for response in responses:
        for name, value in HEADERS.items():
            assert response.headers[name] == value
        assert not [name for name in response.headers if name.startswith("access-control")]
    assert responses[1].headers["cache-control"] == "no-store"
    assert "unsafe" not in HEADERS["content-security-policy"]


def test_no_other_methods(client: TestClient) -> None:
    assert client.options("/api/what").status_code == 405
    assert client.get("/api/what").status_code == 405
    assert client.post("/").status_code == 405


@pytest.mark.parametrize(
    "path", ["/../server.py", "/%2e%2e/server.py", "/assets/../../model.py", "//etc/passwd", "/view.js%2f.."]
)
def test_nothing_takes_a_path(path: str, client: TestClient) -> None:
    assert client.get(path).status_code == 404


def test_bodies_are_bounded(client: TestClient) -> None:
    padded = json.dumps({"padding": "x" * (MAX_BODY - 20)}).encode()
    assert client.post("/api/what", content=padded).status_code == 200
    assert client.post("/api/what", content=padded + b" " * 100).status_code == 413

    def endless() -> Iterator[bytes]:
        for _ in range(40):
            yield b" " * 2**16

    assert client.post("/api/what", content=endless()).status_code == 413


def test_a_body_that_breaks_off_is_no_fault_of_the_server() -> None:
    async def receive() -> dict[str, str]:
        return {"type": "http.disconnect"}

    request = Request({"type": "http", "method": "POST", "headers": []}, receive)
    # In a thread of its own: playwright leaves an event loop in that of the browser tests.
    with ThreadPoolExecutor(1) as pool:
        response = pool.submit(lambda: asyncio.run(bounded_body(request))).result()
    assert isinstance(response, Response)
    assert response.status_code == 400


@pytest.mark.parametrize("body", [b"[1]", b"{", b"\xff", b"[" * 100_000, b"1"])
def test_bodies_that_are_no_questions(body: bytes, client: TestClient) -> None:
    assert client.post("/api/what", content=body).status_code == 400


@pytest.mark.parametrize(
    "name", sorted(set(QUESTIONS) - {"residuals", "sample", "surface", "importances", "reasons", "sound", "heard"})
)
def test_every_question_is_answered(name: str, client: TestClient) -> None:
    response = client.post(f"/api/{name}", json=BODIES.get(name, {}))
    assert response.status_code == 200, response.text
    if response.headers["content-type"] == "application/json":
        json.loads(response.text, parse_constant=pytest.fail)


@pytest.mark.parametrize(
    ("name", "body", "sentence"),
    [
        ("surface", {}, "a surface needs two"),
        ("step", {"step": "1"}, "step is '1'; an integer was expected"),
        ("residuals", {}, "Only predicted numbers have residuals."),
        ("importances", {}, "Importances are shown for tables"),
        ("reasons", {}, "explained for rows of tables"),
        ("sound", {"row": 3}, "are not at hand"),
        ("sound", {"row": "../x"}, "row is '../x'; an integer was expected"),
        ("heard", {"sound": "AAAA"}, "takes no recordings"),
        ("contributions", {"row": 3, "output": "x"}, "There is no class"),
        ("sample", {}, "Only a model that was trained on a plain text writes."),
        ("neuron", {"path": "layers.9", "neuron": 0}, "There is no layer"),
        ("neuron", {"path": "layers.0", "neuron": "1"}, "an integer was expected"),
        ("neuron", {"path": "layers.0"}, 'needs "neuron", an integer'),
        ("answer", {}, "Say which row"),
        ("answer", {"row": "../x"}, "row is '../x'; an integer was expected"),
        ("answer", {"row": 10**9}, "There is no row"),
        ("answer", {"values": "x" * 64}, "list of 64 numbers"),
        ("weights", {"path": "layers.0", "height": 10**9, "width": 8}, "integers from 1 to 4096"),
        ("weights", {"path": ["layers.0"], "height": 8, "width": 8}, "a string was expected"),
    ],
)
def test_a_wrong_question_gets_a_sentence(name: str, body: dict[str, Any], sentence: str, client: TestClient) -> None:
    response = client.post(f"/api/{name}", json=body)
    assert response.status_code == 422
    assert sentence in response.json()["error"]


@pytest.mark.parametrize(("times", "status"), [(1, 200), (2, 503)])
def test_ctrl_c_within_a_question_of_a_view_that_goes_on(
    times: int, status: int, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    what, questions = QUESTIONS["what"], []

    def interrupted(subject: Subject, body: dict[str, Any]) -> Any:
        questions.append("what")
        if len(questions) <= times:
            raise KeyboardInterrupt
        return what(subject, body)

    monkeypatch.setitem(QUESTIONS, "what", interrupted)
    assert client.post("/api/what").status_code == status
    assert client.post("/api/what").status_code == 200


def test_an_unknown_question(client: TestClient) -> None:
    assert client.post("/api/nothing").status_code == 404


def test_an_answer_travels_as_a_frame(digits: Subject, client: TestClient) -> None:
    head, array = read_frame(client.post("/api/answer", json={"row": 3}).content)
    expected, numbers = answer(digits, digits.row(3))
    assert head["probabilities"] == expected["probabilities"]
    assert (array == numbers).all()


def test_host_names() -> None:
    assert host_name("127.0.0.1:99999999") is None
    assert host_name("localhost/x") is None


def test_a_view_over_a_socket(people: Subject) -> None:
    with RunningView(people) as running:
        base, _, token = running.address.partition("#token=")
        with httpx.Client(base_url=base, headers={"x-ranvier-token": token}) as client:
            assert client.get("/").text.startswith("<!doctype html>")
            assert client.post("/api/what").json()["name"] == "people"
        with pytest.raises(rv.InputError, match="cannot be used"):
            RunningView(people, running.port)
    with pytest.raises(httpx.ConnectError):
        httpx.get(base)


def test_a_view_that_ends_within_a_question_is_silent(
    people: Subject, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    began, ends = threading.Event(), threading.Event()

    def slowly(*_: Any) -> dict[str, Any]:
        began.set()
        ends.wait(60)
        return {}

    monkeypatch.setattr(server, "ask", slowly)
    running = RunningView(people)
    base, token = running.address.split("/#token=")

    def asks() -> None:
        with suppress(httpx.HTTPError):
            httpx.post(f"{base}/api/what", json={}, headers={"x-ranvier-token": token})

    page = threading.Thread(target=asks)
    page.start()
    assert began.wait(60)
    threading.Timer(1.5, ends.set).start()
    running.close()
    page.join(60)
    assert capfd.readouterr().err == ""


def test_a_model_opens_its_view(digits: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    with digits.model.view() as running:
        assert opened == [running.address]
        assert running.address.startswith("http://127.0.0.1:")
    with digits.model.view(digits.known_rows().source, browser=False):
        assert len(opened) == 1


def test_over_ssh_there_is_a_tunnel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.2 5000 10.0.0.7 22")
    assert over_ssh()
    assert tunnel_command(8000).startswith("ssh -N -L 8000:127.0.0.1:8000 ")
    assert tunnel_command(8000).endswith("@10.0.0.7")


@pytest.mark.parametrize("where", ["server", "notebook"])
def test_a_fault_of_a_question_is_not_called_one_of_the_page(
    where: str, client: TestClient, digits: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(subject: Subject, body: dict[str, Any]) -> Any:
        return {}["loss"]

    monkeypatch.setitem(QUESTIONS, "metrics", broken)

    def ask() -> Any:
        return client.post("/api/metrics") if where == "server" else reply_to(digits, message)

    message = {"id": 1, "name": "metrics", "body": {}}
    with pytest.raises(KeyError, match="loss"):
        ask()


@pytest.mark.parametrize("row", [10**9, -1, True, "3", 2.0])
def test_a_row_that_is_changed_must_be_a_known_one(row: Any, digits: Subject) -> None:
    with pytest.raises(rv.InputError, match="There is no row"):
        near(digits, digits.row(0), row)


CONTROLS: list[tuple[dict[str, Any], int]] = [
    ({"do": "fly"}, 422),
    ({"do": "pause", "value": 1}, 422),
    ({"do": "pause"}, 200),
    ({"do": "step", "value": 3}, 200),
    ({"do": "step", "value": 1.5}, 422),
    ({"do": "rate", "value": 0.5}, 200),
    ({"do": "rate", "value": 10**400}, 422),
    ({"do": "step", "value": 10**400}, 422),
    ({"do": "rate", "value": -1}, 422),
    ({"do": "rate", "value": [1]}, 422),
    ({"do": "step"}, 422),
    ({"do": ["pause"]}, 422),
    ({}, 422),
]


@pytest.mark.parametrize(("body", "status"), CONTROLS, ids=range(len(CONTROLS)))
def test_only_commands_that_can_be_obeyed_are_sent(body: dict[str, Any], status: int) -> None:
    class Live:
        sent: ClassVar[list[Any]] = []

        def send(self, action: str, value: Any, mark: str) -> None:
            self.sent.append((action, value, type(value)))

    live: Any = Live()
    Live.sent.clear()
    if status == 200:
        assert _control(live, body).status_code == 200
    else:
        with pytest.raises(rv.InputError):
            _control(live, body)
    # A training counts steps, and obeys no number of them that is not an integer.
    value = body.get("value")
    assert live.sent == ([(body["do"], value, type(value))] if status == 200 else [])
