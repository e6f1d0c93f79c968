import { render } from "preact";
import { App } from "./app";
import { FrozenTransport, readFrozen } from "./frozen";
import { followRun } from "./live";
import { Report } from "./report";
import { ask, followAddress, followTheme, gone, health, useTransport, what } from "./state";
import "./style.css";
import "./live.css";
import "./report.css";
import { ServerTransport, takeToken, Waiting } from "./transport";
import type { Health, What } from "./types";

const root = document.getElementById("app")!;
const frozen = readFrozen();
let follows = false;
followTheme();
if (frozen) {
  const transport = new FrozenTransport(frozen);
  useTransport(transport);
  start(() => {
    root.replaceChildren();
    render(<Report frozen={frozen} transport={transport} />, root);
  });
} else {
  useTransport(new ServerTransport(takeToken()));
  followAddress();
  render(<App />, root);
  start(() => undefined);
}

function start(shown: () => void): void {
  ask<What>("what").then(
    (answer) => {
      what.value = answer;
      document.title = `${answer.name} \u00b7 Ranvier`;
      if (answer.rows && !answer.live) ask<Health>("health").then((flags) => (health.value = flags), () => undefined);
      if (answer.live) follow();
      shown();
    },
    (error: Error) => {
      if (error instanceof Waiting) follow();
      else gone.value = error.message;
    },
  );
}

/** Follows the run that trains; what is shown is asked again for each of its networks, and for the finished model. */
function follow(): void {
  if (follows) return;
  follows = true;
  followRun(() => start(() => undefined));
}
