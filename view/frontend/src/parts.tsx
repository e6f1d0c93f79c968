// Small pieces that every page uses.

import { useEffect, useRef, useState } from "preact/hooks";
import { signedColour, token } from "./colours";
import { distinct, number, percent, plural } from "./format";
import { gone, kept, theme } from "./state";
import type { Row, What } from "./types";

/** A number with its full value, for tests, for copying and for readers of screens. */
export function Value({ value, name, text }: { value: number | null | undefined; name?: string; text?: string }) {
  return (
    <span class="value" data-name={name} data-value={value === null || value === undefined ? "" : String(value)}>
      {text ?? number(value)}
    </span>
  );
}

const LONG = 12;
const TAIL = 7;
/** So many answers have a bar. */
const ANSWERS = 12;

/** A name that a narrow place cuts in its middle, since names differ at their ends; `full` where it is a part of one. */
export function Name({ text, full = text }: { text: string; full?: string }) {
  if (text.length <= LONG) return <span title={full}>{text}</span>;
  return (
    <span class="cuts" title={full}>
      <span>{text.slice(0, -TAIL)}</span>
      <span>{text.slice(-TAIL)}</span>
    </span>
  );
}

export function Problem({ error }: { error: string | null }) {
  return error ? <p class="empty">{error}</p> : null;
}

/** Says that nobody answers any more. */
export function GoneNotice() {
  return gone.value ? (
    <p class="gone" role="alert">
      {gone.value}
    </p>
  ) : null;
}

/** Bytes of a picture on a canvas, one canvas pixel a pixel; the style sheet makes it large. */
export function Picture({ pixels, shape, size, label }: { pixels: ArrayLike<number>; shape: number[]; size: number; label: string }) {
  const ref = useRef<HTMLCanvasElement>(null);
  const [height, width, channels] = shape;
  useEffect(() => {
    const context = ref.current!.getContext("2d")!;
    const image = context.createImageData(width, height);
    for (let at = 0; at < width * height; at++)
      for (let part = 0; part < 3; part++) image.data[4 * at + part] = pixels[at * channels + (channels === 3 ? part : 0)];
    for (let at = 0; at < width * height; at++) image.data[4 * at + 3] = 255;
    context.putImageData(image, 0, 0);
  }, [pixels, width, height]);
  const scale = size / Math.max(width, height);
  return (
    <canvas
      ref={ref}
      class="picture"
      width={width}
      height={height}
      role={label ? "img" : undefined}
      aria-label={label || undefined}
      aria-hidden={!label}
      style={{ width: `${width * scale}px`, height: `${height * scale}px` }}
    />
  );
}

/** An answer as text: a class, numbers, or the names of the labels that apply. */
export function answerText(value: Row["predicted"] | undefined, labels: string[] | null = null): string {
  if (value === undefined) return "\u2013";
  if (labels && Array.isArray(value)) return labels.filter((_, at) => value[at]).join(", ") || "none";
  if (typeof value === "string") return value;
  return Array.isArray(value) ? value.map((part) => number(part)).join(", ") : number(value);
}

/** The labels of a model of which several may apply. */
export function labelsOf(what: What): string[] | null {
  return what.task === "multilabel" ? what.classes : null;
}

/** The classes or labels with their probabilities, the likeliest first, or the number that is predicted. */
export function AnswerBars({ what, predicted, probabilities, actual }: {
  what: What;
  predicted: Row["predicted"];
  probabilities: number[] | null;
  actual?: string;
}) {
  if (!probabilities) {
    const values = Array.isArray(predicted) ? predicted : [predicted];
    return (
      <dl class="numbers big">
        {values.map((value, at) => (
          <div key={at}>
            <dt>{what.target[at] ?? "prediction"}</dt>
            <dd>
              <Value name={`answer.${at}`} value={Number(value)} />
            </dd>
          </div>
        ))}
      </dl>
    );
  }
  const short = distinct(what.classes, 24);
  const order = probabilities.map((_, at) => at).sort((a, b) => probabilities[b] - probabilities[a]);
  const top = probabilities.indexOf(Math.max(...probabilities));
  return (
    <ol class="bars">
      {order.slice(0, ANSWERS).map((at) => (
        <li key={at} class={at === top && what.task !== "multilabel" ? "first" : ""}>
          <span class="name">
            <Name text={short[at]} full={what.classes[at]} />
            {actual === what.classes[at] && <small> true</small>}
          </span>
          <span class="track">
            <span class="fill" style={{ width: `${100 * probabilities[at]}%` }} />
          </span>
          <Value name={`probability.${what.classes[at]}`} value={probabilities[at]} text={percent(probabilities[at])} />
        </li>
      ))}
      {order.length > ANSWERS && <li class="more">and {plural(order.length - ANSWERS, "more class", "more classes")}</li>}
    </ol>
  );
}

