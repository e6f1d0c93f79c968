// Colour tables for canvases. Orange is negative, blue positive, and zero is near the colour of the page, so that a cell is seen.

export type Theme = "light" | "dark";
type Rgb = [number, number, number];

const STOPS: Record<Theme, string[]> = {
  light: ["8a4603", "b56116", "de8543", "f2b58c", "fadac6", "eeeef0", "d0e4f8", "a0c8f4", "61a3e6", "257ecc", "025da1"],
  dark: ["ffbb77", "e7963d", "b97424", "825119", "51371c", "2a2c31", "234058", "27628f", "348dcf", "61b2f4", "9cd1fe"],
};

const tables = new Map<Theme, Rgb[]>();

function rgb(hex: string): Rgb {
  return [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)) as Rgb;
}

/** 256 colours from -1 to +1. */
export function signedTable(theme: Theme): Rgb[] {
  let table = tables.get(theme);
  if (!table) {
    const stops = STOPS[theme].map(rgb);
    table = Array.from({ length: 256 }, (_, at) => {
      const where = (at / 255) * (stops.length - 1);
      const low = Math.min(Math.floor(where), stops.length - 2);
      return stops[low].map((part, k) => Math.round(part + (where - low) * (stops[low + 1][k] - part))) as Rgb;
    });
    tables.set(theme, table);
  }
  return table;
}

export function signedColour(theme: Theme, value: number, limit: number): string {
  const fraction = Number.isFinite(value) && limit > 0 ? Math.max(-1, Math.min(1, value / limit)) : 0;
  const [r, g, b] = signedTable(theme)[Math.round((fraction + 1) * 127.5)];
  return `rgb(${r} ${g} ${b})`;
}

/** Black or white, whichever is easier to read on a colour of the table. */
export function inkOn(theme: Theme, value: number, limit: number): string {
  const fraction = limit > 0 ? Math.max(-1, Math.min(1, value / limit)) : 0;
  const [r, g, b] = signedTable(theme)[Math.round((fraction + 1) * 127.5)];
  return 0.299 * r + 0.587 * g + 0.114 * b > 140 ? "#1b1f26" : "#ffffff";
}

/** The value that a colour scale ends at: of many the 99th percentile of the sizes, so that one value hides no others. */
export function robustLimit(values: ArrayLike<number>): number {
  const sizes = Float64Array.from(values as ArrayLike<number>, (value) => (Number.isFinite(value) ? Math.abs(value) : 0)).sort();
  return (sizes.length > 200 ? sizes[Math.floor(0.99 * (sizes.length - 1))] : 0) || sizes[sizes.length - 1] || 1;
}

const tokens = { theme: "", values: new Map<string, string>() };
let given: Record<string, string> | null = null;

/** Says what the colours of the style sheet are, in a worker, which has none. */
export function giveTokens(values: Record<string, string>): void {
  given = values;
}

/** A colour of the style sheet, in the present theme. */
export function token(name: string): string {
  if (given) return given[name];
  const root = document.documentElement;
  const now = root.dataset.theme ?? "";
  if (tokens.theme !== now) {
    tokens.theme = now;
    tokens.values.clear();
  }
  let value = tokens.values.get(name);
  if (!value) {
    value = getComputedStyle(root).getPropertyValue(`--${name}`).trim();
    tokens.values.set(name, value);
  }
  return value;
}
