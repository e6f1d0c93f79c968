// The cells of a network on a canvas, as often as they change: a cell is drawn again only where it would look different.

import { inkOn, signedTable, type Theme, token } from "./colours";
import type { View } from "./draw_network";
import { number } from "./format";
import { type Block, corner, heightOf } from "./layout";
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
  pictures: Map<string, HTMLCanvasElement[]> | null;
  view: View;
  theme: Theme;
  width: number;
  height: number;
  /** Pixels of the screen for one of the page. */
  ratio: number;
}

type Context = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

/** Where cells may change: all blocks but the inputs. */
export function hull({ blocks, view, width, height }: Pick<Scene, "blocks" | "view" | "width" | "height">): { left: number; top: number; wide: number; high: number } {
  if (view.scale !== 1 || blocks.length < 2) return { left: 0, top: 0, wide: width, high: height };
  const left = Math.floor(blocks[1].x) - MARGIN;
  const top = Math.floor(Math.min(...blocks.slice(1).map((block) => block.y))) - MARGIN;
  const right = Math.max(...blocks.slice(1).map((block) => block.x + block.columns * block.step));
  const bottom = Math.max(...blocks.slice(1).map((block) => block.y + heightOf(block)));
  return { left, top, wide: Math.min(width, Math.ceil(right) + MARGIN) - left, high: Math.ceil(bottom) + MARGIN - top };
}

/** Lays a canvas where cells may change. */
export function placed(canvas: HTMLCanvasElement, scene: Pick<Scene, "blocks" | "view" | "width" | "height">): void {
  const { left, top, wide, high } = hull(scene);
  Object.assign(canvas.style, { left: `${left}px`, top: `${top}px`, width: `${wide}px`, height: `${high}px` });
}

/** Draws the cells of one network on one canvas, and remembers what is on it. */
export class Cells {
  private shown: Scene | null = null;
  private readonly colours = new Map<string, Uint8Array>();
  private readonly grids = new Map<string, Grid>();
  private packed = new Uint32Array(0);
  private place = { scale: 1, x: 0, y: 0 };

  constructor(readonly canvas: HTMLCanvasElement | OffscreenCanvas) {}

  draw(scene: Scene): void {
    const context = this.canvas.getContext("2d", { willReadFrequently: true }) as Context;
    const whole = this.begin(context, scene);
    for (const block of scene.blocks.slice(1)) this.drawBlock(context, scene, block, whole);
  }

  /** Prepares the canvas; whether everything on it is to be drawn anew. */
  private begin(context: Context, scene: Scene): boolean {
    const before = this.shown;
    this.shown = scene;
    if (before && (["blocks", "theme", "pictures", "view", "width", "height", "ratio"] as const).every((key) => before[key] === scene[key])) return false;
    const { ratio } = scene;
    const { left, top, wide, high } = hull(scene);
    const size = [Math.round(wide * ratio), Math.round(high * ratio)];
    if (this.canvas.width !== size[0] || this.canvas.height !== size[1]) [this.canvas.width, this.canvas.height] = size;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, ...(size as [number, number]));
    const { scale, x, y } = scene.view;
    this.place = { scale: ratio * scale, x: ratio * (x - left), y: ratio * (y - top) };
    context.setTransform(this.place.scale, 0, 0, this.place.scale, this.place.x, this.place.y);
    this.colours.clear();
    this.grids.clear();
    this.packed = Uint32Array.from(signedTable(scene.theme), packed);
    this.packed[NONE] = packed(rgbOf(token("sunken")));
    return true;
  }

  private drawBlock(context: Context, scene: Scene, block: Block, whole: boolean): void {
    const images = scene.pictures?.get(block.path);
    if (images && block.perCell === 1) {
      if (whole) drawImages(context, block, images);
      return;
    }
    const part = scene.cells.get(block.path);
    const numbered = part !== undefined && block.size * scene.view.scale >= NUMBERED;
    const single = block.round || numbered;
    const grid = single ? null : this.gridOf(context, block);
    if (single) Object.assign(context, { strokeStyle: token("line-strong"), lineWidth: 1 });
    else if (!grid) return;
    const before = this.colours.get(block.path);
    const shown = before ?? new Uint8Array(block.cells);
    this.colours.set(block.path, shown);
    let [first, last] = [block.rows, -1];
    for (let cell = 0; cell < block.cells; cell++) {
      const colour = !part ? NONE : Math.max(1, colourOf(block.perCell === 1 ? part.values[cell] : cellValue(block, part.values, cell), part.limit));
      if (before && !numbered && Math.abs(colour - shown[cell]) < SAME && (colour === NONE) === (shown[cell] === NONE)) continue;
      shown[cell] = colour;
      if (!grid) {
        drawCell(context, scene, block, cell, colour, numbered ? part : undefined);
        continue;
      }
      const row = Math.floor(cell / block.perLane) * block.laneRows + Math.floor((cell % block.perLane) / block.columns);
      this.fill(grid, row, (cell % block.perLane) % block.columns, colour);
      [first, last] = [Math.min(first, row), Math.max(last, row)];
    }
    if (!grid || last < first) return;
    const top = grid.down[first][0] - grid.top;
    context.putImageData(grid.image, grid.left, grid.top, 0, top, grid.image.width, grid.down[last][1] - grid.top - top);
  }

  /** Where the cells of a block lie, and a picture of all their pixels, with nothing between cells; null where none is in sight. */
  private gridOf(context: Context, block: Block): Grid | null {
    const kept = this.grids.get(block.path);
    if (kept) return kept;
    const { scale, x, y } = this.place;
    const { width: wide, height: high } = context.canvas;
    const across = edges(block.columns, block, scale, scale * block.x + x, wide);
    const down = Array.from({ length: block.lanes }, (_, lane) => edges(block.laneRows, block, scale, scale * (block.y + lane * (block.laneRows * block.step + block.laneGap)) + y, high)).flat();
    const [left, top] = [across[0][0], down[0][0]];
    const [width, height] = [across[across.length - 1][1] - left, down[down.length - 1][1] - top];
    if (width <= 0 || height <= 0) return null;
    const image = new ImageData(width, height);
    const grid = { across, down, left, top, image, pixels: new Uint32Array(image.data.buffer) };
    this.grids.set(block.path, grid);
    return grid;
  }

  private fill({ across, down, left, top, image, pixels }: Grid, row: number, column: number, colour: number): void {
    const [from, to] = across[column];
    for (let line = down[row][0]; line < down[row][1]; line++) pixels.fill(this.packed[colour], (line - top) * image.width + from - left, (line - top) * image.width + to - left);
  }
}

