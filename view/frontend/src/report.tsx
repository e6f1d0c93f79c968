// The report: the result first, what to know of it, then data, training, mistakes and the network, in one column.

import { options } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import { CalibrationPanel } from "./calibration";
import { Classes } from "./class_scores";
import { ConfusionPanel } from "./confusion";
import { Curves } from "./curves";
import { DataSection } from "./data";
import { Findings } from "./findings";
import { decode } from "./files";
import { count, number, plural } from "./format";
import type { Frozen, FrozenTransport } from "./frozen";
import { Importances } from "./importances";
import { useInputs } from "./inputs";
import { Network } from "./network";
import { closeNeuron, NeuronPanel } from "./neuron";
import { AnswerBars, labelsOf, Problem, answerText, ThemeButton, Value } from "./parts";
import { Reasons } from "./reasons";
import { ResidualPanel } from "./residuals";
import { ResultSection, Sample, WhatToKnow } from "./result";
import { ask, askAnswer, layer, neuron, opening, pending, row, theme, useAsked, what as about } from "./state";
import type { Neuron, RowPage, What } from "./types";
import { Uncertainty } from "./uncertainty";
import { cellsOf, Why } from "./why";
import { CellRows, Worst } from "./wrong_rows";

interface Props {
  frozen: Frozen;
  transport: FrozenTransport;
}

export function Report({ frozen, transport }: Props) {
  const what = about.value!;
  useMemo(() => {
    opening.can = (number) => transport.has("answer", { row: number });
    opening.canPlay = (number) => transport.has("sound", { row: number });
    opening.canCell = (actual, predicted) => transport.has("cell", { actual, predicted });
    opening.open = (number) => {
      row.value = number;
      document.getElementById("network")!.scrollIntoView({ behavior: "smooth" });
    };
  }, []);
  useEffect(followPrinting, []);
  return (
    <main class="report" aria-busy={pending.value > 0}>
      <header class="title">
        <div>
          <p class="kicker">Ranvier report</p>
          <h1 title={what.name}>{what.name}</h1>
          <p class="lead">{what.predicts}</p>
        </div>
        <ThemeButton />
      </header>
      <ResultSection />
      <WhatToKnow told={transport.has("findings")} />
      {transport.has("findings") && <Findings />}
      {transport.has("sample") && <Sample />}
      <DataSection />
      <Training what={what} />
      {transport.has("importances") && <Importances />}
      {transport.has("reasons") && <Reasons />}
      {transport.has("uncertainty") && <Uncertainty />}
      {what.has_targets && <Mistakes what={what} />}
      <Inside what={what} transport={transport} />
      <footer class="note">
        Written {frozen.written} by Ranvier {frozen.version}. {what.rows ? `Rows: ${what.rows.name}.` : "No rows were known, so mistakes and examples are left out."}
        {frozen.command && (
          <>
            {" "}
            To look inside: <code>{frozen.command}</code>
          </>
        )}
      </footer>
    </main>
  );
}

function Training({ what }: { what: What }) {
  if (!what.history.length) return null;
  const { recipe, epochs, seconds, members, stop_reason } = what.training;
  return (
    <section>
      <h2>Training</h2>
      <p class="prose">
        <Value name="epochs" value={epochs} text={plural(epochs, "epoch")} />
        {members > 1 && ` of ${count(members)} networks`}
        {seconds > 0 && ` in ${number(seconds, 2)} s`}, recipe {recipe}. {stop_reason}
      </p>
      <Curves what={what} history={what.history} heading={null} />
    </section>
  );
}

function Mistakes({ what }: { what: What }) {
  const classes = what.task === "binary" || what.task === "multiclass";
  const few = what.classes.length <= 6;
  return (
    <section class="mistakes-of-report">
      <h2>Mistakes</h2>
      {classes && (
        <div class={few ? "two" : ""}>
          <ConfusionPanel what={what} />
          {few && <CalibrationPanel />}
        </div>
      )}
      {what.task === "regression" && <ResidualPanel what={what} />}
      {classes ? <CellRows what={what} /> : <Worst what={what} />}
      {what.task !== "regression" && (
        <div class={few ? "" : "two"}>
          <Classes what={what} />
          {classes && !few && <CalibrationPanel />}
        </div>
      )}
    </section>
  );
}

