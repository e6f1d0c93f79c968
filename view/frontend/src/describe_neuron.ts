// A neuron in words.

import { number } from "./format";
import { type Block, laneOf } from "./layout";
import type { Split } from "./network_values";
import { health } from "./state";
import type { Show, What } from "./types";

/** Where a neuron is, its output, and what is wrong with it. */
export function describe(what: What, { block, unit }: { block: Block; unit: number }, values: Split, cells: Split, kind: Show, noun: string): string {
  const part = values.get(block.path);
  if (block.path === "inputs") {
    if (block.picture && what.form.kind === "sound") return `Band ${block.rows - Math.floor(unit / block.columns)} of ${block.rows}, frame ${(unit % block.columns) + 1} of ${block.columns}`;
    if (block.picture) return `Pixel in row ${Math.floor(unit / block.columns)}, column ${unit % block.columns}`;
    const name = block.labels?.[unit] ?? what.inputs.names[unit] ?? `input ${unit}`;
    return part ? `${name}: ${number(part.values[unit])}` : name;
  }
  const label = block.labels?.[unit];
  const group = block.lanes > 1 ? `, group ${laneOf(block, unit) + 1} of ${block.lanes}` : "";
  const several = block.perCell > 1 ? ` to ${Math.min(unit + block.perCell, block.units) - 1}` : "";
  const flags = health.value?.[block.path]?.flags[String(unit)];
  const output = part ? `, ${noun} ${number(part.values[unit])}` : "";
  const size = kind === "activations" ? undefined : cells.get(block.path)?.values[unit];
  const measured = size === undefined ? "" : kind === "weights" ? `, weights of size ${number(size, 3)}` : `, changes by ${number(size, 2)} in a step`;
  return `${block.title}, neuron ${unit}${several}${label ? ` (${label})` : ""}${group}${output}${measured}${flags ? `, ${flags.join(", ")}` : ""}`;
}
