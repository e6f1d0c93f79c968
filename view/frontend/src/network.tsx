// The network as a picture: every neuron a cell, its colour the output for the present row.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { inkOn, robustLimit, signedColour } from "./colours";
import { count, cut, number, percent } from "./format";
import { type Block, centre, hit, labelRoom, layout } from "./layout";
import { AsTable, token } from "./parts";
import { liveLines, show, sizes } from "./live";
import { ask, askSizes, health, layer, neuron, theme, useAsked } from "./state";
import type { Answer, Connections, Neuron, Show, Sizes, What } from "./types";

const LINES = 200;
const MAX_ZOOM = 12;
/** From so large cells on, they show their number. */
const NUMBERED = 34;

interface View {
  scale: number;
  x: number;
  y: number;
}

const WHOLE: View = { scale: 1, x: 0, y: 0 };

interface Props {
  what: What;
  height: number;
  answer: Answer | null;
  pixels: ArrayLike<number> | null;
  opened?: Neuron | null;
  choosable?: boolean;
  /** Whether sizes of weights can be asked for. */
  measurable?: boolean;
  /** Lines in place of those of the model; null for none. */
  drawn?: Connections[] | null;
  /** What the cells mean, where they are no outputs of the model. */
  meaning?: { cells: string; noun: string; plain: boolean };
  chosen?: { path: string; unit: number } | null;
  /** A small picture for each neuron, by the path of its layer. */
  pictures?: Map<string, HTMLCanvasElement[]> | null;
}

