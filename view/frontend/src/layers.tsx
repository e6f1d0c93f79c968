// Does every layer learn? Gradients, updates and neurons that do not learn, layer by layer.

import { count, number, plural } from "./format";
import { titleOfLayer } from "./layer_titles";
import { Value } from "./parts";
import type { LayerHealth, What } from "./types";

/** The usual range of the change of the weights in a step, relative to them. */
const LOW = 1e-4;
const HIGH = 1e-2;
/** What the bars show: from 1e-7 to 1. */
const DECADES = 7;

/** What helps where many neurons of a layer do not learn. */
const REMEDIES = {
  dead: "A lower learning rate, or leaky_relu, keeps neurons alive.",
  saturated: "Weight decay or a lower learning rate help.",
  constant: "They add no more than a bias would; a narrower layer may do.",
  duplicate: "A narrower layer may do.",
};
const KINDS = ["dead", "saturated", "constant", "duplicate"] as const;
/** From this fraction of the neurons of a layer on, they are many. */
const MANY = 0.2;
/** A gradient of the first layer below this fraction of that of the output has vanished. */
const VANISHED = 1e-4;

export const MEANINGS: Record<string, string> = {
  dead: `Dead: its output is 0 for all known rows, so it contributes and learns nothing. ${REMEDIES.dead}`,
  saturated: `Saturated: it lies where its activation is flat on almost all known rows, so it hardly learns. ${REMEDIES.saturated}`,
  constant: "Constant: its output is the same for all known rows, so it adds no more than a bias would.",
  duplicate: `Duplicate: its output follows that of another neuron of the layer. ${REMEDIES.duplicate}`,
};

interface Finding {
  key: string;
  text: string;
}

/** What in the numbers a person should know: what it means and what to do. */
export function findings(what: What, layers: LayerHealth[], live: boolean): Finding[] {
  const list: Finding[] = [];
  const rates = layers.filter((part) => part.update_ratio !== null);
  const add = (key: string, text: string) => list.push({ key, text });
  for (const part of rates) {
    const name = titleOfLayer(what, part.path);
    if (part.update_ratio! > HIGH) add(`fast ${part.path}`, `${name} changes by ${number(100 * part.update_ratio!, 2)} % in a step: steps are large. If the loss jumps, lower the learning rate.`);
    else if (part.update_ratio! < LOW / 10 && live) add(`slow ${part.path}`, `${name} hardly moves: less than ${number(LOW * 10, 1)} % in a hundred steps. Late in a schedule that is as it should be; early, raise the learning rate.`);
  }
  for (const part of layers) {
    const hidden = part !== layers[layers.length - 1];
    for (const kind of KINDS) {
      const many = part[kind];
      if (hidden && many && many > MANY * part.units)
        add(`${kind} ${part.path}`, `${titleOfLayer(what, part.path)}: ${plural(many, "neuron")} of ${count(part.units)} ${many === 1 ? "is" : "are"} ${kind === "duplicate" ? "duplicates" : kind}. ${REMEDIES[kind]}`);
    }
  }
  const first = layers[0]?.gradient_norm;
  const last = layers[layers.length - 1]?.gradient_norm;
  if (layers.length > 2 && first !== null && last !== null && first !== undefined && last && first < last * VANISHED)
    add("vanishing", "The gradient of the first layer is less than a ten-thousandth of that of the output: it vanishes on its way. ReLU-like activations, LayerNorm or Residual layers help.");
  return list;
}

export function Layers({ what, layers, live }: { what: What; layers: LayerHealth[]; live: boolean }) {
  const counted = layers.some((part) => part.rows !== null);
  const gradients = layers.some((part) => part.gradient_norm !== null);
  const updates = layers.some((part) => part.update_ratio !== null);
  const most = Math.max(...layers.map((part) => part.gradient_norm ?? 0), 1e-30);
  const notes = findings(what, layers, live);
  if (!counted && !gradients && !updates) return null;
  return (
    <section class="panel layers">
      <header>
        <h2>Layers</h2>
        <small>{counted ? `over ${count(Math.max(...layers.map((part) => part.rows ?? 0)))} known rows` : "no rows are known"}</small>
      </header>
      <div class="scroll" tabIndex={0} role="region" aria-label="Layers as a table">
        <table class="rows health">
          <thead>
            <tr>
              <th scope="col">layer</th>
              {gradients && <th scope="col">gradient norm</th>}
              {updates && <th scope="col">change in a step</th>}
              {counted && ["dead", "saturated", "constant", "duplicates"].map((name) => <th scope="col" class="right" key={name}>{name}</th>)}
            </tr>
          </thead>
          <tbody>
            {layers.map((part) => (
              <tr key={part.path}>
                <th scope="row">
                  {titleOfLayer(what, part.path)} <small>{count(part.units)}</small>
                </th>
                {gradients && (
                  <td>
                    <span class="meter" aria-hidden="true">
                      <i style={{ width: `${gauge(part.gradient_norm, most)}%` }} />
                    </span>
                    <Value name={`gradient.${part.path}`} value={part.gradient_norm} text={number(part.gradient_norm, 3)} />
                  </td>
                )}
                {updates && (
                  <td>
                    <span class="meter band" aria-hidden="true">
                      <b style={{ left: `${place(LOW)}%`, width: `${place(HIGH) - place(LOW)}%` }} />
                      {part.update_ratio !== null && part.update_ratio > 0 && <i class="at" style={{ left: `${place(part.update_ratio)}%` }} />}
                    </span>
                    <Value name={`update.${part.path}`} value={part.update_ratio} text={number(part.update_ratio, 2)} />
                  </td>
                )}
                {counted &&
                  KINDS.map((name) => (
                    <td class={`right ${part[name] ? "some" : "none"}`} key={name}>
                      <Value name={`${name}.${part.path}`} value={part[name]} text={part[name] ? count(part[name]!) : "–"} />
                    </td>
                  ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {updates && <p class="note">The shaded part of “change in a step” is the usual range, from 0.0001 to 0.01 of the weights.</p>}
      {notes.map((note) => (
        <p class="flag" key={note.key}>
          {note.text}
        </p>
      ))}
    </section>
  );
}

/** Where a ratio lies on the logarithmic scale, in percent. */
function place(ratio: number): number {
  return Math.max(0, Math.min(100, (100 * (Math.log10(ratio) + DECADES)) / DECADES));
}

/** Four decades below the largest gradient. */
function gauge(value: number | null, most: number): number {
  return value && value > 0 ? Math.max(2, Math.min(100, 100 + 25 * Math.log10(value / most))) : 0;
}
