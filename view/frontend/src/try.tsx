// Try: change a row, or draw one, and see the answer and every neuron follow.

import { useEffect } from "preact/hooks";
import { count, number, percent } from "./format";
import { Network } from "./network";
import { AnswerBars, Problem } from "./parts";
import { Fields } from "./fields";
import { FindInput, hasMany, useInputs } from "./inputs";
import { Near } from "./near";
import { TakePicture } from "./picture";
import { TakeSound, useHeard } from "./sound";
import { Why } from "./why";
import { ask, askAnswer, row, tried, triedSound, useLatest } from "./state";
import type { Responses, What } from "./types";

export function Try({ what }: { what: What }) {
  const values = tried.value;
  const isSound = what.form.kind === "sound";
  const total = what.rows?.count ?? 0;
  const at = Math.min(row.value, Math.max(0, total - 1));
  const sound = triedSound.value;
  const heard = useHeard(what);
  const given = isSound ? (sound ? { sound: sound.text } : total ? { row: at } : null) : values === null ? null : { values };
  const changes = [isSound ? (sound ?? at) : values, what];
  const answer = useLatest(given && (() => askAnswer(given)), changes);
  const responses = useLatest(values && what.form.kind === "table" ? () => ask<Responses>("responses", { values }) : null, changes).data;
  const some = useInputs(what, given ?? {}, changes);
  if (what.form.kind === "table" && !what.form.columns.length)
    return <p class="empty">This model takes {count(what.inputs.count)} columns, too many to fill in here.</p>;
  const cells = isSound || Array.isArray(values) || typeof values === "string" ? null : values;
  const language = what.form.kind === "language";
  const pixels = isSound ? heard.pixels : what.form.kind === "picture" && Array.isArray(values) ? values : null;
  return (
    <div class="try">
      <div class="column">
        <section class="panel fields">{isSound ? <TakeSound what={what} heard={heard} /> : language ? <StartText /> : what.form.kind === "picture" ? <TakePicture what={what} /> : <Fields what={what} responses={responses} />}</section>
        <section class="panel net">
          <header>
            <h2>What every neuron does with it</h2>
          </header>
          <Network what={what} height={300} answer={answer.data} pixels={pixels} choosable={false} some={some} />
        </section>
        {hasMany(what) && given && (
          <section class="panel some-inputs">
            <FindInput what={what} given={given} changes={changes} />
          </section>
        )}
      </div>
      <div class="column">
        <section class="panel says">
          <header>
            <h2>{language ? "The next character" : "Answer"}</h2>
            {responses && Object.keys(responses.curves).length > 0 && (
              <small>
                curves: {what.task === "regression" ? `${responses.explained}, ${number(responses.low, 3)} to ${number(responses.high, 3)}` : `probability of ${responses.explained}, ${percent(responses.low)} to ${percent(responses.high)}`}
              </small>
            )}
          </header>
          <Problem error={answer.error} />
          {answer.data ? (
            <AnswerBars what={what} predicted={answer.data.predicted} probabilities={answer.data.probabilities} />
          ) : (
            !answer.error && <p class="empty">{what.form.kind === "picture" ? "Draw something, or start from a row." : isSound ? "Record something, or choose a file." : "Reading …"}</p>
          )}
        </section>
        {language && typeof values === "string" && <GoesOn start={values} />}
        {given && !language && !answer.error && (
          <section class="panel why">
            <Why what={what} given={given} changes={changes} cells={cells} />
          </section>
        )}
        {given && what.rows && !language && !answer.error && (
          <section class="panel near">
            <Near what={what} given={given} changes={changes} cells={cells} />
          </section>
        )}
      </div>
    </div>
  );
}

/** The text that a language model is to go on with. */
function StartText() {
  const text = typeof tried.value === "string" ? tried.value : "";
  useEffect(() => {
    if (tried.peek() === null) tried.value = "";
  }, []);
  return (
    <>
      <header>
        <h2>
          <label for="start-text">Write</label>
        </h2>
      </header>
      <textarea id="start-text" rows={4} value={text} placeholder="a beginning; with none the model begins by itself" onInput={(event) => (tried.value = event.currentTarget.value)} />
    </>
  );
}

/** What the model writes behind a text. */
function GoesOn({ start }: { start: string }) {
  const { data, error } = useLatest(() => ask<{ text: string; temperature: number }>("sample", { start }), [start]);
  return (
    <section class="panel">
      <header>
        <h2>How it goes on</h2>
      </header>
      <Problem error={error} />
      {data && (
        <>
          <pre class="sample" tabIndex={0} aria-label="What the model writes" data-name="sample">
            <b>{data.text.startsWith(start) ? start : ""}</b>
            {data.text.startsWith(start) ? data.text.slice(start.length) : data.text}
          </pre>
          <p class="note">Each character is drawn from the probabilities after those before it, at a temperature of {data.temperature}.</p>
        </>
      )}
    </section>
  );
}