export function Network({ what, height, answer, pixels, opened = null, choosable = true, measurable = choosable, drawn, meaning, chosen = null, pictures = null }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const under = useRef<HTMLCanvasElement>(null);
  const [view, setView] = useState<View>(WHOLE);
  const drag = useRef<{ x: number; y: number; moved: boolean } | null>(null);
  const [width, setWidth] = useState(800);
  const [pointed, setPointed] = useState<{ block: Block; unit: number } | null>(null);
  const dense = what.layers.filter((part) => part.neurons);
  const least = 120 + dense.length * 66;
  const full = Math.max(width, least);
  const blocks = useMemo(() => layout(what, full, height, pictures !== null), [what, full, height, pictures !== null]);
  const told = useAsked(
    what.live || drawn !== undefined ? null : () => Promise.all(dense.map((part) => ask<Connections>("connections", { path: part.path, count: LINES }))),
    [what],
  ).data;
  const lines = drawn !== undefined ? drawn : what.live ? liveLines.value : told;
  const wanted = measurable ? show.value : "activations";
  const kind = wanted === "updates" && !what.live ? "activations" : wanted;
  const fixed = useAsked(kind === "weights" && !what.live ? askSizes : null, [what, kind]).data;
  const measured = kind === "activations" ? null : what.live ? sizes.value : fixed;
  const values = useMemo(() => split(answer, what, meaning?.plain ?? false), [answer, what, meaning?.plain]);
  const cells = useMemo(() => (kind === "activations" ? values : splitSizes(measured, kind)), [values, measured, kind]);

  useEffect(() => {
    const observer = new ResizeObserver(() => setWidth(box.current!.clientWidth));
    observer.observe(box.current!);
    return () => observer.disconnect();
  }, []);

  const paint = (target: HTMLCanvasElement, draw: (context: CanvasRenderingContext2D) => void) => {
    const ratio = devicePixelRatio || 1;
    const [pixelsWide, pixelsHigh] = [Math.round(full * ratio), Math.round(height * ratio)];
    if (target.width !== pixelsWide || target.height !== pixelsHigh) {
      target.width = pixelsWide;
      target.height = pixelsHigh;
      target.style.width = `${full}px`;
      target.style.height = `${height}px`;
    }
    const context = target.getContext("2d")!;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, pixelsWide, pixelsHigh);
    context.setTransform(ratio * view.scale, 0, 0, ratio * view.scale, ratio * view.x, ratio * view.y);
    context.font = "12px Inter, system-ui, sans-serif";
    draw(context);
  };

  useEffect(() => {
    paint(under.current!, (context) => drawLines(context, what, blocks, lines, opened));
  }, [blocks, lines, opened, full, height, view, theme.value]);

  useEffect(() => {
    paint(canvas.current!, (context) => {
      blocks.forEach((block, at) => drawTitle(context, block, blocks[at + 1] ? blocks[at + 1].x - block.x - 8 : Infinity));
      for (const block of blocks) drawBlock(context, what, block, kind === "activations" || block.path !== "inputs" ? cells : new Map(), pixels, view.scale, kind === "activations" && !meaning?.plain ? pictures?.get(block.path) : undefined);
      drawOutputs(context, blocks[blocks.length - 1], values, what, meaning?.plain ?? false);
      drawMarks(context, blocks, pointed, chosen);
    });
  }, [pictures, chosen?.path, chosen?.unit, blocks, cells, values, pixels, pointed, full, height, view, theme.value, health.value, layer.value, neuron.value]);

  useEffect(() => {
    // The wheel zooms only with a key, so that the page scrolls as everywhere; pinching a touchpad sends that key.
    const target = canvas.current!;
    const wheel = (event: WheelEvent) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const area = target.getBoundingClientRect();
      setView((before) => zoomed(before, Math.exp(-event.deltaY / 300), event.clientX - area.left, event.clientY - area.top, full, height));
    };
    target.addEventListener("wheel", wheel, { passive: false });
    return () => target.removeEventListener("wheel", wheel);
  }, [full, height]);

  const zoom = (factor: number) => setView((before) => zoomed(before, factor, full / 2, height / 2, full, height));
  /** Moves the view so that a cell is in sight. */
  const reveal = (block: Block, unit: number) => {
    if (view.scale === 1) return;
    const [x, y] = centre(block, unit);
    const [left, top] = [x * view.scale + view.x, y * view.scale + view.y];
    if (left < 20 || left > full - 20 || top < 20 || top > height - 20)
      setView(within({ scale: view.scale, x: full / 2 - x * view.scale, y: height / 2 - y * view.scale }, full, height));
  };

  const choose = (spot: { block: Block; unit: number } | null) => {
    if (!spot || !choosable || spot.block.path === "inputs") return;
    layer.value = spot.block.path;
    neuron.value = spot.unit;
  };
  const locate = (event: PointerEvent | MouseEvent) => {
    const area = canvas.current!.getBoundingClientRect();
    return hit(blocks, (event.clientX - area.left - view.x) / view.scale, (event.clientY - area.top - view.y) / view.scale);
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
      const to = { block: target, unit: Math.max(0, Math.min(target.units - 1, next)) };
      setPointed(to);
      reveal(to.block, to.unit);
      event.preventDefault();
    } else if (event.key === "+" || event.key === "=") {
      zoom(1.5);
    } else if (event.key === "-") {
      zoom(1 / 1.5);
    } else if (event.key === "0") {
      setView(WHOLE);
    } else if (event.key === "Enter" || event.key === " ") {
      choose(start());
      event.preventDefault();
    } else if (event.key === "Escape") {
      layer.value = neuron.value = null;
    }
  };

  return (
    <div class="network">
      <div class="over">
        <p class="readout" aria-live="polite">
          {pointed ? describe(what, pointed, values, cells, kind, meaning?.noun ?? "output") : "Point at a neuron to read it" + (!choosable ? "." : drawn !== undefined ? ", click to look at its numbers." : ", click to open it.")}
        </p>
        {measurable && (
          <div class="segments" role="group" aria-label="What the cells show">
            {(["activations", "weights", ...(what.live ? ["updates"] : [])] as Show[]).map((name) => (
              <button key={name} class="small" aria-pressed={kind === name} onClick={() => (show.value = name)}>
                {name}
              </button>
            ))}
          </div>
        )}
        <div class="segments" role="group" aria-label="Zoom">
          <button class="small" aria-label="Smaller" title="Smaller (-)" disabled={view.scale === 1} onClick={() => zoom(1 / 1.5)}>
            −
          </button>
          <button class="small" aria-label="Larger" title="Larger (+, or ctrl and the wheel)" disabled={view.scale >= MAX_ZOOM} onClick={() => zoom(1.5)}>
            +
          </button>
          <button class="small" title="The whole network (0)" disabled={view.scale === 1} onClick={() => setView(WHOLE)}>
            all
          </button>
        </div>
      </div>
      <div class="scroll" ref={box}>
        <div class="sheet" style={{ width: `${full}px`, height: `${height}px` }}>
          <canvas ref={under} aria-hidden="true" />
          <canvas
            ref={canvas}
            tabIndex={0}
            role="application"
            aria-label={`The network: ${blocks.map((block) => `${block.title}, ${block.subtitle}`).join("; ")}. Arrow keys move, Enter opens a neuron, plus and minus zoom.`}
            onPointerDown={(event) => {
              drag.current = { x: event.clientX, y: event.clientY, moved: false };
              if (view.scale > 1) canvas.current!.setPointerCapture(event.pointerId);
            }}
            onPointerMove={(event) => {
              const start = drag.current;
              if (start && view.scale > 1) {
                const [dx, dy] = [event.clientX - start.x, event.clientY - start.y];
                if (!start.moved && Math.hypot(dx, dy) < 4) return;
                drag.current = { x: event.clientX, y: event.clientY, moved: true };
                setView((before) => within({ ...before, x: before.x + dx, y: before.y + dy }, full, height));
                return;
              }
              const spot = locate(event);
              if (spot?.block !== pointed?.block || spot?.unit !== pointed?.unit) setPointed(spot);
            }}
            onPointerUp={() => setTimeout(() => (drag.current = null))}
            onPointerLeave={() => {
              drag.current = null;
              setPointed(null);
            }}
            onClick={(event) => drag.current?.moved || choose(locate(event))}
            onDblClick={() => setView(WHOLE)}
            onKeyDown={key}
            class={view.scale > 1 ? "moving" : pointed && choosable && pointed.block.path !== "inputs" ? "pointing" : ""}
          />
        </div>
      </div>
      <Key
        lines={lines}
        cells={
          meaning ? meaning.cells : pictures && kind === "activations" ? "Cells: the output of each neuron over the plane of the two inputs." : kind !== "activations" && !measured ? (kind === "updates" ? "Updates are shown while the network trains." : "") : answer || measured ? CELLS[kind] : ""
        }
        few={drawn !== undefined}
      />
      <AsTable
        name="neurons"
        columns={["layer", "neuron", kind === "activations" ? "output" : kind === "weights" ? "size of its weights" : "change in a step"]}
        rows={() => blocks.slice(1).flatMap((block) => Array.from(cells.get(block.path)?.values ?? [], (value, unit) => [block.title, block.labels?.[unit] ? `${unit} (${block.labels[unit]})` : String(unit), number(value)]))}
      />
    </div>
  );
}