function Inside({ what, transport }: { what: What; transport: FrozenTransport }) {
  const examples = useAsked(() => ask<{ rows: number[] }>("examples"), []).data?.rows ?? [];
  const at = examples.includes(row.value) || transport.has("answer", { row: row.value }) ? row.value : (examples[0] ?? null);
  const answer = useAsked(at === null ? null : () => askAnswer({ row: at }), [at]);
  const pages = useAsked(examples.length ? () => Promise.all(examples.map((example) => ask<RowPage>("rows", { start: example }))) : null, [examples.length]).data;
  const rows = pages?.map((page) => page.rows[0]) ?? [];
  const shown = rows.find((entry) => entry.row === at);
  const opened = useAsked(
    layer.value !== null && neuron.value !== null ? () => ask<Neuron>("neuron", { path: layer.value, neuron: neuron.value }) : null,
    [layer.value, neuron.value],
  );
  const some = useInputs(what, { row: at }, [at], at !== null && transport.has("inputs", { row: at, pinned: [] }));
  const pixels = useMemo(() => (shown?.pixels ? decode(shown.pixels) : null), [shown?.pixels]);
  return (
    <section id="network">
      <h2>Network</h2>
      <p class="prose">
        <Value name="parameters" value={what.parameters} text={plural(what.parameters, "parameter")} />
        .
        {rows.length > 0 && <span class="on-screen"> Choose an example to see it run through the network.</span>}
      </p>
      {rows.length > 0 && (
        <ul class="choices" aria-label="Examples">
          {rows.map((entry) => (
            <li key={entry.row}>
              <button aria-pressed={entry.row === at} onClick={() => (row.value = entry.row)}>
                <b>{answerText(entry.predicted, labelsOf(what))}</b>
                {entry.actual !== undefined && answerText(entry.actual) !== answerText(entry.predicted) && <span class="truth">true {answerText(entry.actual, labelsOf(what))}</span>}
                <small>row {entry.row}</small>
              </button>
            </li>
          ))}
        </ul>
      )}
      <Network what={what} height={320} answer={answer.data} pixels={pixels} opened={opened.data} measurable={false} some={some} />
      <Problem error={opened.error} />
      <div class="two">
        {answer.data && (
          <div>
            <h3>
              Answer <small>for row {at}</small>
            </h3>
            <AnswerBars what={what} predicted={answer.data.predicted} probabilities={answer.data.probabilities} actual={typeof shown?.actual === "string" ? shown.actual : undefined} />
          </div>
        )}
        {shown && at !== null && transport.has("contributions", { row: at }) && (
          <div class="why">
            <Why what={what} given={{ row: at }} changes={[at, what]} cells={cellsOf(what, shown)} choosable={false} />
          </div>
        )}
        {opened.data && <NeuronPanel what={what} opened={opened.data} row={null} close={closeNeuron} examples={false} />}
      </div>
    </section>
  );
}

/** Puts a copy in the place of a canvas. What is drawn as printing begins is printed as commands, of which clearing leaves a
white rectangle over the canvases below; a copy is printed as a picture. */
function copyOf(canvas: HTMLCanvasElement): HTMLCanvasElement {
  const copy = canvas.cloneNode() as HTMLCanvasElement;
  copy.getContext("2d")!.drawImage(canvas, 0, 0);
  canvas.after(copy);
  canvas.style.display = "none";
  return copy;
}

/** Paper is white: before printing everything is drawn in the light theme, at once; afterwards as before. */
function followPrinting(): () => void {
  let before = theme.value;
  const copies: [HTMLCanvasElement, HTMLCanvasElement][] = [];
  const turn = (to: typeof before) => {
    const [render, frame] = [options.debounceRendering, options.requestAnimationFrame];
    options.debounceRendering = options.requestAnimationFrame = (work: () => void) => work();
    theme.value = to;
    [options.debounceRendering, options.requestAnimationFrame] = [render, frame];
  };
  const start = () => {
    before = theme.value;
    if (before === "light") return;
    turn("light");
    document.querySelectorAll<HTMLCanvasElement>(".network canvas").forEach((canvas) => canvas.width && canvas.height && copies.push([canvas, copyOf(canvas)]));
  };
  const end = () => {
    for (const [canvas, copy] of copies.splice(0)) {
      copy.remove();
      canvas.style.display = "";
    }
    turn(before);
  };
  addEventListener("beforeprint", start);
  addEventListener("afterprint", end);
  return () => {
    removeEventListener("beforeprint", start);
    removeEventListener("afterprint", end);
  };
}
