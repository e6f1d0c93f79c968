import { render } from "preact";
import { App } from "./app";
import { FrozenTransport, readFrozen } from "./frozen";
import { Report } from "./report";
import { ask, followAddress, followTheme, gone, health, useTransport, what } from "./state";
import "./style.css";
import "./report.css";
import { ServerTransport, takeToken } from "./transport";
import type { Health, What } from "./types";

const root = document.getElementById("app")!;
const frozen = readFrozen();
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
      if (answer.rows) ask<Health>("health").then((flags) => (health.value = flags), () => undefined);
      shown();
    },
    (error: Error) => (gone.value = error.message),
  );
}
