// The confusion matrix: how often each class is taken for each other.

import { useState } from "preact/hooks";
import { count, cut, distinct, percent, plural } from "./format";
import { Problem, Value } from "./parts";
import { ask, cell, opening, useAsked } from "./state";
import type { What } from "./types";

/** Of more classes only those with mistakes are shown at first. */
const MANY = 30;
/** Of up to so many classes cells are large. */
const LARGE = 4;

interface Confusion {
  counts: number[][];
  rows: number;
  wrong: number;
}

export function ConfusionPanel({ what }: { what: What }) {
  const { data, error } = useAsked(() => ask<Confusion>("confusion"), [what]);
  const [all, setAll] = useState(false);
  if (!data) return <section class="panel"><Problem error={error} /></section>;
  const most = data.counts.reduce((above, line, at) => line.reduce((max, value, other) => (other === at ? max : Math.max(max, value)), above), 1);
  const short = distinct(what.classes, 8);
  const many = what.classes.length > MANY;
  const listed = many && !all ? confused(data.counts) : what.classes.map((_, at) => at);
  const small = listed.length > 14;
  return (
    <section class="panel confusion">
      <header>
        <h2>
          <Value name="wrong" value={data.wrong} text={count(data.wrong)} /> of {plural(data.rows, "row")} wrong <small>({percent(data.wrong / data.rows)})</small>
        </h2>
        {many && (
          <button class="small" aria-pressed={all} onClick={() => setAll(!all)}>
            all {count(what.classes.length)} classes
          </button>
        )}
      </header>
      {!listed.length && <p class="empty">No class has mistakes.</p>}
      <div class={all ? "scroll tall" : "scroll"} hidden={!listed.length} tabIndex={0} role="region" aria-label="The confusion matrix">
        <table class={small ? "matrix small" : listed.length <= LARGE ? "matrix large" : "matrix"}>
          <thead>
            <tr>
              <td />
              <th colSpan={listed.length} scope="colgroup" class="axis-name">
                predicted
              </th>
            </tr>
            <tr>
              <th scope="col" class="axis-name">
                true
              </th>
              {listed.map((at) => (
                <th scope="col" key={at} title={what.classes[at]}>
                  <span>{short[at]}</span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {listed.map((actual) => (
              <tr key={actual}>
                <th scope="row" title={what.classes[actual]}>
                  <span>{cut(short[actual], 18)}</span>
                </th>
                {listed.map((predicted) => {
                  const value = data.counts[actual][predicted];
                  const chosen = cell.value?.[0] === actual && cell.value[1] === predicted;
                  const fraction = actual === predicted ? 0 : value / most;
                  return (
                    <td key={predicted} class={actual === predicted ? "right" : ""}>
                      {value > 0 ? (
                        <button
                          aria-pressed={chosen}
                          disabled={!opening.canCell(actual, predicted)}
                          data-name={`confusion.${actual}.${predicted}`}
                          data-value={String(value)}
                          aria-label={`${plural(value, "row")}: true ${what.classes[actual]}, predicted ${what.classes[predicted]}`}
                          class={fraction > 0.6 ? "strong" : ""}
                          style={actual === predicted ? {} : { backgroundColor: `color-mix(in oklab, var(--error) ${Math.round(18 + 54 * fraction)}%, var(--surface))` }}
                          onClick={() => (cell.value = chosen ? null : [actual, predicted])}
                        >
                          {count(value)}
                        </button>
                      ) : (
                        <span class="none">·</span>
                      )}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {many && !all && listed.length > 0 && <p class="note">{listed.length < MANY ? `The ${count(listed.length)} classes with mistakes; all rows of the others are right.` : `The ${count(MANY)} classes with the most mistakes.`}</p>}
    </section>
  );
}

/** The classes that are taken for others or others for them, those with the most mistakes. */
function confused(counts: number[][]): number[] {
  const wrong = counts.map((line, at) => line.reduce((sum, value, other) => sum + (other === at ? 0 : value + counts[other][at]), 0));
  const order = wrong.map((_, at) => at).filter((at) => wrong[at]);
  return order.sort((a, b) => wrong[b] - wrong[a]).slice(0, MANY).sort((a, b) => a - b);
}
