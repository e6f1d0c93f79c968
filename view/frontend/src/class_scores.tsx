// Precision, recall and F1 of each class or label.

import { count, distinct, percent } from "./format";
import { Name, Problem, Value } from "./parts";
import { ask, useAsked } from "./state";
import type { What } from "./types";

interface Score {
  label: string;
  rows: number;
  precision: number | null;
  recall: number | null;
  f1: number | null;
}

export function Classes({ what }: { what: What }) {
  const { data, error } = useAsked(() => ask<Score[]>("classes"), [what]);
  const short = distinct((data ?? []).map((score) => score.label), 24);
  return (
    <section class="panel classes">
      <header>
        <h2>{what.task === "multilabel" ? "Each label" : "Each class"}</h2>
      </header>
      <Problem error={error} />
      <div class="scroll tall" tabIndex={0} role="region" aria-label="Scores as a table">
        <table class="rows">
          <thead>
            <tr>
              <th scope="col">{what.task === "multilabel" ? "label" : "class"}</th>
              {["rows", "precision", "recall", "F1"].map((name) => (
                <th scope="col" class="right" key={name}>
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {(data ?? []).map((score, at) => (
              <tr key={score.label}>
                <th scope="row">
                  <Name text={short[at]} full={score.label} />
                </th>
                <td class="right">
                  <Value value={score.rows} text={count(score.rows)} />
                </td>
                {(["precision", "recall", "f1"] as const).map((name) => (
                  <td class="right" key={name}>
                    <Value name={`class.${score.label}.${name}`} value={score[name]} text={score[name] === null ? "\u2013" : percent(score[name])} />
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
