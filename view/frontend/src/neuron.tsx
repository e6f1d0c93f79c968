// A neuron opened: what goes in, how it is weighed, summed and bent, and what it does over the known rows.

import { useState } from "preact/hooks";
import { count, inputName, number, percent, signed } from "./format";
import { Examples } from "./examples";
import { titleOfLayer } from "./layer_titles";
import { MEANINGS } from "./layers";
import { Name, SignedPicture, Value } from "./parts";
import { health, layer, neuron as chosen } from "./state";
import type { Neuron, Statistics, What } from "./types";

const TERMS = 8;

export function NeuronPanel({ what, opened, row, close, examples = true }: {
  what: What;
  opened: Neuron;
  row: string | null;
  close: () => void;
  examples?: boolean;
}) {
  const info = what.layers.find((part) => part.path === opened.layer)!;
  const dense = what.layers.filter((part) => part.neurons);
  const move = (step: number) => (chosen.value = (opened.neuron + step + info.units) % info.units);
  const duplicate = opened.statistics?.duplicate_of;
  return (
    <aside class="panel neuron" aria-label="Neuron">
      <header>
        <h2>
          {titleOfLayer(what, opened.layer)}, neuron {opened.neuron}
          {opened.stands_for !== null && <span class="stands"> {opened.stands_for}</span>}
        </h2>
        <button class="icon" aria-label="Neuron before" onClick={() => move(-1)}>
          ‹
        </button>
        <button class="icon" aria-label="Neuron after" onClick={() => move(1)}>
          ›
        </button>
        <button class="icon" aria-label="Close the neuron" onClick={close}>
          ×
        </button>
      </header>
      {(opened.statistics?.flags ?? []).map((flag) => (
        <p class="flag" key={flag}>
          {MEANINGS[flag]}
        </p>
      ))}
      {duplicate !== null && duplicate !== undefined && (
        <p class="flag">
          Duplicate: its output follows that of neuron {duplicate} of this layer (correlation above 0.999). A narrower layer may do.
        </p>
      )}
      <Sum opened={opened} row={row} />
      {opened.curve && <Curve curve={opened.curve} sum={opened.sum} output={opened.output} name={opened.activation.name} />}
      <Weights what={what} opened={opened} first={info === dense[0]} />
      <Terms opened={opened} />
      {opened.statistics && <Histogram statistics={opened.statistics} output={opened.output} />}
      {examples && opened.statistics && <Examples what={what} path={opened.layer} neuron={opened.neuron} />}
    </aside>
  );
}

function Sum({ opened, row }: { opened: Neuron; row: string | null }) {
  if (opened.sum === undefined) return null;
  return (
    <section>
      <h3>Sum{row && <small> for {row}</small>}</h3>
      <dl class="numbers">
        <div>
          <dt>products of {count(opened.fan_in)} inputs and weights</dt>
          <dd>
            <Value name="neuron.products" value={opened.sum_of_products} />
          </dd>
        </div>
        {opened.bias !== null && (
          <div>
            <dt>bias</dt>
            <dd>
              <Value name="neuron.bias" value={opened.bias} text={signed(opened.bias)} />
            </dd>
          </div>
        )}
        <div class="rule">
          <dt>sum z</dt>
          <dd>
            <Value name="neuron.sum" value={opened.sum} />
          </dd>
        </div>
        <div class="total">
          <dt>output, {opened.activation.name}(z)</dt>
          <dd>
            <Value name="neuron.output" value={opened.output} />
          </dd>
        </div>
        {opened.derivative !== null && (
          <div>
            <dt>slope at z</dt>
            <dd>
              <Value name="neuron.derivative" value={opened.derivative} />
            </dd>
          </div>
        )}
      </dl>
    </section>
  );
}

function Curve({ curve, sum, output, name }: { curve: { x: number[]; y: number[] }; sum?: number; output?: number; name: string }) {
  const [width, height, pad] = [312, 96, 8];
  const [x0, x1] = [curve.x[0], curve.x[curve.x.length - 1]];
  const low = Math.min(0, ...curve.y);
  const high = Math.max(low + 1e-9, ...curve.y);
  const x = (value: number) => pad + ((value - x0) / (x1 - x0)) * (width - 2 * pad);
  const y = (value: number) => height - pad - ((value - low) / (high - low)) * (height - 2 * pad);
  const path = curve.x.map((value, at) => `${at ? "L" : "M"}${x(value).toFixed(1)} ${y(curve.y[at]).toFixed(1)}`).join("");
  return (
    <section>
      <h3>
        Activation <small>{name}</small>
      </h3>
      <svg viewBox={`0 0 ${width} ${height}`} class="plot" role="img" aria-label={`The activation ${name}${sum === undefined ? "" : `; the sum is ${number(sum)}, the output ${number(output)}`}`}>
        <line x1={pad} x2={width - pad} y1={y(0)} y2={y(0)} class="axis" />
        <line x1={x(0)} x2={x(0)} y1={pad} y2={height - pad} class="axis" />
        <path d={path} class="line" />
        {sum !== undefined && output !== undefined && (
          <>
            <line x1={x(sum)} x2={x(sum)} y1={y(0)} y2={y(output)} class="drop" />
            <circle cx={x(sum)} cy={y(output)} r="4.5" class="point" />
          </>
        )}
      </svg>
    </section>
  );
}

