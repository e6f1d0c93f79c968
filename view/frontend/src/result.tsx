// The result beside the baseline, and what its reader should know.

import type { Finding } from "./findings";
import { metric, METRICS, plural } from "./format";
import { Problem, Value } from "./parts";
import { ask, useAsked } from "./state";

/** Metrics that a bar from 0 to 1 can show. */
const FRACTIONS = ["accuracy", "r2"];

export interface Result {
  metrics: Record<string, number | null>;
  baseline: Record<string, number | null>;
  headline: string | null;
  measured_on: string | null;
  guess: string | null;
  warnings: string[];
  notes: string[];
}

export function ResultSection() {
  const { data, error } = useAsked(() => ask<Result>("result"), []);
  if (!data) return <Problem error={error} />;
  if (!data.headline)
    return (
      <section>
        <h2>Result</h2>
        <p class="empty">How good this model is on rows it has not seen is not known: nothing was measured.</p>
      </section>
    );
  const names = Object.keys(data.metrics);
  const compared = names.some((name) => data.baseline[name] !== undefined && data.baseline[name] !== null);
  const [value, base] = [data.metrics[data.headline], data.baseline[data.headline] ?? null];
  return (
    <section class="result">
      <h2>Result</h2>
      <div class="two">
        <div class="headline">
          <p class="big">
            <Value name={`headline.${data.headline}`} value={value} text={metric(data.headline, value)} />
          </p>
          <p>
            {METRICS[data.headline] ?? data.headline}
            {base !== null && (
              <>
                , against <strong>{metric(data.headline, base)}</strong> of the baseline
              </>
            )}
            {FRACTIONS.includes(data.headline) ? "." : "; less is better."}
          </p>
          {FRACTIONS.includes(data.headline) && value !== null && value >= 0 && (
            <div class="gauge" role="img" aria-label={`From 0 to 1: ${metric(data.headline, value)}${base === null ? "" : `, the baseline ${metric(data.headline, base)}`}`}>
              <span class="fill" style={{ width: `${100 * value}%` }} />
              {base !== null && base > 0 && <span class="tick" style={{ left: `${100 * base}%` }} title="baseline" />}
            </div>
          )}
          <p class="note">Measured on {data.measured_on}.</p>
        </div>
        <div>
          <table class="rows metrics">
            <thead>
              <tr>
                <th scope="col">metric</th>
                <th scope="col" class="right">
                  model
                </th>
                {compared && (
                  <th scope="col" class="right">
                    baseline
                  </th>
                )}
              </tr>
            </thead>
            <tbody>
              {names.map((name) => (
                <tr key={name}>
                  <th scope="row">{METRICS[name] ?? name}</th>
                  <td class="right strong">
                    <Value name={`result.${name}`} value={data.metrics[name]} text={metric(name, data.metrics[name])} />
                  </td>
                  {compared && (
                    <td class="right">
                      <Value name={`baseline.${name}`} value={data.baseline[name]} text={metric(name, data.baseline[name] ?? null)} />
                    </td>
                  )}
                </tr>
              ))}
            </tbody>
          </table>
          {data.guess && <p class="note">{data.guess}</p>}
        </div>
      </div>
    </section>
  );
}

const SHOWN = 8;

/** Warnings and notes, without those that the diagnosis tells where there is one. */
export function WhatToKnow({ told }: { told: boolean }) {
  const { data } = useAsked(() => ask<Result>("result"), []);
  const found = useAsked(told ? () => ask<Finding[]>("findings") : null, [told]).data ?? [];
  const untold = (sentence: string) => !found.some((entry) => sentence.includes(entry.evidence));
  const [warnings, notes] = [(data?.warnings ?? []).filter(untold), (data?.notes ?? []).filter(untold)];
  if (!(warnings.length + notes.length)) return null;
  const rest = notes.slice(SHOWN);
  return (
    <section>
      <h2>What to know</h2>
      <ul class="notes">
        {warnings.map((sentence) => (
          <li key={sentence} class="flag">
            {sentence}
          </li>
        ))}
        {notes.slice(0, SHOWN).map((sentence) => (
          <li key={sentence}>{sentence}</li>
        ))}
      </ul>
      {rest.length > 0 && (
        <details>
          <summary>{plural(rest.length, "more note")}</summary>
          <ul class="notes">
            {rest.map((sentence) => (
              <li key={sentence}>{sentence}</li>
            ))}
          </ul>
        </details>
      )}
    </section>
  );
}

export function Sample() {
  const { data } = useAsked(() => ask<{ text: string; temperature: number }>("sample"), []);
  if (!data) return null;
  return (
    <section>
      <h2>What it writes</h2>
      <pre class="sample">{data.text}</pre>
      <p class="note">Each character is drawn from the probabilities after those before it, at a temperature of {data.temperature}.</p>
    </section>
  );
}
