// Smoothing that hides nothing: a centred median of some epochs, always drawn before the line that it was made of.

export const WINDOWS = [1, 3, 5, 9, 17];

/** The median of the values around each place; gaps stay gaps and count for nothing. At the ends the window is cut. */
export function median(values: (number | null)[], window: number): (number | null)[] {
  if (window <= 1) return values;
  const half = Math.floor(window / 2);
  return values.map((value, at) => {
    if (value === null) return null;
    const near = values.slice(Math.max(0, at - half), at + half + 1).filter((part): part is number => part !== null);
    near.sort((a, b) => a - b);
    const middle = near.length >> 1;
    return near.length % 2 ? near[middle] : (near[middle - 1] + near[middle]) / 2;
  });
}
