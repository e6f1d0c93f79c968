// The five stages of a step of training, each with the numbers of one row and one neuron.

import { useState } from "preact/hooks";
import { count, number, plural, signed } from "./format";
import { titleOfLayer } from "./layer_titles";
import { Value } from "./parts";
import { ask } from "./state";
import { batchRow, seed } from "./step_state";
import type { StepAnswer, StepCheck, StepTerm, What } from "./types";

function Title({ what, data }: { what: What; data: StepAnswer }) {
  return (
    <>
      {titleOfLayer(what, data.neuron.path)}, neuron {data.neuron.neuron}
    </>
  );
}

export function Start({ what, data }: { what: What; data: StepAnswer }) {
  return (
    <>
      <h2>Initialization</h2>
      <p class="prose">
        Every weight begins with a random number, small enough that sums stay moderate, and different, so that neurons learn different things. Biases begin with 0. The same seed draws the same
        numbers.
      </p>
      <div class="seed">
        seed <Value name="step.seed" value={data.seed} text={String(data.seed)} />
        <button class="small" onClick={() => (seed.value = Math.floor(Math.random() * 1e6))}>
          draw others
        </button>
        {seed.value !== null && (
          <button class="small" onClick={() => (seed.value = null)}>
            those of the model
          </button>
        )}
      </div>
      {data.start.map((part) => (
        <Strip key={part.path} title={titleOfLayer(what, part.path)} part={part} />
      ))}
    </>
  );
}

function Strip({ title, part }: { title: string; part: StepAnswer["start"][number] }) {
  const [width, height] = [420, 30];
  const most = Math.max(...part.points.map(Math.abs), 1e-9);
  return (
    <section class="strip-plot">
      <h3>
        {title} <small>{plural(part.count, "weight")}, {part.rule} (K = {count(part.fan_in)})</small>
      </h3>
      <svg viewBox={`0 0 ${width} ${height + 14}`} class="plot" role="img" aria-label={`${part.count} weights between ${number(-most, 3)} and ${number(most, 3)}`}>
        <line x1={width / 2} x2={width / 2} y1="0" y2={height} class="axis" />
        {part.points.map((value, index) => (
          <circle key={index} cx={width / 2 + (value / most) * (width / 2 - 6)} cy={5 + ((index * 7) % (height - 10))} r="2" class={value < 0 ? "minus" : "plus"} />
        ))}
        <text x="0" y={height + 12}>{number(-most, 3)}</text>
        <text x={width / 2} y={height + 12} text-anchor="middle">0</text>
        <text x={width} y={height + 12} text-anchor="end">{number(most, 3)}</text>
      </svg>
      <p class="note">
        standard deviation <Value name={`start.${part.path}`} value={part.deviation} text={number(part.deviation, 3)} />
      </p>
    </section>
  );
}

function Others({ n, sum }: { n: number; sum?: number }) {
  return n > 0 ? (
    <tr class="rest">
      <th scope="row" colSpan={3}>
        and {count(n)} others{sum !== undefined && ", together"}
      </th>
      {sum !== undefined && <td>{signed(sum)}</td>}
    </tr>
  ) : null;
}

function name(term: StepTerm): string {
  return term.input.replace(/^layers\.\d+ /, "");
}

export function Forward({ what, data }: { what: What; data: StepAnswer }) {
  const { neuron: own } = data;
  return (
    <>
      <h2>
        Forward pass: <Title what={what} data={data} />
      </h2>
      <p class="prose">Each input times its weight; all products and the bias added up give z; the activation makes the output of it. Click another neuron to see its sum.</p>
      <table class="sum">
        <thead>
          <tr>
            <th scope="col">input</th>
            <th scope="col">x</th>
            <th scope="col">w</th>
            <th scope="col">x · w</th>
          </tr>
        </thead>
        <tbody>
          {own.terms.map((term) => (
            <tr key={term.index}>
              <th scope="row" title={term.input}>{name(term)}</th>
              <td>{number(term.value, 3)}</td>
              <td><Value name={`step.weight.${term.index}`} value={term.weight} text={signed(term.weight)} /></td>
              <td><Value name={`step.product.${term.index}`} value={term.product} text={signed(term.product)} /></td>
            </tr>
          ))}
          <Others n={own.others} sum={own.others_sum} />
          {own.bias && (
            <tr>
              <th scope="row" colSpan={3}>bias b</th>
              <td>{signed(own.bias.weight)}</td>
            </tr>
          )}
          <tr class="total">
            <th scope="row" colSpan={3}>z, the sum</th>
            <td><Value name="step.z" value={own.z} text={number(own.z)} /></td>
          </tr>
          <tr class="total">
            <th scope="row" colSpan={3}>y = {own.activation}(z)</th>
            <td><Value name="step.y" value={own.y} text={number(own.y)} /></td>
          </tr>
        </tbody>
      </table>
      {own.activation === "softmax" && <p class="note">softmax divides e to the power of z by the sum of these over all outputs.</p>}
    </>
  );
}

