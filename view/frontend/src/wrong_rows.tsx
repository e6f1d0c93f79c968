// The rows on which the model is most wrong, all or those of a cell of the confusion matrix.

import { useMemo } from "preact/hooks";
import { decode } from "./files";
import { cellText, distinct, number, percent, plural } from "./format";
import { labelsOf, Name, Picture, Problem, answerText, Value } from "./parts";
import { RowSound } from "./sound";
import { ask, cell, opening, useAsked } from "./state";
import type { Row, RowPage, What } from "./types";

export function CellRows({ what }: { what: What }) {
  const chosen = cell.value;
  const valid = chosen && chosen.every((index) => index < what.classes.length);
  const rows = useAsked(
    () => (valid ? ask<RowPage>("cell", { actual: chosen[0], predicted: chosen[1] }) : ask<RowPage>("rows", { start: 0, count: 60, order: "loss" })),
    [chosen?.[0], chosen?.[1], what],
  );
  const first = rows.data?.rows[0];
  const nothing = first !== undefined && first.actual === first.predicted && (rows.data?.rows ?? []).every((entry) => entry.actual === entry.predicted);
  return (
    <section class="panel examples">
      <header>
        <h2>
          {valid ? (
            <>
              True {what.classes[chosen[0]]}, predicted {what.classes[chosen[1]]}
            </>
          ) : (
            "Most wrong"
          )}
        </h2>
        {valid && rows.data && <small>{plural(rows.data.total, "row")}</small>}
        {valid && (
          <button class="small" onClick={() => (cell.value = null)}>
            all rows
          </button>
        )}
      </header>
      <Problem error={rows.error} />
      {rows.data && <Rows what={what} rows={rows.data.rows} />}
      <p class="note">{!valid && nothing ? "No row is wrong; those of which the model is least sure come first." : "The most wrong come first."} Open one to see how it runs through the network.</p>
    </section>
  );
}

export function Worst({ what }: { what: What }) {
  const rows = useAsked(() => ask<RowPage>("rows", { start: 0, count: 60, order: "loss" }), [what]);
  return (
    <section class="panel examples">
      <header>
        <h2>Most wrong</h2>
      </header>
      <Problem error={rows.error} />
      {rows.data && <Rows what={what} rows={rows.data.rows} />}
    </section>
  );
}

function Rows({ what, rows }: { what: What; rows: Row[] }) {
  return what.form.kind !== "table" ? (
    <ul class="gallery">
      {rows.map((entry) => (
        <Example key={entry.row} what={what} entry={entry} />
      ))}
    </ul>
  ) : (
    <RowTable what={what} rows={rows} />
  );
}

function Example({ what, entry }: { what: What; entry: Row }) {
  const pixels = useMemo(() => decode(entry.pixels!), [entry.pixels]);
  return (
    <li>
      <button disabled={!opening.can(entry.row)} onClick={() => opening.open(entry.row)} aria-label={`Row ${entry.row}: true ${answerText(entry.actual)}, predicted ${answerText(entry.predicted)}`}>
        <Picture pixels={pixels} shape={what.form.shape} size={72} label="" />
        <span class="says">
          <b>{answerText(entry.predicted)}</b>
          {entry.actual !== entry.predicted && <small>, true {answerText(entry.actual)}</small>}
        </span>
        {entry.name && (
          <small class="file" title={entry.name}>
            {entry.name}
          </small>
        )}
        <small>
          p({answerText(entry.actual)}) <Value name={`row.${entry.row}.probability_of_actual`} value={entry.probability_of_actual} text={percent(entry.probability_of_actual)} />
        </small>
      </button>
      <RowSound what={what} number={entry.row} />
    </li>
  );
}

function RowTable({ what, rows }: { what: What; rows: Row[] }) {
  const columns = what.form.columns.slice(0, 8);
  const regression = what.task === "regression";
  const short = new Map(distinct(what.classes, 24).map((name, at) => [what.classes[at], name]));
  const labels = labelsOf(what);
  const shortName = (value: Row["actual"]) => short.get(answerText(value)) ?? answerText(value, labels);
  const titles = distinct(columns.map((column) => column.name), 16);
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Rows as a table">
      <table class="rows">
        <thead>
          <tr>
            <th scope="col">row</th>
            <th scope="col" class={regression ? "right" : ""}>
              true
            </th>
            <th scope="col" class={regression ? "right" : ""}>
              predicted
            </th>
            <th scope="col" class="right">
              {regression ? "off by" : labels ? "loss" : "p(true)"}
            </th>
            {columns.map((column, at) => (
              <th scope="col" key={column.name} class={column.kind === "number" ? "right label" : "label"}>
                <Name text={titles[at]} full={column.name} />
              </th>
            ))}
            {what.form.columns.length > columns.length && <th scope="col">+ {what.form.columns.length - columns.length}</th>}
          </tr>
        </thead>
        <tbody>
          {rows.map((entry) => (
            <tr key={entry.row}>
              <td>
                {opening.can(entry.row) ? (
                  <button class="link" onClick={() => opening.open(entry.row)}>
                    {entry.row}
                  </button>
                ) : (
                  entry.row
                )}
              </td>
              <td class={regression ? "right" : labels ? "labels" : "label"}>{regression ? answerText(entry.actual) : labels ? answerText(entry.actual, labels) : <Name text={shortName(entry.actual)} full={answerText(entry.actual, labels)} />}</td>
              <td class={regression ? "right" : labels ? "labels" : "label"}>{regression ? answerText(entry.predicted) : labels ? answerText(entry.predicted, labels) : <Name text={shortName(entry.predicted)} full={answerText(entry.predicted, labels)} />}</td>
              <td class="right">
                {regression ? (
                  <Value name={`row.${entry.row}.loss`} value={entry.loss} />
                ) : (
                  <Value name={`row.${entry.row}.probability_of_actual`} value={entry.probability_of_actual ?? entry.loss} text={entry.probability_of_actual === undefined ? number(entry.loss) : percent(entry.probability_of_actual)} />
                )}
              </td>
              {columns.map((column, at) => {
                const value = entry.cells?.[at];
                return (
                  <td key={column.name} class={column.kind === "number" ? "right" : column.kind === "text" ? "text" : ""} title={String(value ?? "")}>
                    {value === null || value === undefined || value === "" ? <span class="none">missing</span> : cellText(value, column.kind)}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
