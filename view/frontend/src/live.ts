// A run that trains: one stream of frames for the page, of each kind the newest only.

import { effect, signal } from "@preact/signals";
import { Gone, TOPICS, type Frame } from "./transport";
import { ask, page, row, watchRun } from "./state";
import type { Answer, Connections, Epoch, LayerHealth, Show, Sizes, Status } from "./types";

export const status = signal<Status | null>(null);
export const epochs = signal<Epoch[]>([]);
export const liveAnswer = signal<Answer | null>(null);
export const sizes = signal<Sizes | null>(null);
export const liveLines = signal<Connections[] | null>(null);
export const layerHealth = signal<LayerHealth[] | null>(null);
export const show = signal<Show>("activations");
/** "lost" while the stream is broken off and tried again. */
export const link = signal<"off" | "open" | "lost">("off");
/** Counts up once a second while the network changes: opened neurons are asked again with it. */
export const tick = signal(0);
/** When the newest frame came, in milliseconds. */
export const seen = signal(0);

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

  const take = (topic: string, { head, array }: Frame) => {
    seen.value = performance.now();
    if (topic === "status") {
      const next = head as unknown as Status;
      status.value = next;
      if (next.generation !== generation) {
        const first = generation < 0 && next.generation === 0;
        generation = next.generation;
        liveLines.value = null;
        liveAnswer.value = null;
        layerHealth.value = null;
        sizes.value = null;
        if (!first) renewed();
      }
    } else if (topic === "epochs") {
      epochs.value = [...epochs.value.slice(0, head.from as number), ...(head.epochs as Epoch[])];
    } else if (topic === "network") {
      if (head.show === "activations") liveAnswer.value = { ...(head as unknown as Answer), array: array as Float32Array };
      else sizes.value = { ...(head as unknown as Sizes), array: array as Float32Array };
      if (performance.now() - ticked > 1000) {
        ticked = performance.now();
        tick.value++;
      }
    } else if (topic === "lines") liveLines.value = joined(head as unknown as LineHead, array as Float32Array);
    else if (topic === "health") layerHealth.value = head.layers as LayerHealth[];
  };

  const open = async () => {
    control?.abort();
    clearTimeout(retry);
    if (document.hidden || status.peek()?.state === "ended") return;
    const own = (control = new AbortController());
    const inside = page.peek() === "inside";
    const wishes = { row: row.peek(), show: show.peek(), network: inside, health: inside, epochs: epochs.peek().length };
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
    epochs.value = [];
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

let number = 0;

/** Asks the training for something; what became of it comes with the status. */
export function steer(action: string, value?: number): Promise<unknown> {
  return ask("control", { do: action, id: `${Date.now()}-${++number}`, ...(value === undefined ? {} : { value }) });
}

export function running(): boolean {
  const state = status.value?.state;
  return state === "running" || state === "paused";
}
