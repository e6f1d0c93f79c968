// The cells of a network on a canvas, as often as they change: a block is drawn again only where it would look different.

import { inkOn, signedTable, type Theme, token } from "./colours";
import { distinct, number, percent } from "./format";
import { type Block, centre, corner, labelRoom } from "./layout";
import { fit, type View } from "./draw_network";
import { cellValue, type Part, type Split } from "./network_values";

/** From so large cells on, they show their number. */
const NUMBERED = 34;
/** So many of 256 colours are one to the eye. */
const SAME = 2;
const NONE = 0;
const MARGIN = 3;

export interface Scene {
  blocks: Block[];
  cells: Split;
  /** Outputs of the last layer, for the numbers beside them. */
  values: Split;
  /** Whether the numbers beside the outputs are shares of 1. */
  chances: boolean;
  plain: boolean;
  pictures: Map<string, HTMLCanvasElement[]> | null;
  view: View;
  theme: Theme;
  width: number;
  height: number;
}

/** Where cells may change: all blocks but the inputs, and what stands beside the outputs. */
function hull({ blocks, view, width, height }: Scene): { left: number; top: number; wide: number; high: number } {
  if (view.scale !== 1 || blocks.length < 2) return { left: 0, top: 0, wide: width, high: height };
  const left = Math.floor(blocks[1].x) - MARGIN;
  const top = Math.floor(Math.min(...blocks.slice(1).map((block) => block.y))) - MARGIN;
  const bottom = Math.max(...blocks.slice(1).map((block) => corner(block, block.cells - 1)[1] + block.step));
  return { left, top, wide: width - left, high: Math.ceil(bottom) + MARGIN - top };
}

/** Draws the cells of one network on one canvas, and remembers what is on it. */
export class Cells {
  private shown: Scene | null = null;
  private readonly colours = new Map<string, Uint8Array>();
  private outputs: string[] = [];
  private told: Part | undefined = undefined;
  private readonly small = document.createElement("canvas").getContext("2d", { willReadFrequently: true })!;

  constructor(private readonly canvas: HTMLCanvasElement) {}

  draw(scene: Scene): void {
    const context = this.canvas.getContext("2d")!;
    const whole = this.begin(context, scene);
    for (const block of scene.blocks.slice(1)) this.drawBlock(context, scene, block, whole);
    this.drawOutputs(context, scene, whole);
  }

