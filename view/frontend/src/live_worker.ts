// The worker of a page that watches a run: it reads the stream and draws the cells of the network, without the page.
// A picture that the page draws costs it the work of a whole frame, about twice as much.

import { Cells, type Scene } from "./cells";
import { giveTokens } from "./colours";
import { Limits, split } from "./network_values";
import { type Frame, Gone, ServerTransport, TOPICS } from "./transport";
import type { Answer, Status } from "./types";

/** What the page says: read a stream, end it, draw on a canvas, or draw so; null for not any more. */
export type ToWorker =
  | { kind: "watch"; id: number; token: string; body: object }
  | { kind: "stop" }
  | { kind: "canvas"; canvas: OffscreenCanvas }
  | { kind: "scene"; scene: LiveScene | null };

/** A scene without its cells, which come with the stream. */
export type LiveScene = Omit<Scene, "cells" | "pictures"> & { asProbabilities: boolean; tokens: Record<string, string>; font: string };

/** What the worker says of a stream: frames, its end, or why it broke off. */
export type FromWorker = { id: number } & ({ kind: "frames"; frames: [topic: number, frame: Frame][] } | { kind: "ended" } | { kind: "failed"; sentence: string; refused: boolean });

/** For how long frames may wait for others, in milliseconds, so that the page is drawn once for all of them. */
const TOGETHER = 150;

let control: AbortController | null = null;
let cells: Cells | null = null;
let scene: LiveScene | null = null;
let limits = new Limits();
let newest: Answer | null = null;
let generation = -1;
/** Whether the page is told the next answer: one with each status, for numbers that a person reads. */
let due = false;
let font = "";

function draw(): void {
  if (cells && scene && newest) cells.draw({ ...scene, pictures: null, cells: split(newest, scene.asProbabilities, limits) });
}

/** Draws what is to be drawn; whether the page is to be told, too. */
function takes(topic: number, { head, array }: Frame): boolean {
  if (TOPICS[topic] === "status") {
    const status = head as unknown as Status;
    if (status.generation !== generation) [limits, newest] = [new Limits(), null];
    [generation, due] = [status.generation, true];
  }
  if (TOPICS[topic] !== "network" || head.show !== "activations") return true;
  newest = { ...(head as unknown as Answer), array: array as Float32Array };
  draw();
  const tell = due;
  due = false;
  return tell;
}

async function watch({ id, token, body }: Extract<ToWorker, { kind: "watch" }>): Promise<void> {
  control?.abort();
  const own = (control = new AbortController());
  const say = (message: FromWorker) => own === control && postMessage(message);
  let kept: [topic: number, frame: Frame][] = [];
  let timer = 0;
  const give = () => {
    clearTimeout(timer);
    if (kept.length) say({ id, kind: "frames", frames: kept });
    [kept, timer] = [[], 0];
  };
  generation = -1;
  try {
    await new ServerTransport(token).stream(
      body,
      (topic, frame) => {
        if (own !== control || !takes(topic, frame)) return;
        kept.push([topic, frame]);
        if (TOPICS[topic] === "network" || (TOPICS[topic] === "status" && frame.head.state !== "running")) give();
        else timer ||= self.setTimeout(give, TOGETHER);
      },
      own.signal,
    );
    give();
    say({ id, kind: "ended" });
  } catch (error) {
    give();
    say({ id, kind: "failed", sentence: (error as Error).message, refused: error instanceof Gone && error.refused });
  }
}

/** Cells that show numbers are written in the font of the page. */
function loadFont(url: string): void {
  if (!url || url === font) return;
  font = url;
  const face = new FontFace("Inter", `url("${url}")`);
  (self as unknown as { fonts: FontFaceSet }).fonts.add(face);
  void face.load().then(draw, () => undefined);
}

addEventListener("message", ({ data }: MessageEvent<ToWorker>) => {
  if (data.kind === "watch") void watch(data);
  else if (data.kind === "stop") {
    control?.abort();
    control = null;
  } else if (data.kind === "canvas") cells = new Cells(data.canvas);
  else {
    scene = data.scene;
    if (!scene) return;
    giveTokens(scene.tokens);
    loadFont(scene.font);
    draw();
  }
});