function within(view: View, width: number, height: number): View {
  const clamp = (value: number, size: number) => Math.max(size * (1 - view.scale), Math.min(0, value));
  return { scale: view.scale, x: clamp(view.x, width), y: clamp(view.y, height) };
}

/** The view with a factor more, the point under (x, y) in its place. */
function zoomed(view: View, factor: number, x: number, y: number, width: number, height: number): View {
  const scale = Math.max(1, Math.min(MAX_ZOOM, view.scale * factor));
  const by = scale / view.scale;
  return within({ scale, x: x - (x - view.x) * by, y: y - (y - view.y) * by }, width, height);
}

const CELLS: Record<Show, string> = {
  activations: "Cells: output of each neuron, each layer on its own scale.",
  weights: "Cells: the stronger the blue, the larger the weights into a neuron (root mean square, each layer on its own scale).",
  updates: "Cells: the stronger the blue, the more a step changes the weights into a neuron, relative to their size.",
};

function Key({ lines, cells, few }: { lines: Connections[] | null; cells: string; few: boolean }) {
  const shown = (lines ?? []).reduce((sum, part) => sum + part.lines.length, 0);
  const all = (lines ?? []).reduce((sum, part) => sum + part.all, 0);
  return (
    <p class="key">
      <span>negative</span>
      <span class="ramp" aria-hidden="true" />
      <span>positive</span>
      <span class="note">
        {cells} {lines && !few && <>Lines: {shown < all ? `the ${count(shown)} weights of ${count(all)} that carry most` : `all ${count(all)} weights`}.</>}
      </span>
    </p>
  );
}

/** Sizes are not negative: they take the positive half of the colours. */
function splitSizes(measured: Sizes | null, kind: Show): Split {
  const parts: Split = new Map();
  if (measured && (measured.show ?? kind) === kind)
    for (const part of measured.parts) {
      const values = measured.array.subarray(part.start, part.start + part.length);
      parts.set(part.path, { values, limit: robustLimit(values) });
    }
  return parts;
}

