// Inside: the network with the present row running through it, a neuron opened beside it, and how training went.

import { useMemo } from "preact/hooks";
import { Curves } from "./curves";
import { decode } from "./files";
import { count, metric, METRICS, number } from "./format";
import { FindInput, hasMany, useInputs } from "./inputs";
import { titleOfLayer } from "./layer_titles";
import { Layers } from "./layers";
import { controls, epochs, layerHealth, liveAnswer, show, tick } from "./live";
import { Matrices } from "./matrices";
import { Network } from "./network";
import { closeNeuron, NeuronPanel, unlearned } from "./neuron";
import { AnswerBars, labelsOf, Problem, RowChooser, answerText, Value } from "./parts";
import { ask, askAnswer, askSurface, layer, neuron, row, theme, useAsked } from "./state";
import { RowSound } from "./sound";
import { pictures, SurfacePanel } from "./surface";
import { cellsOf, Why } from "./why";
import type { Answer, LayerHealth, Neuron, Row, RowPage, What } from "./types";

export function Inside({ what }: { what: What }) {
  const total = what.rows?.count ?? 0;
  const at = Math.min(row.value, Math.max(0, total - 1));
  const live = what.live === true;
  // What is asked again while the network changes; pages without such questions need not follow.
  const renewed = live && (layer.value !== null || what.inputs.count === 2 || hasMany(what)) ? tick.value : 0;
  const given = total ? { row: at } : {};
  const some = useInputs(what, given, [at, total, renewed]);
  const told = useAsked(total && !live ? () => askAnswer({ row: at }) : null, [at, total, what]);
  const shown = useAsked(total ? () => ask<RowPage>("rows", { start: at, count: 1 }) : null, [at, total, what]).data?.rows[0];
  const opened = useAsked(
    layer.value !== null && neuron.value !== null
      ? () => ask<Neuron>("neuron", { path: layer.value, neuron: neuron.value, row: total ? at : null })
      : null,
    [layer.value, neuron.value, at, total, renewed, what],
  );
  const checked = useAsked(live ? null : () => ask<LayerHealth[]>("layers"), [what]).data;
  const surface = useAsked(total && what.inputs.count === 2 ? askSurface : null, [what, renewed]).data;
  const small = useMemo(() => (surface ? pictures(surface) : null), [surface, theme.value]);
  const pixels = useMemo(() => (shown?.pixels ? decode(shown.pixels) : null), [shown?.pixels]);
  return (
    <div class={`inside ${opened.data ? "open" : ""}`}>
      <section class="panel net">
        <header>
          <h2>Network</h2>
          {total > 0 && <RowChooser value={at} total={total} choose={(next) => (row.value = next)} name={what.rows!.name} />}
          {shown && <Verdict what={what} at={at} shown={shown} />}
        </header>
        <Network what={what} height={380} answer={told.data} pixels={pixels} opened={opened.data} pictures={small} some={some} follows />
        <Problem error={told.error ?? opened.error} />
        {show.value === "weights" && <Matrices what={what} renewed={live ? tick.value : 0} />}
      </section>
      {opened.data ? (
        <NeuronPanel what={what} opened={opened.data} row={total ? `row ${at}` : null} close={closeNeuron} />
      ) : (
        <About what={what}>
          {surface && <SurfacePanel surface={surface} what={what} />}
          <Predicted what={what} told={told.data} at={at} shown={shown} />
          {told.data && shown && !live && (
            <section class="why">
              <Why what={what} given={{ row: at }} changes={[at, what]} cells={cellsOf(what, shown)} choosable={false} />
            </section>
          )}
          {hasMany(what) && <FindInput what={what} given={given} changes={[at, total]} />}
        </About>
      )}
      <section class="panel training">
        <Training what={what} />
      </section>
      <Checked what={what} checked={checked} />
    </div>
  );
}

// Each part reads what changes while a run trains by itself, so that nothing else is made again with it.

