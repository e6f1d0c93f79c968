// From strokes of a pen to the pixels that the network takes, framed as the known pictures are.

export type Stroke = { x: number; y: number }[];

export interface Framing {
  light: boolean;
  extent: number;
  x: number;
  y: number;
}

/** How drawings lie in the known pictures: light on dark or not, how far they extend, where their centre of mass is. */
export function framingOf(pictures: ArrayLike<number>[], rows: number, columns: number): Framing {
  let [edge, edges] = [0, 0];
  for (const picture of pictures)
    for (let at = 0; at < rows * columns; at++) {
      const [y, x] = [Math.floor(at / columns), at % columns];
      if (y === 0 || x === 0 || y === rows - 1 || x === columns - 1) {
        edge += picture[at];
        edges++;
      }
    }
  const light = edges === 0 || edge / edges < 128;
  const sums = { extent: 0, x: 0, y: 0, count: 0 };
  for (const picture of pictures) {
    const ink = Array.from({ length: rows * columns }, (_, at) => (light ? picture[at] : 255 - picture[at]));
    const box = bounds(ink, rows, columns);
    if (!box) continue;
    sums.extent += Math.max((box.right - box.left + 1) / columns, (box.bottom - box.top + 1) / rows);
    sums.x += box.x / columns;
    sums.y += box.y / rows;
    sums.count++;
  }
  if (!sums.count) return { light, extent: 0.75, x: 0.5, y: 0.5 };
  return { light, extent: sums.extent / sums.count, x: sums.x / sums.count, y: sums.y / sums.count };
}

/** The box around all ink, and its centre of mass, in pixels; null without ink. */
export function bounds(ink: ArrayLike<number>, rows: number, columns: number) {
  let [left, right, top, bottom, mass, x, y] = [columns, -1, rows, -1, 0, 0, 0];
  for (let at = 0; at < rows * columns; at++) {
    const value = ink[at];
    if (value <= 32) continue;
    const [line, column] = [Math.floor(at / columns), at % columns];
    left = Math.min(left, column);
    right = Math.max(right, column);
    top = Math.min(top, line);
    bottom = Math.max(bottom, line);
    mass += value;
    x += value * (column + 0.5);
    y += value * (line + 0.5);
  }
  return mass ? { left, right, top, bottom, x: x / mass, y: y / mass } : null;
}

const FINE = 10;

/** The pixels of strokes, whose points lie from 0 to 1; `framing` moves and scales them as the known pictures are. */
export function rasterize(strokes: Stroke[], rows: number, columns: number, pen: number, framing: Framing, fit: boolean): number[] {
  let moved = strokes;
  if (fit && strokes.some((stroke) => stroke.length)) {
    moved = fitted(strokes, framing.extent - pen);
    const box = bounds(paint(moved, rows, columns, pen), rows, columns);
    if (box) {
      const [dx, dy] = [framing.x - box.x / columns, framing.y - box.y / rows];
      moved = moved.map((stroke) => stroke.map((point) => ({ x: point.x + dx, y: point.y + dy })));
    }
  }
  const ink = paint(moved, rows, columns, pen);
  return Array.from(ink, (value) => Math.round(framing.light ? value : 255 - value));
}

function fitted(strokes: Stroke[], extent: number): Stroke[] {
  const points = strokes.flat();
  const [left, right] = [Math.min(...points.map((p) => p.x)), Math.max(...points.map((p) => p.x))];
  const [top, bottom] = [Math.min(...points.map((p) => p.y)), Math.max(...points.map((p) => p.y))];
  const scale = Math.max(0.05, extent) / Math.max(right - left, bottom - top, 0.05);
  const [x, y] = [(left + right) / 2, (top + bottom) / 2];
  return strokes.map((stroke) => stroke.map((point) => ({ x: 0.5 + (point.x - x) * scale, y: 0.5 + (point.y - y) * scale })));
}

/** Ink from 0 to 255, drawn ten times as fine and averaged. */
function paint(strokes: Stroke[], rows: number, columns: number, pen: number): Float32Array {
  const canvas = document.createElement("canvas");
  canvas.width = columns * FINE;
  canvas.height = rows * FINE;
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  drawStrokes(context, strokes, canvas.width, canvas.height, pen * Math.max(canvas.width, canvas.height), "#fff");
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  const ink = new Float32Array(rows * columns);
  for (let y = 0; y < canvas.height; y++)
    for (let x = 0; x < canvas.width; x++)
      ink[Math.floor(y / FINE) * columns + Math.floor(x / FINE)] += data[4 * (y * canvas.width + x) + 3] / (FINE * FINE);
  return ink;
}

export function drawStrokes(context: CanvasRenderingContext2D, strokes: Stroke[], width: number, height: number, pen: number, colour: string): void {
  context.strokeStyle = context.fillStyle = colour;
  context.lineWidth = pen;
  context.lineCap = context.lineJoin = "round";
  for (const stroke of strokes) {
    if (!stroke.length) continue;
    context.beginPath();
    if (stroke.length === 1) {
      context.arc(stroke[0].x * width, stroke[0].y * height, pen / 2, 0, 7);
      context.fill();
      continue;
    }
    stroke.forEach((point, at) => (at ? context.lineTo(point.x * width, point.y * height) : context.moveTo(point.x * width, point.y * height)));
    context.stroke();
  }
}