function split(answer: Answer | null, what: What, plain: boolean): Map<string, { values: Float32Array; limit: number }> {
  const parts = new Map<string, { values: Float32Array; limit: number }>();
  for (const part of answer?.parts ?? []) {
    const values = answer!.array.subarray(part.start, part.start + part.length);
    parts.set(part.path, { values, limit: robustLimit(values) });
  }
  // Probabilities are on the scale from 0 to 1.
  const output = parts.get(answer?.parts[answer.parts.length - 1]?.path ?? "");
  if (output && what.task !== "regression" && !plain) output.limit = 1;
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

/** What a layer is, above it, in no more than the room to the next one. */
function drawTitle(context: CanvasRenderingContext2D, block: Block, room: number): void {
  context.fillStyle = token("text");
  context.textAlign = "left";
  context.textBaseline = "alphabetic";
  context.font = "600 13px Inter, system-ui, sans-serif";
  context.fillText(fit(context, block.title, room), block.x, 16);
  context.font = "12px Inter, system-ui, sans-serif";
  context.fillStyle = token("muted");
  const whole = context.measureText(block.subtitle).width <= room;
  context.fillText(whole ? block.subtitle : fit(context, block.subtitle.replace(/, .*/, "").replace(" numbers", ""), room), block.x, 32);
}

function drawBlock(context: CanvasRenderingContext2D, what: What, block: Block, values: Split, pixels: ArrayLike<number> | null, scale: number, images?: HTMLCanvasElement[]) {
  const part = values.get(block.path);
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
    if (images?.[at] && block.perCell === 1) {
      context.drawImage(images[at], x, y, block.size, block.size);
      context.strokeStyle = outline;
      context.lineWidth = 1;
      context.strokeRect(x + 0.5, y + 0.5, block.size - 1, block.size - 1);
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
    if (part && block.size * scale >= NUMBERED) {
      const value = cellValue(block, part.values, at);
      context.fillStyle = inkOn(theme.value, value, part.limit);
      context.textAlign = "center";
      context.textBaseline = "middle";
      context.font = `${11 / scale}px Inter, system-ui, sans-serif`;
      context.fillText(number(value, 2), x + block.size / 2, y + block.size / 2);
    }
  }
  context.font = "12px Inter, system-ui, sans-serif";
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

function drawOutputs(context: CanvasRenderingContext2D, block: Block, values: Split, what: What, plain: boolean) {
  const part = values.get(block.path);
  if (!block.labels || block.columns !== 1) return;
  const chances = what.task !== "regression" && part && !plain;
  const room = labelRoom(block.labels);
  let top = 0;
  part?.values.forEach((value, at) => (top = value > part.values[top] ? at : top));
  context.textBaseline = "middle";
  for (let at = 0; at < block.units; at++) {
    const [x, y] = centre(block, at);
    const left = x + block.size / 2 + 8;
    context.textAlign = "left";
    context.fillStyle = token(chances && at === top ? "text" : "text-2");
    context.font = `${chances && at === top ? 600 : 400} 12px Inter, system-ui, sans-serif`;
    context.fillText(fit(context, block.labels[at] ?? "", chances ? room.name : 120), left, y);
    if (!part) continue;
    if (chances || plain) {
      context.textAlign = "right";
      context.fillText(plain ? number(part.values[at], 2) : percent(part.values[at]), left + room.value, y);
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
    const crowded = shown.length > 80;
    for (let line = shown.length - 1; line >= 0; line--) {
      const [source, target, weight] = shown[line];
      if (own && target !== opened.neuron) continue;
      const y1 = whole ? from.y + (from.rows * from.step) / 2 : centre(from, pixels ? pixels[source] : Math.min(source, from.units - 1))[1];
      const y2 = centre(to, target)[1];
      const share = Math.min(1, Math.abs(weight) / part.limit);
      context.strokeStyle = signedColour(theme.value, Math.sign(weight) * (0.35 + 0.65 * share), 1);
      context.globalAlpha = (faint ? 0.12 : 0.16 + 0.54 * share) * (crowded && !own ? 0.75 : 1);
      context.lineWidth = 0.5 + (crowded && !own ? 1.1 : 1.7) * share;
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

function drawMarks(context: CanvasRenderingContext2D, blocks: Block[], pointed: { block: Block; unit: number } | null, chosen: { path: string; unit: number } | null) {
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
    const unit = chosen ? chosen.unit : neuron.value;
    if (block.path === (chosen ? chosen.path : layer.value) && unit !== null && unit < block.units) ring(block, unit, token("accent"), 2);
  }
  if (pointed && pointed.unit < pointed.block.units) ring(pointed.block, pointed.unit, token("text"), 1.5);
}

function describe(what: What, { block, unit }: { block: Block; unit: number }, values: Split, cells: Split, kind: Show, noun: string): string {
  const part = values.get(block.path);
  if (block.path === "inputs") {
    if (block.picture) return `Pixel in row ${Math.floor(unit / block.columns)}, column ${unit % block.columns}`;
    const name = what.inputs.names[unit] ?? `input ${unit}`;
    return part ? `${name}: ${number(part.values[unit])}` : name;
  }
  const label = block.labels?.[unit];
  const several = block.perCell > 1 ? ` to ${Math.min(unit + block.perCell, block.units) - 1}` : "";
  const flags = health.value?.[block.path]?.flags[String(unit)];
  const output = part ? `, ${noun} ${number(part.values[unit])}` : "";
  const size = kind === "activations" ? undefined : cells.get(block.path)?.values[unit];
  const measured = size === undefined ? "" : kind === "weights" ? `, weights of size ${number(size, 3)}` : `, changes by ${number(size, 2)} in a step`;
  return `${block.title}, neuron ${unit}${several}${label ? ` (${label})` : ""}${output}${measured}${flags ? `, ${flags.join(", ")}` : ""}`;
}