function Weights({ what, opened, first }: { what: What; opened: Neuron; first: boolean }) {
  const [rows, columns] = what.form.shape;
  let values: number[] | null = null;
  let title = "Weights";
  if (first && what.inputs.picture && opened.weights?.length === rows * columns) values = opened.weights;
  else if (first && what.form.kind === "sound" && opened.weights && opened.weights.length === what.inputs.pixels?.length) {
    values = new Array<number>(rows * columns);
    for (const [input, pixel] of what.inputs.pixels.entries()) values[pixel] = opened.weights[input];
  } else if (first && what.form.pixels.length && opened.by_column) {
    const sums = new Map(opened.by_column.map((part) => [part.column, part.product]));
    values = what.form.pixels.map((name) => sums.get(name) ?? 0);
    title = "Contribution of each pixel";
  }
  if (!values) return null;
  const limit = Math.max(...values.map(Math.abs)) || 1;
  return (
    <section>
      <h3>{title}</h3>
      <div class="side">
        <SignedPicture values={values} rows={rows} columns={columns} size={160} label={title} />
        <p class="note">
          Blue raises the sum, orange lowers it. The strongest colour is ±<Value name="neuron.limit" value={limit} text={number(limit, 3)} />.
        </p>
      </div>
    </section>
  );
}

function Terms({ opened }: { opened: Neuron }) {
  const [all, setAll] = useState(false);
  const shown = opened.terms.slice(0, all ? opened.terms.length : TERMS);
  const withRow = opened.sum !== undefined;
  const largest = Math.max(...opened.terms.map((term) => Math.abs(withRow ? term.product! : term.weight)), 1e-30);
  const rest = opened.fan_in - shown.length;
  const restSum = withRow ? opened.sum_of_products! - shown.reduce((sum, term) => sum + term.product!, 0) : 0;
  return (
    <section>
      <h3>{withRow ? "Largest products" : "Largest weights"}</h3>
      <table class="terms">
        <thead>
          <tr>
            <th scope="col">input</th>
            {withRow && <th scope="col">value</th>}
            <th scope="col">weight</th>
            {withRow && <th scope="col">product</th>}
            <th scope="col" class="tick">
              <span class="hidden">size</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {shown.map((term) => {
            const size = withRow ? term.product! : term.weight;
            return (
              <tr key={term.index}>
                <th scope="row">
                  <Name text={inputName(term.input)} full={term.input} />
                </th>
                {withRow && (
                  <td>
                    <Value value={term.value} text={number(term.value, 3)} />
                  </td>
                )}
                <td>
                  <Value name={`weight.${term.index}`} value={term.weight} text={signed(term.weight)} />
                </td>
                {withRow && (
                  <td>
                    <Value name={`product.${term.index}`} value={term.product} text={signed(term.product!)} />
                  </td>
                )}
                <td class="tick">
                  <span class={size < 0 ? "minus" : "plus"} style={{ width: `${(28 * Math.abs(size)) / largest}px` }} />
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
      {rest > 0 && (
        <p class="note">
          and {count(rest)} others{withRow && <>, together {signed(restSum)}</>}
          {opened.terms.length > TERMS && (
            <button class="small" onClick={() => setAll(!all)}>
              {all ? "fewer" : `show ${count(opened.terms.length)}`}
            </button>
          )}
        </p>
      )}
    </section>
  );
}

function Histogram({ statistics, output }: { statistics: Statistics; output?: number }) {
  const [width, height] = [312, 64];
  const { counts, edges } = statistics;
  const most = Math.max(...counts);
  const [low, high] = [edges[0], edges[edges.length - 1]];
  const step = width / counts.length;
  const at = output === undefined ? null : ((output - low) / (high - low)) * width;
  return (
    <section>
      <h3>
        Outputs <small>over {count(statistics.rows)} known rows</small>
      </h3>
      <svg viewBox={`0 0 ${width} ${height + 16}`} class="plot" role="img" aria-label={`Histogram of its outputs, from ${number(low)} to ${number(high)}`}>
        {counts.map((value, k) => (
          <rect key={k} x={k * step + 0.5} width={step - 1} y={height - (height * value) / most} height={(height * value) / most} class="bar" />
        ))}
        <line x1="0" x2={width} y1={height} y2={height} class="axis" />
        {at !== null && at >= 0 && at <= width && <line x1={at} x2={at} y1="0" y2={height} class="drop" />}
        <text x="0" y={height + 13}>
          {number(low, 3)}
        </text>
        <text x={width} y={height + 13} text-anchor="end">
          {number(high, 3)}
        </text>
      </svg>
      <p class="note">
        Mean <Value name="neuron.mean" value={statistics.mean} text={number(statistics.mean, 3)} />, above 0 on{" "}
        <Value name="neuron.active" value={statistics.active} text={percent(statistics.active)} /> of them.
      </p>
    </section>
  );
}

export function closeNeuron(): void {
  layer.value = chosen.value = null;
}

export function unlearned(): { path: string; unit: number; flag: string }[] {
  return Object.entries(health.value ?? {}).flatMap(([path, part]) => [
    ...Object.entries(part.flags).map(([unit, flags]) => ({ path, unit: Number(unit), flag: flags[0] })),
    ...Object.keys(part.duplicates).map((unit) => ({ path, unit: Number(unit), flag: "duplicate" })),
  ]);
}
