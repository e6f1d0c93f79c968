// Step by step: a training taken apart into the five stages of the textbook, with the numbers of one row and one neuron.

import { useEffect, useMemo } from "preact/hooks";
import { count } from "./format";
import { Network } from "./network";
import { Problem, Value } from "./parts";
import { ask, layer, neuron, useAsked } from "./state";
import { Backward, Forward, Loss, Start, Update } from "./step_stages";
import { at, back, batchRow, move, next, seed, slow, STAGES } from "./step_state";
import type { Answer, StepAnswer, What } from "./types";

/** Milliseconds from stage to stage, where they follow one another. */
const SLOW = 1600;

export function Step({ what }: { what: What }) {
  const { step, stage } = at.value;
  const path = what.layers.some((part) => part.neurons && part.path === layer.value) ? layer.value : null;
  const asked = useAsked(
    what.no_steps ? null : () => ask<StepAnswer>("step", { step, row: batchRow.value, path, neuron: path === null ? 0 : (neuron.value ?? 0), seed: seed.value }),
    [step, batchRow.value, path, neuron.value, seed.value, what],
  );
  const data = asked.data;
  useEffect(() => {
    if (asked.error && batchRow.peek()) batchRow.value = 0;
  }, [asked.error]);
  useEffect(() => {
    if (!slow.value) return;
    const timer = setInterval(next, SLOW);
    return () => clearInterval(timer);
  }, [slow.value]);
  useEffect(() => () => void (slow.value = false), []);
  if (what.no_steps) return <p class="empty">{what.no_steps}</p>;
  return (
    <div class="step-page">
      {(data || !asked.error) && <Stages data={data} />}
      {!data && !asked.error && <p class="empty">Reading the training rows, and making a copy of the network that learns from them …</p>}
      {asked.error && (
        <section class="panel">
          <Problem error={asked.error} />
        </section>
      )}
      {data && (
        <>
          <section class="panel net">
            <Picture what={what} data={data} stage={stage} />
          </section>
          <section class="panel explains" aria-live="polite">
            {stage === 0 && <Start what={what} data={data} />}
            {stage === 1 && <Forward what={what} data={data} />}
            {stage === 2 && <Loss what={what} data={data} />}
            {stage === 3 && <Backward what={what} data={data} key={`${data.step} ${data.neuron.path} ${data.neuron.neuron}`} />}
            {stage === 4 && <Update what={what} data={data} />}
          </section>
        </>
      )}
    </div>
  );
}

function Stages({ data }: { data: StepAnswer | null }) {
  const { step, stage } = at.value;
  const perEpoch = data?.per_epoch ?? 1;
  return (
    <section class="panel stages">
      <ol>
        {STAGES.map((name, index) => (
          <li key={name}>
            <button aria-current={index === stage ? "step" : undefined} disabled={index === 0 && step > 0} onClick={() => move({ step, stage: index })}>
              <b>{index + 1}</b> {name}
            </button>
          </li>
        ))}
      </ol>
      <div class="buttons" role="group" aria-label="Move">
        <button onClick={back} disabled={step === 0 && stage === 0}>
          Previous
        </button>
        <button class="main" onClick={next}>
          Next
        </button>
        <button onClick={() => move({ step: step + 1, stage })}>Whole step</button>
        <button onClick={() => move({ step: step + perEpoch, stage })} disabled={!data?.may_run_epochs} title={data?.may_run_epochs === false ? "An epoch of this network takes too long to be made at once" : undefined}>
          Whole epoch
        </button>
        <button aria-pressed={slow.value} onClick={() => (slow.value = !slow.value)}>
          Slowly
        </button>
        <button
          onClick={() => {
            slow.value = false;
            move({ step: 0, stage: 0 });
          }}
        >
          Start over
        </button>
      </div>
      {data && (
        <p class="where">
          step <Value name="step.step" value={data.step} text={count(data.step + 1)} />
          <small>
            {" "}
            epoch {count(data.epoch + 1)}, batch {count(data.position + 1)} of {count(data.per_epoch)}; a copy of the network learns from {data.rows}
          </small>
        </p>
      )}
    </section>
  );
}

const BACKWARDS = { cells: "Cells: derivative of the loss along each weighted sum, for this row. Lines: the gradients of the chosen neuron.", noun: "derivative", plain: true };
const FORWARDS = { cells: "Cells: output of each neuron, each layer on its own scale. Lines: the weights of the chosen neuron.", noun: "output", plain: false };
const UNSEEN = { cells: "No row has been seen yet. Lines: the weights of the chosen neuron.", noun: "output", plain: false };

function Picture({ what, data, stage }: { what: What; data: StepAnswer; stage: number }) {
  const backwards = stage === 3;
  const answer = useMemo(() => {
    const arrays: [string, number[]][] = [["inputs", data.inputs], ...data.layers.map((part) => [part.path, backwards ? part.dz : part.y] as [string, number[]])];
    let start = 0;
    const parts = arrays.map(([path, values]) => {
      const part = { path, start, length: values.length };
      start += values.length;
      return part;
    });
    return { predicted: "", probabilities: null, parts, array: Float32Array.from(arrays.flatMap(([, values]) => values)) } as Answer;
  }, [data, backwards]);
  const lines = useMemo(
    () =>
      data.layers.map((part) => {
        const own = part.path === data.neuron.path ? data.neuron.terms : [];
        const list = own.map((term) => [term.index, data.neuron.neuron, backwards ? term.gradient : term.weight] as [number, number, number]);
        return { lines: list, limit: Math.max(...list.map((line) => Math.abs(line[2])), 1e-30), all: list.length };
      }),
    [data, backwards],
  );
  return (
    <>
      <header>
        <h2>{backwards ? "How the loss changes with every sum" : stage === 0 ? "The network before it learns" : "Row by row through the network"}</h2>
        <label class="choice">
          row of the batch
          <select value={batchRow.value} onChange={(event) => (batchRow.value = Number(event.currentTarget.value))}>
            {data.batch.map((entry, index) => (
              <option key={index} value={index}>
                {index + 1} of {data.batch.length} (row {entry.number})
              </option>
            ))}
          </select>
        </label>
      </header>
      <Network
        what={what}
        height={320}
        answer={stage === 0 ? null : answer}
        pixels={data.pixels}
        measurable={false}
        meaning={backwards ? BACKWARDS : stage === 0 ? UNSEEN : FORWARDS}
        drawn={lines}
        chosen={{ path: data.neuron.path, unit: data.neuron.neuron }}
      />
    </>
  );
}
