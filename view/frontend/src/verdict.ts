// How training goes, in a sentence.

import { plural } from "./format";
import type { Epoch } from "./types";

/** A loss that changes by less than this fraction is taken for the same, and one that rises by more than the other rises. */
const SAME = 0.005;
const RISE = 0.1;
const SOME = 5;
/** A difference of means counts where it is so many of its standard errors. */
const SURE = 2;

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

/** Mean, and its variance, of the numbers from one index to before another. */
function mean(losses: number[], from: number, to: number): [number, number] {
  const part = losses.slice(from, to);
  const centre = part.reduce((sum, loss) => sum + loss, 0) / part.length;
  const variance = part.reduce((sum, loss) => sum + (loss - centre) ** 2, 0) / Math.max(part.length - 1, 1);
  return [centre, variance / part.length];
}

/** By what fraction the mean of the last losses differs from that of as many before; 0 where that may be chance. */
function trend(losses: number[]): number {
  const some = Math.min(SOME, Math.floor(losses.length / 2));
  const middle = losses.length - some;
  const [before, left] = mean(losses, middle - some, middle);
  const [after, right] = mean(losses, middle, losses.length);
  if (Math.abs(after - before) <= SURE * Math.sqrt(left + right)) return 0;
  return (after - before) / Math.max(Math.abs(before), 1e-30);
}

/** That the training loss rises, and why that may be: a rate that has become small is not too high. */
function rises(epochs: Epoch[]): string {
  const highest = Math.max(...epochs.map((epoch) => epoch.learning_rate));
  const reason = last(epochs).learning_rate > highest / 2 ? ": the learning rate may be too high" : "";
  return `Training loss rises${reason}.`;
}

/** What the curves say, in plain words. */
export function verdict(epochs: Epoch[], live: boolean): string {
  if (!epochs.length) return live ? "The first epoch is not complete yet." : "";
  const now = last(epochs);
  if (numberOr(now.loss) === null)
    return "The loss is no longer a number. The learning rate is probably too high; a smaller one, or clipping the gradient, helps.";
  if (epochs.length === 1) return "One epoch is complete; a trend needs some more.";
  const best = bestEpoch(epochs);
  const since = now.epoch - epochs[best].epoch;
  const losses = epochs.map((epoch) => numberOr(epoch.loss) ?? Infinity);
  const change = trend(losses);
  if (numberOr(now.validation_loss) === null) {
    if (since > 0 && change > RISE) return rises(epochs);
    return change < -SAME ? "Training loss still falls." : `Training loss hardly changes any more; the best epoch is ${epochs[best].epoch}.`;
  }
  if (since === 0) return `Validation loss ${live ? "is still falling" : "was still falling at the end"}: epoch ${now.epoch} is the best${live ? " so far" : ""}.`;
  const start = `Validation loss has not improved for ${plural(since, "epoch")}; the best is epoch ${epochs[best].epoch}.`;
  const falls = change < 0 && last(losses) < losses[best] * (1 - 4 * SAME);
  if (since >= 3 && falls) return `${start} Training loss still falls: the network begins to memorise its rows.`;
  if (since >= 3 && Math.abs(change) <= SAME) return `${start} Training loss hardly changes either.`;
  if (change > RISE) return `${start} ${rises(epochs)}`;
  return start;
}
