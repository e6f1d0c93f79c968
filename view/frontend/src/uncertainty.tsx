// How sure the model is: how often its intervals or sets hold the truth, and how wide they are.

import { token } from "./colours";
import { count, number, percent, plural } from "./format";
import { Canvas, Problem, Value } from "./parts";
import { ask, useAsked } from "./state";

interface Level {
  coverage: number;
  found: number;
  error: number;
  width: number;
}

interface Target {
  name: string;
  levels: Level[];
  shown?: [number, number, number, number][];
  sizes?: [number, number][];
}

interface Doubt {
  kind: "intervals" | "sets";
  rows: number;
  coverage: number;
  targets: Target[];
}

export function Uncertainty() {
  const { data, error } = useAsked(() => ask<Doubt>("uncertainty"), []);
  if (!data) return <Problem error={error} />;
  const intervals = data.kind === "intervals";
  return (
    <section class="uncertainty">
      <h2>How sure it is</h2>
      {data.targets.map((target) => (
        <div class="two" key={target.name}>
          <div>
            {data.targets.length > 1 && <h3>{target.name}</h3>}
            <Levels target={target} intervals={intervals} />
          </div>
          {target.shown?.length ? <Shown rows={target.shown} coverage={data.coverage} /> : null}
          {target.sizes?.length ? <Sizes sizes={target.sizes} rows={data.rows} coverage={data.coverage} /> : null}
        </div>
      ))}
      <p class="note">
        Over {plural(data.rows, "row")}; ± is the standard error that chance gives so many rows. {intervals ? "Intervals" : "Sets"} hold the true answer as often as asked for on rows
        like those of training, over all of them, not in each group. Ask for them with <code>{intervals ? "ranvier predict --interval 0.9" : "ranvier predict --set 0.9"}</code>.
      </p>
    </section>
  );
}

function Levels({ target, intervals }: { target: Target; intervals: boolean }) {
  return (
    <table class="rows levels">
      <thead>
        <tr>
          <th scope="col" class="right">
            asked for
          </th>
          <th scope="col" class="right">
            hold the truth
          </th>
          <th scope="col" class="right">
            {intervals ? "mean width" : "labels in a set"}
          </th>
        </tr>
      </thead>
      <tbody>
        {target.levels.map((level) => (
          <tr key={level.coverage}>
            <th scope="row" class="right">
              {Math.round(100 * level.coverage)} %
            </th>
            <td class="right strong">
              <Value name={`covered.${target.name}.${level.coverage}`} value={level.found} text={percent(level.found)} />
              <small> ± {(100 * level.error).toFixed(1)}</small>
            </td>
            <td class="right">
              <Value name={`width.${target.name}.${level.coverage}`} value={level.width} text={number(level.width, 3)} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const HEIGHT = 220;

/** Intervals side by side in the order of the predictions, with the truth as a dot, marked where it lies outside. */
function Shown({ rows, coverage }: { rows: [number, number, number, number][]; coverage: number }) {
  const low = Math.min(...rows.map((row) => Math.min(row[0], row[3])));
  const high = Math.max(...rows.map((row) => Math.max(row[2], row[3])));
  const outside = rows.filter(([from, , to, truth]) => truth < from || truth > to).length;
  const draw = (context: CanvasRenderingContext2D, width: number, height: number) => {
    const [left, top, bottom] = [56, 8, height - 8];
    const y = (value: number) => bottom - ((value - low) / (high - low || 1)) * (bottom - top);
    context.font = "12px Inter, system-ui, sans-serif";
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (const fraction of [0, 0.5, 1]) {
      const value = low + fraction * (high - low);
      context.strokeStyle = token("line");
      context.fillStyle = token("muted");
      context.lineWidth = 1;
      context.beginPath();
      context.moveTo(left, y(value));
      context.lineTo(width, y(value));
      context.stroke();
      context.fillText(number(value, 3), left - 8, y(value));
    }
    const step = (width - left) / rows.length;
    rows.forEach(([from, predicted, to, truth], at) => {
      const x = left + (at + 0.5) * step;
      context.strokeStyle = token("line-strong");
      context.lineWidth = Math.max(2, step * 0.45);
      context.beginPath();
      context.moveTo(x, y(from));
      context.lineTo(x, y(to));
      context.stroke();
      context.strokeStyle = token("surface");
      context.lineWidth = 2;
      context.beginPath();
      context.moveTo(x - step * 0.25, y(predicted));
      context.lineTo(x + step * 0.25, y(predicted));
      context.stroke();
      const out = truth < from || truth > to;
      context.fillStyle = token(out ? "negative" : "accent");
      context.beginPath();
      if (out) context.rect(x - 3, y(truth) - 3, 6, 6);
      else context.arc(x, y(truth), 3, 0, 7);
      context.fill();
    });
  };
  const label = `Intervals for ${Math.round(100 * coverage)} % of ${plural(rows.length, "row")} in the order of the predictions; dots are the true numbers, squares the ${count(outside)} that lie outside`;
  return (
    <div>
      <Canvas draw={draw} depends={[rows]} height={HEIGHT} label={label} />
      <p class="note">{label}.</p>
    </div>
  );
}

/** How many rows have a set of one label, of two, and so on. */
function Sizes({ sizes, rows, coverage }: { sizes: [number, number][]; rows: number; coverage: number }) {
  return (
    <div>
      <h3>Sets for {Math.round(100 * coverage)} %</h3>
      <ol class="bars">
        {sizes.slice(0, 10).map(([size, of]) => (
          <li key={size}>
            <span class="name">{plural(size, "label")}</span>
            <span class="track">
              <span class="fill" style={{ width: `${(100 * of) / rows}%` }} />
            </span>
            <Value name={`sets.${size}`} value={of} text={percent(of / rows)} />
          </li>
        ))}
      </ol>
    </div>
  );
}
