// What the model relies on: how much worse it predicts where the cells of a column are shuffled.

import { count, METRICS, number } from "./format";
import { Problem, Value } from "./parts";
import { ask, useAsked } from "./state";

interface Importance {
  column: string;
  importance: number;
  standard_error: number;
}

const SHOWN = 20;

export function Importances() {
  const { data, error } = useAsked(() => ask<{ metric: string; rows: number; columns: Importance[] }>("importances"), []);
  if (!data) return <Problem error={error} />;
  const most = Math.max(...data.columns.map((entry) => entry.importance + entry.standard_error), 1e-12);
  const share = (value: number) => `${(100 * Math.max(0, value)) / most}%`;
  return (
    <section class="importances">
      <h2>What it relies on</h2>
      <ol class="bars">
        {data.columns.slice(0, SHOWN).map((entry) => (
          <li key={entry.column}>
            <span class="name" title={entry.column}>
              {entry.column}
            </span>
            <span class="track" title={`± ${number(entry.standard_error, 2)}`}>
              <span class="fill" style={{ width: share(entry.importance) }} />
              <span class="error" style={{ left: share(entry.importance - entry.standard_error), width: share(Math.min(2 * entry.standard_error, entry.importance + entry.standard_error)) }} />
            </span>
            <Value name={`importance.${entry.column}`} value={entry.importance} text={Math.abs(entry.importance) < 5e-5 ? "0" : number(entry.importance, 2)} />
          </li>
        ))}
        {data.columns.length > SHOWN && <li class="more">and {count(data.columns.length - SHOWN)} more columns</li>}
      </ol>
      <p class="note">
        How much {METRICS[data.metric] ?? data.metric} is lost where the cells of a column are shuffled, over {count(data.rows)} rows; thin lines are standard errors. Of columns that say the same, each may look unimportant.
      </p>
    </section>
  );
}
