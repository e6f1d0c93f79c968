"""The page in the frame of a cell: the script of the widget passes its questions on, here over a bridge to Python."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from ranvier.view.notebook import WIDGET, reply_to
from ranvier.view.report_file import notebook_page
from ranvier.view.subject import Subject
from tests.browser.conftest import number

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HOST = """
async (parts) => {
  const widget = (await import(URL.createObjectURL(new Blob([parts.widget], { type: "text/javascript" })))).default;
  let take;
  const model = {
    get: (name) => ({ _page: parts.page, _height: 700 })[name],
    on: (_, given) => { take = given; },
    off: () => undefined,
    send: async (message) => {
      const { content, buffer } = JSON.parse(await window.kernel(JSON.stringify(message)));
      const bytes = buffer === null ? [] : [Uint8Array.from(atob(buffer), (letter) => letter.charCodeAt(0))];
      take(content, bytes.map((array) => new DataView(array.buffer)));
    },
  };
  widget.render({ model, el: document.body });
}
"""


def test_the_same_page_in_a_cell(digits: Subject, browser: Browser) -> None:
    wrong: list[str] = []
    page = browser.new_page(viewport={"width": 1200, "height": 760})
    try:
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda message: wrong.append(message.text))

        def kernel(message: str) -> str:
            content, buffers = reply_to(digits, json.loads(message))
            return json.dumps(
                {"content": content, "buffer": base64.b64encode(buffers[0]).decode() if buffers else None}
            )

        page.expose_function("kernel", kernel)
        page.goto("about:blank")
        page.evaluate(HOST, {"widget": WIDGET, "page": notebook_page()})
        frame: Any = page.frames[-1]
        frame.wait_for_selector(".network canvas", timeout=20_000)
        frame.wait_for_selector('[data-name="parameters"]')
        assert number(frame, "parameters") == digits.model.network.parameter_count
        frame.get_by_text("Mistakes").first.click()
        frame.wait_for_selector(".confusion")
        assert frame.evaluate("document.documentElement.scrollWidth <= innerWidth")
    finally:
        page.close()
    assert wrong == []
