// Recordings: a player for the known ones, and in Try a recording of one's own.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { DropZone } from "./drop_zone";
import { base64, decode, MAX_FILE } from "./files";
import { inNotebook } from "./notebook";
import { Picture, RowChooser } from "./parts";
import { ask, askPicture, opening, row, triedSound, useLatest } from "./state";
import type { RowPage, What } from "./types";

const MAX_SECONDS = 10;
/** Of recordings that are made here, in Hz; the server brings them to the rate of the model. */
const RATE = 24_000;

let stopPlaying: (() => void) | null = null;

/** Plays a WAV file from memory, until it ends or until the function that it returns is called; what played before stops. */
function play(bytes: BlobPart, ended: () => void): () => void {
  stopPlaying?.();
  const address = URL.createObjectURL(new Blob([bytes], { type: "audio/wav" }));
  const audio = new Audio(address);
  const stop = () => {
    if (stopPlaying !== stop) return;
    stopPlaying = null;
    audio.pause();
    URL.revokeObjectURL(address);
    ended();
  };
  stopPlaying = stop;
  audio.onended = stop;
  audio.onerror = stop;
  audio.play().catch(stop);
  return stop;
}

/** A button that plays what `bytes` gives; a second click stops it. */
export function PlayButton({ bytes, name }: { bytes: () => Promise<BlobPart>; name: string }) {
  const [state, setState] = useState<"still" | "plays" | "failed">("still");
  const stop = useRef<(() => void) | null>(null);
  useEffect(() => () => stop.current?.(), []);
  const click = async () => {
    if (state === "plays") {
      stop.current?.();
      return;
    }
    setState("plays");
    try {
      stop.current = play(await bytes(), () => setState("still"));
    } catch {
      setState("failed");
    }
  };
  const label = state === "plays" ? `Stop ${name}` : `Play ${name}`;
  return (
    <button class="icon play-sound" aria-label={label} title={state === "failed" ? "The recording cannot be read" : label} disabled={state === "failed"} data-state={state} onClick={() => void click()}>
      <svg viewBox="0 0 16 16" width="12" height="12" aria-hidden="true">
        {state === "plays" ? <path d="M3.5 3.5h9v9h-9z" fill="currentColor" /> : <path d="M4 2.5v11l9.5-5.5z" fill="currentColor" />}
      </svg>
    </button>
  );
}

/** Plays a known row; nothing where rows are no recordings, or these are not at hand. */
export function RowSound({ what, number }: { what: What; number: number }) {
  if (what.form.kind !== "sound" || !what.plays || !opening.canPlay(number)) return null;
  return <PlayButton name={`row ${number}`} bytes={async () => (await askPicture<{ array: Uint8Array<ArrayBuffer> }>("sound", { row: number })).array} />;
}

/** A WAV file of 16 bits, one channel. */
export function wav(samples: Float32Array, rate: number): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  const text = (at: number, letters: string) => [...letters].forEach((letter, index) => view.setUint8(at + index, letter.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, 36 + 2 * samples.length, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, 2 * rate, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, "data");
  view.setUint32(40, 2 * samples.length, true);
  samples.forEach((sample, at) => view.setInt16(44 + 2 * at, Math.round(32767 * Math.max(-1, Math.min(1, sample))), true));
  return new Uint8Array(view.buffer);
}

interface Recording {
  stop: () => Promise<Uint8Array<ArrayBuffer>>;
}

/** Records until it is stopped; `level` is told how loud it is, from 0 to 1. */
async function record(level: (loudness: number) => void): Promise<Recording> {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1 } });
  const context = new AudioContext();
  await context.audioWorklet.addModule("recorder.js");
  const node = new AudioWorkletNode(context, "recorder", { numberOfOutputs: 0 });
  const parts: Float32Array[] = [];
  node.port.onmessage = ({ data }: MessageEvent<Float32Array>) => {
    parts.push(data);
    if (parts.length % 16 === 0) level(Math.sqrt(data.reduce((sum, sample) => sum + sample * sample, 0) / data.length));
  };
  context.createMediaStreamSource(stream).connect(node);
  return {
    stop: async () => {
      for (const track of stream.getTracks()) track.stop();
      const rate = context.sampleRate;
      await context.close();
      const samples = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
      let at = 0;
      for (const part of parts) {
        samples.set(part, at);
        at += part.length;
      }
      return wav(await resampled(samples, rate), RATE);
    },
  };
}

async function resampled(samples: Float32Array<ArrayBuffer>, rate: number): Promise<Float32Array> {
  if (!samples.length) return samples;
  const context = new OfflineAudioContext(1, Math.ceil((samples.length * RATE) / rate), RATE);
  const buffer = context.createBuffer(1, samples.length, rate);
  buffer.copyToChannel(samples, 0);
  const source = new AudioBufferSourceNode(context, { buffer });
  source.connect(context.destination);
  source.start();
  return (await context.startRendering()).getChannelData(0);
}

