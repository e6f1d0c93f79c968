// Try: change a row, or draw one, and see the answer and every neuron follow.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { token } from "./colours";
import { drawStrokes, framingOf, rasterize, type Stroke } from "./drawing";
import { count, number, percent } from "./format";
import { Network } from "./network";
import { AnswerBars, decode, Picture, Problem, RowChooser } from "./parts";
import { Fields } from "./fields";
import { FindInput, hasMany, useInputs } from "./inputs";
import { Near } from "./near";
import { TakeSound, useHeard } from "./sound";
import { Why } from "./why";
import { ask, askAnswer, row, theme, tried, triedSound, useAsked, useLatest } from "./state";
import type { Responses, RowPage, What } from "./types";

export function Try({ what }: { what: What }) {
  const values = tried.value;
  const isSound = what.form.kind === "sound";
  const total = what.rows?.count ?? 0;
  const at = Math.min(row.value, Math.max(0, total - 1));
  const sound = triedSound.value;
  const heard = useHeard(what);
  const given = isSound ? (sound ? { sound: sound.text } : total ? { row: at } : null) : values === null ? null : { values };
  const changes = [isSound ? (sound ?? at) : values, what];
  const answer = useLatest(given && (() => askAnswer(given)), changes);
  const responses = useLatest(values && what.form.kind === "table" ? () => ask<Responses>("responses", { values }) : null, changes).data;
  if (what.form.kind === "table" && !what.form.columns.length)
    return <p class="empty">This model takes {count(what.inputs.count)} columns, too many to fill in here.</p>;
  const cells = isSound || Array.isArray(values) || typeof values === "string" ? null : values;
  const language = what.form.kind === "language";
  const some = useInputs(what, given ?? {}, changes);
  const pixels = isSound ? heard.pixels : what.form.kind === "picture" && Array.isArray(values) ? values : null;
  return (
    <div class="try">
      <div class="column">
        <section class="panel fields">{isSound ? <TakeSound what={what} heard={heard} /> : language ? <StartText /> : what.form.kind === "picture" ? <Draw what={what} /> : <Fields what={what} responses={responses} />}</section>
        <section class="panel net">
          <header>
            <h2>What every neuron does with it</h2>
          </header>
          <Network what={what} height={300} answer={answer.data} pixels={pixels} choosable={false} some={some} />
        </section>
        {hasMany(what) && given && (
          <section class="panel some-inputs">
            <FindInput what={what} given={given} changes={changes} />
          </section>
        )}
      </div>
      <div class="column">
        <section class="panel says">
          <header>
            <h2>{language ? "The next character" : "Answer"}</h2>
            {responses && Object.keys(responses.curves).length > 0 && (
              <small>
                curves: {what.task === "regression" ? `${responses.explained}, ${number(responses.low, 3)} to ${number(responses.high, 3)}` : `probability of ${responses.explained}, ${percent(responses.low)} to ${percent(responses.high)}`}
              </small>
            )}
          </header>
          <Problem error={answer.error} />
          {answer.data ? (
            <AnswerBars what={what} predicted={answer.data.predicted} probabilities={answer.data.probabilities} />
          ) : (
            !answer.error && <p class="empty">{what.form.kind === "picture" ? "Draw something, or start from a row." : isSound ? "Record something, or choose a file." : "Reading …"}</p>
          )}
        </section>
        {language && typeof values === "string" && <GoesOn start={values} />}
        {given && !language && !answer.error && (
          <section class="panel why">
            <Why what={what} given={given} changes={changes} cells={cells} />
          </section>
        )}
        {given && what.rows && !language && !answer.error && (
          <section class="panel near">
            <Near what={what} given={given} changes={changes} cells={cells} />
          </section>
        )}
      </div>
    </div>
  );
}

/** The text that a language model is to go on with. */
function StartText() {
  const text = typeof tried.value === "string" ? tried.value : "";
  useEffect(() => {
    if (tried.peek() === null) tried.value = "";
  }, []);
  return (
    <>
      <header>
        <h2>
          <label for="start-text">Write</label>
        </h2>
      </header>
      <textarea id="start-text" rows={4} value={text} placeholder="a beginning; with none the model begins by itself" onInput={(event) => (tried.value = event.currentTarget.value)} />
    </>
  );
}

