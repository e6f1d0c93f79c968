// The columns of a row as fields, each with the response of the answer to it.

import { useEffect, useState } from "preact/hooks";
import { number } from "./format";
import { RowChooser } from "./parts";
import { ask, row, tried } from "./state";
import type { Cell, Column, Responses, RowPage, Values, What } from "./types";

type Response = Responses["curves"][string];

const HEIGHT = 24;
/** From so many columns on, one is looked for by its name. */
const SEARCHED = 12;

function fraction(of: Responses, value: number): number {
  return of.high > of.low ? (value - of.low) / (of.high - of.low) : 0.5;
}

/** What the model would say over the range of a slider, above the slider. */
function Curve({ name, curve, of, value }: { name: string; curve: Response; of: Responses; value: Cell }) {
  const grid = curve.grid as number[];
  const [low, high] = [grid[0], grid[grid.length - 1]];
  const x = (cell: number) => (100 * (cell - low)) / (high - low);
  const y = (output: number) => HEIGHT - 2 - fraction(of, output) * (HEIGHT - 4);
  const path = grid.map((cell, at) => `${at ? "L" : "M"}${x(cell).toFixed(2)} ${y(curve.values[at]).toFixed(2)}`).join("");
  const inside = typeof value === "number" && value >= low && value <= high;
  const where = inside ? ((value - low) / (high - low)) * (grid.length - 1) : 0;
  const [before, after] = [curve.values[Math.floor(where)], curve.values[Math.ceil(where)]];
  const output = before + (where - Math.floor(where)) * (after - before);
  const ends = `${number(curve.values[0], 3)} at ${number(low, 3)}, ${number(curve.values[grid.length - 1], 3)} at ${number(high, 3)}`;
  return (
    <span class="response" data-name={`response.${name}`} data-value={JSON.stringify(curve.values)} title={`${of.explained}: ${ends}`}>
      <svg viewBox={`0 0 100 ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={`${of.explained} along ${name}: ${ends}`}>
        <path d={`${path}L100 ${HEIGHT}L0 ${HEIGHT}Z`} class="area" />
        <path d={path} class="line" />
      </svg>
      {inside && <i style={{ left: `${x(value)}%`, top: `${y(output)}px` }} />}
    </span>
  );
}

/** What the model would say for each category. */
function Choices({ name, curve, of, value, set }: { name: string; curve: Response; of: Responses; value: Cell; set: (value: Cell) => void }) {
  return (
    <span class="response choices" data-name={`response.${name}`} data-value={JSON.stringify(curve.values)}>
      {curve.grid.map((cell, at) => (
        <button
          key={String(cell)}
          aria-pressed={String(cell) === String(value)}
          aria-label={`${name} ${String(cell)}: ${of.explained} ${number(curve.values[at], 3)}`}
          title={`${String(cell)}: ${number(curve.values[at], 3)}`}
          onClick={() => set(cell)}
        >
          <span style={{ height: `${Math.max(6, 100 * fraction(of, curve.values[at]))}%` }} />
        </button>
      ))}
    </span>
  );
}

export function Fields({ what, responses }: { what: What; responses: Responses | null }) {
  const columns = what.form.columns;
  const total = what.rows?.count ?? 0;
  const [search, setSearch] = useState("");
  const [start, setStart] = useState<Record<string, Cell> | null>(null);
  const values = (tried.value ?? start) as Record<string, Cell> | null;
  const from = async (chosen: number) => {
    row.value = chosen;
    const page = await ask<RowPage>("rows", { start: chosen, count: 1 });
    const cells = Object.fromEntries(columns.map((column, at) => [column.name, plain(column, page.rows[0].cells?.[at] ?? null)]));
    setStart(cells);
    tried.value = cells;
  };
  useEffect(() => {
    if (total) void from(Math.min(row.value, total - 1));
    else {
      const cells = Object.fromEntries(columns.map((column) => [column.name, column.kind === "number" ? (column.low + column.high) / 2 : (column.choices[0] ?? null)]));
      setStart(cells);
      tried.value = cells;
    }
  }, []);
  if (!values || !start) return <p class="empty">Reading …</p>;
  const set = (name: string, value: Cell) => (tried.value = { ...values, [name]: value } as Values);
  const shown = columns.filter((column) => column.name.toLowerCase().includes(search.trim().toLowerCase()));
  const changed = columns.filter((column) => values[column.name] !== start[column.name]).length;
  return (
    <>
      <header>
        <h2>Change a row</h2>
        {total > 0 && <RowChooser value={Math.min(row.value, total - 1)} total={total} choose={(next) => void from(next)} name={what.rows!.name} />}
        <button class="small" disabled={!changed} onClick={() => (tried.value = start)}>
          back{changed ? ` (${changed} changed)` : ""}
        </button>
      </header>
      {columns.length > SEARCHED && (
        <input type="search" class="filter" value={search} placeholder="find a column by its name" aria-label="Find a column by its name" onInput={(event) => setSearch(event.currentTarget.value)} />
      )}
      {!shown.length && <p class="note">No column has this in its name.</p>}
      <div class="grid">
        {shown.map((column) => (
          <Field key={column.name} column={column} value={values[column.name]} changed={values[column.name] !== start[column.name]} set={(value) => set(column.name, value)} responses={responses} />
        ))}
      </div>
    </>
  );
}

/** Numbers of a text file are text until they are read; a slider needs the number. */
function plain(column: Column, value: Cell): Cell {
  if (value === "") return null;
  if (column.kind !== "number" || typeof value !== "string") return value;
  const read = Number(value);
  return value.trim() !== "" && Number.isFinite(read) ? read : value;
}

function Field({ column, value, changed, set, responses }: {
  column: Column;
  value: Cell;
  changed: boolean;
  set: (value: Cell) => void;
  responses: Responses | null;
}) {
  const curve = responses?.curves[column.name];
  const id = `field-${column.name}`;
  const beyond = column.kind === "number" && typeof value === "number" && (value < column.low || value > column.high);
  return (
    <div class={changed ? "field changed" : "field"}>
      <label for={id} title={column.name}>
        {column.name}
      </label>
      {curve && responses && (column.kind === "number" ? <Curve name={column.name} curve={curve} of={responses} value={value} /> : <Choices name={column.name} curve={curve} of={responses} value={value} set={set} />)}
      {column.kind === "number" ? (
        <NumberField id={id} column={column} value={value} set={set} />
      ) : column.kind === "category" ? (
        <select id={id} value={value === null ? "\u0000" : String(value)} onChange={(event) => set(event.currentTarget.value === "\u0000" ? null : event.currentTarget.value)}>
          {value !== null && !column.choices.includes(String(value)) && <option value={String(value)}>{String(value)} (other)</option>}
          {column.choices.map((choice) => (
            <option key={choice} value={choice}>
              {choice}
            </option>
          ))}
          <option value={"\u0000"}>missing</option>
        </select>
      ) : (
        <textarea id={id} rows={column.kind === "text" ? 3 : 1} value={value === null ? "" : String(value)} onInput={(event) => set(event.currentTarget.value === "" ? null : event.currentTarget.value)} />
      )}
      {beyond && <small class="beyond">beyond most known rows ({number(column.low, 3)} to {number(column.high, 3)})</small>}
    </div>
  );
}

/** As many digits as fit the field. */
function fewDigits(value: number): string {
  const text = String(Number.isInteger(value) ? value : Number(value.toPrecision(6)));
  return text.length > 7 && !Number.isInteger(value) ? String(Number(value.toPrecision(4))) : text;
}

/** A number and its slider: a few digits of it, all of them while it is written. */
function NumberField({ id, column, value, set }: { id: string; column: Column; value: Cell; set: (value: Cell) => void }) {
  const [typed, setTyped] = useState<string | null>(null);
  return (
    <span class="slider">
      <input
        type="range"
        min={column.low}
        max={column.high}
        step={column.integer ? 1 : "any"}
        value={typeof value === "number" ? value : column.low}
        aria-label={`${column.name}, slider`}
        onInput={(event) => set(column.integer ? Math.round(Number(event.currentTarget.value)) : Number(Number(event.currentTarget.value).toPrecision(4)))}
      />
      <input
        id={id}
        type="text"
        inputMode="decimal"
        value={value === null ? "" : typeof value === "number" && typed === null ? fewDigits(value) : (typed ?? String(value))}
        data-value={String(value ?? "")}
        title={typeof value === "number" ? String(value) : undefined}
        placeholder="missing"
        onFocus={() => setTyped(value === null ? "" : String(value))}
        onInput={(event) => setTyped(event.currentTarget.value)}
        onBlur={() => setTyped(null)}
        onChange={(event) => {
          const text = event.currentTarget.value.trim();
          set(text === "" ? null : Number.isFinite(Number(text)) ? Number(text) : text);
        }}
      />
    </span>
  );
}
