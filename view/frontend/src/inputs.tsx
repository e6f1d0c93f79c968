// Networks with more inputs than can be drawn: those of a row that carry most, and any other by its name.

import { useState } from "preact/hooks";
import { count, inputName, number, plural } from "./format";
import { Problem, Value } from "./parts";
import { ask, useAsked, useLatest, wanted } from "./state";
import type { SomeInputs, What } from "./types";

/** Up to so many inputs each has a place in the network. */
const MANY = 1000;
const SHOWN = 14;
const FOUND = 8;
const MAX_WANTED = 6;

export function hasMany(what: What): boolean {
  return what.form.kind === "table" && what.inputs.count > MANY;
}

/** The inputs to draw for a row; null where all are drawn. */
export function useInputs(what: What, given: object, changes: unknown[], can = true): SomeInputs | null {
  const chosen = wanted.value;
  return useAsked(hasMany(what) && can ? () => ask<SomeInputs>("inputs", { ...given, count: SHOWN - chosen.length, pinned: chosen }) : null, [...changes, what, chosen]).data;
}

function toggle(name: string): void {
  wanted.value = wanted.value.includes(name) ? wanted.value.filter((other) => other !== name) : [...wanted.value, name].slice(-MAX_WANTED);
}

/** Finds inputs by parts of their names; those that are chosen stay in the network. */
export function FindInput({ what, given, changes }: { what: What; given: object; changes: unknown[] }) {
  const [search, setSearch] = useState("");
  const told = useLatest(() => ask<SomeInputs>("inputs", { ...given, count: FOUND, search }), [...changes, what, search]);
  const data = told.data;
  return (
    <section class="find-input">
      <h3>
        Inputs <small>{data && (search.trim() ? `${count(data.found)} of ${count(data.all)} hold it` : `${plural(data.found, "input")} of ${count(data.all)} ${data.found === 1 ? "is" : "are"} not 0 in this row`)}</small>
      </h3>
      <input type="search" value={search} placeholder="find an input by its name" aria-label="Find an input by its name" onInput={(event) => setSearch(event.currentTarget.value)} />
      <Problem error={told.error} />
      {data && data.inputs.length > 0 && (
        <table class="terms" data-name="table.inputs">
          <thead>
            <tr>
              <th scope="col">input</th>
              <th scope="col">value</th>
              <th scope="col">weights</th>
              <th scope="col" class="tick">
                <span class="hidden">in the network</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {data.inputs.map((entry) => (
              <tr key={entry.index}>
                <th scope="row" title={entry.name}>
                  {inputName(entry.name)}
                </th>
                <td>
                  <Value name={`input.${entry.index}.value`} value={entry.value} text={number(entry.value, 3)} />
                </td>
                <td>
                  <Value name={`input.${entry.index}.size`} value={entry.size} text={number(entry.size, 3)} />
                </td>
                <td class="tick">
                  <input type="checkbox" checked={wanted.value.includes(entry.name)} aria-label={`Keep ${entry.name} in the network`} onChange={() => toggle(entry.name)} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <p class="note">“Weights” is the norm of the weights that leave an input. The network shows the inputs of this row that carry most, and those with a tick.</p>
    </section>
  );
}
