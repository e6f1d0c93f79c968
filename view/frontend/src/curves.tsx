// How training goes: the loss, the metric and the learning rate of every epoch.

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { token } from "./colours";
import { count, METRICS, metric, number, plural } from "./format";
import { AsTable, Value } from "./parts";
import { keptPlot } from "./plot";
import { median, WINDOWS } from "./smoothing";
import { theme } from "./state";
import type { Control, Epoch, What } from "./types";
import { bestEpoch, numberOr, verdict } from "./verdict";

const HEIGHT = 148;
const TRIANGLE = 4;
const NONE: Control[] = [];
const MARKED = ["rate", "pause", "stop"];

interface Line {
  name: string;
  label: string;
  values: (number | null)[];
  strong: boolean;
}

interface Mark {
  x: number;
  text: string;
  best: boolean;
}

export function Curves({ what, history, live = false, controls = NONE, heading = "Training" }: {
  what: What;
  history: Epoch[];
  live?: boolean;
  controls?: Control[];
  heading?: string | null;
}) {
  const [window, setWindow] = useState(1);
  const { loss, metrics, rate, headline, marks } = useMemo(() => linesOf(history, controls), [history, controls]);
  if (!history.length)
    return <p class="empty">{live ? "The curves begin with the first complete epoch." : "This model holds no history of its training."}</p>;
  return (
    <>
      <header class="of-curves">
        {heading && <h2>{heading}</h2>}
        <p class="sentence" data-name="verdict">
          {what.training.members > 1 ? `${what.training.members} networks were trained one after the other; each begins with a high loss.` : verdict(history, live)}
        </p>
        {history.length >= 6 && (
          <label class="choice">
            smoothing
            <select value={window} onChange={(event) => setWindow(Number(event.currentTarget.value))}>
              {WINDOWS.map((size) => (
                <option key={size} value={size}>
                  {size === 1 ? "none" : `median of ${size}`}
                </option>
              ))}
            </select>
          </label>
        )}
      </header>
      <div class="curves">
        <Curve title="Loss" lines={loss} history={history} marks={marks} window={window} show={(value) => number(value)} logarithmic={live ? false : null} />
        {metrics.length > 0 && (
          <Curve title={METRICS[headline!] ?? headline!} lines={metrics} history={history} marks={marks} window={window} show={(value) => metric(headline!, value)} />
        )}
        {rate.length > 0 && <Curve title="Learning rate" lines={rate} history={history} marks={marks.filter((mark) => !mark.best)} window={1} show={(value) => number(value, 3)} logarithmic={false} />}
      </div>
      <AsTable
        name="epochs"
        columns={["epoch", ...[...loss, ...metrics, ...rate].map((line) => `${titleOf(line.name)}`)]}
        rows={() => history.map((epoch, at) => [count(epoch.epoch), ...[...loss, ...metrics, ...rate].map((line) => number(line.values[at]))])}
      />
    </>
  );
}

function titleOf(name: string): string {
  return name.replaceAll("_", " ");
}

function linesOf(history: Epoch[], controls: Control[]) {
  const of = (read: (epoch: Epoch) => unknown) => history.map((epoch) => numberOr(read(epoch)));
  const loss: Line[] = [{ name: "loss", label: "training", values: of((epoch) => epoch.loss), strong: false }];
  if (history.some((epoch) => epoch.validation_loss !== null))
    loss.push({ name: "validation_loss", label: "validation", values: of((epoch) => epoch.validation_loss), strong: true });
  const names = history.length ? Object.keys(history[history.length - 1].metrics) : [];
  const headline = names.find((name) => !name.startsWith("training_") && name in METRICS);
  const metrics: Line[] = [];
  if (headline && names.includes(`training_${headline}`))
    metrics.push({ name: `training_${headline}`, label: "training", values: of((epoch) => epoch.metrics[`training_${headline}`]), strong: false });
  if (headline) metrics.push({ name: headline, label: "validation", values: of((epoch) => epoch.metrics[headline]), strong: true });
  const rates = of((epoch) => epoch.learning_rate);
  const varies = new Set(rates).size > 1;
  const rate: Line[] = varies ? [{ name: "learning_rate", label: "", values: rates, strong: true }] : [];
  const best = bestEpoch(history);
  const marks: Mark[] = best >= 0 && history.length > 1 ? [{ x: history[best].epoch, text: `best ${history[best].epoch}`, best: true }] : [];
  for (const control of controls)
    if (MARKED.includes(control.do) && history.length && control.epoch <= history[history.length - 1].epoch)
      marks.push({ x: Math.max(control.epoch, history[0].epoch), text: control.do === "rate" ? `rate ${number(control.value ?? 0, 2)}` : control.do, best: false });
  return { loss, metrics, rate, headline, marks };
}

