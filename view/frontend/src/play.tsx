// Play: a small network that learns points in a plane while one watches, every neuron with its own picture.

import { useEffect, useRef, useState } from "preact/hooks";
import { decode } from "./files";
import { count, number } from "./format";
import { GoneNotice, ThemeButton, Value } from "./parts";
import { PlayNetwork } from "./play_network";
import { PlaySettings } from "./play_settings";
import { type Change, fromAddress, type Look, type Opened, type Options, type PlayState, toValues } from "./play_state";
import { askPlay, askPicture, counted, gone, pending, writeAddress } from "./state";
import { Gone } from "./transport";

/** The time before a session that ended is looked for again, in milliseconds. */
const RETRY = 200;
const FAST = 80;
const SLOW = 1000;

export function Play() {
  const [options, setOptions] = useState<Options | null>(null);
  const [opened, setOpened] = useState<Opened | null>(null);
  const [look, setLook] = useState<Look | null>(null);
  const [losses, setLosses] = useState<[number, number, number][]>([]);
  const [problem, setProblem] = useState<string | null>(null);
  const [dragged, setDragged] = useState(false);
  const table = useRef<string | null>(null);
  const current = useRef<string | null>(null);
  const turn = useRef(0);
  const opening = useRef(false);
  // What was asked for and is not there yet: the next change is one of that.
  const wished = useRef<PlayState | null>(null);
  const queue = useRef<Promise<void>>(Promise.resolve());
  const failed = (error: Error) => {
    if (error instanceof Gone) gone.value = error.message;
    setProblem(error.message);
  };

  // One after the other, and of several that wait only the last.
  const begin = (values: Record<string, string>) => {
    const own = ++turn.current;
    queue.current = queue.current.then(async () => {
      if (own !== turn.current) return;
      await open(values);
      if (own === turn.current) wished.current = null;
    });
    return counted(queue.current);
  };
  const open = async (values: Record<string, string>) => {
    opening.current = true;
    try {
      const answer = await askPlay<Opened>("open", { state: values, table: values.d === "own" ? table.current : null, instead: current.current });
      current.current = answer.session;
      writeAddress(`#/play?${answer.address}`);
      setProblem(answer.notes.join(" ") || null);
      setLosses([]);
      setLook(null);
      setOpened(answer);
    } catch (error) {
      failed(error as Error);
    } finally {
      opening.current = false;
    }
  };
  const change = (changes: Change) => {
    if (!opened) return;
    const now = wished.current ?? opened.state;
    wished.current = { ...now, ...(typeof changes === "function" ? changes(now) : changes) };
    void begin(toValues(wished.current));
  };
  const steer = (action: string) => opened && askPlay("do", { session: opened.session, do: action }).catch(failed);

  useEffect(() => {
    counted(askPlay<Options>("options")).then(setOptions, failed);
    void begin(fromAddress());
    const read = () => void begin(fromAddress());
    addEventListener("hashchange", read);
    return () => removeEventListener("hashchange", read);
  }, []);

  useEffect(() => {
    if (!opened) return;
    let [ended, timer, version, known] = [false, 0, -1, 0];
    const next = async () => {
      try {
        const seen = await askPicture<Look>("look", { session: opened.session, version, losses: known });
        if (ended) return;
        if (seen.ended && opening.current) {
          // It ended for one that is being opened; that one is looked at next, or this is tried again.
          timer = window.setTimeout(next, RETRY);
          return;
        }
        if (seen.ended) {
          // The session ended while nobody looked: the same settings begin again.
          void begin(toValues(opened.state));
          return;
        }
        if (seen.version !== version) setLook(seen);
        if (seen.from + seen.losses.length !== known || seen.from < known) {
          setLosses((before) => [...before.slice(0, seen.from), ...seen.losses]);
          known = seen.from + seen.losses.length;
        }
        version = seen.version;
        timer = window.setTimeout(next, seen.playing && !document.hidden ? FAST : SLOW / 4);
      } catch (error) {
        if (ended) return;
        failed(error as Error);
      }
    };
    void next();
    return () => {
      ended = true;
      clearTimeout(timer);
    };
  }, [opened]);

  const take = async (file: File | undefined) => {
    setDragged(false);
    if (!file || !opened) return;
    if (file.size > 900_000) {
      setProblem("A table to play with has at most 900,000 bytes.");
      return;
    }
    table.current = await file.text();
    await begin({ ...toValues(opened.state), d: "own" });
  };
  const key = (event: KeyboardEvent) => {
    if (event.target !== document.body) return;
    if (event.key === " ") void steer(look?.playing ? "pause" : "play");
    else if (event.key === ".") void steer("step");
    else return;
    event.preventDefault();
  };
  useEffect(() => {
    addEventListener("keydown", key);
    return () => removeEventListener("keydown", key);
  });

  return (
    <div
      class={dragged ? "dragged" : ""}
      onDragOver={(event) => {
        event.preventDefault();
        setDragged(true);
      }}
      onDragLeave={() => setDragged(false)}
      onDrop={(event) => {
        event.preventDefault();
        void take(event.dataTransfer?.files[0]);
      }}
    >
      <header class="top">
        <span class="brand">ranvier</span>
        <span class="model">Play</span>
        <span class="grow" />
        {opened && <Export opened={opened} failed={failed} trained={losses.length > 0} />}
        <ThemeButton />
      </header>
      <GoneNotice />
      <main class="play" aria-busy={pending.value > 0 || (opened ? !look : !problem)}>
        {opened && options && (
          <>
            <section class="panel controls">
              <button class="main" onClick={() => steer(look?.playing ? "pause" : "play")} title="Space">
                {look?.playing ? "Pause" : "Play"}
              </button>
              <button onClick={() => steer("step")} title="One epoch (.)">
                Step
              </button>
              <button onClick={() => steer("reset")} title="Begin again with the same seed">
                Reset
              </button>
              <span class="stat">
                epoch <Value name="play.epoch" value={look?.epoch ?? 0} text={count(look?.epoch ?? 0)} />
              </span>
              <Losses losses={losses} />
              <p class="message" role="status" data-name="play.message">
                {look?.message || problem}
              </p>
            </section>
            <PlaySettings opened={opened} options={options} change={change} take={take} />
            {look && <PlayNetwork opened={opened} options={options} look={look} change={change} />}
          </>
        )}
        {!opened && problem && <p class="empty">{problem}</p>}
      </main>
    </div>
  );
}

