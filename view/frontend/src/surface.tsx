// Two inputs: what the network outputs over their plane, under the points that it learned from.

import { signedTable, token } from "./colours";
import { number } from "./format";
import { Canvas } from "./parts";
import { theme } from "./state";
import type { Surface, What } from "./types";

const HEIGHT = 300;
const MARKS = ["circle", "square", "triangle"] as const;

/** A neuron's picture as an image of so many pixels a side; null where its layer has none. */
export function pictures(surface: Surface): Map<string, HTMLCanvasElement[]> {
  const table = signedTable(theme.value);
  const size = surface.side * surface.side;
  const made = new Map<string, HTMLCanvasElement[]>();
  let start = 0;
  for (const part of surface.parts) {
    const list: HTMLCanvasElement[] = [];
    for (let unit = 0; unit < part.units; unit++, start += size) {
      const canvas = document.createElement("canvas");
      canvas.width = canvas.height = surface.side;
      const context = canvas.getContext("2d")!;
      const image = context.createImageData(surface.side, surface.side);
      for (let pixel = 0; pixel < size; pixel++) {
        const [r, g, b] = table[surface.array[start + pixel]];
        image.data.set([r, g, b, 255], 4 * pixel);
      }
      context.putImageData(image, 0, 0);
      list.push(canvas);
    }
    made.set(part.path, list);
  }
  return made;
}

/** The last layer as one map: of two or more classes the likeliest one by its strength, else the output itself. */
function answerMap(surface: Surface, what: What): { image: HTMLCanvasElement; words: string } {
  const last = surface.parts[surface.parts.length - 1];
  const side = surface.side;
  const size = side * side;
  const start = surface.parts.slice(0, -1).reduce((sum, part) => sum + part.units * size, 0);
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = side;
  const context = canvas.getContext("2d")!;
  const image = context.createImageData(side, side);
  const table = signedTable(theme.value);
  for (let pixel = 0; pixel < size; pixel++) {
    const of = (unit: number) => (surface.array[start + unit * size + pixel] - 128) / 127;
    let shade = of(0);
    if (what.task === "binary") shade = 2 * of(0) - 1;
    else if (what.task === "multiclass") {
      let top = 0;
      for (let unit = 1; unit < last.units; unit++) if (of(unit) > of(top)) top = unit;
      shade = last.units === 2 ? 2 * of(1) - 1 : (2 * top) / (last.units - 1) - 1;
    }
    const [r, g, b] = table[Math.max(0, Math.min(255, Math.round((shade + 1) * 127.5)))];
    image.data.set([r, g, b, 255], 4 * pixel);
  }
  context.putImageData(image, 0, 0);
  const words =
    what.task === "regression"
      ? `Colour: the predicted number, the strongest ±${number(last.limit, 3)}.`
      : what.classes.length === 2
        ? `Orange: ${what.classes[0]}; blue: ${what.classes[1]}; pale where the network is unsure.`
        : "Colour: the likeliest class.";
  return { image: canvas, words };
}

export function SurfacePanel({ surface, what }: { surface: Surface; what: What }) {
  const map = answerMap(surface, what);
  const many = Math.max(1, what.classes.length - 1);
  return (
    <section class="surface">
      <h3>
        Decision surface <small>over {surface.names.join(" and ")}</small>
      </h3>
      <div class="map">
        <Canvas
          height={HEIGHT}
          label={`What the network outputs over ${surface.names.join(" and ")}, with ${surface.points.length} known rows`}
          depends={[surface, theme.value]}
          draw={(context, width) => {
            const side = Math.min(width, HEIGHT);
            context.imageSmoothingEnabled = true;
            context.drawImage(map.image, 0, 0, side, side);
            const table = signedTable(theme.value);
            for (const [x, y, truth] of surface.points) {
              const [left, top] = [((x - surface.x[0]) / (surface.x[1] - surface.x[0])) * side, ((surface.y[1] - y) / (surface.y[1] - surface.y[0])) * side];
              const limit = surface.parts[surface.parts.length - 1].limit;
              const shade = what.task === "regression" ? truth / limit : truth < 0 ? 0 : (2 * truth) / many - 1;
              const [r, g, b] = table[Math.max(0, Math.min(255, Math.round((shade + 1) * 127.5)))];
              context.beginPath();
              mark(context, MARKS[what.task === "regression" || truth < 0 ? 0 : truth % MARKS.length], left, top);
              context.fillStyle = `rgb(${r} ${g} ${b})`;
              context.fill();
              context.lineWidth = 1.25;
              context.strokeStyle = token("surface");
              context.stroke();
            }
          }}
        />
      </div>
      <p class="note">
        {map.words} Points: {surface.points.length} known rows, each class with its own shape. Each neuron of the network shows its own surface.
      </p>
    </section>
  );
}

function mark(context: CanvasRenderingContext2D, kind: (typeof MARKS)[number], x: number, y: number): void {
  if (kind === "circle") context.arc(x, y, 3.5, 0, 7);
  else if (kind === "square") context.rect(x - 3.2, y - 3.2, 6.4, 6.4);
  else {
    context.moveTo(x, y - 4);
    context.lineTo(x + 4, y + 3.2);
    context.lineTo(x - 4, y + 3.2);
    context.closePath();
  }
}
