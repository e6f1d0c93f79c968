// A report is the same page with its answers inside: nothing is asked of anybody.

import { decode } from "./files";
import { type Frame, readFrame, type Transport } from "./transport";

export interface Frozen {
  answers: Record<string, unknown>;
  written: string;
  version: string;
  command: string | null;
}

/** What a report holds; null in a page that a server or a notebook shows. */
export function readFrozen(): Frozen | null {
  const element = document.getElementById("frozen");
  return element ? (JSON.parse(element.textContent!) as Frozen) : null;
}

/** A question as the report names it: keys in order, without nulls and counts. */
export function questionKey(name: string, body: object): string {
  const kept = Object.entries(body).filter(([key, value]) => value !== null && value !== undefined && key !== "count");
  return `${name} ${JSON.stringify(Object.fromEntries(kept.sort(([a], [b]) => (a < b ? -1 : 1))))}`;
}

export class FrozenTransport implements Transport {
  constructor(private readonly frozen: Frozen) {}

  has(name: string, body: object = {}): boolean {
    return questionKey(name, body) in this.frozen.answers;
  }

  ask<T>(name: string, body: object = {}): Promise<T> {
    const key = questionKey(name, body);
    if (key in this.frozen.answers) return Promise.resolve(this.frozen.answers[key] as T);
    const where = this.frozen.command ? `: ${this.frozen.command}` : " with model.view()";
    return Promise.reject(new Error(`This is not part of the report. Open the model to see it${where}`));
  }

  async askFrame(name: string, body: object = {}): Promise<Frame> {
    const { frame } = await this.ask<{ frame: string }>(name, body);
    return readFrame(decode(frame).buffer);
  }
}