interface Grid {
  /** The first pixel of each column and of each row, and that behind the last. */
  across: [number, number][];
  down: [number, number][];
  left: number;
  top: number;
  image: ImageData;
  pixels: Uint32Array;
}

/** One cell, with its number where it belongs to a part. */
function drawCell(context: Context, scene: Scene, block: Block, cell: number, colour: number, part: Part | undefined): void {
  const { scale, x: left, y: top } = scene.view;
  const [x, y] = corner(block, cell);
  if (scale > 1 && ((x + block.step) * scale + left < 0 || x * scale + left > scene.width || (y + block.step) * scale + top < 0 || y * scale + top > scene.height)) return;
  if (block.round) context.clearRect(x - 1, y - 1, block.size + 2, block.size + 2);
  const [r, g, b] = signedTable(scene.theme)[colour];
  context.fillStyle = colour === NONE ? token("sunken") : `rgb(${r} ${g} ${b})`;
  if (block.round) {
    context.beginPath();
    context.arc(x + block.size / 2, y + block.size / 2, block.size / 2, 0, 7);
    context.fill();
    context.stroke();
  } else context.fillRect(x, y, block.size, block.size);
  if (!part) return;
  const value = cellValue(block, part.values, cell);
  context.fillStyle = inkOn(scene.theme, value, part.limit);
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.font = `${11 / scale}px Inter, system-ui, sans-serif`;
  context.fillText(number(value, 2), x + block.size / 2, y + block.size / 2);
}

/** The place in the table of colours, from 0 to 255. */
function colourOf(value: number, limit: number): number {
  const fraction = Number.isFinite(value) && limit > 0 ? Math.max(-1, Math.min(1, value / limit)) : 0;
  return Math.round((fraction + 1) * 127.5);
}

/** The first and the last pixel but one of each of some cells in a row, cut to so many pixels. */
function edges(count: number, { step, size }: Block, scale: number, start: number, room: number): [number, number][] {
  const edge = (at: number) => Math.max(0, Math.min(room, Math.round(start + scale * at)));
  return Array.from({ length: count }, (_, cell) => [edge(cell * step), edge(cell * step + size)]);
}

/** A colour as the four bytes of a pixel. */
function packed([r, g, b]: [number, number, number]): number {
  return (0xff000000 | (b << 16) | (g << 8) | r) >>> 0;
}

function rgbOf(hex: string): [number, number, number] {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)) as [number, number, number];
}

function drawImages(context: Context, block: Block, images: HTMLCanvasElement[]): void {
  context.strokeStyle = token("line-strong");
  context.lineWidth = 1;
  context.imageSmoothingEnabled = true;
  for (let cell = 0; cell < block.cells; cell++) {
    const [x, y] = corner(block, cell);
    context.drawImage(images[cell], x, y, block.size, block.size);
    context.strokeRect(x + 0.5, y + 0.5, block.size - 1, block.size - 1);
  }
}
