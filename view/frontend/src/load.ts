// Which page a server shows, and the model that its pages are about.

import { followRun } from "./live";
import { ask, askWhole, gone, health, type Mode, run, what } from "./state";
import { Waiting } from "./transport";
import type { Health, What } from "./types";

let stop: (() => void) | null = null;
let last = 0;
const WAIT = 500;

/** What is looked at: a model, a folder of runs, or a playground. */
export function askMode(): Promise<{ page: Mode; name: string }> {
  return askWhole("page");
}

/** Asks what the model is, and which of its neurons do not learn; of a run that trains, everything again as it changes. */
export async function loadModel(failed = (error: Error) => void (gone.value = error.message)): Promise<void> {
  const [asked, own] = [run.value, ++last];
  // Answers may overtake each other; the newest question counts.
  const overtaken = () => asked !== run.value || own !== last;
  try {
    const answer = await ask<What>("what");
    if (overtaken()) return;
    what.value = answer;
    document.title = `${answer.name} \u00b7 Ranvier`;
    if (answer.live) follow();
    else if (answer.rows) ask<Health>("health").then((flags) => (health.value = flags), () => undefined);
  } catch (error) {
    if (overtaken()) return;
    if (error instanceof Waiting) {
      follow();
      // Should the network have come while this was answered, nobody would ask again.
      setTimeout(() => overtaken() || void loadModel(failed), WAIT);
    } else failed(error as Error);
  }
}

/** Follows the run that trains; what is shown is asked again for each of its networks, and for the finished model. */
function follow(): void {
  stop ??= followRun(() => void loadModel());
}

/** Leaves the model, and the run that trains. */
export function leaveModel(): void {
  stop?.();
  stop = null;
  what.value = null;
  health.value = null;
}
