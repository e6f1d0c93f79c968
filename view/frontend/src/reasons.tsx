// What the answers for a few rows came from: what each column adds to the output for a typical row.

import { Fragment } from "preact";
import { useState } from "preact/hooks";
import { cellText, cut, signed } from "./format";
import { Problem, answerText, Value } from "./parts";
import { ask, useAsked } from "./state";
import type { Cell, Row } from "./types";

interface Part {
  explained: Cell;
  unit: "logit" | "value";
  base: number;
  output: number;
  rest: number | null;
  columns: { column: string; cell: Cell; value: number }[];
}

interface Reason {
  row: number;
  predicted: Row["predicted"];
  actual?: Row["actual"];
  parts: Part[];
  words?: [string, number][];
}

export function Reasons() {
  const { data, error } = useAsked(() => ask<Reason[]>("reasons"), []);
  const [chosen, choose] = useState(0);
  if (!data?.length) return <Problem error={error} />;
  return (
    <section class="reasons">
      <h2>Where answers come from</h2>
      <ul class="choices" aria-label="Rows whose answers are explained">
        {data.map((entry, at) => (
          <li key={entry.row}>
            <button aria-pressed={at === chosen} onClick={() => choose(at)}>
              <b>{answerText(entry.predicted)}</b>
              {entry.actual !== undefined && answerText(entry.actual) !== answerText(entry.predicted) && <span class="truth">true {answerText(entry.actual)}</span>}
              <small>row {entry.row}</small>
            </button>
          </li>
        ))}
      </ul>
      {data[chosen].words && <Words words={data[chosen].words} />}
      {data[chosen].parts.map((part) => (
        <Sum key={`${chosen}.${part.explained}`} part={part} />
      ))}
      <p class="note">
        A typical row has medians, means and the most frequent categories. What the columns add (integrated gradients), beginning there, adds up to the output
        {data[0].parts[0].unit === "logit" && "; the logit is the number that becomes a probability: the larger it is, the likelier the answer"}.
      </p>
    </section>
  );
}

/** A sum from the typical row to the output, a bar for each term, to the left where it lowers the output. */
function Sum({ part }: { part: Part }) {
  const most = Math.max(...part.columns.map((column) => Math.abs(column.value)), Math.abs(part.rest ?? 0), 1e-12);
  const bar = (value: number) => ({ width: `${(50 * Math.abs(value)) / most}%`, [value < 0 ? "right" : "left"]: "50%" });
  const lines = part.rest === null ? part.columns : [...part.columns, { column: "all others", cell: null, value: part.rest }];
  const what = part.unit === "logit" ? `logit of ${part.explained}` : String(part.explained);
  return (
    <table class="sum">
      <caption>
        {what}: <Value name={`reason.${part.explained}`} value={part.output} /> = <Value value={part.base} /> of a typical row, to which add
      </caption>
      <tbody>
        {lines.map((line) => (
          <tr key={line.column} class={line.cell === null && line.column === "all others" ? "rest" : ""}>
            <th scope="row" title={line.column}>
              {cut(line.column, 28)}
              {line.cell !== null && <small title={String(line.cell)}> {cut(cellText(line.cell, Number.isFinite(Number(line.cell)) ? "number" : ""), 28)}</small>}
            </th>
            <td class="both">
              <span class={line.value < 0 ? "less" : "more"} style={bar(line.value)} />
            </td>
            <td class="right">
              <Value name={`adds.${line.column}`} value={line.value} text={signed(line.value)} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** The words of a text, marked by what each adds. */
function Words({ words }: { words: [string, number][] }) {
  const most = Math.max(...words.map(([, value]) => Math.abs(value)), 1e-12);
  return (
    <p class="marked">
      {words.map(([word, value], at) => (
        <Fragment key={at}>
          <span title={signed(value)} style={{ background: `color-mix(in oklab, var(--${value < 0 ? "error" : "positive"}) ${Math.round((45 * Math.abs(value)) / most)}%, transparent)` }}>{word}</span>{" "}
        </Fragment>
      ))}
    </p>
  );
}