  /** Prepares the canvas; whether everything on it is to be drawn anew. */
  private begin(context: CanvasRenderingContext2D, scene: Scene): boolean {
    const before = this.shown;
    this.shown = scene;
    if (before && (["blocks", "theme", "pictures", "view", "width", "height"] as const).every((key) => before[key] === scene[key])) return false;
    const ratio = devicePixelRatio || 1;
    const { left, top, wide, high } = hull(scene);
    const size = [Math.round(wide * ratio), Math.round(high * ratio)];
    if (this.canvas.width !== size[0] || this.canvas.height !== size[1]) [this.canvas.width, this.canvas.height] = size;
    Object.assign(this.canvas.style, { left: `${left}px`, top: `${top}px`, width: `${wide}px`, height: `${high}px` });
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, ...(size as [number, number]));
    const { scale, x, y } = scene.view;
    context.setTransform(ratio * scale, 0, 0, ratio * scale, ratio * (x - left), ratio * (y - top));
    this.colours.clear();
    this.outputs = [];
    return true;
  }

  private drawBlock(context: CanvasRenderingContext2D, scene: Scene, block: Block, whole: boolean): void {
    const images = scene.pictures?.get(block.path);
    if (images && block.perCell === 1) {
      if (whole) drawImages(context, block, images);
      return;
    }
    const part = scene.cells.get(block.path);
    const before = this.colours.get(block.path);
    const colours = coloursOf(block, part);
    const numbered = part !== undefined && block.size * scene.view.scale >= NUMBERED;
    if (before && !numbered && colours.every((colour, at) => Math.abs(colour - before[at]) < SAME && (colour === NONE) === (before[at] === NONE))) return;
    this.colours.set(block.path, colours);
    if (block.round || numbered) this.drawSingly(context, scene, block, part, colours, before, numbered);
    else this.drawGrid(context, scene, block, colours);
  }

  /** Many cells at once: a picture with a pixel for each, enlarged, and what lies between cells cut out of it. */
  private drawGrid(context: CanvasRenderingContext2D, scene: Scene, block: Block, colours: Uint8Array): void {
    const table = signedTable(scene.theme);
    const empty = rgbOf(token("sunken"));
    const image = this.small.createImageData(block.columns, block.rows);
    for (let cell = 0; cell < block.cells; cell++) {
      const within = cell % block.perLane;
      const row = Math.floor(cell / block.perLane) * block.laneRows + Math.floor(within / block.columns);
      const [r, g, b] = colours[cell] === NONE ? empty : table[colours[cell]];
      const at = 4 * (row * block.columns + (within % block.columns));
      [image.data[at], image.data[at + 1], image.data[at + 2], image.data[at + 3]] = [r, g, b, 255];
    }
    if (this.small.canvas.width !== block.columns || this.small.canvas.height !== block.rows) [this.small.canvas.width, this.small.canvas.height] = [block.columns, block.rows];
    this.small.putImageData(image, 0, 0);
    context.imageSmoothingEnabled = false;
    const [wide, high] = [block.columns * block.step, block.laneRows * block.step];
    for (let lane = 0; lane < block.lanes; lane++) {
      const top = block.y + lane * (high + block.laneGap);
      context.clearRect(block.x, top, wide, high);
      context.drawImage(this.small.canvas, 0, lane * block.laneRows, block.columns, block.laneRows, block.x, top, wide, high);
      const gap = block.step - block.size;
      if (!gap) continue;
      for (let column = 0; column < block.columns; column++) context.clearRect(block.x + column * block.step + block.size, top, gap, high);
      for (let row = 0; row < block.laneRows; row++) context.clearRect(block.x, top + row * block.step + block.size, wide, gap);
    }
  }

  private drawSingly(context: CanvasRenderingContext2D, scene: Scene, block: Block, part: Part | undefined, colours: Uint8Array, before: Uint8Array | undefined, numbered: boolean): void {
    const table = signedTable(scene.theme);
    const { scale, x: left, y: top } = scene.view;
    context.strokeStyle = token("line-strong");
    context.lineWidth = 1;
    for (let cell = 0; cell < block.cells; cell++) {
      if (before && !numbered && colours[cell] === before[cell]) continue;
      const [x, y] = corner(block, cell);
      if (scale > 1 && ((x + block.step) * scale + left < 0 || x * scale + left > scene.width || (y + block.step) * scale + top < 0 || y * scale + top > scene.height)) continue;
      if (block.round) context.clearRect(x - 1, y - 1, block.size + 2, block.size + 2);
      const [r, g, b] = table[colours[cell]];
      context.fillStyle = colours[cell] === NONE ? token("sunken") : `rgb(${r} ${g} ${b})`;
      if (block.round) {
        context.beginPath();
        context.arc(x + block.size / 2, y + block.size / 2, block.size / 2, 0, 7);
        context.fill();
        context.stroke();
      } else context.fillRect(x, y, block.size, block.size);
      if (!numbered) continue;
      const value = cellValue(block, part!.values, cell);
      context.fillStyle = inkOn(scene.theme, value, part!.limit);
      context.textAlign = "center";
      context.textBaseline = "middle";
      context.font = `${11 / scale}px Inter, system-ui, sans-serif`;
      context.fillText(number(value, 2), x + block.size / 2, y + block.size / 2);
    }
  }

  /** The names of the outputs, and what each says. */
  private drawOutputs(context: CanvasRenderingContext2D, scene: Scene, whole: boolean): void {
    const block = scene.blocks[scene.blocks.length - 1];
    const part = scene.values.get(block.path);
    if (!block.labels || block.columns !== 1 || (!whole && part?.values === this.told?.values)) return;
    this.told = part;
    const chances = scene.chances && part !== undefined;
    const names = distinct(block.labels, 16);
    const room = labelRoom(block.labels);
    let top = 0;
    part?.values.forEach((value, at) => (top = value > part.values[top] ? at : top));
    context.textBaseline = "middle";
    for (let at = 0; at < block.units; at++) {
      const strong = chances && at === top;
      const value = !part ? "" : chances ? percent(part.values[at]) : scene.plain ? number(part.values[at], 2) : "";
      const text = `${value} ${strong}`;
      if (!whole && this.outputs[at] === text) continue;
      this.outputs[at] = text;
      const [x, y] = centre(block, at);
      const left = x + block.size / 2 + 8;
      context.clearRect(left - 3, y - block.step / 2, room.value + 70, block.step);
      context.fillStyle = token(strong ? "text" : "text-2");
      context.font = `${strong ? 600 : 400} 12px Inter, system-ui, sans-serif`;
      context.textAlign = "left";
      context.fillText(fit(context, names[at] ?? "", chances ? room.name : 120), left, y);
      if (!value) continue;
      context.textAlign = "right";
      context.fillText(value, left + room.value, y);
    }
  }
}

function coloursOf(block: Block, part: Part | undefined): Uint8Array {
  const colours = new Uint8Array(block.cells);
  if (part) for (let cell = 0; cell < block.cells; cell++) colours[cell] = Math.max(1, colourOf(block.perCell === 1 ? part.values[cell] : cellValue(block, part.values, cell), part.limit));
  return colours;
}

/** The place in the table of colours, from 0 to 255. */
function colourOf(value: number, limit: number): number {
  const share = Number.isFinite(value) && limit > 0 ? Math.max(-1, Math.min(1, value / limit)) : 0;
  return Math.round((share + 1) * 127.5);
}

function rgbOf(hex: string): [number, number, number] {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)) as [number, number, number];
}

function drawImages(context: CanvasRenderingContext2D, block: Block, images: HTMLCanvasElement[]): void {
  context.strokeStyle = token("line-strong");
  context.lineWidth = 1;
  context.imageSmoothingEnabled = true;
  for (let cell = 0; cell < block.cells; cell++) {
    const [x, y] = corner(block, cell);
    context.drawImage(images[cell], x, y, block.size, block.size);
    context.strokeRect(x + 0.5, y + 0.5, block.size - 1, block.size - 1);
  }
}