function Curve({ title, lines, history, marks, window, show, logarithmic }: {
  title: string;
  lines: Line[];
  history: Epoch[];
  marks: Mark[];
  window: number;
  show: (value: number | null) => string;
  logarithmic?: boolean | null;
}) {
  // Where the curve rises, its upper right holds the line, and the words go below it.
  const rises = logarithmic === undefined;
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const zoomed = useRef(false);
  const drawn = useRef({ marks, lines, log: false });
  const [at, setAt] = useState<number | null>(null);
  const [log, setLog] = useState(false);
  const bad = log ? lines.reduce((sum, line) => sum + line.values.filter((value) => value === null || value <= 0).length, 0) : 0;
  drawn.current = { marks, lines, log };

  const data = () => {
    const fits = (value: number | null) => (log && value !== null && value <= 0 ? null : value);
    const raw = lines.map((line) => line.values.map(fits));
    const smooth = raw.map((values) => median(values, window));
    return [history.map((epoch) => epoch.epoch), ...(window > 1 ? raw : []), ...smooth] as uPlot.AlignedData;
  };

  useEffect(() => {
    const axis = { stroke: token("muted"), font: "12px Inter, system-ui, sans-serif", ticks: { show: false } };
    const series = (faint: boolean) =>
      lines.map((line) => ({
        stroke: token(line.strong ? "accent" : "text-2"),
        alpha: faint ? 0.35 : 1,
        width: faint ? 1 : line.strong ? 2 : 1.25,
        points: { show: history.length === 1 },
      }));
    zoomed.current = false;
    const made = new uPlot(
      {
        width: box.current!.clientWidth,
        height: HEIGHT,
        legend: { show: false },
        cursor: { y: false, points: { size: 6 }, sync: { key: "curves" }, drag: { x: true, y: false } },
        scales: { x: { time: false }, y: log ? { distr: 3 } : {} },
        axes: [
          { ...axis, grid: { show: false }, size: 24, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000] },
          { ...axis, grid: { stroke: token("line"), width: 1 }, size: 58, space: 34, values: (_, ticks) => tickLabels(ticks) },
        ],
        series: [{}, ...(window > 1 ? series(true) : []), ...series(false)],
        hooks: {
          setCursor: [(self) => setAt(self.cursor.idx ?? null)],
          setSelect: [(self) => (zoomed.current = self.select.width > 0)],
          draw: [(self) => drawMarks(self, drawn.current.marks, drawn.current.lines, drawn.current.log, rises)],
        },
      },
      data(),
      box.current!,
    );
    made.over.addEventListener("dblclick", () => (zoomed.current = false));
    return keptPlot(plot, made, box.current!, HEIGHT);
  }, [theme.value, log, window > 1, lines.length, history.length === 1]);

  useLayoutEffect(() => {
    if (!plot.current) return;
    plot.current.setData(data(), !zoomed.current);
    if (zoomed.current) plot.current.redraw();
  }, [history, window, marks]);

  const index = at !== null && at < history.length ? at : history.length - 1;
  return (
    <section class="curve">
      <header>
        <h3>
          {title} <small>epoch {history[index]?.epoch}</small>
        </h3>
        <span class="read">
          {lines.map((line) => (
            <span key={line.name} class={line.strong ? "strong" : ""}>
              <i class={line.strong ? "dash strong" : "dash"} />
              {line.label} <Value name={`curve.${line.name}`} value={line.values[index]} text={show(line.values[index])} />
            </span>
          ))}
        </span>
        {logarithmic !== undefined && (
          <button class="small" aria-pressed={log} title="Logarithmic axis" onClick={() => setLog(!log)}>
            log
          </button>
        )}
      </header>
      <div ref={box} role="img" aria-label={`${title} over ${plural(history.length, "epoch")}${lines.map((line) => `; ${line.label || title} ${show(line.values[line.values.length - 1])}`).join("")}`} />
      {bad > 0 && (
        <p class="note">
          {plural(bad, "value")} of 0 or less, or that {bad === 1 ? "is" : "are"} not a number, {bad === 1 ? "does" : "do"} not fit on a log axis: triangles on its floor.
        </p>
      )}
    </section>
  );
}

