// Why this answer: what each column adds on the way from a typical row to this one, as a waterfall.

import { useState } from "preact/hooks";
import { signedColour } from "./colours";
import { cellText, count, distinct, number, signed } from "./format";
import { Name, Problem, SignedPicture, Value } from "./parts";
import { ask, theme, useLatest } from "./state";
import type { Cell, Contributions, Row, What } from "./types";

interface Props {
  what: What;
  /** The row: a known one, or one that is tried; `changes` says when it is another. */
  given: object;
  changes: unknown[];
  cells: Record<string, Cell> | null;
  /** Whether other outputs can be asked for. */
  choosable?: boolean;
}

export function Why({ what, given, changes, cells, choosable = true }: Props) {
  const [output, setOutput] = useState<string | null>(null);
  const names = what.classes.length > 1 ? what.classes : what.task === "regression" && what.target.length > 1 ? what.target : [];
  const told = useLatest(() => ask<Contributions>("contributions", { ...given, output }), [...changes, output]);
  const data = told.data;
  return (
    <>
      <header>
        {choosable ? <h2>Why</h2> : <h3>Why</h3>}
        {choosable && names.length > 0 && (
          <select aria-label="Explained answer" value={output ?? (what.task === "regression" ? names[0] : "")} onChange={(event) => setOutput(event.currentTarget.value || null)}>
            {what.task !== "regression" && <option value="">the answer</option>}
            {names.map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        )}
      </header>
      <Problem error={told.error} />
      {told.waiting && !data && <p class="empty">Computing what each column adds …</p>}
      {data && (
        <>
          {Object.entries(data.words).map(([column, words]) => (
            <Words key={column} column={Object.keys(data.words).length > 1 ? column : null} words={words} />
          ))}
          {data.map && data.map_shape ? <PixelMap data={data} what={what} /> : <Waterfall data={data} cells={cells} />}
          <p class="note">
            {data.unit === "logit" ? `In logits of "${data.explained}"` : data.explained}: from a typical row to this one. Blue raises it, orange lowers it
            {data.error > 0.005 * Math.max(1, Math.abs(data.output)) && `; the sum is off by ${number(data.error, 2)}`}.
          </p>
        </>
      )}
    </>
  );
}

function Waterfall({ data, cells }: { data: Contributions; cells: Record<string, Cell> | null }) {
  const steps = data.columns.map((entry) => ({ name: entry.column, value: entry.value }));
  if (data.others) steps.push({ name: `${count(data.others)} others`, value: data.rest });
  const sums = [data.base];
  for (const step of steps) sums.push(sums[sums.length - 1] + step.value);
  const short = distinct(steps.map((step) => step.name), 24);
  const [low, high] = [Math.min(...sums, data.output), Math.max(...sums, data.output)];
  const place = (value: number) => (high > low ? (100 * (value - low)) / (high - low) : 50);
  const end = (name: string, key: string, value: number) => (
    <li class="end">
      <span class="name">{name}</span>
      <span class="track">
        <i class="at" style={{ left: `${place(value)}%` }} />
      </span>
      <Value name={key} value={value} text={number(value, 3)} />
    </li>
  );
  return (
    <ol class="waterfall">
      {end("typical row", "why.base", data.base)}
      {steps.map((step, at) => {
        const [from, to] = [place(sums[at]), place(sums[at + 1])];
        const cell = cells?.[step.name];
        return (
          <li key={step.name}>
            <span class="name" title={cell === undefined ? step.name : `${step.name} = ${shown(cell)}`}>
              <Name text={short[at]} full={step.name} />
              {cell !== undefined && <small> {shown(cell, 16)}</small>}
            </span>
            <span class="track">
              <i class={step.value < 0 ? "minus" : "plus"} style={{ left: `${Math.min(from, to)}%`, width: `${Math.abs(to - from)}%` }} />
              <i class="join" style={{ left: `${to}%` }} />
            </span>
            <Value name={`why.${step.name}`} value={step.value} text={signed(step.value)} />
          </li>
        );
      })}
      {end("this row", "why.output", data.output)}
    </ol>
  );
}

/** A cell in a few letters. */
export function shown(cell: Cell, length = 24): string {
  if (cell === null || cell === "") return "missing";
  const text = cellText(cell, typeof cell === "string" && Number.isFinite(Number(cell)) ? "number" : "");
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}

/** The cells of a known row by the names of their columns; null where a row has none. */
export function cellsOf(what: What, row: Row): Record<string, Cell> | null {
  return row.cells ? Object.fromEntries(what.form.columns.map((column, at) => [column.name, row.cells![at]])) : null;
}

/** Words tinted by what they add. */
function Words({ column, words }: { column: string | null; words: [string, number][] }) {
  const most = Math.max(...words.map(([, value]) => Math.abs(value))) || 1;
  if (!words.length) return null;
  return (
    <p class="tinted" tabIndex={0} role="group" aria-label={column ?? "The words"}>
      {column && <small>{column} </small>}
      {words.map(([word, value], at) => (
        <span
          key={at}
          class={value === 0 ? "unknown" : ""}
          title={value === 0 ? "not used by the model" : signed(value)}
          data-name={`word.${at}`}
          data-value={String(value)}
          style={value === 0 ? {} : { borderBottomWidth: `${Math.max(1, Math.round((6 * Math.abs(value)) / most))}px`, borderBottomColor: signedColour(theme.value, 0.55 * Math.sign(value), 1) }}
        >
          {word}{" "}
        </span>
      ))}
    </p>
  );
}

function PixelMap({ data, what }: { data: Contributions; what: What }) {
  const [rows, columns] = data.map_shape!;
  const most = Math.max(...data.map!.map(Math.abs));
  const places = what.form.kind === "sound" ? "place" : "pixel";
  return (
    <div class="side">
      <SignedPicture values={data.map!} rows={rows} columns={columns} size={144} label={`What each ${places} adds`} />
      <dl class="numbers">
        <div>
          <dt>{what.form.kind === "sound" ? "silence" : "typical picture"}</dt>
          <dd>
            <Value name="why.base" value={data.base} text={number(data.base, 3)} />
          </dd>
        </div>
        <div>
          <dt>added</dt>
          <dd>{signed(data.output - data.base)}</dd>
        </div>
        <div>
          <dt>this one</dt>
          <dd>
            <Value name="why.output" value={data.output} text={number(data.output, 3)} />
          </dd>
        </div>
        <div>
          <dt>strongest {places}</dt>
          <dd>±{number(most, 2)}</dd>
        </div>
      </dl>
    </div>
  );
}
