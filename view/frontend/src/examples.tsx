// Rows by how much they excite a neuron: from all intervals of its outputs, so that the top does not mislead.

import { decode } from "./files";
import { number } from "./format";
import { Picture, answerText, Value } from "./parts";
import { RowSound } from "./sound";
import { ask, row as chosenRow, useAsked } from "./state";
import type { NeuronExamples, What } from "./types";

export function Examples({ what, path, neuron }: { what: What; path: string; neuron: number }) {
  const groups = useAsked(what.rows && !what.live ? () => ask<NeuronExamples[]>("neuron_examples", { path, neuron }) : null, [path, neuron, what]).data;
  if (!groups) return null;
  const pictures = what.form.kind !== "table";
  return (
    <section class="excite">
      <h3>
        Rows by its output <small>the largest, each quarter of the rest, the smallest</small>
      </h3>
      {groups.map((group) => (
        <div class="interval" key={group.name}>
          <span class="range">
            {number(group.high, 3)} <small>to {number(group.low, 3)}</small>
          </span>
          <ul>
            {group.rows.map((entry) => (
              <li key={entry.row}>
                <button
                  class={pictures ? "" : "small"}
                  aria-label={`Row ${entry.row}, ${answerText(entry.actual ?? entry.predicted)}, output ${number(entry.output, 3)}`}
                  title={`row ${entry.row}: ${answerText(entry.actual ?? entry.predicted)}, output ${number(entry.output, 3)}`}
                  onClick={() => (chosenRow.value = entry.row)}
                >
                  {pictures && entry.pixels ? <Picture pixels={decode(entry.pixels)} shape={what.form.shape} size={32} label="" /> : `row ${entry.row}`}
                  <Value name={`example.${entry.row}`} value={entry.output} text={answerText(entry.actual ?? entry.predicted)} />
                </button>
                <RowSound what={what} number={entry.row} />
              </li>
            ))}
          </ul>
        </div>
      ))}
    </section>
  );
}
