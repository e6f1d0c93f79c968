// Which page a server shows, and the model that its pages are about.

import { ask, askWhole, gone, health, type Mode, what } from "./state";
import type { Health, What } from "./types";

/** What is looked at: a model, a folder of runs, or a playground. */
export function askMode(): Promise<{ page: Mode; name: string }> {
  return askWhole("page");
}

/** Asks what the model is, and which of its neurons do not learn. */
export async function loadModel(): Promise<What | null> {
  try {
    const answer = await ask<What>("what");
    what.value = answer;
    document.title = `${answer.name} \u00b7 Ranvier`;
    if (answer.rows) ask<Health>("health").then((flags) => (health.value = flags), () => undefined);
    return answer;
  } catch (error) {
    gone.value = (error as Error).message;
    return null;
  }
}
