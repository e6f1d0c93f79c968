// The life of a chart: as wide as its box until it is taken away.

import type uPlot from "uplot";

/** Steps of an axis of epochs, which are whole. */
export const WHOLE_STEPS = [1, 10, 100, 1e3, 1e4, 1e5, 1e6].flatMap((power) => [power, 2 * power, 5 * power]);

/** The least room between two ticks of such an axis: numbers above a thousand are wide. */
export function roomOfSteps(_: uPlot, __: number, ___: number, last: number): number {
  return last < 1000 ? 36 : 56;
}

/** Keeps a chart in a reference, and as wide as its box; the function that it returns ends both. */
export function keptPlot(reference: { current: uPlot | null }, made: uPlot, box: HTMLElement, height: number): () => void {
  reference.current = made;
  const observer = new ResizeObserver(() => made.setSize({ width: box.clientWidth, height }));
  observer.observe(box);
  return () => {
    reference.current = null;
    observer.disconnect();
    made.destroy();
  };
}
