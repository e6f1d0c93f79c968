// Where the neurons of a network lie on the page: columns from left to right, wide layers folded into grids.

import { layerTitle } from "./layer_titles";
import type { SomeInputs, What } from "./types";

export interface Block {
  path: string;
  title: string;
  subtitle: string;
  units: number;
  perCell: number;
  cells: number;
  columns: number;
  /** Of all lanes together. */
  rows: number;
  /** Groups whose neurons see only their own inputs lie one below the other. */
  lanes: number;
  /** Cells and rows of a lane, and the space between two lanes. */
  perLane: number;
  laneRows: number;
  laneGap: number;
  x: number;
  y: number;
  step: number;
  size: number;
  round: boolean;
  picture: boolean;
  labels: string[] | null;
}

const TOP = 46;
const LEAST = 180;
const LABELS = 132;
const LETTER = 8;
const VALUE = 60;
const MAX_CELL = 22;
const PICTURED_CELL = 46;
const MIN_CELL = 4;
const MIN_GAP = 44;
const LANE_GAP = 10;
/** More groups than this are named, and not drawn as lanes. */
const MAX_LANES = 32;

/** How much room the name of an output has, and how far from it its value ends: less where all names are short. */
export function labelRoom(labels: string[] | null): { name: number; value: number } {
  const name = Math.min(58, LETTER * Math.max(1, ...(labels ?? []).map((label) => label.length)));
  return { name, value: name + VALUE };
}

/** The blocks of a network for a drawing of a given size. `inputLabels` are shown where the inputs are few. */
export function layout(what: What, width: number, height: number, pictured = false, some: SomeInputs | null = null): Block[] {
  const dense = what.layers.filter((layer) => layer.neurons);
  const sound = what.form.kind === "sound";
  const picture = what.form.kind === "picture" || sound;
  const [pixelRows, pixelColumns] = what.form.shape;
  const last = dense.length - 1;
  const room = height - TOP - 12;
  const few = (what.inputs.count <= 16 || some !== null) && !picture;
  const left = few ? 110 : 8;
  const right = what.task === "regression" ? LABELS : 20 + labelRoom(dense[last].labels ?? what.target).value;
  const columnWidth = (width - left - right - MIN_GAP * dense.length) / (dense.length + 1);
  const widest = Math.max(18, columnWidth);
  const blocks: Block[] = [];
  const add = (path: string, title: string, subtitle: string, units: number, labels: string[] | null, grid: [number, number] | null, groups = 1) => {
    const lanes = groups > 1 && groups <= MAX_LANES ? groups : 1;
    const laneGap = lanes > 1 ? Math.max(3, Math.min(LANE_GAP, (0.2 * room) / (lanes - 1))) : 0;
    const inside = room - (lanes - 1) * laneGap;
    const largest = grid ? 14 : pictured && path !== "inputs" ? PICTURED_CELL : MAX_CELL;
    let perCell = 1;
    let perLane = units;
    let columns = 1;
    let step = 0;
    for (;;) {
      perLane = Math.ceil(units / lanes / perCell);
      if (grid) columns = grid[1];
      else columns = perLane * lanes <= 16 ? 1 : bestColumns(perLane, widest, inside / lanes);
      const rows = grid ? grid[0] : lanes * Math.ceil(perLane / columns);
      step = Math.min(largest, widest / columns, inside / rows);
      if (step >= MIN_CELL || grid || perCell > units) break;
      perCell *= 2;
    }
    if (perCell > 1) subtitle += `, ${perCell} a cell`;
    const laneRows = grid ? grid[0] : Math.ceil(perLane / columns);
    const gap = step > 8 ? Math.min(4, step * 0.18) : step > 5 ? 1 : 0;
    const round = units <= 64 && !grid && !(pictured && path !== "inputs");
    blocks.push({ path, title, subtitle, units, perCell, cells: perLane * lanes, columns, rows: lanes * laneRows, lanes, perLane, laneRows, laneGap, x: 0, y: 0, step, size: step - gap, round, picture: grid !== null, labels });
  };
  const numbers = `${some ? `${some.inputs.length} of ` : ""}${what.inputs.count.toLocaleString("en-US")} numbers`;
  const names = some ? some.inputs.map((entry) => entry.name) : few ? what.inputs.names : null;
  const units = picture ? pixelRows * pixelColumns : (some?.inputs.length ?? what.inputs.count);
  add("inputs", "Inputs", sound ? `${pixelRows} bands, ${pixelColumns} frames` : picture ? `${pixelColumns} × ${pixelRows} pixels` : numbers, units, names, picture ? [pixelRows, pixelColumns] : null);
  dense.forEach((layer, at) => {
    const groups = layer.groups > 1 ? `, ${layer.groups} groups` : "";
    const labels = at === last ? (layer.labels ?? (layer.units <= 16 ? what.target : null)) : null;
    add(layer.path, layerTitle(at, dense.length), `${layer.units.toLocaleString("en-US")} ${layer.activation}${groups}`, layer.units, labels, null, layer.groups);
  });
  const used = blocks.reduce((sum, block) => sum + block.columns * block.step, 0);
  const gap = Math.max(18, (width - left - right - used) / dense.length);
  let x = left;
  for (const block of blocks) {
    block.x = x;
    block.y = TOP + Math.max(0, (room - heightOf(block)) / 2);
    x += block.columns * block.step + gap;
  }
  return blocks;
}