export function Loss({ what, data }: { what: What; data: StepAnswer }) {
  const entry = data.batch[data.row];
  const classes = what.classes.length === entry.output.length ? what.classes : what.target;
  return (
    <>
      <h2>Loss</h2>
      <p class="prose">
        How far the outputs are from the targets, as one number for each row: <code>{data.loss_name}</code>, {data.loss_formula}. The loss of the batch is the mean over its {data.batch.length} rows.
      </p>
      <table class="sum">
        <thead>
          <tr>
            <th scope="col">output</th>
            <th scope="col">y</th>
            <th scope="col">target t</th>
          </tr>
        </thead>
        <tbody>
          {entry.output.map((value, index) => (
            <tr key={index}>
              <th scope="row">{classes[index] ?? `output ${index}`}</th>
              <td>{number(value)}</td>
              <td>{number(entry.target[index])}</td>
            </tr>
          ))}
          <tr class="total">
            <th scope="row" colSpan={2}>loss of this row</th>
            <td><Value name="step.row_loss" value={entry.loss} text={number(entry.loss)} /></td>
          </tr>
          <tr class="total">
            <th scope="row" colSpan={2}>loss of the batch, L</th>
            <td><Value name="step.loss" value={data.loss} text={number(data.loss)} /></td>
          </tr>
        </tbody>
      </table>
      <h3>All rows of the batch</h3>
      <ol class="losses" aria-label="Loss of each row of the batch">
        {data.batch.map((part, index) => (
          <li key={index}>
            <button
              aria-pressed={index === data.row}
              title={`row ${part.number}: loss ${number(part.loss)}`}
              aria-label={`row ${part.number}, loss ${number(part.loss)}`}
              onClick={() => (batchRow.value = index)}
            >
              <span style={{ height: `${Math.max(2, (40 * part.loss) / Math.max(...data.batch.map((other) => other.loss), 1e-30))}px` }} />
            </button>
          </li>
        ))}
      </ol>
    </>
  );
}