function Verdict({ what, at, shown }: { what: What; at: number; shown: Row }) {
  const predicted = what.live && liveAnswer.value ? liveAnswer.value.predicted : shown.predicted;
  return (
    <p class="verdict" title={`Row index ${shown.number} of the data`}>
      <RowSound what={what} number={at} /> predicted <strong data-name="row.predicted">{answerText(predicted, labelsOf(what))}</strong>
      {shown.actual !== undefined && (
        <>
          , true <strong data-name="row.actual">{answerText(shown.actual, labelsOf(what))}</strong>
          {(what.task === "binary" || what.task === "multiclass") && <Mark right={shown.actual === predicted} />}
          {typeof shown.actual === "number" && typeof predicted === "number" && <span class="off">off by {number(Math.abs(shown.actual - predicted))}</span>}
        </>
      )}
    </p>
  );
}

function Predicted({ what, told, at, shown }: { what: What; told: Answer | null; at: number; shown: Row | undefined }) {
  const answer = what.live ? liveAnswer.value : told;
  if (!answer) return null;
  return (
    <section>
      <h3>
        Answer <small>for row {at}</small>
      </h3>
      <AnswerBars what={what} predicted={answer.predicted} probabilities={answer.probabilities} actual={shown && typeof shown.actual === "string" ? shown.actual : undefined} />
    </section>
  );
}

function Training({ what }: { what: What }) {
  return what.live ? <Curves what={what} history={epochs.value} live controls={controls.value} /> : <Curves what={what} history={what.history} />;
}

function Checked({ what, checked }: { what: What; checked: LayerHealth[] | null }) {
  const layers = what.live ? layerHealth.value : checked;
  return layers && <Layers what={what} layers={layers} live={what.live === true} />;
}

function Mark({ right }: { right: boolean }) {
  return <span class={right ? "mark right" : "mark wrong"}>{right ? "right" : "wrong"}</span>;
}

function About({ what, children }: { what: What; children: preact.ComponentChildren }) {
  const problems = unlearned();
  const names = Object.keys(what.training.metrics).filter((name) => what.training.metrics[name] !== null);
  return (
    <aside class="panel about" aria-label="The model" tabIndex={0}>
      <header>
        <h2>The model</h2>
      </header>
      <p>{what.predicts}</p>
      {names.length > 0 && (
        <dl class="numbers">
          {names.map((name) => (
            <div key={name}>
              <dt>{METRICS[name] ?? name}</dt>
              <dd>
                <Value name={`metric.${name}`} value={what.training.metrics[name]} text={metric(name, what.training.metrics[name])} />
              </dd>
            </div>
          ))}
        </dl>
      )}
      {names.length > 0 && <p class="note">Measured on its {what.training.measured_on} rows when it was trained.</p>}
      {children}
      <section>
        <h3>Facts</h3>
        <dl class="numbers">
          <div>
            <dt>parameters</dt>
            <dd>
              <Value name="parameters" value={what.parameters} text={count(what.parameters)} />
            </dd>
          </div>
          {what.training.epochs > 0 && !what.live && (
            <div>
              <dt>epochs</dt>
              <dd>
                <Value name="epochs" value={what.training.epochs} text={count(what.training.epochs)} />
              </dd>
            </div>
          )}
          {what.training.seconds > 0 && (
            <div>
              <dt>training time</dt>
              <dd>{number(what.training.seconds, 2)} s</dd>
            </div>
          )}
        </dl>
        <p class="note">
          {what.rows ? `Rows here: ${what.rows.name}.` : what.form.kind === "language" ? "It reads a text. On the page Try it goes on with yours." : "No rows are known. Give the file they are in: ranvier view MODEL DATA."}
          {what.rows?.notes.map((note) => ` ${note}`)}
        </p>
      </section>
      {problems.length > 0 && (
        <section>
          <h3>
            Neurons that learn little <small>{count(problems.length)}</small>
          </h3>
          <ul class="problems">
            {problems.slice(0, 12).map((problem) => (
              <li key={`${problem.path} ${problem.unit}`}>
                <button
                  class="link"
                  onClick={() => {
                    layer.value = problem.path;
                    neuron.value = problem.unit;
                  }}
                >
                  {titleOfLayer(what, problem.path)}, neuron {problem.unit}
                </button>{" "}
                {problem.flag}
              </li>
            ))}
            {problems.length > 12 && <li class="more">and {count(problems.length - 12)} more</li>}
          </ul>
        </section>
      )}
    </aside>
  );
}
