// The settings of the playground: data, and how the network learns.

import type { ComponentChildren } from "preact";
import type { Change, Opened, Options } from "./play_state";

const RATES = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10];
const STRENGTHS = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1];
const NAMES: Record<string, string> = { binary_cross_entropy: "cross-entropy", categorical_cross_entropy: "cross-entropy" };
const words = (name: string) => NAMES[name] ?? name.replace(/_/g, " ");

export function PlaySettings({ opened, options, change, take }: {
  opened: Opened;
  options: Options;
  change: (changes: Change) => void;
  take: (file: File | undefined) => void;
}) {
  const state = opened.state;
  const shown = (name: string) => !state.hide.includes(name);
  const losses = opened.classes ? options.losses.classes : options.losses.numbers;
  return (
    <section class="panel settings" aria-label="Settings">
      {shown("data") && (
        <Choice name="data" value={state.data} set={(data) => change({ data })}>
          <optgroup label="two classes">{options.classes.map(option)}</optgroup>
          <optgroup label="numbers">{options.numbers.map(option)}</optgroup>
          {state.data === "own" && <option value="own">your table</option>}
        </Choice>
      )}
      {shown("data") && (
        <label class="file" title="Two columns of numbers, and the target as the last column">
          <span>or your own</span>
          <input type="file" accept=".csv,.tsv,.txt" aria-label="A CSV file to play with; or drop it on the page" onChange={(event) => take(event.currentTarget.files?.[0])} />
          <b>CSV …</b>
        </label>
      )}
      {shown("noise") && <Range name="noise" value={state.noise} low={0} high={0.5} step={0.01} set={(noise) => change({ noise })} />}
      {shown("batch") && <Range name="batch" value={state.batch} low={1} high={100} step={1} set={(batch) => change({ batch })} />}
      {shown("loss") && (
        <Choice name="loss" value={state.loss} set={(loss) => change({ loss })}>
          {losses.map(option)}
        </Choice>
      )}
      {shown("optimizer") && (
        <Choice name="optimizer" value={state.optimizer} set={(optimizer) => change({ optimizer })}>
          {options.optimizers.map(option)}
        </Choice>
      )}
      {shown("rate") && (
        <Choice name="learning rate" value={String(state.rate)} set={(rate) => change({ rate: Number(rate) })}>
          {withOwn(RATES, state.rate).map(option)}
        </Choice>
      )}
      {shown("penalty") && (
        <Choice name="regularization" value={state.penalty} set={(penalty) => change({ penalty })}>
          {options.penalties.map(option)}
        </Choice>
      )}
      {shown("penalty") && state.penalty !== "none" && (
        <Choice name="its strength" value={String(state.strength)} set={(strength) => change({ strength: Number(strength) })}>
          {withOwn(STRENGTHS, state.strength).map(option)}
        </Choice>
      )}
      {shown("dropout") && <Range name="dropout" value={state.dropout} low={0} high={0.8} step={0.1} set={(dropout) => change({ dropout })} />}
      {shown("seed") && (
        <button class="small dice" onClick={() => change({ seed: (state.seed + 1) % 1_000_000 })} title="Other points and other first weights">
          seed {state.seed}, next
        </button>
      )}
    </section>
  );
}

function option(value: string | number) {
  return (
    <option key={value} value={String(value)}>
      {words(String(value))}
    </option>
  );
}

function withOwn(values: number[], own: number): number[] {
  return values.includes(own) ? values : [...values, own].sort((a, b) => a - b);
}

function Choice({ name, value, set, children }: { name: string; value: string; set: (value: string) => void; children: ComponentChildren }) {
  return (
    <label>
      <span>{name}</span>
      <select value={value} onChange={(event) => set(event.currentTarget.value)}>
        {children}
      </select>
    </label>
  );
}

function Range({ name, value, low, high, step, set }: { name: string; value: number; low: number; high: number; step: number; set: (value: number) => void }) {
  return (
    <label>
      <span>
        {name} <b>{value}</b>
      </span>
      <input type="range" min={low} max={high} step={step} value={value} onChange={(event) => set(Number(event.currentTarget.value))} />
    </label>
  );
}
