import { render } from "preact";
import { App } from "./app";
import { ask, followAddress, gone, health, useTransport, what } from "./state";
import "./style.css";
import { ServerTransport, takeToken } from "./transport";
import type { Health, What } from "./types";

useTransport(new ServerTransport(takeToken()));
followAddress();
render(<App />, document.getElementById("app")!);
ask<What>("what").then(
  (answer) => {
    what.value = answer;
    document.title = `${answer.name} \u00b7 Ranvier`;
    if (answer.rows) ask<Health>("health").then((flags) => (health.value = flags), () => undefined);
  },
  (error: Error) => (gone.value = error.message),
);
