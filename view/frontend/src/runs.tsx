// Runs: the runs of a folder side by side: what differs, how good each was at its best, and their curves in one picture.

import { useEffect, useState } from "preact/hooks";
import { App } from "./app";
import { count, cut, duration, metric, METRICS } from "./format";
import { status } from "./live";
import { leaveModel, loadModel } from "./load";
import { Overlay } from "./overlay";
import { GoneNotice, Problem, ThemeButton, Value } from "./parts";
import { askWhole, gone, kept, pending, run, SERIES, what } from "./state";
import { Gone } from "./transport";

export interface Best {
  value: number;
  epoch: number;
}

export interface RunRow {
  name: string;
  state: "training" | "ended" | "stopped";
  reason: string;
  epochs: number;
  seconds: number;
  settings: Record<string, unknown>;
  best: Record<string, Best | null>;
}

export interface Table {
  metrics: { name: string; higher: boolean }[];
  settings: string[];
  runs: RunRow[];
}

const SHOWN = 4;

/** The table, or one run opened: then the pages of its model. */
export function Runs({ name }: { name: string }) {
  const chosen = run.value;
  const [problem, setProblem] = useState<string | null>(null);
  useEffect(() => {
    if (chosen === null) return;
    setProblem(null);
    void loadModel((error) => {
      if (error instanceof Gone) gone.value = error.message;
      setProblem(error.message);
      run.value = null;
    });
    return leaveModel;
  }, [chosen]);
  if (chosen !== null && (what.value || status.value))
    return (
      <App
        back={
          <a
            class="back"
            href="#/runs"
            onClick={(event) => {
              event.preventDefault();
              run.value = null;
            }}
          >
            ‹ Runs
          </a>
        }
      />
    );
  return (
    <>
      <header class="top">
        <span class="brand">ranvier</span>
        <span class="model" title={name}>
          {cut(name, 36)}
        </span>
        <span class="grow" />
        <ThemeButton />
      </header>
      <GoneNotice />
      <main aria-busy={pending.value > 0}>
        <Problem error={problem} />
        <RunsTable />
      </main>
    </>
  );
}

/** The colour of a run: it keeps it over reloads and while others come and go. */
function colourOf(name: string, chosen: string[]): number {
  const given = JSON.parse(kept.get("colours") ?? "{}") as Record<string, number>;
  if (given[name] === undefined) {
    const taken = new Set(chosen.filter((other) => other !== name).map((other) => given[other]));
    const free = Array.from({ length: SERIES }, (_, at) => at).find((at) => !taken.has(at));
    given[name] = free ?? Object.keys(given).length % SERIES;
    kept.set("colours", JSON.stringify(given));
  }
  return given[name];
}

