// The bar of a run that trains: where it is, and what a person may do with it.

import { useEffect, useRef, useState } from "preact/hooks";
import { count, duration, number, percent } from "./format";
import { link, running, silent, status, steer } from "./live";
import { Value } from "./parts";
import type { Status } from "./types";

const STALE = 3000;

export function Bar() {
  const now = status.value;
  useKeys();
  if (!now) return null;
  const done = now.last_epoch ? (now.epoch + (now.steps ? now.position / now.steps : 0)) / now.last_epoch : 0;
  const steers = running();
  return (
    <section class="bar" aria-label="Training">
      {steers && <Buttons now={now} />}
      {steers && <Rate now={now} />}
      <p class="where">
        {now.last_epoch > 0 && (
          <span>
            epoch <Value name="live.epoch" value={now.epoch} text={count(now.epoch)} /> <small>of {count(now.last_epoch)}</small>
          </span>
        )}
        {steers && now.steps > 1 && (
          <span class="step">
            step <Value name="live.position" value={now.position} text={count(now.position).padStart(count(now.steps).length, "\u2007")} /> <small>of {count(now.steps)}</small>
          </span>
        )}
        {now.examples_per_second > 0 && steers && (
          <span class="speed">
            <Value name="live.speed" value={now.examples_per_second} text={count(Math.round(now.examples_per_second))} /> <small>rows/s</small>
          </span>
        )}
        {now.state === "running" && <Left now={now} done={done} />}
      </p>
      {steers && (
        <button class="stop" onClick={() => steer("stop")} title="End training now and keep the weights so far">
          Stop and keep
        </button>
      )}
      <Dot now={now} />
      <span class="done" aria-hidden="true" style={{ width: percent(done) }} />
    </section>
  );
}

function Buttons({ now }: { now: Status }) {
  const paused = now.state === "paused";
  return (
    <div class="buttons" role="group" aria-label="Steps">
      <button class="play" aria-label={paused ? "Go on" : "Pause"} title={paused ? "Go on (space)" : "Pause (space)"} onClick={() => steer(paused ? "play" : "pause")}>
        <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
          {paused ? <path d="M4 2.5v11l9-5.5z" fill="currentColor" /> : <path d="M3.5 2.5h3v11h-3zM9.5 2.5h3v11h-3z" fill="currentColor" />}
        </svg>
      </button>
      <button onClick={() => steer("step", 1)} title="One step of the optimizer, then pause ( . )">
        Step
      </button>
      <button onClick={() => steer("epoch")} title="To the end of this epoch, then pause (e)">
        Epoch
      </button>
    </div>
  );
}

/** The learning rate as a number, and a slider that multiplies it. */
function Rate({ now }: { now: Status }) {
  const [typed, setTyped] = useState<string | null>(null);
  const [problem, setProblem] = useState(false);
  const set = (value: number) => {
    const fits = Number.isFinite(value) && value > 0;
    setProblem(!fits);
    if (!fits) return false;
    setTyped(null);
    void steer("rate", value);
    return true;
  };
  return (
    <div class="rate">
      <label>
        <span>learning rate</span>
        <input
          type="text"
          inputMode="decimal"
          aria-label="Learning rate"
          aria-invalid={problem}
          value={typed ?? plain(now.learning_rate)}
          data-name="live.rate"
          data-value={now.learning_rate}
          onFocus={(event) => {
            setTyped(plain(now.learning_rate));
            event.currentTarget.select();
          }}
          onInput={(event) => setTyped(event.currentTarget.value)}
          onBlur={() => {
            setTyped(null);
            setProblem(false);
          }}
          onKeyDown={(event) => {
            if (event.key === "Enter" && set(Number(event.currentTarget.value))) event.currentTarget.blur();
            if (event.key === "Escape") event.currentTarget.blur();
          }}
        />
      </label>
      <button class="small" title="A third of it" aria-label="A third of the learning rate" onClick={() => set(now.learning_rate / 3)}>
        ÷3
      </button>
      <button class="small" title="Three times as much" aria-label="Three times the learning rate" onClick={() => set(now.learning_rate * 3)}>
        ×3
      </button>
    </div>
  );
}

function plain(value: number): string {
  return value >= 1e-3 && value < 1e4 ? String(Number(value.toPrecision(3))) : value.toExponential(2).replace(/\.?0*e/, "e");
}

/** The time that is left at the pace since training last went on. */
function Left({ now, done }: { now: Status; done: number }) {
  const start = useRef<{ at: number; done: number } | null>(null);
  const time = performance.now() / 1000;
  useEffect(() => {
    start.current = null;
  }, [now.state, now.generation]);
  if (!start.current || done < start.current.done) start.current = { at: time, done };
  const made = done - start.current.done;
  if (made <= 0 || time - start.current.at < 1) return null;
  const left = ((time - start.current.at) / made) * (1 - done);
  return (
    <span class="left">
      {duration(Math.max(1, left), 0)} <small>left</small>
    </span>
  );
}

const STATES: Record<Status["state"], string> = {
  preparing: "Reading the data and compiling the network",
  running: "live",
  paused: "paused",
  ending: "Training has ended; the model is being measured",
  ended: "",
  missing: "The folder of this run was deleted",
};

function Dot({ now }: { now: Status }) {
  const [, again] = useState(0);
  const since = silent();
  const lost = link.value === "lost" || (link.value === "open" && since > STALE && now.state !== "ended");
  useEffect(() => {
    // While frames come, each status draws this: a timer of its own would make the page draw twice.
    const timer = setInterval(() => silent() > STALE && again((value) => value + 1), 1000);
    return () => clearInterval(timer);
  }, []);
  const words = lost ? `Training goes on; reconnecting. Shown is the state of ${duration(Math.max(1, since / 1000), 0)} ago` : now.state === "ended" ? now.reason : STATES[now.state];
  const kind = lost ? "lost" : now.state;
  return (
    <p class={`dot ${kind}`} data-name="live.state" data-value={kind} role={lost || kind === "missing" ? "alert" : undefined}>
      <i aria-hidden="true" />
      {words}
      {kind === "running" && now.age !== null && <small> {number(now.age, 1)} s</small>}
    </p>
  );
}

/** Space, full stop and E, unless a control has them. */
function useKeys() {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      if (!running() || event.ctrlKey || event.metaKey || event.altKey) return;
      if (target.closest("input, select, textarea, button, a, summary, canvas, [role=application]")) return;
      if (event.key === " ") void steer(status.value!.state === "paused" ? "play" : "pause");
      else if (event.key === ".") void steer("step", 1);
      else if (event.key.toLowerCase() === "e") void steer("epoch");
      else return;
      event.preventDefault();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
}
