// What the playground trains: its settings as the address tells them, and what the server says of them.

export interface PlayState {
  data: string;
  noise: number;
  features: string[];
  layers: [string, number][];
  loss: string;
  optimizer: string;
  rate: number;
  penalty: string;
  strength: number;
  dropout: number;
  batch: number;
  seed: number;
  hide: string[];
}

export interface Options {
  classes: string[];
  numbers: string[];
  features: string[];
  activations: string[];
  losses: { classes: string[]; numbers: string[] };
  optimizers: string[];
  penalties: string[];
  max_layers: number;
  max_units: number;
}

export interface Opened {
  session: string;
  state: PlayState;
  address: string;
  notes: string[];
  classes: boolean;
  names: [string, string, string];
  labels: string[];
  points: [number, number, number, boolean][];
}

/** New settings, or what makes them of those that were asked for last. */
export type Change = Partial<PlayState> | ((now: PlayState) => Partial<PlayState>);

export interface Look {
  ended?: boolean;
  version: number;
  playing: boolean;
  message: string;
  epoch: number;
  from: number;
  losses: [number, number, number][];
  parts?: { path: string; side: number; limit: number }[];
  layers?: { weight: number[][]; bias: number[] }[];
  array: Uint8Array;
}

export const FEATURES: Record<string, string> = { x: "x", y: "y", xx: "x²", yy: "y²", xy: "x·y", sinx: "sin πx", siny: "sin πy" };

/** The settings as the address writes them. */
export function toValues(state: PlayState): Record<string, string> {
  return {
    d: state.data,
    n: String(state.noise),
    i: state.features.join(","),
    l: state.layers.map(([activation, units]) => `${units}:${activation}`).join(",") || "none",
    f: state.loss,
    o: state.optimizer,
    r: String(state.rate),
    g: `${state.penalty}:${state.strength}`,
    p: String(state.dropout),
    b: String(state.batch),
    s: String(state.seed),
    ...(state.hide.length ? { hide: state.hide.join(",") } : {}),
  };
}

/** What stands behind "?" in the address of this page; the token was taken out before. */
export function fromAddress(): Record<string, string> {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  return path === "play" ? Object.fromEntries(new URLSearchParams(query)) : {};
}