function RunsTable() {
  const [table, setTable] = useState<Table | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [filter, setFilter] = useState("");
  const [sort, setSort] = useState<{ by: string; up: boolean } | null>(null);
  const [chosen, setChosen] = useState<string[] | null>(null);
  const [pointed, setPointed] = useState<string | null>(null);
  const [metricName, setMetric] = useState<string | null>(null);
  useEffect(() => {
    let timer = 0;
    const read = () => {
      if (document.hidden) {
        timer = window.setTimeout(read, 1000);
        return;
      }
      askWhole<Table>("runs").then(
        (answer) => {
          setTable(answer);
          timer = window.setTimeout(read, answer.runs.some((entry) => entry.state === "training") ? 1000 : 5000);
        },
        (problem: Error) => {
          setError(problem.message);
          if (problem instanceof Gone) gone.value = problem.message;
          else timer = window.setTimeout(read, 5000);
        },
      );
    };
    read();
    return () => clearTimeout(timer);
  }, []);
  if (!table) return <Problem error={error} />;
  const shown = table.metrics.find((entry) => entry.name === metricName) ?? table.metrics[0];
  // Before the first epoch of any run there is no metric: then runs stand by their names.
  const name = shown?.name ?? "";
  const higher = shown?.higher ?? false;
  const bestOf = (entry: RunRow) => entry.best[name]?.value ?? null;
  const ranked = [...table.runs].sort((a, b) => compare(bestOf(a), bestOf(b), !higher));
  const order = sort ?? (shown ? { by: "best", up: !higher } : { by: "name", up: true });
  const matching = table.runs.filter((entry) => matches(entry, filter));
  const rows = [...matching].sort((a, b) => compare(cellOf(a, order.by, name), cellOf(b, order.by, name), order.up));
  const picked = (chosen ?? ranked.slice(0, SHOWN).map((entry) => entry.name)).filter((name) => matching.some((entry) => entry.name === name));
  const toggle = (name: string) => setChosen(picked.includes(name) ? picked.filter((other) => other !== name) : [...picked, name]);
  const best = ranked[0] && bestOf(ranked[0]) !== null ? ranked[0].name : null;
  const title = METRICS[name] ?? words(name);
  const head = (by: string, text: string, right = false) => (
    <th scope="col" class={right ? "right" : ""} aria-sort={order.by === by ? (order.up ? "ascending" : "descending") : undefined}>
      <button class="sort" onClick={() => setSort({ by, up: order.by === by ? !order.up : by !== "best" || !higher })}>
        {text}
        <span aria-hidden="true">{order.by === by ? (order.up ? " ↑" : " ↓") : ""}</span>
      </button>
    </th>
  );
  return (
    <div class="runs">
      {shown ? (
        <section class="panel">
          <header>
            <h2>
              {title} <small>of {name.includes("loss") && !name.startsWith("validation") ? "each epoch" : "the validation rows"}, epoch by epoch</small>
            </h2>
            <label class="choice">
              metric
              <select value={name} onChange={(event) => setMetric(event.currentTarget.value)}>
                {table.metrics.map((entry) => (
                  <option key={entry.name} value={entry.name}>
                    {METRICS[entry.name] ?? words(entry.name)}
                  </option>
                ))}
              </select>
            </label>
          </header>
          <Overlay
            metric={name}
            runs={matching.map((entry) => ({ name: entry.name, epochs: entry.epochs, colour: picked.includes(entry.name) ? colourOf(entry.name, picked) : null }))}
            pointed={pointed}
            point={setPointed}
          />
        </section>
      ) : (
        <p class="empty">These runs have not finished an epoch yet.</p>
      )}
      <section class="panel">
        <header>
          <h2>
            <Value name="runs" value={matching.length} text={count(matching.length)} /> {matching.length === 1 ? "run" : "runs"}
            {matching.length < table.runs.length && <small> of {count(table.runs.length)}</small>}
          </h2>
          <input type="text" class="filter" aria-label="Show only runs whose name or settings hold this" placeholder="filter, such as hidden=32" value={filter} onInput={(event) => setFilter(event.currentTarget.value)} />
        </header>
        <div class="scroll" tabIndex={0} role="region" aria-label="Runs as a table">
          <table class="rows table-of-runs">
            <thead>
              <tr>
                <th scope="col">
                  <span class="hidden">in the picture</span>
                </th>
                {head("name", "run")}
                {shown && head("best", `best ${title.toLowerCase() === title ? title : title[0].toLowerCase() + title.slice(1)}`, true)}
                {shown && head("epoch", "at epoch", true)}
                {table.settings.map((key) => head(key, words(key), typeof rows[0]?.settings[key] === "number"))}
                {head("epochs", "epochs", true)}
                {head("seconds", "time", true)}
                <th scope="col" />
              </tr>
            </thead>
            <tbody>
              {rows.map((entry) => (
                <tr key={entry.name} class={pointed === entry.name ? "pointed" : ""} onPointerEnter={() => setPointed(entry.name)} onPointerLeave={() => setPointed(null)}>
                  <td>
                    <input type="checkbox" aria-label={`Show ${entry.name} in the picture`} checked={picked.includes(entry.name)} onChange={() => toggle(entry.name)} class="pick" style={picked.includes(entry.name) ? { accentColor: `var(--series-${colourOf(entry.name, picked)})` } : {}} />
                  </td>
                  <th scope="row" title={entry.name}>
                    <button class="link" title={entry.state === "training" ? "Watch it train" : undefined} onClick={() => (run.value = entry.name)}>
                      {cut(entry.name, 40)}
                    </button>
                  </th>
                  {shown && (
                    <td class={entry.name === best ? "right strong" : "right"}>
                      {entry.name === best && <span class="best">best</span>}
                      {bestOf(entry) === null ? <span class="none">none</span> : <Value name={`best.${entry.name}`} value={bestOf(entry)} text={metric(name, bestOf(entry))} />}
                    </td>
                  )}
                  {shown && <td class="right">{entry.best[name] ? count(entry.best[name]!.epoch) : ""}</td>}
                  {table.settings.map((key) => (
                    <td key={key} class={typeof entry.settings[key] === "number" ? "right" : ""} title={setting(entry.settings[key])}>
                      {entry.settings[key] === null || entry.settings[key] === undefined ? <span class="none">default</span> : setting(entry.settings[key])}
                    </td>
                  ))}
                  <td class="right">{count(entry.epochs)}</td>
                  <td class="right">{duration(entry.seconds)}</td>
                  <td title={entry.reason}>{entry.state === "training" ? <span class="live">training</span> : entry.state === "stopped" ? <span class="mark">stopped</span> : ""}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
        <p class="note">
          {table.settings.length ? "Only settings that differ are shown. " : "These runs have the same settings. "}
          {shown ? "“Best” is the best epoch, not the last. Choose runs for the picture; open one by its name." : "Open one by its name."}
        </p>
      </section>
    </div>
  );
}

type Sortable = string | number | null;

function cellOf(entry: RunRow, by: string, shown: string): Sortable {
  if (by === "name") return entry.name;
  if (by === "best") return entry.best[shown]?.value ?? null;
  if (by === "epoch") return entry.best[shown]?.epoch ?? null;
  if (by === "epochs" || by === "seconds") return entry[by];
  const value = entry.settings[by];
  return typeof value === "number" ? value : value === null || value === undefined ? null : setting(value);
}

/** Nothing comes last, whichever way. */
function compare(a: Sortable, b: Sortable, up: boolean): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  const way = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });
  return up ? way : -way;
}

/** Whether each word of a filter is in the name of a run, or is one of its settings, as name=value. */
export function matches(entry: RunRow, filter: string): boolean {
  const texts = [entry.name, entry.state, ...Object.entries(entry.settings).map(([name, value]) => `${name}=${setting(value)}`)].map((text) => text.toLowerCase());
  return filter
    .toLowerCase()
    .split(/\s+/)
    .every((word) => texts.some((text) => text.includes(word)));
}

function setting(value: unknown): string {
  if (value === null || value === undefined) return "default";
  if (typeof value === "number") return String(Number(value.toPrecision(4)));
  if (Array.isArray(value)) return value.length ? value.map(setting).join(",") : "none";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function words(name: string): string {
  return name.replace(/_/g, " ");
}
