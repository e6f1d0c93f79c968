// The names of the outputs and the value of each, on a canvas beside their cells.

import { token } from "./colours";
import { fit, paint, type View } from "./draw_network";
import { distinct, number, percent } from "./format";
import { type Block, centre, labelRoom } from "./layout";
import type { Part } from "./network_values";

const MARGIN = 4;
/** What a value may need beside its room. */
const BESIDE = 12;

/** Draws what stands beside the cells of the last layer, where they have names.

`written` says what the values are: probabilities, numbers, or nothing to write. */
export function drawOutputs(canvas: HTMLCanvasElement, block: Block, part: Part | undefined, written: "probabilities" | "numbers" | null, view: View, width: number, height: number): void {
  const named = block.labels !== null && block.columns === 1;
  const [left, top] = named && view.scale === 1 ? [Math.floor(block.x + block.size) + MARGIN, Math.floor(block.y) - MARGIN] : [0, 0];
  const room = labelRoom(block.labels);
  const [wide, high] = !named ? [0, 0] : view.scale === 1 ? [Math.min(width - left, Math.max(room.value, 120) + BESIDE), Math.ceil(block.rows * block.step) + 2 * MARGIN] : [width, height];
  Object.assign(canvas.style, { left: `${left}px`, top: `${top}px` });
  paint(canvas, wide, high, { scale: view.scale, x: view.x - left, y: view.y - top }, (context) => {
    if (!named) return;
    const names = distinct(block.labels!, 16);
    const probabilities = written === "probabilities" && part !== undefined;
    let largest = 0;
    part?.values.forEach((value, at) => (largest = value > part.values[largest] ? at : largest));
    context.textBaseline = "middle";
    for (let at = 0; at < block.units; at++) {
      const strong = probabilities && at === largest;
      const value = !part || written === null ? "" : probabilities ? percent(part.values[at]) : number(part.values[at], 2);
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
