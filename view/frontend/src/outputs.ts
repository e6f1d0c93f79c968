// The names of the outputs and the value of each, on a canvas beside their cells.

import { token } from "./colours";
import { fit, paint, type View } from "./draw_network";
import { distinct, number, percent } from "./format";
import { type Block, centre, labelRoom } from "./layout";
import type { Part } from "./network_values";

const MARGIN = 4;
/** What a value may need beside its room. */
const BESIDE = 12;

/** What is written on each canvas. */
const written = new WeakMap<HTMLCanvasElement, string>();

/** Draws what stands beside the cells of the last layer, where they have names; not again where it would say the same.

`meaning` says what the values are: probabilities, numbers, or nothing to write. */
export function drawOutputs(canvas: HTMLCanvasElement, block: Block, part: Part | undefined, meaning: "probabilities" | "numbers" | null, view: View, width: number, height: number): void {
  const named = block.labels !== null && block.columns === 1;
  const [left, top] = named && view.scale === 1 ? [Math.floor(block.x + block.size) + MARGIN, Math.floor(block.y) - MARGIN] : [0, 0];
  const room = labelRoom(block.labels);
  const [wide, high] = !named ? [0, 0] : view.scale === 1 ? [Math.min(width - left, Math.max(room.value, 120) + BESIDE), Math.ceil(block.rows * block.step) + 2 * MARGIN] : [width, height];
  const probabilities = meaning === "probabilities" && part !== undefined;
  const values = Array.from(part && named && meaning ? part.values : [], (value) => (probabilities ? percent(value) : number(value, 2)));
  let largest = 0;
  part?.values.forEach((value, at) => (largest = value > part.values[largest] ? at : largest));
  const text = JSON.stringify([block, values, probabilities && largest, view, width, height, token("text"), devicePixelRatio]);
  if (written.get(canvas) === text) return;
  written.set(canvas, text);
  Object.assign(canvas.style, { left: `${left}px`, top: `${top}px` });
  paint(canvas, wide, high, { scale: view.scale, x: view.x - left, y: view.y - top }, (context) => {
    if (!named) return;
    const names = distinct(block.labels!, 16);
    context.textBaseline = "middle";
    for (let at = 0; at < block.units; at++) {
      const strong = probabilities && at === largest;
      const value = values[at];
      const [x, y] = centre(block, at);
      const start = x + block.size / 2 + 8;
      context.fillStyle = token(strong ? "text" : "text-2");
      context.font = `${strong ? 600 : 400} 12px Inter, system-ui, sans-serif`;
      context.textAlign = "left";
      context.fillText(fit(context, names[at] ?? "", probabilities ? room.name : 120), start, y);
      if (!value) continue;
      context.textAlign = "right";
      context.fillText(value, start + room.value, y);
    }
  });
}