/** The best epoch, what was done from the page, and values that the axis cannot show. */
function drawMarks(self: uPlot, marks: Mark[], lines: Line[], log: boolean, low: boolean) {
  const { ctx, bbox } = self;
  const ratio = devicePixelRatio || 1;
  ctx.save();
  ctx.font = `${11 * ratio}px Inter, system-ui, sans-serif`;
  ctx.textAlign = "left";
  ctx.textBaseline = low ? "bottom" : "top";
  let right = -Infinity;
  for (const mark of [...marks].sort((a, b) => a.x - b.x)) {
    const x = Math.round(self.valToPos(mark.x, "x", true));
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.strokeStyle = token(mark.best ? "accent" : "line-strong");
    ctx.lineWidth = ratio;
    ctx.setLineDash([3 * ratio, 3 * ratio]);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    const wide = ctx.measureText(mark.text).width;
    const leftwards = x + wide + 6 * ratio > bbox.left + bbox.width;
    const start = leftwards ? x - wide - 4 * ratio : x + 4 * ratio;
    if (start < right) continue;
    right = start + wide + 6 * ratio;
    ctx.fillStyle = token(mark.best ? "accent" : "muted");
    ctx.fillText(mark.text, start, low ? bbox.top + bbox.height - 2 * ratio : bbox.top + ratio);
  }
  if (log) {
    ctx.setLineDash([]);
    const floor = bbox.top + bbox.height;
    for (const line of lines) {
      ctx.fillStyle = token(line.strong ? "accent" : "text-2");
      line.values.forEach((value, index) => {
        if (value !== null && value > 0) return;
        const x = self.valToPos(self.data[0][index], "x", true);
        if (x < bbox.left || x > bbox.left + bbox.width) return;
        ctx.beginPath();
        ctx.moveTo(x, floor);
        ctx.lineTo(x - TRIANGLE * ratio, floor - 2 * TRIANGLE * ratio);
        ctx.lineTo(x + TRIANGLE * ratio, floor - 2 * TRIANGLE * ratio);
        ctx.fill();
      });
    }
  }
  ctx.restore();
}

/** The values of an axis in as few digits as tell them apart. */
function tickLabels(ticks: (number | null)[]): string[] {
  const plain = (value: number, digits: number) =>
    Math.abs(value) >= 1e5 || (value !== 0 && Math.abs(value) < 1e-3) ? value.toExponential(digits - 1).replace(/\.?0+e/, "e").replace("-", "\u2212") : String(Number(value.toPrecision(digits + 2)));
  for (let digits = 2; ; digits++) {
    const labels = ticks.map((tick) => (tick === null ? "" : plain(tick, digits)));
    const shown = labels.filter((label) => label !== "");
    if (digits === 6 || new Set(shown).size === shown.length) return labels;
  }
}
