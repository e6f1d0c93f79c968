// Where the neurons of a network lie on the page: columns from left to right, wide layers folded into grids.

import type { What } from "./types";

export interface Block {
  path: string;
  title: string;
  subtitle: string;
  units: number;
  perCell: number;
  cells: number;
  columns: number;
  rows: number;
  x: number;
  y: number;
  step: number;
  size: number;
  round: boolean;
  picture: boolean;
  labels: string[] | null;
}

const TOP = 46;
const LABELS = 132;
const LETTER = 8;
const VALUE = 54;
const MAX_CELL = 22;
const PICTURED_CELL = 46;
const MIN_CELL = 4;
const MIN_GAP = 44;

/** How much room the name of an output has, and how far from it its value ends: less where all names are short. */
export function labelRoom(labels: string[] | null): { name: number; value: number } {
  const name = Math.min(58, LETTER * Math.max(1, ...(labels ?? []).map((label) => label.length)));
  return { name, value: name + VALUE };
}

/** The blocks of a network for a drawing of a given size. `inputLabels` are shown where the inputs are few. */
export function layout(what: What, width: number, height: number, pictured = false): Block[] {
  const dense = what.layers.filter((layer) => layer.neurons);
  const picture = what.form.kind === "picture";
  const [pixelRows, pixelColumns] = what.form.shape;
  const last = dense.length - 1;
  const room = height - TOP - 12;
  const few = what.inputs.count <= 16 && !picture;
  const left = few ? 110 : 8;
  const right = what.task === "regression" ? LABELS : 20 + labelRoom(dense[last].labels ?? what.target).value;
  const share = (width - left - right - MIN_GAP * dense.length) / (dense.length + 1);
  const widest = Math.max(18, share);
  const blocks: Block[] = [];
  const add = (path: string, title: string, subtitle: string, units: number, labels: string[] | null, grid: [number, number] | null) => {
    let perCell = 1;
    let cells = units;
    let columns = 1;
    let step = 0;
    for (;;) {
      cells = Math.ceil(units / perCell);
      if (grid) columns = grid[1];
      else columns = cells <= 16 ? 1 : bestColumns(cells, widest, room);
      const rows = grid ? grid[0] : Math.ceil(cells / columns);
      step = Math.min(grid ? 14 : pictured && path !== "inputs" ? PICTURED_CELL : MAX_CELL, widest / columns, room / rows);
      if (step >= MIN_CELL || grid || perCell > units) break;
      perCell *= 2;
    }
    if (perCell > 1) subtitle += `, ${perCell} a cell`;
    const rows = grid ? grid[0] : Math.ceil(cells / columns);
    const gap = step > 8 ? Math.min(4, step * 0.18) : step > 5 ? 1 : 0;
    blocks.push({ path, title, subtitle, units, perCell, cells, columns, rows, x: 0, y: 0, step, size: step - gap, round: units <= 64 && !grid && !(pictured && path !== "inputs"), picture: grid !== null, labels });
  };
  const inputs = picture ? `${pixelColumns} × ${pixelRows} pixels` : `${what.inputs.count.toLocaleString("en-US")} numbers`;
  add("inputs", "Inputs", inputs, picture ? pixelRows * pixelColumns : what.inputs.count, few ? what.inputs.names : null, picture ? [pixelRows, pixelColumns] : null);
  dense.forEach((layer, at) => {
    const name = at === last ? "Output" : dense.length === 2 ? "Hidden" : `Hidden ${at + 1}`;
    const groups = layer.groups > 1 ? `, ${layer.groups} groups` : "";
    const labels = at === last ? (layer.labels ?? (layer.units <= 16 ? what.target : null)) : null;
    add(layer.path, name, `${layer.units.toLocaleString("en-US")} ${layer.activation}${groups}`, layer.units, labels, null);
  });
  const used = blocks.reduce((sum, block) => sum + block.columns * block.step, 0);
  const gap = Math.max(18, (width - left - right - used) / dense.length);
  let x = left;
  for (const block of blocks) {
    block.x = x;
    block.y = TOP + Math.max(0, (room - block.rows * block.step) / 2);
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

export function centre(block: Block, unit: number): [number, number] {
  const at = Math.floor(unit / block.perCell);
  return [
    block.x + (at % block.columns) * block.step + block.size / 2,
    block.y + Math.floor(at / block.columns) * block.step + block.size / 2,
  ];
}

/** The block and the first unit of the cell at a point; null beside all cells. */
export function hit(blocks: Block[], x: number, y: number): { block: Block; unit: number } | null {
  for (const block of blocks) {
    const column = Math.floor((x - block.x) / block.step);
    const row = Math.floor((y - block.y) / block.step);
    const at = row * block.columns + column;
    if (column >= 0 && column < block.columns && row >= 0 && at < block.cells) return { block, unit: at * block.perCell };
  }
  return null;
}
