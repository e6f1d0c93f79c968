// Mistakes: where the model is wrong, and on which rows.

import { useMemo, useState } from "preact/hooks";
import { token } from "./colours";
import { cellText, count, cut, distinct, metric, METRICS, number, percent, plural, roundTicks } from "./format";
import { Canvas, decode, labelsOf, Name, Picture, Problem, said, Value } from "./parts";
import { RowSound } from "./sound";
import { ask, cell, opening, useAsked } from "./state";
import type { Row, RowPage, What } from "./types";

/** Of more classes only those with mistakes are shown at first. */
const MANY = 30;

interface Confusion {
  counts: number[][];
  rows: number;
  wrong: number;
}

interface Score {
  label: string;
  rows: number;
  precision: number | null;
  recall: number | null;
  f1: number | null;
}

interface Calibration {
  bins: { low: number; high: number; rows: number; probability: number | null; right: number | null }[];
  error: number;
}

interface Residuals {
  target: string;
  row: number[];
  actual: number[];
  predicted: number[];
  counts: number[];
  edges: number[];
  quantiles: number[];
}

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

export function ConfusionPanel({ what }: { what: What }) {
  const { data, error } = useAsked(() => ask<Confusion>("confusion"), [what]);
  const [all, setAll] = useState(false);
  if (!data) return <section class="panel">{<Problem error={error} />}</section>;
  const most = Math.max(1, ...data.counts.flatMap((line, at) => line.filter((_, k) => k !== at)));
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
        <table class={small ? "matrix small" : "matrix"}>
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
                  const share = actual === predicted ? 0 : value / most;
                  return (
                    <td key={predicted} class={actual === predicted ? "right" : ""}>
                      {value > 0 ? (
                        <button
                          aria-pressed={chosen}
                          disabled={!opening.canCell(actual, predicted)}
                          data-name={`confusion.${actual}.${predicted}`}
                          data-value={String(value)}
                          aria-label={`${plural(value, "row")}: true ${what.classes[actual]}, predicted ${what.classes[predicted]}`}
                          class={share > 0.6 ? "strong" : ""}
                          style={actual === predicted ? {} : { backgroundColor: `color-mix(in oklab, var(--error) ${Math.round(18 + 54 * share)}%, var(--surface))` }}
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

export function CellRows({ what }: { what: What }) {
  const chosen = cell.value;
  const valid = chosen && chosen.every((index) => index < what.classes.length);
  const rows = useAsked(
    () => (valid ? ask<RowPage>("cell", { actual: chosen[0], predicted: chosen[1] }) : ask<RowPage>("rows", { start: 0, count: 60, order: "loss" })),
    [chosen?.[0], chosen?.[1], what],
  );
  const first = rows.data?.rows[0];
  const nothing = first !== undefined && first.actual === first.predicted && (rows.data?.rows ?? []).every((entry) => entry.actual === entry.predicted);
  return (
    <section class="panel examples">
      <header>
        <h2>
          {valid ? (
            <>
              True {what.classes[chosen[0]]}, predicted {what.classes[chosen[1]]}
            </>
          ) : (
            "Most wrong"
          )}
        </h2>
        {valid && rows.data && <small>{plural(rows.data.total, "row")}</small>}
        {valid && (
          <button class="small" onClick={() => (cell.value = null)}>
            all rows
          </button>
        )}
      </header>
      <Problem error={rows.error} />
      {rows.data && <Rows what={what} rows={rows.data.rows} />}
      <p class="note">{!valid && nothing ? "No row is wrong; those of which the model is least sure come first." : "The most wrong come first."} Open one to see how it runs through the network.</p>
    </section>
  );
}

export function Worst({ what }: { what: What }) {
  const rows = useAsked(() => ask<RowPage>("rows", { start: 0, count: 60, order: "loss" }), [what]);
  return (
    <section class="panel examples">
      <header>
        <h2>Most wrong</h2>
      </header>
      <Problem error={rows.error} />
      {rows.data && <Rows what={what} rows={rows.data.rows} />}
    </section>
  );
}

function Rows({ what, rows }: { what: What; rows: Row[] }) {
  return what.form.kind !== "table" ? (
    <ul class="gallery">
      {rows.map((entry) => (
        <Example key={entry.row} what={what} entry={entry} />
      ))}
    </ul>
  ) : (
    <RowTable what={what} rows={rows} />
  );
}

function Example({ what, entry }: { what: What; entry: Row }) {
  const pixels = useMemo(() => decode(entry.pixels!), [entry.pixels]);
  return (
    <li>
      <button disabled={!opening.can(entry.row)} onClick={() => opening.open(entry.row)} aria-label={`Row ${entry.row}: true ${said(entry.actual)}, predicted ${said(entry.predicted)}`}>
        <Picture pixels={pixels} shape={what.form.shape} size={72} label="" />
        <span class="says">
          <b>{said(entry.predicted)}</b>
          {entry.actual !== entry.predicted && <small> is {said(entry.actual)}</small>}
        </span>
        {entry.name && (
          <small class="file" title={entry.name}>
            {entry.name}
          </small>
        )}
        <small>
          p({said(entry.actual)}) <Value name={`row.${entry.row}.probability_of_actual`} value={entry.probability_of_actual} text={percent(entry.probability_of_actual)} />
        </small>
      </button>
      <RowSound what={what} number={entry.row} />
    </li>
  );
}

function RowTable({ what, rows }: { what: What; rows: Row[] }) {
  const columns = what.form.columns.slice(0, 8);
  const regression = what.task === "regression";
  const short = new Map(distinct(what.classes, 24).map((name, at) => [what.classes[at], name]));
  const labels = labelsOf(what);
  const shortName = (value: Row["actual"]) => short.get(said(value)) ?? said(value, labels);
  const titles = distinct(columns.map((column) => column.name), 16);
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Rows as a table">
      <table class="rows">
        <thead>
          <tr>
            <th scope="col">row</th>
            <th scope="col" class={regression ? "right" : ""}>
              true
            </th>
            <th scope="col" class={regression ? "right" : ""}>
              predicted
            </th>
            <th scope="col" class="right">
              {regression ? "off by" : labels ? "loss" : "p(true)"}
            </th>
            {columns.map((column, at) => (
              <th scope="col" key={column.name} class={column.kind === "number" ? "right label" : "label"}>
                <Name text={titles[at]} full={column.name} />
              </th>
            ))}
            {what.form.columns.length > columns.length && <th scope="col">+ {what.form.columns.length - columns.length}</th>}
          </tr>
        </thead>
        <tbody>
          {rows.map((entry) => (
            <tr key={entry.row}>
              <td>
                {opening.can(entry.row) ? (
                  <button class="link" onClick={() => opening.open(entry.row)}>
                    {entry.row}
                  </button>
                ) : (
                  entry.row
                )}
              </td>
              <td class={regression ? "right" : labels ? "labels" : "label"}>{regression ? said(entry.actual) : labels ? said(entry.actual, labels) : <Name text={shortName(entry.actual)} full={said(entry.actual, labels)} />}</td>
              <td class={regression ? "right" : labels ? "labels" : "label"}>{regression ? said(entry.predicted) : labels ? said(entry.predicted, labels) : <Name text={shortName(entry.predicted)} full={said(entry.predicted, labels)} />}</td>
              <td class="right">
                {regression ? (
                  <Value name={`row.${entry.row}.loss`} value={entry.loss} />
                ) : (
                  <Value name={`row.${entry.row}.probability_of_actual`} value={entry.probability_of_actual ?? entry.loss} text={entry.probability_of_actual === undefined ? number(entry.loss) : percent(entry.probability_of_actual)} />
                )}
              </td>
              {columns.map((column, at) => {
                const value = entry.cells?.[at];
                return (
                  <td key={column.name} class={column.kind === "number" ? "right" : column.kind === "text" ? "text" : ""} title={String(value ?? "")}>
                    {value === null || value === undefined || value === "" ? <span class="none">missing</span> : cellText(value, column.kind)}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
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

export function CalibrationPanel() {
  const { data, error } = useAsked(() => ask<Calibration>("calibration"), []);
  return (
    <section class="panel calibration">
      <header>
        <h2>Calibration</h2>
        {data && (
          <small>
            expected calibration error <Value name="calibration.error" value={data.error} text={percent(data.error)} />
          </small>
        )}
      </header>
      <Problem error={error} />
      {data && (
        <Canvas
          height={196}
          label={`Share of right answers by probability: ${data.bins.filter((bin) => bin.rows).map((bin) => `${percent(bin.probability)} said, ${percent(bin.right)} right, ${bin.rows} rows`).join("; ")}`}
          depends={[data]}
          draw={(context, width, height) => {
            const [left, bottom, side] = [46, height - 22, Math.min(width - 58, height - 34)];
            const wide = width - 58;
            const x = (value: number) => left + value * wide;
            const y = (value: number) => bottom - value * side;
            context.font = "12px Inter, system-ui, sans-serif";
            context.strokeStyle = token("line");
            context.fillStyle = token("muted");
            for (const tick of [0, 0.5, 1]) {
              context.beginPath();
              context.moveTo(x(0), y(tick) + 0.5);
              context.lineTo(x(1), y(tick) + 0.5);
              context.stroke();
              context.textAlign = "right";
              context.textBaseline = "middle";
              context.fillText(`${100 * tick} %`, left - 6, y(tick));
              context.textAlign = tick === 1 ? "right" : tick === 0 ? "left" : "center";
              context.textBaseline = "top";
              context.fillText(`${100 * tick} %`, x(tick), bottom + 6);
            }
            context.strokeStyle = token("line-strong");
            context.setLineDash([4, 4]);
            context.beginPath();
            context.moveTo(x(0), y(0));
            context.lineTo(x(1), y(1));
            context.stroke();
            context.setLineDash([]);
            const most = Math.max(...data.bins.map((bin) => bin.rows));
            const known = data.bins.filter((bin) => bin.rows);
            context.strokeStyle = context.fillStyle = token("accent");
            context.lineWidth = 1.5;
            context.beginPath();
            known.forEach((bin, at) => (at ? context.lineTo(x(bin.probability!), y(bin.right!)) : context.moveTo(x(bin.probability!), y(bin.right!))));
            context.stroke();
            for (const bin of known) {
              context.beginPath();
              context.arc(x(bin.probability!), y(bin.right!), 2.5 + 5 * Math.sqrt(bin.rows / most), 0, 7);
              context.fill();
            }
          }}
        />
      )}
      <p class="note">Right answers (upwards) against what the model said of its answer. On the dashed line both agree; larger dots hold more rows.</p>
    </section>
  );
}

export function ResidualPanel({ what }: { what: What }) {
  const { data, error } = useAsked(() => ask<Residuals>("residuals"), [what]);
  if (!data) return <section class="panel">{<Problem error={error} />}</section>;
  const low = Math.min(...data.actual, ...data.predicted);
  const high = Math.max(...data.actual, ...data.predicted);
  const draw = (context: CanvasRenderingContext2D, width: number, height: number) => {
    const [left, bottom, top] = [64, height - 24, 8];
    const x = (value: number) => left + ((value - low) / (high - low || 1)) * (width - left - 12);
    const y = (value: number) => bottom - ((value - low) / (high - low || 1)) * (bottom - top);
    context.font = "12px Inter, system-ui, sans-serif";
    context.fillStyle = token("muted");
    context.strokeStyle = token("line");
    const ticks = roundTicks(low, high);
    ticks.forEach((value, at) => {
      context.beginPath();
      context.moveTo(left, y(value) + 0.5);
      context.lineTo(width - 12, y(value) + 0.5);
      context.stroke();
      context.textAlign = "right";
      context.textBaseline = "middle";
      context.fillText(number(value, 3), left - 8, Math.max(6, y(value)));
      context.textAlign = at === ticks.length - 1 ? "right" : "center";
      context.textBaseline = "top";
      context.fillText(number(value, 3), at === ticks.length - 1 ? Math.min(width, x(value) + 24) : x(value), bottom + 8);
    });
    context.strokeStyle = token("line-strong");
    context.setLineDash([4, 4]);
    context.beginPath();
    context.moveTo(x(low), y(low));
    context.lineTo(x(high), y(high));
    context.stroke();
    context.setLineDash([]);
    context.fillStyle = token("accent");
    context.globalAlpha = data.row.length > 500 ? 0.35 : 0.65;
    data.actual.forEach((actual, at) => {
      context.beginPath();
      context.arc(x(actual), y(data.predicted[at]), 3, 0, 7);
      context.fill();
    });
    context.globalAlpha = 1;
  };
  const most = Math.max(...data.counts);
  return (
    <section class="panel residuals">
      <header>
        <h2>Predicted against true</h2>
        <small>{data.target}</small>
      </header>
      <Canvas height={260} label={`Predicted against true ${data.target} of ${plural(data.row.length, "row")}`} depends={[data]} draw={draw} />
      <p class="note">Upwards what was predicted, to the right what is true; on the dashed line both are equal.</p>
      <h3>Predicted − true</h3>
      <svg viewBox="0 0 600 81" preserveAspectRatio="none" class="plot histogram" role="img" aria-label="Histogram of predicted minus true">
        {data.counts.map((value, at) => (
          <rect key={at} x={(at * 600) / data.counts.length + 0.5} width={600 / data.counts.length - 1} y={80 - (80 * value) / most} height={(80 * value) / most} class="bar" />
        ))}
        <line x1="0" x2="600" y1="80" y2="80" class="axis" />
        {data.edges[0] < 0 && data.edges[data.edges.length - 1] > 0 && (
          <line x1={(600 * -data.edges[0]) / (data.edges[data.edges.length - 1] - data.edges[0])} x2={(600 * -data.edges[0]) / (data.edges[data.edges.length - 1] - data.edges[0])} y1="0" y2="80" class="drop" />
        )}
      </svg>
      <p class="ends">
        <span>{number(data.edges[0], 3)}</span>
        <span>{number(data.edges[data.edges.length - 1], 3)}</span>
      </p>
      <p class="note">
        Half of the rows lie between <Value name="residual.25" value={data.quantiles[1]} text={number(data.quantiles[1], 3)} /> and{" "}
        <Value name="residual.75" value={data.quantiles[3]} text={number(data.quantiles[3], 3)} />; the median is <Value name="residual.50" value={data.quantiles[2]} text={number(data.quantiles[2], 3)} />.
      </p>
    </section>
  );
}
