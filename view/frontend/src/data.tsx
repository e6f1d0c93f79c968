// What the model was trained on: rows, classes, and what is in each column.

import { useState } from "preact/hooks";
import { count, distinct, number, percent, plural } from "./format";
import { Name, Value } from "./parts";
import { ask, useAsked } from "./state";

interface Seen {
  name: string;
  kind: string;
  note: string;
  missing: number | null;
  counts?: number[];
  edges?: [number, number];
  top?: [string, number][];
  different?: number;
}

interface Data {
  origin: string;
  split: Record<string, number>;
  classes: Record<string, number>;
  columns: Seen[];
  total: number;
  pixels: number;
  shown_rows: number;
}

const CLASSES = 12;
/** So many columns are told at first. */
const COLUMNS = 20;

export function DataSection() {
  const { data } = useAsked(() => ask<Data>("data"), []);
  const [all, setAll] = useState(false);
  if (!data || !(Object.keys(data.split).length || data.columns.length)) return null;
  const shown = all ? data.columns : data.columns.slice(0, COLUMNS);
  const parts = Object.entries(data.split);
  const rows = parts.reduce((sum, [, size]) => sum + size, 0);
  const short = distinct(data.columns.map((column) => column.name), 24);
  const missing = data.columns.some((column) => column.missing);
  const seen = data.columns.some((column) => column.counts || column.top);
  return (
    <section class="data">
      <h2>Data</h2>
      <p class="prose">
        {data.origin && <>From {data.origin}: </>}
        <Value name="data.rows" value={rows} text={plural(rows, "row")} />
        {parts.length > 1 && (
          <>
            {" "}
            (
            {parts.map(([part, size], at) => (
              <span key={part}>
                {at > 0 && ", "}
                {count(size)} {part}
              </span>
            ))}
            )
          </>
        )}
        {data.pixels > 0 && `; ${plural(data.pixels, "column")} that are the pixels of a picture`}.
      </p>
      <ClassBalance classes={data.classes} />
      {data.columns.length > 0 && (
        <div class="scroll" tabIndex={0} role="region" aria-label="The columns as a table">
          <table class="rows columns">
            <thead>
              <tr>
                <th scope="col">column</th>
                <th scope="col">kind</th>
                {seen && <th scope="col">values</th>}
                {missing && (
                  <th scope="col" class="right">
                    missing
                  </th>
                )}
                <th scope="col" class="why">
                  read as
                </th>
              </tr>
            </thead>
            <tbody>
              {shown.map((column, at) => (
                <tr key={column.name} class={column.kind === "drop" ? "dropped" : ""}>
                  <th scope="row">
                    <Name text={short[at]} full={column.name} />
                  </th>
                  <td>{column.kind === "drop" ? "left out" : column.kind}</td>
                  {seen && <td class="values">{column.counts ? <Histogram column={column} /> : column.top ? <Top column={column} /> : null}</td>}
                  {missing && <td class="right">{column.missing ? <Value name={`missing.${column.name}`} value={column.missing} text={count(column.missing)} /> : <span class="none">·</span>}</td>}
                  <td class="why">{column.note.replace(/; [\d,]+ missing$/, "")}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {shown.length < data.columns.length && (
        <button class="small more-columns" onClick={() => setAll(true)}>
          show {count(data.columns.length)} columns
        </button>
      )}
      {all && data.total > data.columns.length && <p class="note">and {plural(data.total - data.columns.length, "more column")}.</p>}
      {seen && <p class="note">Values: the {count(data.shown_rows)} known rows, numbers between their 1st and 99th percentile.</p>}
    </section>
  );
}

function ClassBalance({ classes }: { classes: Record<string, number> }) {
  const listed = Object.entries(classes).sort(([, a], [, b]) => b - a);
  if (!listed.length) return null;
  const short = distinct(listed.map(([name]) => name), 20);
  const total = listed.reduce((sum, [, size]) => sum + size, 0);
  const most = Math.max(...listed.map(([, size]) => size), 1);
  return (
    <ol class="bars balance">
      {listed.slice(0, CLASSES).map(([name, size], at) => (
        <li key={name}>
          <span class="name">
            <Name text={short[at]} full={name} />
          </span>
          <span class="track">
            <span class="fill" style={{ width: `${(100 * size) / most}%` }} />
          </span>
          <Value name={`class.${name}.rows`} value={size} text={`${count(size)} · ${percent(size / total)}`} />
        </li>
      ))}
      {listed.length > CLASSES && <li class="more">and {plural(listed.length - CLASSES, "more class", "more classes")}</li>}
    </ol>
  );
}

function Histogram({ column }: { column: Seen }) {
  const counts = column.counts!;
  const most = Math.max(...counts, 1);
  const [low, high] = column.edges!;
  return (
    <span class="spark">
      <span class="edge">{number(low, 3)}</span>
      <svg viewBox={`0 0 ${counts.length * 5} 20`} width={counts.length * 5} height="20" role="img" aria-label={`From ${number(low, 3)} to ${number(high, 3)}`}>
        {counts.map((value, at) => (
          <rect key={at} x={at * 5} width="4" y={20 - (20 * value) / most} height={(20 * value) / most} class="bar" />
        ))}
      </svg>
      <span class="edge">{number(high, 3)}</span>
    </span>
  );
}

function Top({ column }: { column: Seen }) {
  const rest = column.different! - column.top!.length;
  return (
    <span class="top-values">
      {column.top!.map(([label, fraction], at) => (
        <span key={label} title={label}>
          {at > 0 && ", "}
          {label.length > 18 ? `${label.slice(0, 17)}\u2026` : label} <small>{percent(fraction)}</small>
        </span>
      ))}
      {rest > 0 && <small>, {count(rest)} more</small>}
    </span>
  );
}