export function Backward({ what, data }: { what: What; data: StepAnswer }) {
  const { neuron: own } = data;
  const [checks, setChecks] = useState<Record<string, StepCheck>>({});
  const check = (term: number | null) =>
    ask<StepCheck>("step_check", { step: data.step, path: own.path, neuron: own.neuron, term, seed: seed.value }).then((found) => setChecks((before) => ({ ...before, [String(term)]: found })));
  const output = own.dy === null;
  return (
    <>
      <h2>
        Backpropagation: <Title what={what} data={data} />
      </h2>
      <p class="prose">
        From the output back to the inputs: how the loss L changes when a number changes a little. The chain rule multiplies the parts of the way. For each weight this is the sum over the {own.rows} rows of
        the batch of dL/dz · x.
      </p>
      <dl class="numbers chain">
        {!output && (
          <>
            <div>
              <dt>dL/dy, from the layer after</dt>
              <dd>{number(own.dy)}</dd>
            </div>
            <div>
              <dt>times dy/dz, the slope of {own.activation} at z</dt>
              <dd>{number(own.derivative)}</dd>
            </div>
          </>
        )}
        <div class="rule total">
          <dt>dL/dz{output && ", of loss and activation together"}, for this row</dt>
          <dd>
            <Value name="step.dz" value={own.dz} />
          </dd>
        </div>
      </dl>
      <table class="sum">
        <thead>
          <tr>
            <th scope="col">weight of</th>
            <th scope="col">this row: dL/dz · x</th>
            <th scope="col">all rows: dL/dw</th>
            <th scope="col">finite difference</th>
          </tr>
        </thead>
        <tbody>
          {[...own.terms.map((term) => ({ key: term.index as number | null, label: name(term), part: own.dz * term.value, gradient: term.gradient })), ...(own.bias ? [{ key: null, label: "bias", part: own.dz, gradient: own.bias.gradient }] : [])].map(
            (entry) => {
              const found = checks[String(entry.key)];
              return (
                <tr key={String(entry.key)}>
                  <th scope="row">{entry.label}</th>
                  <td>{number(entry.part, 3)}</td>
                  <td><Value name={`step.gradient.${entry.key ?? "bias"}`} value={entry.gradient} text={number(entry.gradient, 4)} /></td>
                  <td>
                    {found ? (
                      <span title={`(${found.plus} − ${found.minus}) / (2 · ${found.h})${found.note ? `. ${found.note}` : ""}`}>
                        <Value name={`step.numeric.${entry.key ?? "bias"}`} value={found.numeric} text={number(found.numeric, 4)} /> {found.note ? "kink" : "✓"}
                      </span>
                    ) : (
                      <button class="small" aria-label={`Check the gradient of ${entry.label}`} onClick={() => check(entry.key)}>
                        check
                      </button>
                    )}
                  </td>
                </tr>
              );
            },
          )}
          {own.others > 0 && (
            <tr class="rest">
              <th scope="row" colSpan={4}>and {plural(own.others, "other")}</th>
            </tr>
          )}
        </tbody>
      </table>
      <p class="note">“check” moves the weight a little up and down, computes the loss of the batch both times, and divides the difference by the distance.</p>
      {Object.values(checks).some((found) => found.note) && <p class="flag">{Object.values(checks).find((found) => found.note)!.note}</p>}
    </>
  );
}

export function Update({ what, data }: { what: What; data: StepAnswer }) {
  const { neuron: own } = data;
  const memory = own.terms[0]?.memory.map((part) => part.name) ?? [];
  const rows = [...own.terms.map((term) => ({ key: String(term.index), label: name(term), ...term })), ...(own.bias ? [{ key: "bias", label: "bias", ...own.bias }] : [])];
  return (
    <>
      <h2>
        Update: <Title what={what} data={data} />
      </h2>
      <p class="prose">
        Each weight goes a small step against its gradient, so that the loss falls. The optimizer decides how far: <code>{data.optimizer}</code>, learning rate now{" "}
        <Value name="step.rate" value={data.rate} text={number(data.rate, 3)} />. The gradient of all weights has norm {number(data.gradient_norm, 3)}.
      </p>
      <div class="scroll" tabIndex={0} role="region" aria-label="The update as a table">
        <table class="sum">
          <thead>
            <tr>
              <th scope="col">weight of</th>
              <th scope="col">w</th>
              <th scope="col">gradient</th>
              {memory.map((slot) => (
                <th scope="col" key={slot}>{slot.replaceAll("_", " ")}</th>
              ))}
              <th scope="col">change</th>
              <th scope="col">new w</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((entry) => (
              <tr key={entry.key}>
                <th scope="row">{entry.label}</th>
                <td>{number(entry.weight)}</td>
                <td>{number(entry.used, 3)}</td>
                {entry.memory.map((part) => (
                  <td key={part.name}>
                    <small>{number(part.before, 2)} →</small> {number(part.after, 2)}
                  </td>
                ))}
                <td>{number(entry.new - entry.weight, 3)}</td>
                <td><Value name={`step.new.${entry.key}`} value={entry.new} /></td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <dl class="numbers chain">
        <div class="total">
          <dt>loss of the same batch, before and after</dt>
          <dd>
            <Value name="step.loss" value={data.loss} text={number(data.loss)} /> → <Value name="step.after" value={data.loss_after} text={number(data.loss_after)} />
          </dd>
        </div>
      </dl>
      <p class="note">{data.loss_after < data.loss ? "The loss of this batch fell." : "The loss of this batch rose: the step was too long for it, or other rows pulled elsewhere before."} The next step sees other rows.</p>
    </>
  );
}
