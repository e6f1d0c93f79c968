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

/** The places of the first and the last layer with neurons of each residual block, among those with neurons. */
export function residuals(layers: Layer[]): [first: number, last: number][] {
  const dense = layers.filter((layer) => layer.neurons);
  return layers
    .filter((layer) => layer.kind === "Residual")
    .map(({ path }) => dense.flatMap((layer, at) => (layer.path.startsWith(`${path}.`) ? [at] : [])))
    .filter((inside) => inside.length > 0)
    .map((inside) => [inside[0], inside[inside.length - 1]]);
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

/** Draws the bars over the lines, each with its name where there is room. */
function drawBars(context: CanvasRenderingContext2D, from: Block, to: Block, layers: Layer[]): void {
  const start = rightOf(from);
  const room = to.x - start - ROOM;
  const wide = layers.length * (WIDE + SPACE) - SPACE <= room;
  const width = wide ? WIDE : THIN;
  const step = wide ? WIDE + SPACE : Math.min(THIN + 2, room / layers.length);
  const middle = (from.y + heightOf(from) / 2 + to.y + heightOf(to) / 2) / 2;
  const height = Math.max(LEAST, Math.min(heightOf(from), heightOf(to)));
  let x = (start + to.x - layers.length * step + (step - width)) / 2;
  for (const layer of layers) {
    const top = middle - height / 2;
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

/** A bracket over a residual block, from what goes in to the sum behind it. */
function drawBracket(context: CanvasRenderingContext2D, from: Block, last: Block, depth: number): void {
  const left = rightOf(from) + 5;
  const right = rightOf(last) + 9;
  const above = ABOVE - NEST * depth;
  context.strokeStyle = token("text-2");
  context.lineWidth = 1.25;
  context.beginPath();
  context.moveTo(left, from.y + 6);
  context.lineTo(left, above + 4);
  context.quadraticCurveTo(left, above, left + 4, above);
  context.lineTo(right - 4, above);
  context.quadraticCurveTo(right, above, right, above + 4);
  context.lineTo(right, last.y + 3);
  context.stroke();
  const y = last.y + 8;
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
  between(what.layers).forEach((layers, at) => {
    if (layers.length && blocks[at + 1]) drawBars(context, blocks[at], blocks[at + 1], layers);
  });
  const blocksOfResiduals = residuals(what.layers);
  blocksOfResiduals.forEach(([first, last]) => {
    const depth = blocksOfResiduals.filter(([low, high]) => low >= first && high <= last).length - 1;
    drawBracket(context, blocks[first], blocks[last + 1], depth);
  });
}
