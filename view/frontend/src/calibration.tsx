// How often answers are right, by the probability that the model gave them.

import { token } from "./colours";
import { percent } from "./format";
import { Canvas, Problem, Value } from "./parts";
import { ask, useAsked } from "./state";

interface Calibration {
  bins: { low: number; high: number; rows: number; probability: number | null; right: number | null }[];
  error: number;
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
          label={`Fraction of right answers by probability: ${data.bins.filter((bin) => bin.rows).map((bin) => `${percent(bin.probability)} predicted, ${percent(bin.right)} right, ${bin.rows} rows`).join("; ")}`}
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
      <p class="note">Right answers (upwards) against the probability that the model gave its answer. On the dashed line both agree; larger dots hold more rows.</p>
    </section>
  );
}
