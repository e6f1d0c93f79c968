// A run that trains: one stream of frames for the page, of each kind the newest only.

import { effect, signal } from "@preact/signals";
import { levelOf } from "./draw_network";
import { Gone, TOPICS, type Frame } from "./transport";
import { ask, page, row, watchRun } from "./state";
import type { Answer, Connections, Control, Epoch, LayerHealth, Show, Sizes, Status } from "./types";

/** Where training stands; what only counts up is told a few times a second. */
export const status = signal<Status | null>(null);
/** The epochs that the curves show: of very many a part. */
export const epochs = signal<Epoch[]>([]);
/** Of how many epochs the page was told. */
let told = 0;
/** What was done from pages. */
export const controls = signal<Control[]>([]);
/** The outputs of the neurons for the chosen row, once a second while the run trains: a worker draws them as they come. */
export const liveAnswer = signal<Answer | null>(null);
export const sizes = signal<Sizes | null>(null);
export const liveLines = signal<Connections[] | null>(null);
export const layerHealth = signal<LayerHealth[] | null>(null);
export const show = signal<Show>("activations");
/** "lost" while the stream is broken off and tried again. */
export const link = signal<"off" | "open" | "lost">("off");
/** Counts up once a second while the network changes: opened neurons are asked again with it. */
export const tick = signal(0);
let seen = 0;
/** For how long no frame has come, in milliseconds. */
export function silent(): number {
  return performance.now() - seen;
}

/** Lines are drawn again where more than this fraction of them looks different. */
const CHANGED = 0.02;
const FIRST_WAIT = 500;
const LONGEST_WAIT = 8000;

/** Follows the run until it ends, or until the function that it returns is called.

`renewed` is called for every other network, the finished model included. */
export function followRun(renewed: () => void): () => void {
  let control: AbortController | null = null;
  let wait = FIRST_WAIT;
  let generation = -1;
  let retry = 0;
  let ticked = 0;

  const takeStatus = (next: Status) => {
    if (JSON.stringify(next.controls) !== JSON.stringify(controls.peek())) controls.value = next.controls;
    status.value = next;
    if (next.generation === generation) return;
    const first = generation < 0 && next.generation === 0;
    generation = next.generation;
    [liveLines.value, liveAnswer.value, layerHealth.value, sizes.value] = [null, null, null, null];
    if (!first) renewed();
  };

  const take = (topic: string, { head, array }: Frame) => {
    seen = performance.now();
    if (topic === "status") takeStatus(head as unknown as Status);
    else if (topic === "epochs") {
      epochs.value = [...epochs.value.slice(0, head.from as number), ...(head.epochs as Epoch[])];
      told = head.count as number;
    } else if (topic === "network") {
      if (head.show === "activations") {
        liveAnswer.value = { ...(head as unknown as Answer), array: array as Float32Array };
      } else sizes.value = { ...(head as unknown as Sizes), array: array as Float32Array };
      if (performance.now() - ticked > 900) {
        ticked = performance.now();
        tick.value++;
      }
    } else if (topic === "lines") liveLines.value = looksSame(liveLines.peek(), joined(head as unknown as LineHead, array as Float32Array));
    else if (topic === "health") layerHealth.value = head.layers as LayerHealth[];
  };

  const open = async () => {
    control?.abort();
    clearTimeout(retry);
    if (document.hidden || status.peek()?.state === "ended") return;
    const own = (control = new AbortController());
    const inside = page.peek() === "inside";
    const wishes = { row: row.peek(), show: show.peek(), network: inside, health: inside, epochs: told };
    try {
      link.value = "open";
      await watchRun(wishes, (topic, frame) => own === control && take(TOPICS[topic], frame), own.signal);
      wait = FIRST_WAIT;
    } catch (error) {
      if (own.signal.aborted) return;
      if (error instanceof Gone && error.refused) return;
    }
    if (own !== control || status.peek()?.state === "ended") {
      if (own === control) link.value = "off";
      return;
    }
    link.value = "lost";
    retry = setTimeout(open, wait);
    wait = Math.min(LONGEST_WAIT, 2 * wait);
  };

  let soon = 0;
  const unwatch = effect(() => {
    void [row.value, show.value, page.value];
    clearTimeout(soon);
    soon = setTimeout(open, 40);
  });
  const turned = () => (document.hidden ? control?.abort() : void open());
  document.addEventListener("visibilitychange", turned);
  return () => {
    unwatch();
    clearTimeout(soon);
    clearTimeout(retry);
    control?.abort();
    control = null;
    document.removeEventListener("visibilitychange", turned);
    [status.value, liveAnswer.value, sizes.value, liveLines.value, layerHealth.value] = [null, null, null, null, null];
    [epochs.value, controls.value, told] = [[], [], 0];
    link.value = "off";
  };
}

interface LineHead {
  layers: { path: string; limit: number; all: number; start: number; length: number; ends?: [number, number][] }[];
}

/** Lines are told once with their ends; later frames hold their weights alone. */
function joined({ layers }: LineHead, weights: Float32Array): Connections[] | null {
  const before = liveLines.peek();
  if (!before && layers.some((part) => !part.ends)) return null;
  return layers.map((part, at) => {
    const both: [number, number][] = part.ends ?? before![at].lines.map(([from, to]) => [from, to]);
    const lines = both.map(([from, to], index) => [from, to, weights[part.start + index]] as [number, number, number]);
    return { lines, limit: part.limit, all: part.all };
  });
}

/** The lines that are drawn already, where those that follow look like them. */
function looksSame(before: Connections[] | null, now: Connections[] | null): Connections[] | null {
  if (!before || !now || before.length !== now.length) return now;
  let [changed, all] = [0, 0];
  for (const [at, part] of now.entries()) {
    const old = before[at];
    if (old.lines.length !== part.lines.length) return now;
    all += part.lines.length;
    for (const [index, [from, to, weight]] of part.lines.entries()) {
      const [oldFrom, oldTo, oldWeight] = old.lines[index];
      if (from !== oldFrom || to !== oldTo || weight < 0 !== oldWeight < 0 || Math.abs(levelOf(weight, part.limit) - levelOf(oldWeight, old.limit)) > 0) changed++;
    }
  }
  return changed > CHANGED * all ? now : before;
}

let number = 0;

/** Asks the training for something; what became of it comes with the status. */
export function steer(action: string, value?: number): Promise<unknown> {
  return ask("control", { do: action, id: `${Date.now()}-${++number}`, ...(value === undefined ? {} : { value }) });
}

export function running(): boolean {
  const state = status.value?.state;
  return state === "running" || state === "paused";
}
