// How training goes: the loss, the metric and the learning rate of every epoch.

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { token } from "./colours";
import { type Line, linesOf, type Mark, overMembers } from "./curve_lines";
import { count, METRICS, metric, number, plural, tickLabels } from "./format";
import { AsTable, Value } from "./parts";
import { keptPlot } from "./plot";
import { median, WINDOWS } from "./smoothing";
import { theme } from "./state";
import type { Control, Epoch, What } from "./types";
import { verdict } from "./verdict";

const HEIGHT = 148;
const TRIANGLE = 4;
/** From this ratio of the largest loss to the smallest on, the axis begins logarithmic. */
const FAR = 50;
const NONE: Control[] = [];
/** Metrics that are fractions of the rows. */
const FRACTIONS = ["accuracy", "coverage"];

export function Curves({ what, history, live = false, controls = NONE, heading = "Training" }: {
  what: What;
  history: Epoch[];
  live?: boolean;
  controls?: Control[];
  heading?: string | null;
}) {
  const [window, setWindow] = useState(1);
  const sizes = what.training.member_epochs;
  const several = !live && sizes.length > 1 && sizes.reduce((sum, size) => sum + size, 0) === history.length;
  const { loss, metrics, rate, headline, marks, epochs } = useMemo(() => (several ? overMembers(history, sizes) : linesOf(history, controls)), [history, controls, several]);
  const told = [...loss, ...metrics, ...rate].filter((line) => !line.quiet);
  const hidden = history.length ? history[history.length - 1].epoch - history[0].epoch + 1 - history.length : 0;
  if (!history.length)
    return <p class="empty">{live ? "The curves begin with the first complete epoch." : "This model holds no history of its training."}</p>;
  return (
    <>
      <header class="of-curves">
        {heading && <h2>{heading}</h2>}
        <p class="sentence" data-name="verdict">
          {several ? `${what.training.members} networks were trained: a thin line for each, thick ones for their means.` : what.training.members > 1 ? `${what.training.members} networks were trained one after the other; each begins with a high loss.` : verdict(history, live)}
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
        <Curve title="Loss" lines={loss} epochs={epochs} marks={marks} window={window} show={(value) => number(value)} logarithmic={live ? false : null} />
        {metrics.length > 0 && (
          <Curve title={METRICS[headline!] ?? headline!} lines={metrics} epochs={epochs} marks={marks} window={window} show={(value) => metric(headline!, value)} fraction={FRACTIONS.includes(headline!)} />
        )}
        {rate.length > 0 && <Curve title="Learning rate" lines={rate} epochs={epochs} marks={marks.filter((mark) => !mark.best)} window={1} show={(value) => number(value, 3)} logarithmic={false} />}
      </div>
      {!several && hidden > 0 && (
        <p class="note" data-name="shown">
          Of {plural(history.length + hidden, "epoch")} these curves show {count(history.length)}: of each few in a row those with the smallest and the largest loss, and all of the last ones.
        </p>
      )}
      <AsTable
        name="epochs"
        columns={["epoch", ...told.map((line) => `${titleOf(line.name)}`)]}
        rows={() => epochs.map((epoch, at) => [count(epoch), ...told.map((line) => number(line.values[at]))])}
      />
    </>
  );
}

function titleOf(name: string): string {
  return name.replaceAll("_", " ");
}

function Curve({ title, lines, epochs, marks, window, show, logarithmic, fraction = false }: {
  title: string;
  lines: Line[];
  epochs: number[];
  marks: Mark[];
  window: number;
  show: (value: number | null) => string;
  logarithmic?: boolean | null;
  /** Whether the values are fractions of 1, which are written in percent. */
  fraction?: boolean;
}) {
  // Where the curve rises, its upper right holds the line, and the words go below it.
  const rises = logarithmic === undefined;
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const zoomed = useRef(false);
  const drawn = useRef({ marks, lines, log: false });
  const [at, setAt] = useState<number | null>(null);
  // A finished loss that falls far lies on the floor of a linear axis.
  const [log, setLog] = useState(() => logarithmic === null && fallsFar(lines));
  const bad = log ? lines.reduce((sum, line) => sum + line.values.filter((value) => value === null || value <= 0).length, 0) : 0;
  drawn.current = { marks, lines, log };

  const data = () => {
    const fits = (value: number | null) => (log && value !== null && value <= 0 ? null : value);
    const raw = lines.map((line) => line.values.map(fits));
    const smooth = raw.map((values) => median(values, window));
    return [epochs, ...(window > 1 ? raw : []), ...smooth] as uPlot.AlignedData;
  };

  useEffect(() => {
    const axis = { stroke: token("muted"), font: "12px Inter, system-ui, sans-serif", ticks: { show: false } };
    const series = (faint: boolean) =>
      lines.map((line) => ({
        stroke: token(line.strong ? "accent" : "text-2"),
        alpha: line.quiet ? 0.3 : faint ? 0.35 : 1,
        width: faint || line.quiet ? 1 : line.strong ? 2 : 1.25,
        points: { show: epochs.length === 1 },
      }));
    zoomed.current = false;
    const made = new uPlot(
      {
        width: box.current!.clientWidth,
        height: HEIGHT,
        legend: { show: false },
        cursor: { y: false, points: { size: 6 }, sync: { key: "curves" }, drag: { x: true, y: false } },
        scales: { x: { time: false }, y: log ? { distr: 3 } : fraction ? { range: fractionRange } : {} },
        axes: [
          { ...axis, grid: { show: false }, size: 24, space: 36, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 250, 500, 1000, 2000, 2500, 5000, 10000] },
          { ...axis, grid: { stroke: token("line"), width: 1 }, size: 58, space: 26, values: (_, ticks) => (fraction ? ticks.map((tick) => (tick === null ? "" : `${Number((100 * tick).toPrecision(4))} %`)) : tickLabels(ticks)) },
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
  }, [theme.value, log, window > 1, lines.length, epochs.length === 1]);

  useLayoutEffect(() => {
    if (!plot.current) return;
    plot.current.setData(data(), !zoomed.current);
    if (zoomed.current) plot.current.redraw();
  }, [lines, window, marks]);

  const index = at !== null && at < epochs.length ? at : epochs.length - 1;
  const read = lines.filter((line) => !line.quiet);
  return (
    <section class="curve">
      <header>
        <h3>
          {title} <small>epoch {epochs[index]}</small>
        </h3>
        <span class="read">
          {read.map((line) => (
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
      <div ref={box} role="img" aria-label={`${title} over ${plural(epochs.length, "epoch")}${read.map((line) => `; ${line.label || title} ${show(line.values[line.values.length - 1])}`).join("")}`} />
      {bad > 0 && (
        <p class="note">
          {plural(bad, "value")} of 0 or less, or that {bad === 1 ? "is" : "are"} not a number, {bad === 1 ? "does" : "do"} not fit on a log axis: triangles on its floor.
        </p>
      )}
    </section>
  );
}

/** Whether all values are positive, and the largest is many times the smallest. */
function fallsFar(lines: Line[]): boolean {
  const values = lines.flatMap((line) => line.values.filter((value) => value !== null));
  return values.length > 1 && Math.min(...values) > 0 && Math.max(...values) > FAR * Math.min(...values);
}

/** The range of an axis of fractions: some room around them, but none below 0 or above 1. */
function fractionRange(_: uPlot, least: number, most: number): [number, number] {
  const room = Math.max(0.01, 0.08 * (most - least));
  return [Math.max(0, least - room), Math.min(1, most + room)];
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
