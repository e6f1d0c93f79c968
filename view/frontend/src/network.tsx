// The network as a picture: every neuron a cell, its colour the output for the present row.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { robustLimit, signedColour } from "./colours";
import { count, cut, number, percent } from "./format";
import { type Block, centre, hit, layout } from "./layout";
import { token } from "./parts";
import { ask, health, layer, neuron, theme, useAsked } from "./state";
import type { Answer, Connections, Neuron, What } from "./types";

const LINES = 200;

interface Props {
  what: What;
  height: number;
  answer: Answer | null;
  pixels: ArrayLike<number> | null;
  opened?: Neuron | null;
  choosable?: boolean;
}

export function Network({ what, height, answer, pixels, opened = null, choosable = true }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [width, setWidth] = useState(800);
  const [pointed, setPointed] = useState<{ block: Block; unit: number } | null>(null);
  const dense = what.layers.filter((part) => part.neurons);
  const least = 170 + dense.length * 70;
  const full = Math.max(width, least);
  const blocks = useMemo(() => layout(what, full, height), [what, full, height]);
  const lines = useAsked(
    () => Promise.all(dense.map((part) => ask<Connections>("connections", { path: part.path, count: LINES }))),
    [what],
  ).data;
  const values = useMemo(() => split(answer, what), [answer, what]);

  useEffect(() => {
    const observer = new ResizeObserver(() => setWidth(box.current!.clientWidth));
    observer.observe(box.current!);
    return () => observer.disconnect();
  }, []);

  useEffect(() => {
    const ratio = devicePixelRatio || 1;
    const target = canvas.current!;
    target.width = Math.round(full * ratio);
    target.height = Math.round(height * ratio);
    target.style.width = `${full}px`;
    target.style.height = `${height}px`;
    const context = target.getContext("2d")!;
    context.scale(ratio, ratio);
    context.font = "12px Inter, system-ui, sans-serif";
    drawLines(context, what, blocks, lines, opened);
    for (const block of blocks) drawBlock(context, what, block, values, pixels);
    drawOutputs(context, blocks[blocks.length - 1], values, what);
    drawMarks(context, blocks, pointed);
  }, [blocks, lines, values, pixels, opened, pointed, full, height, theme.value, health.value, layer.value, neuron.value]);

  const choose = (spot: { block: Block; unit: number } | null) => {
    if (!spot || !choosable || spot.block.path === "inputs") return;
    layer.value = spot.block.path;
    neuron.value = spot.unit;
  };
  const locate = (event: PointerEvent | MouseEvent) => {
    const area = canvas.current!.getBoundingClientRect();
    return hit(blocks, event.clientX - area.left, event.clientY - area.top);
  };
  const start = () => pointed ?? { block: blocks[Math.min(1, blocks.length - 1)], unit: 0 };
  const key = (event: KeyboardEvent) => {
    const { block, unit } = start();
    const step: Record<string, number> = {
      ArrowRight: block.perCell,
      ArrowLeft: -block.perCell,
      ArrowDown: block.columns * block.perCell,
      ArrowUp: -block.columns * block.perCell,
    };
    const at = blocks.indexOf(block);
    if (event.key in step) {
      let next = unit + step[event.key];
      let target = block;
      const edge = block.columns === 1 || (unit / block.perCell) % block.columns === (event.key === "ArrowRight" ? block.columns - 1 : 0);
      if (edge && (event.key === "ArrowRight" || event.key === "ArrowLeft")) {
        target = blocks[Math.max(0, Math.min(blocks.length - 1, at + (event.key === "ArrowRight" ? 1 : -1)))];
        next = Math.min(target.units - 1, target === block ? unit : 0);
      }
      setPointed({ block: target, unit: Math.max(0, Math.min(target.units - 1, next)) });
      event.preventDefault();
    } else if (event.key === "Enter" || event.key === " ") {
      choose(start());
      event.preventDefault();
    } else if (event.key === "Escape") {
      layer.value = neuron.value = null;
    }
  };

  return (
    <div class="network">
      <p class="readout" aria-live="polite">
        {pointed ? describe(what, pointed, values) : "Point at a neuron to read it" + (choosable ? ", click to open it." : ".")}
      </p>
      <div class="scroll" ref={box}>
        <canvas
          ref={canvas}
          tabIndex={0}
          role="application"
          aria-label={`The network: ${blocks.map((block) => `${block.title}, ${block.subtitle}`).join("; ")}. Arrow keys move, Enter opens a neuron.`}
          onPointerMove={(event) => {
            const spot = locate(event);
            if (spot?.block !== pointed?.block || spot?.unit !== pointed?.unit) setPointed(spot);
          }}
          onPointerLeave={() => setPointed(null)}
          onClick={(event) => choose(locate(event))}
          onKeyDown={key}
          class={pointed && choosable && pointed.block.path !== "inputs" ? "pointing" : ""}
        />
      </div>
      <Key lines={lines} />
    </div>
  );
}

