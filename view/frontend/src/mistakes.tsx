// Mistakes: where the model is wrong, and on which rows.

import { CalibrationPanel } from "./calibration";
import { Classes } from "./class_scores";
import { ConfusionPanel } from "./confusion";
import { metric, METRICS } from "./format";
import { Value } from "./parts";
import { ResidualPanel } from "./residuals";
import { ask, useAsked } from "./state";
import type { What } from "./types";
import { CellRows, Worst } from "./wrong_rows";

export function Mistakes({ what }: { what: What }) {
  const metrics = useAsked(what.has_targets ? () => ask<Record<string, number>>("metrics") : null, [what]);
  if (what.form.kind === "language") return <p class="empty">A language model is measured on a text, character by character; what it writes says most of its mistakes. Its metrics are on the page Inside.</p>;
  if (!what.has_targets)
    return (
      <p class="empty">
        {what.rows ? "The true answers of these rows are not known, so mistakes cannot be counted." : "No rows are known, so there are no mistakes to show."}{" "}
        Give a file that holds the answers, too: <code>ranvier view MODEL DATA</code>.
      </p>
    );
  const classes = what.task === "binary" || what.task === "multiclass";
  const few = what.classes.length <= 6;
  return (
    <div class="mistakes">
      <section class="panel strip">
        <p class="note">On {what.rows!.name}:</p>
        {Object.entries(metrics.data ?? {}).map(([name, value]) => (
          <span class="stat" key={name}>
            {METRICS[name] ?? name} <Value name={`measured.${name}`} value={value} text={metric(name, value)} />
          </span>
        ))}
        {what.rows!.notes.map((note) => (
          <p class="note" key={note}>
            {note}
          </p>
        ))}
      </section>
      <div class="column">
        {classes && <ConfusionPanel what={what} />}
        {what.task === "regression" ? <ResidualPanel what={what} /> : <Classes what={what} />}
        {classes && few && <CalibrationPanel />}
      </div>
      <div class="column">
        {classes ? <CellRows what={what} /> : <Worst what={what} />}
        {classes && !few && <CalibrationPanel />}
      </div>
    </div>
  );
}
