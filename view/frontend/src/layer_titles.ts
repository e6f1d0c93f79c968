// What layers are called, by where they stand among those with neurons.

import type { What } from "./types";

/** The title of the layer at an index, of so many layers with neurons. */
export function layerTitle(at: number, count: number): string {
  return at === count - 1 ? "Output" : count === 2 ? "Hidden" : `Hidden ${at + 1}`;
}

export function titleOfLayer(what: What, path: string): string {
  const dense = what.layers.filter((part) => part.neurons);
  return layerTitle(dense.findIndex((part) => part.path === path), dense.length);
}
