// How panels ask questions. Panels know nothing of servers: a notebook or a frozen report can answer the same names.

export interface Frame {
  head: Record<string, unknown>;
  array: Uint8Array | Float32Array;
}

export type Take = (topic: number, frame: Frame) => void;

export interface Transport {
  ask<T>(name: string, body?: object): Promise<T>;
  askFrame(name: string, body?: object): Promise<Frame>;
  /** Frames of a run that trains, until it ends; only where a server follows one. */
  watch?(body: object, take: Take, stop: AbortSignal): Promise<void>;
}

/** Nobody answers any more; `refused` where that will stay so. */
export class Gone extends Error {
  constructor(
    sentence: string,
    readonly refused = false,
  ) {
    super(sentence);
  }
}

/** The network that a question is about is not there yet. */
export class Waiting extends Error {}

export const TOPICS: Record<number, string> = { 1: "answer", 2: "weights", 3: "status", 4: "epochs", 5: "network", 6: "lines", 7: "health" };

const HEADER = 24;

/** Reads a frame: header, JSON head, raw array, all little-endian. The array is a view, not a copy. */
export function readFrame(buffer: ArrayBuffer): Frame {
  const view = new DataView(buffer);
  const textLength = view.getUint32(20, true);
  const text = new TextDecoder().decode(new Uint8Array(buffer, HEADER, textLength));
  const head = JSON.parse(text) as Record<string, unknown>;
  const start = HEADER + textLength;
  const array = head.dtype === "float32" ? new Float32Array(buffer, start) : new Uint8Array(buffer, start);
  return { head, array };
}

/** Asks the server that the page came from, with the token of its start in a header. */
export class ServerTransport implements Transport {
  constructor(protected readonly token: string) {}

  async ask<T>(name: string, body: object = {}): Promise<T> {
    return (await this.send(name, body)).json() as Promise<T>;
  }

  async askFrame(name: string, body: object = {}): Promise<Frame> {
    return readFrame(await (await this.send(name, body)).arrayBuffer());
  }

  /** The frames of a run that trains, read here. */
  async stream(body: object, take: Take, stop: AbortSignal): Promise<void> {
    const reader = (await this.send("watch", body, stop)).body!.getReader();
    let rest = new Uint8Array(0);
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const bytes = new Uint8Array(rest.length + value.length);
      bytes.set(rest);
      bytes.set(value, rest.length);
      rest = bytes;
      while (rest.length >= HEADER) {
        const length = new DataView(rest.buffer, rest.byteOffset).getUint32(0, true) + 4;
        if (rest.length < length) break;
        // A copy, so that the array in the frame lies where typed arrays may lie.
        take(rest[4], readFrame(rest.slice(0, length).buffer));
        rest = rest.subarray(length);
      }
    }
  }

  private async send(name: string, body: object, signal?: AbortSignal): Promise<Response> {
    let response: Response;
    try {
      response = await fetch(`api/${name}`, {
        method: "POST",
        headers: { "content-type": "application/json", "x-ranvier-token": this.token },
        body: JSON.stringify(body),
        signal,
      });
    } catch {
      throw new Gone("The server of this view has ended. Start it again with ranvier view, and open its address.");
    }
    if (response.status === 202) throw new Waiting("The run has not begun to train yet.");
    if (!response.ok) {
      const answer = (await response.json().catch(() => ({}))) as { error?: string };
      const sentence = answer.error ?? `The server answered with ${response.status}.`;
      throw response.status === 401 ? new Gone(sentence, true) : new Error(sentence);
    }
    return response;
  }
}

/** The token of the address, kept for this tab and taken out of the address, so that a copied link does not hold it. */
export function takeToken(): string {
  const match = /(?:^#|&)token=([\w-]+)/.exec(location.hash);
  if (match) {
    sessionStorage.setItem("token", match[1]);
    history.replaceState(null, "", `${location.pathname}#/inside`);
  }
  return sessionStorage.getItem("token") ?? "";
}
