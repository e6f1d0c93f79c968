"""The view in a notebook: a widget whose page asks the kernel over the notebook's own connection; there is no port."""

from __future__ import annotations

from typing import Any

from ranvier.errors import InputError, RanvierError
from ranvier.view.dispatch import ViewSubject, ask
from ranvier.view.report_file import notebook_page

HEIGHT = 760
WIDGET = """
export default {
  render({ model, el }) {
    const frame = document.createElement("iframe");
    frame.title = "Ranvier";
    frame.style.cssText = `width: 100%; height: ${model.get("_height")}px; border: 0; border-radius: 6px`;
    frame.srcdoc = model.get("_page");
    const take = (event) => {
      if (event.source === frame.contentWindow && event.data && event.data.ranvier) model.send(event.data.ranvier);
    };
    const give = (content, buffers) => {
      const reply = { ...content };
      if (buffers && buffers.length) {
        const bytes = buffers[0];
        reply.frame = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
      }
      if (frame.contentWindow) frame.contentWindow.postMessage({ ranvier: reply }, "*");
    };
    addEventListener("message", take);
    model.on("msg:custom", give);
    el.appendChild(frame);
    return () => {
      removeEventListener("message", take);
      model.off("msg:custom", give);
    };
  },
};
"""
"""What the notebook runs: it passes questions and answers on between the page and the kernel."""


def reply_to(subject: ViewSubject, message: Any) -> tuple[dict[str, Any], list[bytes]]:
    """The answer to a message of the page: its content, and a frame as a buffer where the answer is one.

    Parameters:
        message: `id`, a number that the answer repeats; `name` and `body` of a question.
    """
    parts = message if isinstance(message, dict) else {}
    mark, name, body = parts.get("id"), parts.get("name"), parts.get("body")
    try:
        if not isinstance(name, str) or not isinstance(body, dict):
            raise InputError("A question has a name, and an object as its body.")
        answer = ask(subject, name, body)
    except RanvierError as error:
        return {"id": mark, "error": str(error)}, []
    return ({"id": mark}, [answer]) if isinstance(answer, bytes) else ({"id": mark, "answer": answer}, [])


def notebook_view(subject: ViewSubject) -> Any:
    """A widget that shows the pages of a subject in the cell that it is the result of.

    Raises:
        InputError: anywidget is not installed.
    """
    try:
        import anywidget  # type: ignore[import-not-found, unused-ignore]
        import traitlets  # type: ignore[import-not-found, unused-ignore]
    except ImportError as error:
        raise InputError('Views in a notebook need anywidget: pip install "ranvier[notebook]".') from error

    class View(anywidget.AnyWidget):  # type: ignore[misc, unused-ignore]
        """The widget."""

        _esm = WIDGET
        _page = traitlets.Unicode(notebook_page()).tag(sync=True)
        _height = traitlets.Int(HEIGHT).tag(sync=True)

    view = View()

    def take(widget: Any, message: Any, buffers: Any) -> None:
        content, frames = reply_to(subject, message)
        view.send(content, frames)

    view.on_msg(take)
    return view
