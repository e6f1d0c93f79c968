// Where a training is that is taken apart: its step and stage, the row of the batch, the seed.

import { signal } from "@preact/signals";

export const STAGES = ["Start", "Forward", "Loss", "Backward", "Update"] as const;

/** The step of training, and which of its stages is shown. */
export const at = signal({ step: 0, stage: 0 });
/** Which row of the batch. */
export const batchRow = signal(0);
/** The seed of the initial weights; null for that of the model. */
export const seed = signal<number | null>(null);
/** Whether stages follow one another by themselves. */
export const slow = signal(false);

export function move(to: { step: number; stage: number }): void {
  at.value = { step: Math.max(0, to.step), stage: to.stage };
}

export function next(): void {
  const { step, stage } = at.value;
  // The start is seen once; from the second step on, one begins with the way forward.
  move(stage < STAGES.length - 1 ? { step, stage: stage + 1 } : { step: step + 1, stage: 1 });
}

export function back(): void {
  const { step, stage } = at.value;
  if (stage > (step ? 1 : 0)) move({ step, stage: stage - 1 });
  else if (step) move({ step: step - 1, stage: STAGES.length - 1 });
}