function Key({ lines }: { lines: Connections[] | null }) {
  if (!lines) return <p class="key" />;
  const shown = lines.reduce((sum, part) => sum + part.lines.length, 0);
  const all = lines.reduce((sum, part) => sum + part.all, 0);
  return (
    <p class="key">
      <span>negative</span>
      <span class="ramp" aria-hidden="true" />
      <span>positive</span>
      <span class="note">
        Cells: output of each neuron, each layer on its own scale. Lines: {shown < all ? `the ${count(shown)} weights of ${count(all)} that carry most` : `all ${count(all)} weights`}.
      </span>
    </p>
  );
}

function split(answer: Answer | null, what: What): Map<string, { values: Float32Array; limit: number }> {
  const parts = new Map<string, { values: Float32Array; limit: number }>();
  for (const part of answer?.parts ?? []) {
    const values = answer!.array.subarray(part.start, part.start + part.length);
    parts.set(part.path, { values, limit: robustLimit(values) });
  }
  // Probabilities are on the scale from 0 to 1.
  const output = parts.get(answer?.parts[answer.parts.length - 1]?.path ?? "");
  if (output && what.task !== "regression") output.limit = 1;
  return parts;
}

type Split = ReturnType<typeof split>;

/** The value of a cell: of several neurons the one that is largest in size. */
function cellValue(block: Block, values: Float32Array, at: number): number {
  let value = 0;
  for (let unit = at * block.perCell; unit < Math.min((at + 1) * block.perCell, block.units); unit++)
    if (Math.abs(values[unit]) > Math.abs(value)) value = values[unit];
  return value;
}

function drawBlock(context: CanvasRenderingContext2D, what: What, block: Block, values: Split, pixels: ArrayLike<number> | null) {
  const part = values.get(block.path);
  context.fillStyle = token("text");
  context.textAlign = "left";
  context.textBaseline = "alphabetic";
  context.font = "600 13px Inter, system-ui, sans-serif";
  context.fillText(block.title, block.x, 16);
  context.font = "12px Inter, system-ui, sans-serif";
  context.fillStyle = token("muted");
  context.fillText(block.subtitle, block.x, 32);
  const outline = token("line-strong");
  for (let at = 0; at < block.cells; at++) {
    const x = block.x + (at % block.columns) * block.step;
    const y = block.y + Math.floor(at / block.columns) * block.step;
    if (block.picture) {
      const channels = what.form.shape[2];
      const level = (part_: number) => (pixels ? pixels[at * channels + (channels === 3 ? part_ : 0)] : 0);
      context.fillStyle = pixels ? `rgb(${level(0)} ${level(1)} ${level(2)})` : token("sunken");
      context.fillRect(x, y, block.step + 0.7, block.step + 0.7);
      continue;
    }
    context.fillStyle = part ? signedColour(theme.value, cellValue(block, part.values, at), part.limit) : token("sunken");
    if (block.round) {
      context.beginPath();
      context.arc(x + block.size / 2, y + block.size / 2, block.size / 2, 0, 7);
      context.fill();
      context.strokeStyle = outline;
      context.lineWidth = 1;
      context.stroke();
    } else context.fillRect(x, y, block.size, block.size);
  }
  if (!block.round) {
    const rest = block.columns * block.rows - block.cells;
    context.strokeStyle = token("line");
    context.lineWidth = 1;
    if (rest === 0 || block.picture) context.strokeRect(block.x - 1.5, block.y - 1.5, block.columns * block.step + 2, block.rows * block.step + 2);
  }
  if (block.path === "inputs" && block.labels) {
    context.textAlign = "right";
    context.textBaseline = "middle";
    context.fillStyle = token("text-2");
    block.labels.forEach((label, at) => context.fillText(fit(context, label, 98), block.x - 8, centre(block, at)[1]));
  }
}

/** A text cut in the middle so that it is not wider than there is room. */
function fit(context: CanvasRenderingContext2D, text: string, width: number): string {
  for (let length = text.length; length > 3; length--) {
    const shown = cut(text, length);
    if (context.measureText(shown).width <= width) return shown;
  }
  return text.slice(0, 3);
}

