// Predicted against true numbers, and the distribution of their difference.

import { token } from "./colours";
import { number, plural, roundTicks } from "./format";
import { Canvas, Problem, Value } from "./parts";
import { ask, useAsked } from "./state";
import type { What } from "./types";

interface Residuals {
  target: string;
  row: number[];
  actual: number[];
  predicted: number[];
  counts: number[];
  edges: number[];
  quantiles: number[];
}

export function ResidualPanel({ what }: { what: What }) {
  const { data, error } = useAsked(() => ask<Residuals>("residuals"), [what]);
  if (!data) return <section class="panel"><Problem error={error} /></section>;
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
