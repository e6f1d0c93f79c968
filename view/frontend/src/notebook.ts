// In a notebook the page lies in a frame of a cell, and asks the kernel through the widget around it: no port, no server.

import { type Frame, readFrame, type Transport } from "./transport";

interface Reply {
  id: number;
  answer?: unknown;
  frame?: ArrayBuffer;
  error?: string;
}

/** Whether this page was made for a notebook. */
export function inNotebook(): boolean {
  return document.documentElement.dataset.notebook !== undefined && window.parent !== window;
}

export class NotebookTransport implements Transport {
  private last = 0;
  private readonly open = new Map<number, { done: (reply: Reply) => void; failed: (error: Error) => void }>();

  constructor() {
    addEventListener("message", (event: MessageEvent) => {
      if (event.source !== window.parent || typeof event.data?.ranvier !== "object") return;
      const reply = event.data.ranvier as Reply;
      const waiting = this.open.get(reply.id);
      this.open.delete(reply.id);
      if (reply.error !== undefined) waiting?.failed(new Error(reply.error));
      else waiting?.done(reply);
    });
  }

  async ask<T>(name: string, body: object = {}): Promise<T> {
    return (await this.send(name, body)).answer as T;
  }

  async askFrame(name: string, body: object = {}): Promise<Frame> {
    return readFrame((await this.send(name, body)).frame!);
  }

  private send(name: string, body: object): Promise<Reply> {
    const id = ++this.last;
    return new Promise((done, failed) => {
      this.open.set(id, { done, failed });
      window.parent.postMessage({ ranvier: { id, name, body } }, "*");
    });
  }
}
