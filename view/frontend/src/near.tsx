// Rows of the training that are like this one, and the nearest one that gets another answer.

import { useEffect, useState } from "preact/hooks";
import { decode } from "./files";
import { number } from "./format";
import { Picture, Problem, answerText, Value } from "./parts";
import { ask, opening, useLatest } from "./state";
import { shown } from "./why";
import type { Cell, NearRow, NearRows, What } from "./types";

const AGAIN = 600;
const DIFFERENCES = 3;

export function Near({ what, given, changes, cells }: { what: What; given: object; changes: unknown[]; cells: Record<string, Cell> | null }) {
  const [again, setAgain] = useState(0);
  const told = useLatest(() => ask<NearRows>("near", given), [...changes, again]);
  const data = told.data;
  useEffect(() => {
    if (!data?.reading) return;
    const timer = setTimeout(() => setAgain(again + 1), AGAIN);
    return () => clearTimeout(timer);
  }, [data]);
  const row = (entry: NearRow) => <NearEntry what={what} entry={entry} cells={cells} own={data!.own} />;
  return (
    <>
      <header>
        <h2>Rows like it</h2>
        {data && !data.reading && <small title={data.among}>{data.own ? "of the known rows" : "of the training rows"}</small>}
      </header>
      <Problem error={told.error} />
      {data?.reading && <p class="empty">Reading the rows of the training …</p>}
      {data && !data.reading && (
        <>
          <ul class={what.form.kind === "table" ? "likes" : "likes pictures"}>
            {data.rows.map((entry) => (
              <li key={entry.row}>{row(entry)}</li>
            ))}
            {data.other && (
              <li class="turn">
                <span>nearest with another answer</span>
                {row(data.other)}
              </li>
            )}
          </ul>
          <p class="note">Distance: over the columns, each counting as much. Among {data.among}.</p>
        </>
      )}
    </>
  );
}

function NearEntry({ what, entry, cells, own }: { what: What; entry: NearRow; cells: Record<string, Cell> | null; own: boolean }) {
  const truth = entry.actual !== undefined && entry.actual !== entry.predicted && what.task !== "regression" ? ` is ${answerText(entry.actual)}` : "";
  const name = `row ${entry.number}`;
  const distance = <Value name={`near.${entry.row}`} value={entry.distance} text={entry.distance < 1e-6 ? "0" : number(entry.distance, 2)} />;
  if (entry.pixels)
    return (
      <div class="entry" title={entry.name ?? name}>
        <Picture pixels={decode(entry.pixels)} shape={what.form.shape} size={56} label={`${name}: ${answerText(entry.predicted)}${truth}`} />
        <b>
          {answerText(entry.predicted)}
          <small>{truth}</small>
        </b>
        <small>{distance}</small>
      </div>
    );
  return (
    <div class="entry">
      {own ? (
        <button class="link" onClick={() => opening.open(entry.row)}>
          {name}
        </button>
      ) : (
        <span>{name}</span>
      )}
      <b>
        {answerText(entry.predicted)}
        <small>{truth}</small>
      </b>
      <small>{distance}</small>
      <small class="differs">{differences(what, entry, cells)}</small>
    </div>
  );
}

/** The columns in which a row differs most, each in widths of its range; categories differ or do not. */
function differences(what: What, entry: NearRow, cells: Record<string, Cell> | null): string {
  if (!cells || !entry.cells) return "";
  const found = what.form.columns
    .map((column, at) => {
      const [here, there] = [cells[column.name], entry.cells![at]];
      const [a, b] = [Number(here), Number(there)];
      const numbers = column.kind === "number" && here !== null && there !== null && Number.isFinite(a) && Number.isFinite(b);
      const size = numbers ? Math.abs(a - b) / (column.high - column.low) : String(here ?? "") === String(there ?? "") ? 0 : 1;
      return { name: column.name, size, text: column.kind === "text" ? shown(there, 160) : `${column.name} ${shown(here)} → ${shown(numbers ? b : there)}` };
    })
    .filter((part) => part.size > 0)
    .sort((a, b) => b.size - a.size);
  if (!found.length) return "the same in every column";
  const more = found.length - DIFFERENCES;
  return found.slice(0, DIFFERENCES).map((part) => part.text).join(" · ") + (more > 0 ? ` · ${more} more` : "");
}
