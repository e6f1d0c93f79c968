// What the server answers, as TypeScript types; the names are those of the questions in view/questions.

export interface Layer {
  path: string;
  kind: string;
  units: number;
  inputs: number;
  groups: number;
  neurons: boolean;
  activation: string | null;
  rate: number | null;
  labels: string[] | null;
}

export interface Column {
  name: string;
  kind: string;
  low: number;
  high: number;
  integer: boolean;
  choices: string[];
}

export interface Epoch {
  epoch: number;
  loss: number | string;
  validation_loss: number | string | null;
  metrics: Record<string, number | string>;
  learning_rate: number;
  best: boolean;
}

export interface What {
  name: string;
  predicts: string;
  task: "binary" | "multiclass" | "multilabel" | "regression";
  classes: string[];
  target: string[];
  parameters: number;
  inputs: { count: number; names: string[]; picture: boolean; pixels: number[] | null };
  layers: Layer[];
  form: { kind: "picture" | "sound" | "table" | "language"; columns: Column[]; shape: number[]; pixels: string[] };
  rows: { count: number; name: string; notes: string[] } | null;
  has_targets: boolean;
  /** Why no training of a copy can be shown. */
  no_steps?: string | null;
  /** Whether the recordings themselves are at hand. */
  plays: boolean;
  training: {
    recipe: string;
    seconds: number;
    epochs: number;
    members: number;
    /** How many epochs each of several networks was trained for. */
    member_epochs: number[];
    best_epoch: number;
    metrics: Record<string, number | null>;
    measured_on: string;
    stop_reason: string;
  };
  history: Epoch[];
  live?: boolean;
}

export type Cell = string | number | boolean | null;

export interface Row {
  row: number;
  number: number;
  name?: string;
  cells?: Cell[];
  pixels?: string;
  predicted: string | number | number[];
  probability?: number;
  actual?: string | number | number[];
  loss?: number;
  probability_of_actual?: number;
}

export interface RowPage {
  total: number;
  rows: Row[];
}

export interface Term {
  input: string;
  index: number;
  weight: number;
  value?: number;
  product?: number;
}

export interface Statistics {
  mean: number;
  deviation: number;
  active: number;
  flat: number | null;
  lowest: number;
  highest: number;
  counts: number[];
  edges: number[];
  rows: number;
  flags: string[];
  duplicate_of: number | null;
}

export interface Neuron {
  layer: string;
  neuron: number;
  stands_for: string | null;
  activation: { name: string; formula: string };
  bias: number | null;
  fan_in: number;
  weights: number[] | null;
  statistics: Statistics | null;
  terms: Term[];
  sum_of_products?: number;
  sum?: number;
  output?: number;
  derivative?: number | null;
  curve: { x: number[]; y: number[] } | null;
  by_column?: { column: string; product: number }[] | null;
}

/** The cells of a table, the pixels of a picture, or the text before a character. */
export type Values = Record<string, Cell> | number[] | string;

export interface Answer {
  predicted: string | number | number[];
  probabilities: number[] | null;
  parts: { path: string; start: number; length: number }[];
  array: Float32Array;
}

export interface Connections {
  lines: [number, number, number][];
  limit: number;
  all: number;
}

/** Some of many inputs: those that carry most, are looked for, or were chosen. */
export interface SomeInputs {
  inputs: { index: number; name: string; value: number | null; size: number }[];
  lines: [number, number, number][];
  limit: number;
  found: number;
  all: number;
}

export type Health = Record<string, { flags: Record<string, string[]>; duplicates: Record<string, number> }>;

export type Show = "activations" | "weights" | "updates";

/** A number for each neuron. */
export interface Sizes {
  show: Show;
  parts: { path: string; start: number; length: number }[];
  array: Float32Array;
}

export interface Control {
  do: string;
  epoch: number;
  step: number;
  text: string;
  value: number | null;
}

export interface Status {
  state: "preparing" | "running" | "paused" | "ending" | "ended" | "missing";
  reason: string;
  generation: number;
  sequence: number;
  age: number | null;
  controls: Control[];
  n_epochs: number;
  step: number;
  epoch: number;
  last_epoch: number;
  position: number;
  steps: number;
  paused: boolean;
  learning_rate: number;
  examples_per_second: number;
}

export interface LayerHealth {
  path: string;
  units: number;
  weight_norm: number | null;
  gradient_norm: number | null;
  update_ratio: number | null;
  dead: number | null;
  saturated: number | null;
  constant: number | null;
  duplicate: number | null;
  rows: number | null;
}

export interface StepTerm {
  index: number;
  input: string;
  value: number;
  weight: number;
  product: number;
  gradient: number;
  used: number;
  memory: { name: string; before: number; after: number }[];
  new: number;
}

export interface StepAnswer {
  step: number;
  epoch: number;
  position: number;
  per_epoch: number;
  may_run_epochs: boolean;
  seed: number;
  rows: string;
  rate: number;
  optimizer: string;
  loss_name: string;
  loss_formula: string;
  start: { path: string; rule: string; fan_in: number; count: number; deviation: number; points: number[] }[];
  batch: { number: number; target: number[]; output: number[]; loss: number }[];
  loss: number;
  loss_after: number;
  gradient_norm: number;
  row: number;
  inputs: number[];
  /** The picture that the row is, in the user's values. */
  pixels: number[] | null;
  layers: { path: string; y: number[]; dz: number[] }[];
  neuron: {
    path: string;
    neuron: number;
    activation: string;
    terms: StepTerm[];
    others: number;
    others_sum: number;
    bias: { weight: number; gradient: number; used: number; memory: StepTerm["memory"]; new: number } | null;
    z: number;
    y: number;
    derivative: number | null;
    dy: number | null;
    dz: number;
    rows: number;
  };
}

export interface StepCheck {
  analytic: number;
  numeric: number;
  h: number;
  plus: number;
  minus: number;
  note: string | null;
}

/** What the neurons output over the plane of two inputs. */
export interface Surface {
  x: [number, number];
  y: [number, number];
  names: string[];
  side: number;
  parts: { path: string; units: number; limit: number }[];
  points: [number, number, number][];
  array: Uint8Array;
}

export interface NeuronExamples {
  name: string;
  low: number;
  high: number;
  rows: (Row & { output: number })[];
}

/** What each column adds to an output, from a typical row to this one. */
export interface Contributions {
  explained: string;
  unit: "logit" | "value";
  base: number;
  output: number;
  error: number;
  columns: { column: string; value: number }[];
  others: number;
  rest: number;
  words: Record<string, [string, number][]>;
  map?: number[];
  map_shape?: [number, number];
}

/** What the model would predict with other cells in a column. */
export interface Responses {
  explained: string;
  low: number;
  high: number;
  curves: Record<string, { grid: Cell[]; values: number[] }>;
}

export type NearRow = Row & { distance: number };

export interface NearRows {
  reading: boolean;
  among: string;
  own: boolean;
  rows: NearRow[];
  other: NearRow | null;
}

/** The weights of a layer as a picture. */
export interface Matrix {
  limit: number;
  beyond: number;
  inputs: number;
  neurons: number;
  /** Of the picture. */
  shape: [number, number];
  array: Uint8Array;
}
