// What stands still in the picture of a network: titles, inputs, frames, lines, and the marks of neurons.

import { signedColour, token } from "./colours";
import { cut, distinct, inputName } from "./format";
import { type Block, centre, corner } from "./layout";
import { cellValue, type Part } from "./network_values";
import { health, theme } from "./state";
import type { Connections, Neuron, What } from "./types";

export interface View {
  scale: number;
  x: number;
  y: number;
}

export const WHOLE: View = { scale: 1, x: 0, y: 0 };
const TEXT = "12px Inter, system-ui, sans-serif";
/** Lines of so many levels of strength are drawn level by level. */
const LEVELS = 8;
/** Above so many lines between two layers each is thinner. */
const CROWD = 80;

/** A text cut in the middle so that it is not wider than there is room. */
export function fit(context: CanvasRenderingContext2D, text: string, width: number): string {
  for (let length = text.length; length > 3; length--) {
    const shown = cut(text, length);
    if (context.measureText(shown).width <= width) return shown;
  }
  return text.slice(0, 3);
}

/** Makes a canvas as large as the drawing, clears it and draws, the view applied. */
export function paint(canvas: HTMLCanvasElement, width: number, height: number, view: View, draw: (context: CanvasRenderingContext2D) => void): void {
  const ratio = devicePixelRatio || 1;
  const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== wide || canvas.height !== high) {
    canvas.width = wide;
    canvas.height = high;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext("2d")!;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, wide, high);
  context.setTransform(ratio * view.scale, 0, 0, ratio * view.scale, ratio * view.x, ratio * view.y);
  context.font = TEXT;
  draw(context);
}

/** What every layer is, above it, in no more than the room to the next one. */
export function drawTitles(context: CanvasRenderingContext2D, blocks: Block[]): void {
  context.textAlign = "left";
  context.textBaseline = "alphabetic";
  blocks.forEach((block, at) => {
    const room = blocks[at + 1] ? blocks[at + 1].x - block.x - 8 : Infinity;
    context.fillStyle = token("text");
    context.font = "600 13px Inter, system-ui, sans-serif";
    context.fillText(fit(context, block.title, room), block.x, 16);
    context.font = TEXT;
    context.fillStyle = token("muted");
    const few = block.subtitle.replace(/, .*/, "").replace(" numbers", "");
    const told = [block.subtitle, few, few.replace(/ of .*/, "")].find((text) => context.measureText(text).width <= room);
    context.fillText(told ?? fit(context, few, room), block.x, 32);
  });
}

/** The inputs: a picture, or cells with their names where they are few. */
export function drawInputs(context: CanvasRenderingContext2D, what: What, block: Block, part: Part | null, pixels: ArrayLike<number> | null): void {
  const channels = what.form.shape[2];
  for (let cell = 0; cell < block.cells; cell++) {
    const [x, y] = corner(block, cell);
    if (block.picture) {
      const level = (channel: number) => (pixels ? pixels[cell * channels + (channels === 3 ? channel : 0)] : 0);
      context.fillStyle = pixels ? `rgb(${level(0)} ${level(1)} ${level(2)})` : token("sunken");
      context.fillRect(x, y, block.step + 0.7, block.step + 0.7);
      continue;
    }
    context.fillStyle = part ? signedColour(theme.value, cellValue(block, part.values, cell), part.limit) : token("sunken");
    if (block.round) {
      context.beginPath();
      context.arc(x + block.size / 2, y + block.size / 2, block.size / 2, 0, 7);
      context.fill();
      context.strokeStyle = token("line-strong");
      context.lineWidth = 1;
      context.stroke();
    } else context.fillRect(x, y, block.size, block.size);
  }
  if (!block.labels) return;
  context.textAlign = "right";
  context.textBaseline = "middle";
  context.fillStyle = token("text-2");
  distinct(block.labels.map(inputName), 16).forEach((label, at) => context.fillText(fit(context, label, 98), block.x - 8, centre(block, at)[1]));
}

