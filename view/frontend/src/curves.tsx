// How training went: the loss and the metric of every epoch.

import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { METRICS, metric, number } from "./format";
import { token, Value } from "./parts";
import { theme } from "./state";
import type { Epoch, What } from "./types";

interface Line {
  name: string;
  label: string;
  values: (number | null)[];
  strong: boolean;
}

function finite(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

export function Curves({ what }: { what: What }) {
  const history = what.history;
  if (!history.length) return <p class="empty">This model holds no history of its training.</p>;
  const loss: Line[] = [{ name: "loss", label: "training", values: history.map((epoch) => finite(epoch.loss)), strong: false }];
  if (history.some((epoch) => epoch.validation_loss !== null))
    loss.push({ name: "validation_loss", label: "validation", values: history.map((epoch) => finite(epoch.validation_loss)), strong: true });
  const names = Object.keys(history[history.length - 1].metrics);
  const headline = names.find((name) => !name.startsWith("training_") && name in METRICS);
  const metrics: Line[] = [];
  if (headline && names.includes(`training_${headline}`))
    metrics.push({ name: `training_${headline}`, label: "training", values: history.map((epoch) => finite(epoch.metrics[`training_${headline}`])), strong: false });
  if (headline) metrics.push({ name: headline, label: "validation", values: history.map((epoch) => finite(epoch.metrics[headline])), strong: true });
  return (
    <div class="curves">
      <Curve title="Loss" lines={loss} history={history} show={(value) => number(value)} positive />
      {metrics.length > 0 && <Curve title={METRICS[headline!]} lines={metrics} history={history} show={(value) => metric(headline!, value)} />}
      {what.training.members > 1 && (
        <p class="note">The {what.training.members} networks of the ensemble were trained one after the other; each begins with a high loss.</p>
      )}
    </div>
  );
}

function Curve({ title, lines, history, show, positive = false }: {
  title: string;
  lines: Line[];
  history: Epoch[];
  show: (value: number | null) => string;
  positive?: boolean;
}) {
  const box = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState<number | null>(null);
  const [log, setLog] = useState(false);
  const bad = log ? lines.reduce((sum, line) => sum + line.values.filter((value) => value === null || value <= 0).length, 0) : 0;
  useEffect(() => {
    const values = lines.map((line) => line.values.map((value) => (log && value !== null && value <= 0 ? null : value)));
    const axis = { stroke: token("muted"), font: "12px Inter, system-ui, sans-serif", ticks: { show: false } };
    const plot = new uPlot(
      {
        width: box.current!.clientWidth,
        height: 132,
        legend: { show: false },
        cursor: { y: false, points: { size: 6 }, sync: { key: "curves" }, drag: { x: true, y: false } },
        scales: { x: { time: false }, y: log ? { distr: 3 } : {} },
        axes: [
          { ...axis, grid: { show: false }, size: 24, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000] },
          { ...axis, grid: { stroke: token("line"), width: 1 }, size: 48, values: (_, ticks) => ticks.map((tick) => (tick === null ? "" : short(tick))) },
        ],
        series: [
          {},
          ...lines.map((line) => ({
            stroke: token(line.strong ? "accent" : "text-2"),
            width: line.strong ? 2 : 1.25,
            points: { show: history.length === 1 },
          })),
        ],
        hooks: { setCursor: [(self) => setAt(self.cursor.idx ?? null)] },
      },
      [history.map((epoch) => epoch.epoch), ...values] as uPlot.AlignedData,
      box.current!,
    );
    const observer = new ResizeObserver(() => plot.setSize({ width: box.current!.clientWidth, height: 132 }));
    observer.observe(box.current!);
    return () => {
      observer.disconnect();
      plot.destroy();
    };
  }, [theme.value, log, history]);
  const index = at ?? history.length - 1;
  return (
    <section class="curve">
      <header>
        <h3>{title}</h3>
        <span class="read">
          epoch {history[index]?.epoch}
          {lines.map((line) => (
            <span key={line.name} class={line.strong ? "strong" : ""}>
              <i class={line.strong ? "dash strong" : "dash"} />
              {line.label} <Value name={`curve.${line.name}`} value={line.values[index]} text={show(line.values[index])} />
            </span>
          ))}
        </span>
        {positive && (
          <button class="small" aria-pressed={log} onClick={() => setLog(!log)}>
            log
          </button>
        )}
      </header>
      <div ref={box} />
      {bad > 0 && <p class="note">{bad} values of 0 or less, or that are not numbers, do not fit on a log axis.</p>}
    </section>
  );
}

function short(value: number): string {
  return Math.abs(value) >= 1e5 || (value !== 0 && Math.abs(value) < 1e-3) ? value.toExponential(0) : String(Number(value.toPrecision(4)));
}