export interface Heard {
  /** The spectrogram that the network gets. */
  pixels: ArrayLike<number> | null;
  /** The name of the known row's file. */
  name: string | null;
  /** What of it does not count. */
  notes: string[];
  error: string | null;
}

/** What the network gets of the recording of Try: the person's own, or else a known row. */
export function useHeard(what: What): Heard {
  const own = triedSound.value;
  const total = what.form.kind === "sound" ? (what.rows?.count ?? 0) : 0;
  const at = Math.min(row.value, Math.max(0, total - 1));
  const known = useLatest(total && !own ? () => ask<RowPage>("rows", { start: at, count: 1 }) : null, [at, own, what]).data?.rows[0];
  const heard = useLatest(own ? () => askPicture<{ array: Uint8Array; notes: string[] }>("heard", { sound: own.text }) : null, [own, what]);
  const pixels = useMemo(() => (own ? (heard.data?.array ?? null) : known?.pixels ? decode(known.pixels) : null), [own, heard.data, known]);
  return { pixels, name: known?.name ?? null, notes: (own && heard.data?.notes) || [], error: heard.error };
}

/** The panel of Try that takes a recording: a known one, a file, or the microphone. */
export function TakeSound({ what, heard }: { what: What; heard: Heard }) {
  const total = what.rows?.count ?? 0;
  const [problem, setProblem] = useState<string | null>(null);
  const [loudness, setLoudness] = useState<number | null>(null);
  const recording = useRef<Recording | null>(null);
  const limit = useRef(0);
  const own = triedSound.value;
  const at = Math.min(row.value, Math.max(0, total - 1));
  const microphone = !inNotebook() && isSecureContext && navigator.mediaDevices !== undefined;

  const take = (bytes: Uint8Array<ArrayBuffer>, name: string) => {
    setProblem(bytes.length > MAX_FILE ? `A recording here has at most ${MAX_FILE.toLocaleString("en-US")} bytes.` : null);
    if (bytes.length <= MAX_FILE) triedSound.value = { bytes, name, text: base64(bytes) };
  };
  const end = async () => {
    clearTimeout(limit.current);
    const running = recording.current;
    recording.current = null;
    setLoudness(null);
    if (running) take(await running.stop(), "your recording");
  };
  const begin = async () => {
    stopPlaying?.();
    setProblem(null);
    try {
      recording.current = await record(setLoudness);
      setLoudness(0);
      limit.current = window.setTimeout(() => void end(), 1000 * MAX_SECONDS);
    } catch (error) {
      setProblem(`The microphone cannot be used (${(error as Error).name}); allow it, or choose a file.`);
    }
  };
  useEffect(() => () => void (recording.current && end()), []);
  const file = async (chosen: File | undefined) => chosen && take(new Uint8Array(await chosen.arrayBuffer()), chosen.name);
  const [bands, frames] = what.form.shape;
  return (
    <DropZone take={(chosen) => void file(chosen)}>
      <header>
        <h2>Listen</h2>
        {total > 0 && (
          <RowChooser
            value={at}
            total={total}
            name={what.rows!.name}
            choose={(next) => {
              triedSound.value = null;
              row.value = next;
            }}
          />
        )}
      </header>
      <div class="take-sound">
        {microphone && (
          <button class={recording.current ? "main" : ""} aria-pressed={loudness !== null} onClick={() => void (loudness === null ? begin() : end())}>
            {loudness === null ? "Record" : "Stop"}
          </button>
        )}
        {loudness !== null && (
          <span class="level" role="meter" aria-label="Loudness" aria-valuemin={0} aria-valuemax={1} aria-valuenow={Math.min(1, loudness)}>
            <i style={{ width: `${Math.min(100, 250 * loudness)}%` }} />
          </span>
        )}
        <label class="choose-file">
          <input type="file" accept="audio/*" onChange={(event) => void file(event.currentTarget.files?.[0])} />
          <span>Choose a file</span>
        </label>
      </div>
      {(problem ?? heard.error) && <p class="empty">{problem ?? heard.error}</p>}
      {heard.pixels && (
        <div class="heard">
          <Picture pixels={heard.pixels} shape={what.form.shape} size={280} label="The spectrogram that the network gets" />
          <p class="note">
            {own ? <PlayButton key={own.name} name={own.name} bytes={() => Promise.resolve(own.bytes)} /> : <RowSound what={what} number={at} />} {own ? own.name : (heard.name ?? `row ${at}`)}
          </p>
          <p class="note">
            What the network gets: {bands} bands, low ones below, by {frames} frames. {heard.notes.join(" ")}
          </p>
        </div>
      )}
    </DropZone>
  );
}