/** A canvas that fills its box at the pixels of the screen, drawn again when the box, the theme or the data change. */
export function Canvas({ draw, depends, height, label }: {
  draw: (context: CanvasRenderingContext2D, width: number, height: number) => void;
  depends: unknown[];
  height: number;
  label: string;
}) {
  const ref = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const canvas = ref.current!;
    const paint = () => {
      const ratio = devicePixelRatio || 1;
      const width = canvas.parentElement!.clientWidth;
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
      canvas.style.width = `${width}px`;
      canvas.style.height = `${height}px`;
      const context = canvas.getContext("2d")!;
      context.scale(ratio, ratio);
      draw(context, width, height);
    };
    const observer = new ResizeObserver(paint);
    observer.observe(canvas.parentElement!);
    paint();
    return () => observer.disconnect();
  }, [...depends, height, theme.value]);
  return (
    <div class="fit">
      <canvas ref={ref} role="img" aria-label={label} />
    </div>
  );
}

/** Numbers as a picture, blue where they are positive and orange where they are negative; the largest has the full colour. */
export function SignedPicture({ values, rows, columns, size, label }: { values: number[]; rows: number; columns: number; size: number; label: string }) {
  const limit = Math.max(...values.map(Math.abs)) || 1;
  const step = size / Math.max(rows, columns);
  return (
    <div style={{ width: `${columns * step}px` }}>
      <Canvas
        height={rows * step}
        label={`${label}, as a picture of ${columns} by ${rows} pixels`}
        depends={[values]}
        draw={(context) => {
          values.forEach((value, at) => {
            context.fillStyle = signedColour(theme.value, value, limit);
            context.fillRect((at % columns) * step, Math.floor(at / columns) * step, step + 0.4, step + 0.4);
          });
          context.strokeStyle = token("line");
          context.strokeRect(0.5, 0.5, columns * step - 1, rows * step - 1);
        }}
      />
    </div>
  );
}

/** The number of a row, with the rows before and after it, and one by chance. */
export function RowChooser({ value, total, choose, name }: {
  value: number;
  total: number;
  choose: (row: number) => void;
  name: string;
}) {
  const move = (step: number) => choose((value + step + total) % total);
  return (
    <div class="chooser">
      <button aria-label="Row before" onClick={() => move(-1)}>
        ‹
      </button>
      <label>
        row
        <input
          type="number"
          min={0}
          max={total - 1}
          value={value}
          aria-label={`Row, of ${name}`}
          onChange={(event) => {
            const next = Math.round(Number(event.currentTarget.value));
            if (Number.isFinite(next)) choose(Math.max(0, Math.min(total - 1, next)));
          }}
        />
      </label>
      <button aria-label="Row after" onClick={() => move(1)}>
        ›
      </button>
      <button onClick={() => choose(Math.floor(Math.random() * total))}>random</button>
    </div>
  );
}

/** The numbers behind a picture, as rows that a reader of screens and a copy can take; made when they are opened. */
export function AsTable({ name, columns, rows }: { name: string; columns: string[]; rows: () => string[][] }) {
  const [open, setOpen] = useState(false);
  return (
    <details class="as-table" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>as table</summary>
      {open && (
        <div class="scroll tall" tabIndex={0} role="region" aria-label={`The ${name} as a table`}>
          <table class="rows" data-name={`table.${name}`}>
            <thead>
              <tr>
                {columns.map((column) => (
                  <th scope="col" class="right" key={column}>
                    {column}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows().map((cells, at) => (
                <tr key={at}>
                  {cells.map((cell, part) => (
                    <td class="right" key={part}>
                      {cell}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </details>
  );
}

export function ThemeButton() {
  const label = theme.value === "dark" ? "Light theme" : "Dark theme";
  return (
    <button
      class="icon theme"
      aria-label={label}
      title={label}
      onClick={() => {
        theme.value = theme.value === "dark" ? "light" : "dark";
        kept.set("theme", theme.value);
      }}
    >
      <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
        <circle cx="8" cy="8" r="6.25" fill="none" stroke="currentColor" stroke-width="1.5" />
        <path d="M8 1.75a6.25 6.25 0 0 1 0 12.5z" fill="currentColor" />
      </svg>
    </button>
  );
}
