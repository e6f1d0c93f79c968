// Mistakes: where the model is wrong, and on which rows.

import { useMemo } from "preact/hooks";
import { token } from "./colours";
import { count, cut, distinct, metric, METRICS, number, percent, plural, roundTicks } from "./format";
import { Canvas, decode, Picture, Problem, said, Value } from "./parts";
import { RowSound } from "./sound";
import { ask, cell, opening, useAsked } from "./state";
import type { Row, RowPage, What } from "./types";

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
  row: number[];
  actual: number[];
  predicted: number[];
  counts: number[];
  edges: number[];
  quantiles: number[];
}

export function Mistakes({ what }: { what: What }) {
  const metrics = useAsked(what.has_targets ? () => ask<Record<string, number>>("metrics") : null, [what]);
  if (!what.has_targets)
    return (
      <p class="empty">
        {what.rows ? "The true answers of these rows are not known, so mistakes cannot be counted." : "No rows are known, so there are no mistakes to show."}{" "}
        Give a file that holds the answers, too: <code>ranvier view MODEL DATA</code>.
      </p>
    );
  const classes = what.task === "binary" || what.task === "multiclass";
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
      </div>
      <div class="column">
        {classes ? <CellRows what={what} /> : <Worst what={what} />}
        {classes && <CalibrationPanel />}
      </div>
    </div>
  );
}

export function ConfusionPanel({ what }: { what: What }) {
  const { data, error } = useAsked(() => ask<Confusion>("confusion"), [what]);
  if (!data) return <section class="panel">{<Problem error={error} />}</section>;
  const most = Math.max(1, ...data.counts.flatMap((line, at) => line.filter((_, k) => k !== at)));
  const small = what.classes.length > 14;
  const short = distinct(what.classes);
  return (
    <section class="panel confusion">
      <header>
        <h2>
          <Value name="wrong" value={data.wrong} text={count(data.wrong)} /> of {plural(data.rows, "row")} wrong <small>({percent(data.wrong / data.rows)})</small>
        </h2>
      </header>
      <div class="scroll">
        <table class={small ? "matrix small" : "matrix"}>
          <thead>
            <tr>
              <td />
              <th colSpan={what.classes.length} scope="colgroup" class="axis-name">
                predicted
              </th>
            </tr>
            <tr>
              <th scope="col" class="axis-name">
                true
              </th>
              {what.classes.map((name, at) => (
                <th scope="col" key={name} title={name}>
                  <span>{short[at]}</span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {data.counts.map((line, actual) => (
              <tr key={actual}>
                <th scope="row" title={what.classes[actual]}>
                  <span>{cut(short[actual], 18)}</span>
                </th>
                {line.map((value, predicted) => {
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
    </section>
  );
}

export function CellRows({ what }: { what: What }) {
  const chosen = cell.value;
  const valid = chosen && chosen.every((index) => index < what.classes.length);
  const rows = useAsked(
    () => (valid ? ask<RowPage>("cell", { actual: chosen[0], predicted: chosen[1] }) : ask<RowPage>("rows", { start: 0, count: 60, order: "loss" })),
    [chosen?.[0], chosen?.[1], what],
  );
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
      <p class="note">The most wrong come first. Open one to see how it runs through the network.</p>
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
  return (
    <div class="scroll">
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
              {regression ? "off by" : "p(true)"}
            </th>
            {columns.map((column) => (
              <th scope="col" key={column.name} title={column.name} class={column.kind === "number" ? "right" : ""}>
                <span>{column.name}</span>
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
              <td class={regression ? "right" : ""}>{said(entry.actual)}</td>
              <td class={regression ? "right" : ""}>{said(entry.predicted)}</td>
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
                    {value === null || value === undefined || value === "" ? <span class="none">missing</span> : typeof value === "number" ? number(value) : String(value)}
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
  return (
    <section class="panel classes">
      <header>
        <h2>{what.task === "multilabel" ? "Each label" : "Each class"}</h2>
      </header>
      <Problem error={error} />
      <div class="scroll tall">
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
            {(data ?? []).map((score) => (
              <tr key={score.label}>
                <th scope="row" title={score.label}>
                  <span>{score.label}</span>
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
            expected error <Value name="calibration.error" value={data.error} text={percent(data.error)} />
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
            const [left, bottom, side] = [36, height - 22, Math.min(width - 48, height - 34)];
            const wide = width - 48;
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
              context.fillText(`${100 * tick}`, left - 6, y(tick));
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
      <p class="note">Right answers in % (upwards) against what the model said of its answer. On the dashed line both agree; larger dots hold more rows.</p>
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
        <small>{what.target[0]}</small>
      </header>
      <Canvas height={260} label={`Predicted against true ${what.target[0]} of ${plural(data.row.length, "row")}`} depends={[data]} draw={draw} />
      <p class="note">Upwards what was predicted, to the right what is true; on the dashed line both are equal.</p>
      <h3>Predicted − true</h3>
      <svg viewBox="0 0 600 96" class="plot" role="img" aria-label="Histogram of predicted minus true">
        {data.counts.map((value, at) => (
          <rect key={at} x={(at * 600) / data.counts.length + 0.5} width={600 / data.counts.length - 1} y={80 - (80 * value) / most} height={(80 * value) / most} class="bar" />
        ))}
        <line x1="0" x2="600" y1="80" y2="80" class="axis" />
        {data.edges[0] < 0 && data.edges[data.edges.length - 1] > 0 && (
          <line x1={(600 * -data.edges[0]) / (data.edges[data.edges.length - 1] - data.edges[0])} x2={(600 * -data.edges[0]) / (data.edges[data.edges.length - 1] - data.edges[0])} y1="0" y2="80" class="drop" />
        )}
        <text x="0" y="94">
          {number(data.edges[0], 3)}
        </text>
        <text x="600" y="94" text-anchor="end">
          {number(data.edges[data.edges.length - 1], 3)}
        </text>
      </svg>
      <p class="note">
        Half of the rows lie between <Value name="residual.25" value={data.quantiles[1]} text={number(data.quantiles[1], 3)} /> and{" "}
        <Value name="residual.75" value={data.quantiles[3]} text={number(data.quantiles[3], 3)} />; the median is <Value name="residual.50" value={data.quantiles[2]} text={number(data.quantiles[2], 3)} />.
      </p>
    </section>
  );
}
