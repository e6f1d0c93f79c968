// What lies between the layers with neurons: normalization, scaling and dropout as bars, residual blocks as brackets.

import { token } from "./colours";
import { percent } from "./format";
import { type Block, heightOf } from "./layout";
import type { Layer, What } from "./types";

const WIDE = 15;
const THIN = 5;
const SPACE = 4;
/** What the lines need beside the bars. */
const ROOM = 14;
const LEAST = 84;
const ABOVE = 40.5;
const NEST = 4;

/** The layers without neurons before each layer with neurons, and at the end those behind the last one. */
export function between(layers: Layer[]): Layer[][] {
  const gaps: Layer[][] = [[]];
  for (const layer of layers) {
    if (layer.neurons) gaps.push([]);
    else if (layer.kind !== "Residual") gaps[gaps.length - 1].push(layer);
  }
  return gaps;
}

/** A layer without neurons in words. */
export function nameOf(layer: Layer): string {
  return layer.rate === null ? layer.kind : `${layer.kind} ${percent(layer.rate).replace(".0", "")}`;
}

interface Residual {
  /** The places of its first and its last layer with neurons, among those with neurons. */
  first: number;
  last: number;
  /** How many bars lie before the block, in the gap in which it begins, and how many in it, in that in which it ends. */
  before: number;
  within: number;
}

export function residuals(layers: Layer[]): Residual[] {
  const dense = layers.filter((layer) => layer.neurons);
  const gaps = between(layers);
  return layers
    .filter((layer) => layer.kind === "Residual")
    .map(({ path }) => {
      const inside = (layer: Layer) => layer.path.startsWith(`${path}.`);
      const [first, last] = [dense.findIndex(inside), dense.map(inside).lastIndexOf(true)];
      const from = layers.findIndex((layer) => layer.path === path);
      const before = first < 0 ? 0 : gaps[first].filter((layer) => layers.indexOf(layer) < from).length;
      return { first, last, before, within: gaps[last + 1].filter(inside).length };
    })
    .filter(({ first }) => first >= 0);
}

/** What the bars and brackets of a network are, in a sentence; empty where it has none. */
export function meaningOf(layers: Layer[]): string {
  const names = [...new Set(between(layers).flat().map(nameOf))];
  const bars = names.length ? `Bars between them: ${names.join(", ")}.` : "";
  const brackets = residuals(layers).length ? "Brackets: residual blocks, whose input is added to what they make of it." : "";
  return [bars, brackets].filter(Boolean).join(" ");
}

function rightOf(block: Block): number {
  return block.x + (block.columns - 1) * block.step + (block.picture ? block.step : block.size);
}

/** Where the bars between two blocks lie: the first at `x`, each a step further. */
function placeBars(from: Block, to: Block, count: number) {
  const start = rightOf(from);
  const room = to.x - start - ROOM;
  const wide = count * (WIDE + SPACE) - SPACE <= room;
  const width = wide ? WIDE : THIN;
  const step = wide ? WIDE + SPACE : Math.min(THIN + 2, room / count);
  const middle = (from.y + heightOf(from) / 2 + to.y + heightOf(to) / 2) / 2;
  const height = Math.max(LEAST, Math.min(heightOf(from), heightOf(to)));
  return { wide, width, step, middle, height, top: middle - height / 2, x: (start + to.x - count * step + (step - width)) / 2 };
}

/** Draws the bars over the lines, each with its name where there is room. */
function drawBars(context: CanvasRenderingContext2D, from: Block, to: Block, layers: Layer[]): void {
  const { wide, width, step, middle, height, top, ...first } = placeBars(from, to, layers.length);
  let { x } = first;
  for (const layer of layers) {
    context.fillStyle = token("surface");
    context.strokeStyle = token("line-strong");
    context.lineWidth = 1;
    context.setLineDash(layer.kind === "Dropout" ? [3, 3] : []);
    context.beginPath();
    context.roundRect(x + 0.5, top + 0.5, width - 1, height - 1, 3);
    context.fill();
    context.stroke();
    context.setLineDash([]);
    if (wide) {
      context.save();
      context.translate(x + width / 2 + 0.5, middle);
      context.rotate(-Math.PI / 2);
      context.font = "11px Inter, system-ui, sans-serif";
      context.textAlign = "center";
      context.textBaseline = "middle";
      context.fillStyle = token("text-2");
      context.fillText(nameOf(layer), 0, 0, height - 8);
      context.restore();
    }
    x += step;
  }
}

/** Behind a block, or behind some of the bars between it and the next one: how far from the left, and where that begins above. */
function behind(block: Block, next: Block | undefined, bars: number, all: number, space: number): [x: number, top: number] {
  if (!bars || !next) return [rightOf(block) + space, block.y];
  const { x, step, width, top } = placeBars(block, next, all);
  return [x + (bars - 1) * step + width + (bars < all ? (step - width) / 2 : space), top];
}

/** A bracket over a residual block, from what goes in to the sum behind it. */
function drawBracket(context: CanvasRenderingContext2D, [left, from]: [number, number], [right, to]: [number, number], depth: number): void {
  const above = ABOVE - NEST * depth;
  context.strokeStyle = token("text-2");
  context.lineWidth = 1.25;
  context.beginPath();
  context.moveTo(left, from + 6);
  context.lineTo(left, above + 4);
  context.quadraticCurveTo(left, above, left + 4, above);
  context.lineTo(right - 4, above);
  context.quadraticCurveTo(right, above, right, above + 4);
  context.lineTo(right, to + 3);
  context.stroke();
  const y = to + 8;
  context.fillStyle = token("surface");
  context.beginPath();
  context.arc(right, y, 5, 0, 7);
  context.fill();
  context.stroke();
  context.beginPath();
  context.moveTo(right - 3, y);
  context.lineTo(right + 3, y);
  context.moveTo(right, y - 3);
  context.lineTo(right, y + 3);
  context.stroke();
}

/** Everything between the layers with neurons, whose blocks come in order behind that of the inputs. */
export function drawBetween(context: CanvasRenderingContext2D, what: What, blocks: Block[]): void {
  const gaps = between(what.layers);
  gaps.forEach((layers, at) => {
    if (layers.length && blocks[at + 1]) drawBars(context, blocks[at], blocks[at + 1], layers);
  });
  const all = residuals(what.layers);
  for (const { first, last, before, within } of all) {
    const depth = all.filter((other) => other.first >= first && other.last <= last).length - 1;
    const start = behind(blocks[first], blocks[first + 1], before, gaps[first].length, 5);
    const [right, to] = behind(blocks[last + 1], blocks[last + 2], within, gaps[last + 1].length, 9);
    // Over bars, which it would hide.
    drawBracket(context, start, [right, within ? to - 16 : to], depth);
  }
}
