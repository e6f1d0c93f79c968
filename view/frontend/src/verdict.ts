// How training goes, in a sentence.

import { plural } from "./format";
import type { Epoch } from "./types";

/** A loss that changes by less than this share is taken for the same. */
const SAME = 0.005;
const SOME = 5;

function last<T>(list: T[], back = 0): T {
  return list[list.length - 1 - back];
}

export function numberOr(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

/** The index of the epoch with the smallest validation loss, or training loss where there is no other; -1 for none. */
export function bestEpoch(epochs: Epoch[]): number {
  const validated = epochs.some((epoch) => numberOr(epoch.validation_loss) !== null);
  let best = -1;
  let least = Infinity;
  epochs.forEach((epoch, at) => {
    const value = numberOr(validated ? epoch.validation_loss : epoch.loss);
    if (value !== null && value < least) [best, least] = [at, value];
  });
  return best;
}

/** What the curves say, in plain words. */
export function verdict(epochs: Epoch[], live: boolean): string {
  if (!epochs.length) return live ? "The first epoch is not complete yet." : "";
  const now = last(epochs);
  if (numberOr(now.loss) === null)
    return "The loss is no longer a number. The learning rate is probably too high; a smaller one, or clipping the gradient, helps.";
  if (epochs.length === 1) return "One epoch is complete; a trend needs some more.";
  const best = bestEpoch(epochs);
  const since = epochs.length - 1 - best;
  const losses = epochs.map((epoch) => numberOr(epoch.loss) ?? Infinity);
  const some = Math.min(SOME, losses.length - 1);
  const change = (last(losses) - last(losses, some)) / Math.max(Math.abs(last(losses, some)), 1e-30);
  if (numberOr(now.validation_loss) === null) {
    if (since > 0 && change > SAME) return "Training loss rises: the learning rate may be too high.";
    return change < -SAME ? "Training loss still falls." : `Training loss hardly changes any more; the best epoch is ${epochs[best].epoch}.`;
  }
  if (since === 0) return `Validation loss ${live ? "is still falling" : "was still falling at the end"}: epoch ${now.epoch} is the best${live ? " so far" : ""}.`;
  const start = `Validation loss has not improved for ${plural(since, "epoch")}; the best is epoch ${epochs[best].epoch}.`;
  const falls = last(losses) < losses[best] * (1 - 4 * SAME);
  if (since >= 3 && falls) return `${start} Training loss still falls: the network begins to memorise its rows.`;
  if (since >= 3 && Math.abs(change) <= SAME) return `${start} Training loss hardly changes either.`;
  if (change > 0.1) return `${start} Training loss rises: the learning rate may be too high.`;
  return start;
}