function drawOutputs(context: CanvasRenderingContext2D, block: Block, values: Split, what: What) {
  const part = values.get(block.path);
  if (!block.labels || block.columns !== 1) return;
  const chances = what.task !== "regression" && part;
  let top = 0;
  part?.values.forEach((value, at) => (top = value > part.values[top] ? at : top));
  context.textBaseline = "middle";
  for (let at = 0; at < block.units; at++) {
    const [x, y] = centre(block, at);
    const left = x + block.size / 2 + 8;
    context.textAlign = "left";
    context.fillStyle = token(chances && at === top ? "text" : "text-2");
    context.font = `${chances && at === top ? 600 : 400} 12px Inter, system-ui, sans-serif`;
    context.fillText(fit(context, block.labels[at] ?? "", chances ? 58 : 120), left, y);
    if (!part) continue;
    if (chances) {
      context.textAlign = "right";
      context.fillText(percent(part.values[at]), left + 112, y);
    }
  }
  context.font = "12px Inter, system-ui, sans-serif";
}

function drawLines(context: CanvasRenderingContext2D, what: What, blocks: Block[], lines: Connections[] | null, opened: Neuron | null) {
  if (!lines) return;
  lines.forEach((part, at) => {
    const [from, to] = [blocks[at], blocks[at + 1]];
    const pixels = from.picture ? what.inputs.pixels : null;
    const whole = from.picture && !what.inputs.picture && !pixels;
    const own = opened && opened.layer === to.path;
    const shown = own && !whole ? opened.terms.slice(0, 60).map((term) => [term.index, opened.neuron, term.weight] as [number, number, number]) : part.lines;
    const faint = opened && !own;
    for (let line = shown.length - 1; line >= 0; line--) {
      const [source, target, weight] = shown[line];
      if (own && target !== opened.neuron) continue;
      const y1 = whole ? from.y + (from.rows * from.step) / 2 : centre(from, pixels ? pixels[source] : Math.min(source, from.units - 1))[1];
      const y2 = centre(to, target)[1];
      const share = Math.min(1, Math.abs(weight) / part.limit);
      context.strokeStyle = signedColour(theme.value, Math.sign(weight) * (0.35 + 0.65 * share), 1);
      context.globalAlpha = faint ? 0.12 : 0.18 + 0.6 * share;
      context.lineWidth = 0.5 + 1.7 * share;
      context.beginPath();
      // Lines end at the sides of a grid, at the height of their cell: across it they would hide other neurons.
      const start = from.x + (from.columns - 1) * from.step + (from.picture ? from.step : from.size);
      const end = to.x;
      context.moveTo(start, y1);
      context.bezierCurveTo(start + (end - start) / 2, y1, start + (end - start) / 2, y2, end, y2);
      context.stroke();
    }
  });
  context.globalAlpha = 1;
}

function drawMarks(context: CanvasRenderingContext2D, blocks: Block[], pointed: { block: Block; unit: number } | null) {
  const ring = (block: Block, unit: number, colour: string, wide: number) => {
    const [x, y] = centre(block, unit);
    context.strokeStyle = colour;
    context.lineWidth = wide;
    context.beginPath();
    if (block.round) context.arc(x, y, block.size / 2 + 2, 0, 7);
    else context.rect(x - block.size / 2 - 1.5, y - block.size / 2 - 1.5, block.size + 3, block.size + 3);
    context.stroke();
  };
  for (const block of blocks) {
    const flags = health.value?.[block.path]?.flags ?? {};
    for (const [unit, names] of Object.entries(flags)) {
      const [x, y] = centre(block, Number(unit));
      const reach = Math.max(2.5, block.size / 4);
      context.strokeStyle = token(names.includes("dead") ? "text" : "text-2");
      context.lineWidth = 1.25;
      context.beginPath();
      context.moveTo(x - reach, y - reach);
      context.lineTo(x + reach, y + reach);
      if (names.includes("dead")) {
        context.moveTo(x + reach, y - reach);
        context.lineTo(x - reach, y + reach);
      }
      context.stroke();
    }
    if (block.path === layer.value && neuron.value !== null && neuron.value < block.units) ring(block, neuron.value, token("accent"), 2);
  }
  if (pointed && pointed.unit < pointed.block.units) ring(pointed.block, pointed.unit, token("text"), 1.5);
}

function describe(what: What, { block, unit }: { block: Block; unit: number }, values: Split): string {
  const part = values.get(block.path);
  if (block.path === "inputs") {
    if (block.picture) return `Pixel in row ${Math.floor(unit / block.columns)}, column ${unit % block.columns}`;
    const name = what.inputs.names[unit] ?? `input ${unit}`;
    return part ? `${name}: ${number(part.values[unit])}` : name;
  }
  const label = block.labels?.[unit];
  const several = block.perCell > 1 ? ` to ${Math.min(unit + block.perCell, block.units) - 1}` : "";
  const flags = health.value?.[block.path]?.flags[String(unit)];
  const output = part ? `, output ${number(part.values[unit])}` : "";
  return `${block.title}, neuron ${unit}${several}${label ? ` (${label})` : ""}${output}${flags ? `, ${flags.join(", ")}` : ""}`;
}
