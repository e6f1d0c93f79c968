// What the page is about: one selection for all panels, kept in the fragment of the address.

import { effect, signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Theme } from "./colours";
import { Gone, type Take, type Transport } from "./transport";
import type { Answer, Health, Sizes, Surface, Values, What } from "./types";

export type Page = "inside" | "mistakes" | "try" | "step";
export const PAGES: [Page, string][] = [
  ["inside", "Inside"],
  ["mistakes", "Mistakes"],
  ["try", "Try"],
  ["step", "Step"],
];

/** What this tab keeps over a reload; nothing where the browser keeps nothing for this page. */
export const kept = {
  get(name: string): string | null {
    try {
      return sessionStorage.getItem(name);
    } catch {
      return null;
    }
  },
  set(name: string, value: string): void {
    try {
      sessionStorage.setItem(name, value);
    } catch {
      // The choice holds until the page is closed.
    }
  },
};

export const page = signal<Page>("inside");
/** Writes the fragment; a page in a cell of a notebook has no address of its own. */
export function writeAddress(hash: string): void {
  if (document.documentElement.dataset.notebook === undefined) history.replaceState(null, "", location.pathname + hash);
}

export type Mode = "model" | "runs" | "play";
export const mode = signal<Mode>("model");
/** Of a folder of runs, the one that is opened. */
export const run = signal<string | null>(null);
/** How many colours lines have. */
export const SERIES = 6;
export const layer = signal<string | null>(null);
export const neuron = signal<number | null>(null);
export const row = signal(0);
export const cell = signal<[number, number] | null>(null);
export const what = signal<What | null>(null);
export const health = signal<Health | null>(null);
export const gone = signal<string | null>(null);
/** Names of inputs that are drawn in any case, where there are too many for all. */
export const wanted = signal<string[]>([]);
export const tried = signal<Values | null>(null);
/** A recording of one's own: its bytes, and the same in base64. */
export const triedSound = signal<{ bytes: Uint8Array<ArrayBuffer>; name: string; text: string } | null>(null);
export const theme = signal<Theme>(startTheme());

let transport: Transport;

export function useTransport(value: Transport): void {
  transport = value;
}

/** How many questions have no answer yet. */
export const pending = signal(0);

/** Counts a question until it has its answer. */
export async function counted<T>(question: Promise<T>): Promise<T> {
  pending.value++;
  try {
    return await question;
  } finally {
    pending.value--;
  }
}

function ofRun(body: object): object {
  return run.value === null ? body : { ...body, run: run.value };
}

/** Asks about everything that is shown, also while one run is opened. */
export function askWhole<T>(name: string, body: object = {}): Promise<T> {
  return counted(transport.ask<T>(name, body));
}

export function ask<T>(name: string, body: object = {}): Promise<T> {
  return counted(transport.ask<T>(name, ofRun(body)));
}

/** Asks the playground. */
export function askPlay<T>(name: string, body: object = {}): Promise<T> {
  return transport.ask<T>(name, body);
}

/** Asks for a frame: its head, with its array beside it. */
export async function askPicture<T>(name: string, body: object = {}): Promise<T> {
  const { head, array } = await counted(transport.askFrame(name, ofRun(body)));
  return { ...head, array } as T;
}

export const askAnswer = (body: object) => askPicture<Answer>("answer", body);
export const askSizes = () => askPicture<Sizes>("sizes");
export const askSurface = () => askPicture<Surface>("surface");

/** Frames of the run that trains, until it ends. */
export function watchRun(body: object, take: Take, stop: AbortSignal): Promise<void> {
  return transport.watch!(ofRun(body), take, stop);
}

/** What a click on a row does, and for which rows and cells of a confusion matrix there is something to open. */
export const opening = {
  can: (_: number): boolean => true,
  canPlay: (_: number): boolean => true,
  canCell: (_actual: number, _predicted: number): boolean => true,
  open: (number: number): void => {
    row.value = number;
    page.value = "inside";
  },
};

