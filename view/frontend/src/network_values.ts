// What the cells of a network show: a number for each neuron, and where the colours of its layer end.

import { robustLimit } from "./colours";
import { type Block, unitsOf } from "./layout";
import type { Answer, Show, Sizes } from "./types";

export interface Part {
  values: Float32Array;
  limit: number;
}

export type Split = Map<string, Part>;

/** A limit stays while the newest one lies between these fractions of it: colours that follow every step flicker. */
const STAYS = [0.5, 1.1] as const;
/** The time between two looks at the sizes of a layer, in milliseconds. */
const LOOK_TIME = 500;

/** Limits that stay the same over a stream of answers, by the path of the layer. */
export class Limits {
  private readonly kept = new Map<string, { limit: number; due: number }>();

  of(path: string, values: Float32Array): number {
    const before = this.kept.get(path);
    const time = performance.now();
    if (before && time < before.due) return before.limit;
    const now = robustLimit(values);
    const stays = before !== undefined && now >= STAYS[0] * before.limit && now <= STAYS[1] * before.limit;
    const limit = stays ? before.limit : now;
    this.kept.set(path, { limit, due: time + LOOK_TIME });
    return limit;
  }
}

/** The outputs of every layer. */
export function split(answer: Answer | null, asProbabilities: boolean, limits: Limits | null = null): Split {
  const parts: Split = new Map();
  const last = answer?.parts[answer.parts.length - 1]?.path;
  for (const part of answer?.parts ?? []) {
    const values = answer!.array.subarray(part.start, part.start + part.length);
    // Inputs are not drawn by their place among outputs; probabilities are on the scale from 0 to 1.
    const given = part.path === "inputs" || (asProbabilities && part.path === last);
    parts.set(part.path, { values, limit: given ? 1 : (limits?.of(part.path, values) ?? robustLimit(values)) });
  }
  return parts;
}

/** Sizes are not negative: they take the positive half of the colours. */
export function splitSizes(measured: Sizes | null, kind: Show): Split {
  const parts: Split = new Map();
  if (measured && (measured.show ?? kind) === kind)
    for (const part of measured.parts) {
      const values = measured.array.subarray(part.start, part.start + part.length);
      parts.set(part.path, { values, limit: robustLimit(values) });
    }
  return parts;
}

/** The value of a cell: of several neurons the one that is largest in size. */
export function cellValue(block: Block, values: ArrayLike<number>, cell: number): number {
  const [first, end] = unitsOf(block, cell);
  let value = 0;
  for (let unit = first; unit < end; unit++) if (Math.abs(values[unit]) > Math.abs(value)) value = values[unit];
  return value;
}
