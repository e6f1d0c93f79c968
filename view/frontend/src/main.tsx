// Starts the page: as a report, or with a server or a notebook behind it.

import { render } from "preact";
import { App } from "./app";
import { FrozenTransport, readFrozen } from "./frozen";
import { LiveTransport } from "./live_stream";
import { askMode, loadModel } from "./load";
import { inNotebook, NotebookTransport } from "./notebook";
import { Play } from "./play";
import { Report } from "./report";
import { Runs } from "./runs";
import { followAddress, followTheme, gone, mode, useTransport } from "./state";
import "./style.css";
import "./live.css";
import "./report.css";
import "./runs.css";
import "./play.css";
import "./try.css";
import { takeToken } from "./transport";

const root = document.getElementById("app")!;
const frozen = readFrozen();
followTheme();
if (frozen) {
  const transport = new FrozenTransport(frozen);
  useTransport(transport);
  void loadModel().then(() => {
    root.replaceChildren();
    render(<Report frozen={frozen} transport={transport} />, root);
  });
} else {
  useTransport(inNotebook() ? new NotebookTransport() : new LiveTransport(takeToken()));
  askMode().then(
    ({ page, name }) => {
      mode.value = page;
      document.title = `${name} \u00b7 Ranvier`;
      if (page === "play") {
        render(<Play />, root);
        return;
      }
      followAddress();
      if (page === "runs") {
        render(<Runs name={name} />, root);
        return;
      }
      render(<App />, root);
      void loadModel();
    },
    (error: Error) => {
      gone.value = error.message;
      followAddress();
      render(<App />, root);
    },
  );
}