function startTheme(): Theme {
  const chosen = kept.get("theme");
  if (chosen === "light" || chosen === "dark") return chosen;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

/** Reads the fragment, and writes it whenever the selection changes. */
export function followAddress(): void {
  const read = () => {
    const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
    const values = new URLSearchParams(query);
    const whole = (name: string) => (/^\d+$/.test(values.get(name) ?? "") ? Number(values.get(name)) : null);
    page.value = PAGES.some(([name]) => name === path) ? (path as Page) : "inside";
    run.value = values.get("run");
    layer.value = values.get("layer");
    neuron.value = layer.value === null ? null : whole("neuron");
    row.value = whole("row") ?? 0;
    const [actual, predicted] = [whole("actual"), whole("predicted")];
    cell.value = actual === null || predicted === null ? null : [actual, predicted];
  };
  read();
  addEventListener("hashchange", read);
  effect(() => {
    const values = new URLSearchParams();
    if (run.value !== null) values.set("run", run.value);
    if (layer.value !== null) values.set("layer", layer.value);
    if (neuron.value !== null) values.set("neuron", String(neuron.value));
    if (row.value) values.set("row", String(row.value));
    if (cell.value !== null) {
      values.set("actual", String(cell.value[0]));
      values.set("predicted", String(cell.value[1]));
    }
    const query = values.toString();
    const path = mode.value === "runs" && run.value === null ? "runs" : page.value;
    const hash = path === "runs" ? "#/runs" : `#/${path}${query ? `?${query}` : ""}`;
    if (mode.value === "play") return;
    if (location.hash !== hash) writeAddress(hash);
  });
}

export function followTheme(): void {
  effect(() => {
    document.documentElement.dataset.theme = theme.value;
  });
}

export interface Asked<T> {
  data: T | null;
  error: string | null;
  waiting: boolean;
}

/** An answer that follows what is asked: an overtaken answer is dropped, and the one before stays until the next. */
export function useAsked<T>(question: (() => Promise<T>) | null, depends: unknown[]): Asked<T> {
  const [state, setState] = useState<Asked<T>>({ data: null, error: null, waiting: question !== null });
  const turn = useRef(0);
  useEffect(() => {
    const own = ++turn.current;
    if (!question) {
      setState({ data: null, error: null, waiting: false });
      return;
    }
    setState((before) => ({ ...before, waiting: true }));
    question().then(
      (data) => own === turn.current && setState({ data, error: null, waiting: false }),
      (error: Error) => {
        if (error instanceof Gone) gone.value = error.message;
        if (own === turn.current) setState({ data: null, error: error.message, waiting: false });
      },
    );
  }, depends);
  useEffect(
    () => () => {
      turn.current++;
    },
    [],
  );
  return state;
}

/** As `useAsked`, for what changes while a hand moves: one question is on its way at a time, and each answer is shown. */
export function useLatest<T>(question: (() => Promise<T>) | null, depends: unknown[]): Asked<T> {
  const [state, setState] = useState<Asked<T>>({ data: null, error: null, waiting: question !== null });
  const next = useRef<(() => Promise<T>) | null>(null);
  const busy = useRef(false);
  const ended = useRef(false);
  const run = async () => {
    busy.current = true;
    while (next.current && !ended.current) {
      const asked = next.current;
      next.current = null;
      try {
        const data = await asked();
        if (!ended.current) setState({ data, error: null, waiting: next.current !== null });
      } catch (error) {
        if (error instanceof Gone) gone.value = error.message;
        if (!ended.current) setState({ data: null, error: (error as Error).message, waiting: next.current !== null });
      }
    }
    busy.current = false;
  };
  useEffect(() => {
    next.current = question;
    if (!question) setState({ data: null, error: null, waiting: false });
    else if (!busy.current) void run();
  }, depends);
  useEffect(
    () => () => {
      ended.current = true;
    },
    [],
  );
  return state;
}
