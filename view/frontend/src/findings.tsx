// What the diagnosis of the training found: what was measured, what it means, what to do.

import { Problem } from "./parts";
import { ask, useAsked } from "./state";

export interface Finding {
  kind: string;
  title: string;
  column: string | null;
  evidence: string;
  meaning: string;
  advice: string;
}

export function Findings() {
  const { data, error } = useAsked(() => ask<Finding[]>("findings"), []);
  if (!data) return <Problem error={error} />;
  return (
    <section class="findings">
      <h2>Diagnosis</h2>
      {!data.length && <p class="prose">Nothing was found in the rows, the fit or the neurons.</p>}
      <ul>
        {data.map((found) => (
          <li key={`${found.kind}.${found.column}`} data-name={`finding.${found.kind}`}>
            <h3>
              {found.title}
              {found.column && <small> {found.column}</small>}
            </h3>
            <p>{found.evidence}</p>
            <p>{found.meaning}</p>
            <p class="advice">{found.advice}</p>
          </li>
        ))}
      </ul>
    </section>
  );
}
