// The life of a chart: as wide as its box until it is taken away.

import type uPlot from "uplot";

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