/** The two losses with their curves, small. */
function Losses({ losses }: { losses: [number, number, number][] }) {
  const [width, height] = [160, 28];
  const last = losses[losses.length - 1];
  const values = losses.flatMap(([, train, test]) => [train, test]).filter(Number.isFinite);
  const high = Math.max(...values, 1e-9);
  const line = (at: 1 | 2) =>
    losses.map((entry, index) => `${((index / Math.max(1, losses.length - 1)) * width).toFixed(1)},${(height - 1 - (Math.min(entry[at], high) / high) * (height - 2)).toFixed(1)}`).join(" ");
  return (
    <span class="losses">
      <span class="stat">
        <i class="dash" />
        training loss <Value name="play.loss" value={last?.[1]} text={last ? number(last[1], 3) : "\u2013"} />
      </span>
      <span class="stat">
        <i class="dash strong" />
        test loss <Value name="play.test_loss" value={last?.[2]} text={last ? number(last[2], 3) : "\u2013"} />
      </span>
      <svg viewBox={`0 0 ${width} ${height}`} width={width} height={height} class="spark-losses" role="img" aria-label="The losses over the epochs">
        <polyline points={line(1)} class="line" />
        <polyline points={line(2)} class="line strong" />
      </svg>
    </span>
  );
}

function Export({ opened, failed, trained }: { opened: Opened; failed: (error: Error) => void; trained: boolean }) {
  const save = (content: BlobPart, name: string) => {
    const address = URL.createObjectURL(new Blob([content]));
    const link = Object.assign(document.createElement("a"), { href: address, download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 1000);
  };
  const code = () => askPlay<{ text: string }>("export", { session: opened.session, as: "python" }).then(({ text }) => save(text, "play.py"), failed);
  const model = () => askPlay<{ file: string }>("export", { session: opened.session, as: "model" }).then(({ file }) => save(decode(file), "play.rv"), failed);
  return (
    <>
      <button onClick={code}>Python code</button>
      <button onClick={model} disabled={!trained}>
        Model file
      </button>
    </>
  );
}