function bestColumns(cells: number, width: number, height: number): number {
  const size = (columns: number) => Math.min(MAX_CELL, width / columns, height / Math.ceil(cells / columns));
  const candidates = Array.from({ length: Math.min(128, Math.ceil(2 * Math.sqrt(cells))) }, (_, at) => at + 1);
  const largest = Math.max(...candidates.map(size));
  // Of grids with cells of about the largest size, one whose last row is full, or fullest; then the narrowest.
  const spare = (columns: number) => (columns - (cells % columns)) % columns;
  const good = candidates.filter((columns) => size(columns) >= 0.88 * largest);
  return good.reduce((best, columns) => (spare(columns) < spare(best) ? columns : best), good[0]);
}

/** The same where few neurons need less height: no taller than they are, but for some room. */
export function fitted(what: What, width: number, most: number, pictured: boolean, some: SomeInputs | null): { blocks: Block[]; height: number } {
  const blocks = layout(what, width, most, pictured, some);
  const height = Math.min(most, Math.max(LEAST, TOP + Math.ceil(Math.max(...blocks.map(heightOf))) + 24));
  const higher = (most - height) / 2;
  return { blocks: blocks.map((block) => ({ ...block, y: block.y - higher })), height };
}

/** How tall a block is, its lanes and what lies between them. */
export function heightOf(block: Block): number {
  return block.rows * block.step + (block.lanes - 1) * block.laneGap;
}

/** The lane of a neuron. */
export function laneOf(block: Block, unit: number): number {
  return Math.floor(unit / (block.units / block.lanes));
}

/** The upper left corner of a cell. */
export function corner(block: Block, cell: number): [number, number] {
  const lane = Math.floor(cell / block.perLane);
  const within = cell % block.perLane;
  return [block.x + (within % block.columns) * block.step, block.y + (lane * block.laneRows + Math.floor(within / block.columns)) * block.step + lane * block.laneGap];
}

/** The first neuron of a cell, and the one behind its last. */
export function unitsOf(block: Block, cell: number): [number, number] {
  const perGroup = block.units / block.lanes;
  const lane = Math.floor(cell / block.perLane);
  const first = (cell % block.perLane) * block.perCell;
  return [lane * perGroup + first, lane * perGroup + Math.min(first + block.perCell, perGroup)];
}

export function cellOf(block: Block, unit: number): number {
  const perGroup = block.units / block.lanes;
  return laneOf(block, unit) * block.perLane + Math.floor((unit % perGroup) / block.perCell);
}

export function centre(block: Block, unit: number): [number, number] {
  const [x, y] = corner(block, cellOf(block, unit));
  return [x + block.size / 2, y + block.size / 2];
}

/** The block and the first unit of the cell at a point; null beside all cells. */
export function hit(blocks: Block[], x: number, y: number): { block: Block; unit: number } | null {
  for (const block of blocks) {
    const column = Math.floor((x - block.x) / block.step);
    if (column < 0 || column >= block.columns) continue;
    const lane = Math.floor((y - block.y) / (block.laneRows * block.step + block.laneGap));
    const row = Math.floor((y - block.y - lane * (block.laneRows * block.step + block.laneGap)) / block.step);
    const within = row * block.columns + column;
    if (lane >= 0 && lane < block.lanes && row >= 0 && row < block.laneRows && within < block.perLane) return { block, unit: unitsOf(block, lane * block.perLane + within)[0] };
  }
  return null;
}