/** What the model writes behind a text. */
function GoesOn({ start }: { start: string }) {
  const { data, error } = useLatest(() => ask<{ text: string; temperature: number }>("sample", { start }), [start]);
  return (
    <section class="panel">
      <header>
        <h2>How it goes on</h2>
      </header>
      <Problem error={error} />
      {data && (
        <>
          <pre class="sample" tabIndex={0} aria-label="What the model writes" data-name="sample">
            <b>{data.text.startsWith(start) ? start : ""}</b>
            {data.text.startsWith(start) ? data.text.slice(start.length) : data.text}
          </pre>
          <p class="note">Each character is drawn from the probabilities after those before it, at a temperature of {data.temperature}.</p>
        </>
      )}
    </section>
  );
}

function Draw({ what }: { what: What }) {
  const [rows, columns, channels] = what.form.shape;
  const total = what.rows?.count ?? 0;
  const [strokes, setStrokes] = useState<Stroke[]>([]);
  const [fit, setFit] = useState(true);
  const ref = useRef<HTMLCanvasElement>(null);
  const pen = 1.5 / Math.min(Math.max(rows, columns), 18);
  const side = 240;
  const [width, height] = [(side * columns) / Math.max(rows, columns), (side * rows) / Math.max(rows, columns)];
  const known = useAsked(total ? () => ask<RowPage>("rows", { start: 0, count: Math.min(total, 100) }) : null, [what]).data;
  const framing = useMemo(() => framingOf((known?.rows ?? []).map((entry) => decode(entry.pixels!)), rows, columns), [known]);
  const drawable = channels === 1;

  useEffect(() => {
    if (!drawable) return;
    const ratio = devicePixelRatio || 1;
    const canvas = ref.current!;
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    const context = canvas.getContext("2d")!;
    context.scale(ratio, ratio);
    if (!strokes.length) {
      context.fillStyle = token("muted");
      context.font = "13px Inter, system-ui, sans-serif";
      context.textAlign = "center";
      context.fillText("draw here", width / 2, height / 2);
    }
    drawStrokes(context, strokes, width, height, pen * side, token("text"));
  }, [strokes, width, height, theme.value]);

  useEffect(() => {
    if (strokes.length) tried.value = rasterize(strokes, rows, columns, pen, framing, fit);
  }, [strokes, fit, framing]);

  const at = (event: PointerEvent) => {
    const area = ref.current!.getBoundingClientRect();
    return { x: (event.clientX - area.left) / area.width, y: (event.clientY - area.top) / area.height };
  };
  const from = async (chosen: number) => {
    row.value = chosen;
    const page = await ask<RowPage>("rows", { start: chosen, count: 1 });
    setStrokes([]);
    tried.value = Array.from(decode(page.rows[0].pixels!));
  };
  useEffect(() => {
    if (!tried.value && total) void from(Math.min(row.value, total - 1));
  }, []);

  return (
    <>
      <header>
        <h2>{drawable ? "Draw" : "Choose a picture"}</h2>
        {total > 0 && <RowChooser value={Math.min(row.value, total - 1)} total={total} choose={(next) => void from(next)} name={what.rows!.name} />}
      </header>
      <div class="easel">
        {drawable && (
          <canvas
            ref={ref}
            class="board"
            style={{ width: `${width}px`, height: `${height}px` }}
            aria-label="Draw here with a mouse, a pen or a finger; or start from a row."
            onPointerDown={(event) => {
              event.currentTarget.setPointerCapture(event.pointerId);
              setStrokes([...strokes, [at(event)]]);
            }}
            onPointerMove={(event) => {
              if (event.buttons && strokes.length) setStrokes([...strokes.slice(0, -1), [...strokes[strokes.length - 1], at(event)]]);
            }}
          />
        )}
        <div class="sees">
          {Array.isArray(tried.value) && <Picture pixels={tried.value} shape={what.form.shape} size={112} label="What the network gets" />}
          <p class="note">
            What the network gets: {columns} × {rows} pixels.
          </p>
          {drawable && (
            <>
              <span class="buttons-in-line">
                <button disabled={!strokes.length} onClick={() => setStrokes(strokes.slice(0, -1))}>
                  Undo
                </button>
                <button
                  disabled={!strokes.length}
                  onClick={() => {
                    setStrokes([]);
                    tried.value = null;
                  }}
                >
                  Clear
                </button>
              </span>
              <label class="check">
                <input type="checkbox" checked={fit} onChange={(event) => setFit(event.currentTarget.checked)} /> frame it as the known pictures are
              </label>
            </>
          )}
        </div>
      </div>
    </>
  );
}
