// Try: change a row, or draw one, and see the answer and every neuron follow.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { drawStrokes, framingOf, rasterize, type Stroke } from "./drawing";
import { count, number } from "./format";
import { Network } from "./network";
import { AnswerBars, decode, Picture, Problem, RowChooser, token } from "./parts";
import { ask, askAnswer, row, theme, tried, useAsked } from "./state";
import type { Cell, Column, RowPage, Values, What } from "./types";

export function Try({ what }: { what: What }) {
  const values = tried.value;
  const answer = useAsked(values ? () => askAnswer({ values }) : null, [values]);
  if (what.form.kind === "sound") return <p class="empty">Recordings cannot be changed here; Inside shows how each of the known ones runs through the network.</p>;
  if (what.form.kind === "table" && !what.form.columns.length)
    return <p class="empty">This model takes {count(what.inputs.count)} columns, too many to fill in here.</p>;
  const pixels = what.form.kind === "picture" && Array.isArray(values) ? values : null;
  return (
    <div class="try">
      <section class="panel fields">{what.form.kind === "picture" ? <Draw what={what} /> : <Fields what={what} />}</section>
      <section class="panel says">
        <header>
          <h2>Answer</h2>
        </header>
        <Problem error={answer.error} />
        {answer.data ? (
          <AnswerBars what={what} predicted={answer.data.predicted} probabilities={answer.data.probabilities} />
        ) : (
          !answer.error && <p class="empty">{what.form.kind === "picture" ? "Draw something, or start from a row." : "Reading …"}</p>
        )}
      </section>
      <section class="panel net">
        <header>
          <h2>What every neuron does with it</h2>
        </header>
        <Network what={what} height={300} answer={answer.data} pixels={pixels} choosable={false} />
      </section>
    </div>
  );
}

function Draw({ what }: { what: What }) {
  const [rows, columns, channels] = what.form.shape;
  const total = what.rows?.count ?? 0;
  const [strokes, setStrokes] = useState<Stroke[]>([]);
  const [fit, setFit] = useState(true);
  const ref = useRef<HTMLCanvasElement>(null);
  const pen = 1.5 / Math.min(Math.max(rows, columns), 18);
  const side = 240;
  const [width, height] = [(side * columns) / Math.max(rows, columns), (side * rows) / Math.max(rows, columns)];
  const known = useAsked(total ? () => ask<RowPage>("rows", { start: 0, count: Math.min(total, 100) }) : null, [what]).data;
  const framing = useMemo(() => framingOf((known?.rows ?? []).map((entry) => decode(entry.pixels!)), rows, columns), [known]);
  const drawable = channels === 1;

  useEffect(() => {
    if (!drawable) return;
    const ratio = devicePixelRatio || 1;
    const canvas = ref.current!;
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    const context = canvas.getContext("2d")!;
    context.scale(ratio, ratio);
    if (!strokes.length) {
      context.fillStyle = token("muted");
      context.font = "13px Inter, system-ui, sans-serif";
      context.textAlign = "center";
      context.fillText("draw here", width / 2, height / 2);
    }
    drawStrokes(context, strokes, width, height, pen * side, token("text"));
  }, [strokes, width, height, theme.value]);

  useEffect(() => {
    if (strokes.length) tried.value = rasterize(strokes, rows, columns, pen, framing, fit);
  }, [strokes, fit, framing]);

  const at = (event: PointerEvent) => {
    const area = ref.current!.getBoundingClientRect();
    return { x: (event.clientX - area.left) / area.width, y: (event.clientY - area.top) / area.height };
  };
  const from = async (chosen: number) => {
    row.value = chosen;
    const page = await ask<RowPage>("rows", { start: chosen, count: 1 });
    setStrokes([]);
    tried.value = Array.from(decode(page.rows[0].pixels!));
  };
  useEffect(() => {
    if (!tried.value && total) void from(Math.min(row.value, total - 1));
  }, []);

  return (
    <>
      <header>
        <h2>{drawable ? "Draw" : "Choose a picture"}</h2>
        {total > 0 && <RowChooser value={Math.min(row.value, total - 1)} total={total} choose={(next) => void from(next)} name={what.rows!.name} />}
      </header>
      <div class="easel">
        {drawable && (
          <canvas
            ref={ref}
            class="board"
            style={{ width: `${width}px`, height: `${height}px` }}
            aria-label="Draw here with a mouse, a pen or a finger; or start from a row."
            onPointerDown={(event) => {
              event.currentTarget.setPointerCapture(event.pointerId);
              setStrokes([...strokes, [at(event)]]);
            }}
            onPointerMove={(event) => {
              if (event.buttons && strokes.length) setStrokes([...strokes.slice(0, -1), [...strokes[strokes.length - 1], at(event)]]);
            }}
          />
        )}
        <div class="sees">
          {Array.isArray(tried.value) && <Picture pixels={tried.value} shape={what.form.shape} size={112} label="What the network gets" />}
          <p class="note">
            What the network gets: {columns} × {rows} pixels.
          </p>
          {drawable && (
            <>
              <button disabled={!strokes.length} onClick={() => setStrokes(strokes.slice(0, -1))}>
                Undo
              </button>
              <button
                disabled={!strokes.length}
                onClick={() => {
                  setStrokes([]);
                  tried.value = null;
                }}
              >
                Clear
              </button>
              <label class="check">
                <input type="checkbox" checked={fit} onChange={(event) => setFit(event.currentTarget.checked)} /> frame it as the known pictures are
              </label>
            </>
          )}
        </div>
      </div>
    </>
  );
}

function Fields({ what }: { what: What }) {
  const columns = what.form.columns;
  const total = what.rows?.count ?? 0;
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
      <div class="grid">
        {columns.map((column) => (
          <Field key={column.name} column={column} value={values[column.name]} changed={values[column.name] !== start[column.name]} set={(value) => set(column.name, value)} />
        ))}
      </div>
    </>
  );
}

/** Numbers of a text file are text until they are read; a slider needs the number. */
function plain(column: Column, value: Cell): Cell {
  if (column.kind !== "number" || typeof value !== "string") return value;
  const read = Number(value);
  return value.trim() !== "" && Number.isFinite(read) ? read : value;
}

function Field({ column, value, changed, set }: { column: Column; value: Cell; changed: boolean; set: (value: Cell) => void }) {
  const id = `field-${column.name}`;
  const beyond = column.kind === "number" && typeof value === "number" && (value < column.low || value > column.high);
  return (
    <div class={changed ? "field changed" : "field"}>
      <label for={id} title={column.name}>
        {column.name}
      </label>
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

function NumberField({ id, column, value, set }: { id: string; column: Column; value: Cell; set: (value: Cell) => void }) {
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
        value={value === null ? "" : String(value)}
        placeholder="missing"
        onChange={(event) => {
          const text = event.currentTarget.value.trim();
          set(text === "" ? null : Number.isFinite(Number(text)) ? Number(text) : text);
        }}
      />
    </span>
  );
}
