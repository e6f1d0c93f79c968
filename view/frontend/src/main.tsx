import { render } from "preact";
import { App } from "./app";
import { followRun } from "./live";
import { ask, followAddress, gone, health, useTransport, what } from "./state";
import "./style.css";
import "./live.css";
import { ServerTransport, takeToken, Waiting } from "./transport";
import type { Health, What } from "./types";

useTransport(new ServerTransport(takeToken()));
followAddress();
render(<App />, document.getElementById("app")!);
let follows = false;

function read(): void {
  ask<What>("what").then(
    (answer) => {
      what.value = answer;
      document.title = `${answer.name} \u00b7 Ranvier`;
      if (answer.rows && !answer.live) ask<Health>("health").then((flags) => (health.value = flags), () => undefined);
      if (answer.live) follow();
    },
    (error: Error) => {
      if (error instanceof Waiting) follow();
      else gone.value = error.message;
    },
  );
}

function follow(): void {
  if (follows) return;
  follows = true;
  followRun(read);
}

read();
