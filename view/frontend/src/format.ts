// Numbers as people read them: four significant digits, a true minus sign, plain where it is short.

const MINUS = "\u2212";

export function number(value: number | null | undefined, digits = 4): string {
  if (value === null || value === undefined) return "\u2013";
  if (Number.isNaN(value)) return "not a number";
  if (!Number.isFinite(value)) return value > 0 ? "infinite" : `${MINUS}infinite`;
  const size = Math.abs(value);
  let text: string;
  if (size === 0) text = "0";
  else if (size >= 1e6 || size < 1e-3) text = size.toExponential(2).replace("e+", "e").replace("e-", `e${MINUS}`);
  else {
    // Rounded first: 0.99996 has three digits as 1.00.
    const places = Math.max(0, Math.min(6, digits - 1 - Math.floor(Math.log10(Number(size.toPrecision(digits))))));
    text = (Number.isInteger(size) ? WHOLE : fixed(places)).format(size);
  }
  return value < 0 && text !== "0" ? MINUS + text : text;
}

const WHOLE = new Intl.NumberFormat("en-US");
const FIXED: Intl.NumberFormat[] = [];

/** Formats are kept: to make one takes longer than to use it a hundred times. */
function fixed(places: number): Intl.NumberFormat {
  return (FIXED[places] ??= new Intl.NumberFormat("en-US", { minimumFractionDigits: places, maximumFractionDigits: places }));
}

/** With a sign also where it is positive, for terms of a sum. */
export function signed(value: number): string {
  const text = number(value, 3);
  return value > 0 ? `+${text}` : text;
}

export function percent(fraction: number | null | undefined): string {
  return fraction === null || fraction === undefined ? "\u2013" : `${(100 * fraction).toFixed(1)} %`;
}

/** A time as people say it, with so many decimals where it is a few seconds. */
export function duration(seconds: number, decimals = 1): string {
  if (seconds < 9.95) return `${seconds.toFixed(decimals)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, String(whole % 60).padStart(2, "0")];
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest} h` : `${minutes}:${rest} min`;
}

export function count(value: number): string {
  return WHOLE.format(value);
}

export function plural(value: number, noun: string, nouns = `${noun}s`): string {
  return `${count(value)} ${value === 1 ? noun : nouns}`;
}

/** A cell of a table: text that is a number, as files hold it, is written as a number. */
export function cellText(value: string | number | boolean, kind: string): string {
  const read = typeof value === "number" ? value : kind === "number" && typeof value === "string" && value.trim() !== "" ? Number(value) : NaN;
  // A year is no count: four digits stand without a comma.
  if (Number.isInteger(read) && Math.abs(read) < 1e4) return String(read).replace("-", MINUS);
  return Number.isFinite(read) ? number(read) : String(value);
}

/** A long name cut in its middle, where names differ least. */
export function cut(name: string, length: number): string {
  if (name.length <= length) return name;
  const head = Math.ceil((length - 1) * 0.6);
  return `${name.slice(0, head)}\u2026${name.slice(name.length - (length - 1 - head))}`;
}

/** From so many letters on, what all names share at an end is left out. */
const SHARED = 8;

/** How many letters all names begin with. */
function sharedStart(names: string[]): number {
  const [low, high] = names.reduce(([least, most], name) => [name < least ? name : least, name > most ? name : most], [names[0], names[0]]);
  let same = 0;
  while (same < low.length && low[same] === high[same]) same++;
  return same;
}

/** Names without what all of them begin or end with, where that is long: the part in which they differ. Names of no more
than so many letters stay. */
export function distinct(names: string[], room = 0): string[] {
  if (names.length < 2 || names.every((name) => name.length <= room)) return names;
  const start = sharedStart(names);
  const begun = start < SHARED ? names : names.map((name) => `\u2026${name.slice(start)}`);
  if (begun.every((name) => name.length <= room)) return begun;
  const reversed = (name: string) => [...name].reverse().join("");
  const end = Math.min(sharedStart(names.map(reversed)), ...names.map((name) => name.length - start));
  return end < SHARED ? begun : begun.map((name) => `${name.slice(0, name.length - end)}\u2026`);
}

/** The name of an input without how its column is encoded, which its value shows: what differs has the room. */
export function inputName(name: string): string {
  return name.replace(/^layers\.\d+ /, "").replace(/ \(hat\)$/, "");
}

/** The most decades that ticks written in one way may span, and the most letters of one. */
const ONE_WAY = 3;
const LETTERS = 7;

/** Ticks of an axis: all of a linear axis in one way, with as many digits as they have; on a logarithmic axis each by itself. */
export function tickLabels(ticks: (number | null)[], exponents = false): string[] {
  const sizes = ticks.flatMap((tick) => (tick ? [Math.abs(tick)] : []));
  const most = Math.max(0, ...sizes);
  const far = most > 0 && Math.log10(most / Math.min(...sizes)) > ONE_WAY;
  const write = (tick: number, digits: number): string => {
    const long = far ? Math.abs(tick) >= 1e5 || Math.abs(tick) < 1e-3 : exponents || most >= 1e6 || most < 1e-3;
    if (tick === 0) return "0";
    if (long) return tick.toExponential(digits - 1).replace(/\.?0*e\+?/, "e").replaceAll("-", MINUS);
    return (tick < 0 ? MINUS : "") + Math.abs(Number(tick.toPrecision(digits + 2))).toLocaleString("en-US", { maximumFractionDigits: 12 });
  };
  const decimals = (label: string) => (label.includes("e") || label === "0" ? 0 : (label.split(".")[1]?.length ?? 0));
  for (let digits = 1; ; digits++) {
    const labels = ticks.map((tick) => (tick === null ? "" : write(tick, digits)));
    const shown = labels.filter((label) => label !== "");
    const read = (label: string) => Number(label.replaceAll(MINUS, "-").replaceAll(",", ""));
    if (digits < 6 && ticks.some((tick, at) => tick !== null && Math.abs(read(labels[at]) - tick) > 1e-6 * Math.abs(tick))) continue;
    const places = far ? 0 : Math.max(0, ...shown.map(decimals));
    const padded = (label: string) => label + (decimals(label) ? "" : ".") + "0".repeat(places - decimals(label));
    const alike = labels.map((label) => (label === "" || label === "0" || label.includes("e") || decimals(label) >= places ? label : padded(label)));
    return !far && !exponents && alike.some((label) => label.length > LETTERS) ? tickLabels(ticks, true) : alike;
  }
}

/** Round numbers between two ends, about so many. */
export function roundTicks(low: number, high: number, about = 4): number[] {
  if (!(high > low)) return [low];
  const rough = (high - low) / about;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((part) => part * power).find((part) => part >= rough)!;
  // Counted from the first: among large numbers the next one may be no other.
  const first = Math.ceil(low / step);
  return Array.from({ length: about + 1 }, (_, at) => (first + at) * step).filter((tick) => tick <= high);
}

export const METRICS: Record<string, string> = {
  accuracy: "Accuracy",
  log_loss: "Log loss",
  brier: "Brier score",
  ece: "Calibration error",
  f1: "F1",
  auc: "AUC",
  r2: "R\u00b2",
  rmse: "RMSE",
  mae: "MAE",
  pinball_loss: "Pinball loss",
  coverage: "Coverage",
  bits_per_character: "Bits per character",
  perplexity: "Perplexity",
};

export function metric(name: string, value: number | null): string {
  return name === "accuracy" || name === "coverage" ? percent(value) : number(value);
}