/** A frame around every grid, and around every lane of one. */
export function drawFrames(context: CanvasRenderingContext2D, blocks: Block[]): void {
  context.strokeStyle = token("line");
  context.lineWidth = 1;
  for (const block of blocks) {
    const full = block.columns * block.laneRows === block.perLane;
    if ((block.round && block.lanes === 1) || (!full && !block.picture)) continue;
    const reach = block.lanes > 1 ? Math.min(block.laneGap / 2, 3) : 1.5;
    for (let lane = 0; lane < block.lanes; lane++) {
      const [x, y] = corner(block, lane * block.perLane);
      context.strokeRect(x - reach, y - reach, (block.columns - 1) * block.step + (block.picture ? block.step : block.size) + 2 * reach, (block.laneRows - 1) * block.step + (block.picture ? block.step : block.size) + 2 * reach);
    }
  }
}

type Line = [from: number, to: number, weight: number];

/** The lines between two layers: those of the opened neuron, where it belongs to the second. */
function linesTo(block: Block, part: Connections, opened: Neuron | null, whole: boolean): { lines: Line[]; own: boolean } {
  const own = opened !== null && opened.layer === block.path;
  if (!own) return { lines: part.lines, own };
  if (whole) return { lines: part.lines.filter(([, to]) => to === opened.neuron), own };
  return { lines: opened.terms.slice(0, 60).map((term) => [term.index, opened.neuron, term.weight]), own };
}

/** Draws the weights as lines, the weakest first; those of one strength and sign at once, which is faster. */
export function drawLines(context: CanvasRenderingContext2D, what: What, blocks: Block[], lines: Connections[] | null, opened: Neuron | null): void {
  lines?.forEach((part, at) => {
    const [from, to] = [blocks[at], blocks[at + 1]];
    const pixels = from.picture ? what.inputs.pixels : null;
    const whole = from.picture && !what.inputs.picture && !pixels;
    const { lines: shown, own } = linesTo(to, part, opened, whole);
    const crowded = shown.length > CROWD && !own;
    const faint = opened !== null && !own;
    const levels: Line[][] = Array.from({ length: 2 * LEVELS }, () => []);
    for (const line of shown) levels[2 * levelOf(line[2], part.limit) + (line[2] < 0 ? 1 : 0)].push(line);
    // Lines end at the sides of a grid, at the height of their cell: across it they would hide other neurons.
    const start = from.x + (from.columns - 1) * from.step + (from.picture ? from.step : from.size);
    const middle = (start + to.x) / 2;
    levels.forEach((level, number) => {
      if (!level.length) return;
      const fraction = ((number >> 1) + 0.5) / LEVELS;
      context.strokeStyle = signedColour(theme.value, (number % 2 ? -1 : 1) * (0.35 + 0.65 * fraction), 1);
      context.globalAlpha = (faint ? 0.12 : 0.16 + 0.54 * fraction) * (crowded ? 0.75 : 1);
      context.lineWidth = 0.5 + (crowded ? 0.5 : 1.7) * fraction;
      context.beginPath();
      for (const [source, target] of level) {
        const y1 = whole ? from.y + (from.rows * from.step) / 2 : centre(from, pixels ? pixels[source] : Math.min(source, from.units - 1))[1];
        const y2 = centre(to, target)[1];
        context.moveTo(start, y1);
        context.bezierCurveTo(middle, y1, middle, y2, to.x, y2);
      }
      context.stroke();
    });
  });
  context.globalAlpha = 1;
}

/** How strong a weight is drawn, of so many levels. */
export function levelOf(weight: number, limit: number): number {
  return Math.min(LEVELS - 1, Math.floor((LEVELS * Math.abs(weight)) / limit) || 0);
}

/** Marks of neurons that learn little, and rings around those that are chosen or pointed at; whether there are any. */
export function drawMarks(context: CanvasRenderingContext2D, blocks: Block[], pointed: { block: Block; unit: number } | null, chosen: { path: string; unit: number } | null): boolean {
  let any = false;
  const ring = (block: Block, unit: number, colour: string, wide: number) => {
    const [x, y] = centre(block, unit);
    any = true;
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
      any = true;
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
    if (chosen && block.path === chosen.path && chosen.unit < block.units) ring(block, chosen.unit, token("accent"), 2);
  }
  if (pointed && pointed.unit < pointed.block.units) ring(pointed.block, pointed.unit, token("text"), 1.5);
  return any;
}
