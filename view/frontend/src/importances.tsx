// What the model relies on: how much worse it predicts where the cells of a column are shuffled.

import { useState } from "preact/hooks";
import { count, distinct, METRICS, number, plural } from "./format";
import { Name, Problem, Value } from "./parts";
import { ask, useAsked } from "./state";

interface Importance {
  column: string;
  importance: number;
  standard_error: number;
}

const SHOWN = 20;
/** From so many columns on, one is looked for by its name. */
const SEARCHED = 12;

export function Importances() {
  const { data, error } = useAsked(() => ask<{ metric: string; rows: number; columns: Importance[] }>("importances"), []);
  const [search, setSearch] = useState("");
  if (!data) return <Problem error={error} />;
  const part = search.trim().toLowerCase();
  const hits = data.columns.filter((entry) => entry.column.toLowerCase().includes(part));
  const short = new Map(distinct(data.columns.map((entry) => entry.column), 24).map((name, at) => [data.columns[at].column, name]));
  const most = Math.max(...data.columns.map((entry) => entry.importance + entry.standard_error), 1e-12);
  const fraction = (value: number) => `${(100 * Math.max(0, value)) / most}%`;
  return (
    <section class="importances">
      <h2>What it relies on</h2>
      {data.columns.length > SEARCHED && (
        <input type="search" class="filter" value={search} placeholder="find a column by its name" aria-label="Find a column by its name" onInput={(event) => setSearch(event.currentTarget.value)} />
      )}
      {!hits.length && <p class="note">No column has this in its name.</p>}
      <ol class="bars">
        {hits.slice(0, SHOWN).map((entry) => (
          <li key={entry.column}>
            <span class="name">
              <Name text={short.get(entry.column)!} full={entry.column} />
            </span>
            <span class="track" title={`± ${number(entry.standard_error, 2)}`}>
              <span class="fill" style={{ width: fraction(entry.importance) }} />
              <span class="error" style={{ left: fraction(entry.importance - entry.standard_error), width: fraction(Math.min(2 * entry.standard_error, entry.importance + entry.standard_error)) }} />
            </span>
            <Value name={`importance.${entry.column}`} value={entry.importance} text={Math.abs(entry.importance) < 5e-5 ? "0" : number(entry.importance, 2)} />
          </li>
        ))}
        {hits.length > SHOWN && <li class="more">and {plural(hits.length - SHOWN, "more column")}; the least important is {hits[hits.length - 1].column}</li>}
      </ol>
      <p class="note">
        How much {METRICS[data.metric] ?? data.metric} is lost where the cells of a column are shuffled, over {count(data.rows)} rows; thin lines are standard errors. Of columns that say the same, each may look unimportant.
      </p>
    </section>
  );
}
