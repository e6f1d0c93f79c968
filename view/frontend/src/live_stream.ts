// The page's side of the worker that reads the stream of a run and draws the cells of its network.

import { batch } from "@preact/signals";
import { placed } from "./cells";
import { token } from "./colours";
import { Gone, ServerTransport, type Take } from "./transport";
import type { FromWorker, LiveScene, ToWorker } from "./live_worker";

const TOKENS = ["sunken", "line-strong"];
let started: Worker | null = null;
let last = 0;
const given = new WeakSet<HTMLCanvasElement>();

function worker(): Worker {
  return (started ??= new Worker(new URL("./live_worker.ts", import.meta.url), { type: "module" }));
}

function tell(message: ToWorker, transfer: Transferable[] = []): void {
  worker().postMessage(message, transfer);
}

/** Lets the worker draw the cells on a canvas as the stream brings them, until the function that it returns is called. */
export function drawLive(canvas: HTMLCanvasElement, scene: Omit<LiveScene, "tokens" | "font">): () => void {
  if (!given.has(canvas)) {
    given.add(canvas);
    const off = canvas.transferControlToOffscreen();
    tell({ kind: "canvas", canvas: off }, [off]);
  }
  placed(canvas, scene);
  tell({ kind: "scene", scene: { ...scene, tokens: Object.fromEntries(TOKENS.map((name) => [name, token(name)])), font: fontOfPage() } });
  return () => tell({ kind: "scene", scene: null });
}

/** The address of the page's font. */
function fontOfPage(): string {
  return new URL("inter-latin-wght-normal.woff2", document.baseURI).href;
}

/** Asks the server, and watches a run through the worker. */
export class LiveTransport extends ServerTransport {
  watch(body: object, take: Take, stop: AbortSignal): Promise<void> {
    const id = ++last;
    return new Promise((done, failed) => {
      const ends = new AbortController();
      const end = (then: () => void) => {
        ends.abort();
        then();
      };
      worker().addEventListener(
        "message",
        ({ data }: MessageEvent<FromWorker>) => {
          if (data.id !== id) return;
          if (data.kind === "frames") batch(() => data.frames.forEach(([topic, frame]) => take(topic, frame)));
          else if (data.kind === "ended") end(done);
          else end(() => failed(data.refused ? new Gone(data.sentence, true) : new Error(data.sentence)));
        },
        { signal: ends.signal },
      );
      stop.addEventListener(
        "abort",
        () => {
          if (id === last) tell({ kind: "stop" });
          end(() => failed(new DOMException("No one watches any more.", "AbortError")));
        },
        { signal: ends.signal },
      );
      tell({ kind: "watch", id, token: this.token, body });
    });
  }
}
