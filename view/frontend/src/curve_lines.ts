// The lines of the curves: of one training, or of several networks over each other.

import { count, METRICS, number } from "./format";
import type { Control, Epoch } from "./types";
import { bestEpoch, numberOr } from "./verdict";

const MARKED = ["rate", "pause", "stop"];

export interface Line {
  name: string;
  label: string;
  values: (number | null)[];
  strong: boolean;
  /** Of one network among several: drawn, and not read. */
  quiet?: boolean;
}

export interface Mark {
  x: number;
  text: string;
  best: boolean;
}

export interface Lines {
  loss: Line[];
  metrics: Line[];
  rate: Line[];
  headline: string | undefined;
  marks: Mark[];
  epochs: number[];
}

/** The lines of one training, and what is marked on them. */
export function linesOf(history: Epoch[], controls: Control[]): Lines {
  const of = (read: (epoch: Epoch) => unknown) => history.map((epoch) => numberOr(read(epoch)));
  const loss: Line[] = [{ name: "loss", label: "training", values: of((epoch) => epoch.loss), strong: false }];
  if (history.some((epoch) => epoch.validation_loss !== null))
    loss.push({ name: "validation_loss", label: "validation", values: of((epoch) => epoch.validation_loss), strong: true });
  const names = history.length ? Object.keys(history[history.length - 1].metrics) : [];
  const headline = names.find((name) => !name.startsWith("training_") && name in METRICS);
  const metrics: Line[] = [];
  if (headline && names.includes(`training_${headline}`))
    metrics.push({ name: `training_${headline}`, label: "training", values: of((epoch) => epoch.metrics[`training_${headline}`]), strong: false });
  if (headline) metrics.push({ name: headline, label: "validation", values: of((epoch) => epoch.metrics[headline]), strong: true });
  const rates = of((epoch) => epoch.learning_rate);
  const varies = new Set(rates).size > 1;
  const rate: Line[] = varies ? [{ name: "learning_rate", label: "", values: rates, strong: true }] : [];
  const best = loss.length > 1 ? bestEpoch(history) : -1;
  const marks: Mark[] = best >= 0 && history.length > 1 ? [{ x: history[best].epoch, text: `best ${count(history[best].epoch)}`, best: true }] : [];
  for (const control of controls)
    if (MARKED.includes(control.do) && history.length && control.epoch <= history[history.length - 1].epoch)
      marks.push({ x: Math.max(control.epoch, history[0].epoch), text: control.do === "rate" ? `rate ${number(control.value ?? 0, 2)}` : control.do, best: false });
  return { loss, metrics, rate, headline, marks, epochs: history.map((epoch) => epoch.epoch) };
}

/** The lines of networks that were trained one after the other, each from its first epoch on; and their means, to which a
network that has ended adds its last value. */
export function overMembers(history: Epoch[], sizes: number[]): Lines {
  const longest = Math.max(...sizes);
  let start = 0;
  const members = sizes.map((size) => linesOf(history.slice(start, (start += size)), []));
  const over = (of: (lines: Lines) => Line[]): Line[] =>
    (of(members[0]) ?? []).flatMap((line, at) => {
      const all = members.map((member) => of(member)[at]).filter((own) => own?.values.length);
      const upTo = (values: (number | null)[], epoch: number) => values[Math.min(epoch, values.length - 1)];
      const means = Array.from({ length: longest }, (_, epoch) => {
        const values = all.map((own) => upTo(own.values, epoch)).filter((value): value is number => value !== null);
        return values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : null;
      });
      const quiet = all.map((own) => ({ ...own, quiet: true, values: Array.from({ length: longest }, (_, epoch) => own.values[epoch] ?? null) }));
      return [...quiet, { ...line, values: means }];
    });
  return {
    loss: over((lines) => lines.loss),
    metrics: over((lines) => lines.metrics),
    rate: over((lines) => lines.rate),
    headline: members[0].headline,
    marks: [],
    epochs: Array.from({ length: longest }, (_, epoch) => epoch + 1),
  };
}
