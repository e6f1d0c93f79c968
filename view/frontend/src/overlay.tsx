// The curves of several runs in one picture, with their names at the ends of their lines.

import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { cut, metric as written, plural } from "./format";
import { token } from "./colours";
import { Problem } from "./parts";
import { keptPlot, roomOfSteps, WHOLE_STEPS } from "./plot";
import { askWhole, theme, useAsked } from "./state";

interface Curves {
  metric: string;
  curves: Record<string, { epoch: number[]; value: (number | null)[] }>;
}

export interface Drawn {
  name: string;
  epochs: number;
  colour: number | null;
}

const HEIGHT = 280;
const LABELS = 168;
const MAX = 40;

export function Overlay({ metric, runs, pointed, point }: {
  metric: string;
  runs: Drawn[];
  pointed: string | null;
  point: (name: string | null) => void;
}) {
  const box = useRef<HTMLDivElement>(null);
  // Chosen runs lie above the others; of very many only the chosen and some others are drawn.
  const drawn = [...runs.filter((entry) => entry.colour === null), ...runs.filter((entry) => entry.colour !== null)].slice(-MAX);
  const names = drawn.map((entry) => entry.name);
  const key = runs.map((entry) => `${entry.name} ${entry.epochs}`).join();
  const { data, error } = useAsked(names.length ? () => askWhole<Curves>("curves", { runs: names, metric }) : null, [key, metric]);
  const marked = useRef(pointed);
  marked.current = pointed;
  const plot = useRef<uPlot | null>(null);

  useEffect(() => {
    if (!data) return;
    const present = drawn.filter((entry) => data.curves[entry.name]?.epoch.length);
    if (!present.length) return;
    const joined = uPlot.join(present.map((entry) => [data.curves[entry.name].epoch, data.curves[entry.name].value] as uPlot.AlignedData));
    const axis = { stroke: token("muted"), font: "12px Inter, system-ui, sans-serif", ticks: { show: false } };
    const labels = Math.min(LABELS, box.current!.clientWidth / 3);
    const ink = (entry: Drawn) => (entry.name === marked.current ? token("text") : entry.colour === null ? token("line-strong") : token(`series-${entry.colour}`));
    const made = new uPlot(
      {
        width: box.current!.clientWidth,
        height: HEIGHT,
        padding: [8, labels, 0, 0],
        legend: { show: false },
        cursor: { y: false, points: { show: false }, drag: { x: true, y: false }, focus: { prox: 24 } },
        focus: { alpha: 1 },
        scales: { x: { time: false } },
        axes: [
          { ...axis, grid: { show: false }, size: 24, space: roomOfSteps, incrs: WHOLE_STEPS },
          { ...axis, grid: { stroke: token("line"), width: 1 }, size: 56, values: (_, ticks) => ticks.map((tick) => (tick === null ? "" : written(metric, tick).replace(".0 %", " %"))) },
        ],
        series: [
          {},
          ...present.map((entry) => ({
            stroke: () => ink(entry),
            width: entry.colour === null ? 1 : 1.75,
            spanGaps: true,
            points: { show: data.curves[entry.name].epoch.length === 1 },
          })),
        ],
        hooks: {
          setSeries: [(_, index) => point(index ? (present[index - 1]?.name ?? null) : null)],
          draw: [(self) => label(self, present, data, ink)],
        },
      },
      joined,
      box.current!,
    );
    return keptPlot(plot, made, box.current!, HEIGHT);
  }, [data, theme.value, drawn.map((entry) => `${entry.name} ${entry.colour}`).join()]);

  useEffect(() => plot.current?.redraw(), [pointed]);
  return (
    <>
      <Problem error={error} />
      <div ref={box} class="overlay" style={{ minHeight: `${HEIGHT}px` }} role="img" aria-label={`${metric} of ${plural(names.length, "run")} by epoch; the table below holds the best values`} />
      {runs.length > MAX && <p class="note">{`${MAX} of ${runs.length} runs are drawn, the chosen ones among them.`}</p>}
    </>
  );
}

/** The names of the chosen and the pointed run at the ends of their lines, pushed apart where they would overlap. */
function label(self: uPlot, runs: Drawn[], data: Curves, ink: (entry: Drawn) => string) {
  const ratio = devicePixelRatio || 1;
  const { ctx, bbox } = self;
  const right = bbox.left + bbox.width;
  const ends = runs
    .filter((entry) => entry.colour !== null)
    .map((entry) => {
      const { epoch, value } = data.curves[entry.name];
      let at = value.length - 1;
      while (at >= 0 && value[at] === null) at--;
      if (at < 0) return null;
      const x = Math.min(right, self.valToPos(epoch[at], "x", true));
      const y = self.valToPos(value[at]!, "y", true);
      return { entry, x, from: y, y: Math.max(bbox.top + 6 * ratio, Math.min(bbox.top + bbox.height - 6 * ratio, y)) };
    })
    .filter((end) => end !== null)
    .sort((a, b) => a.y - b.y);
  const least = 15 * ratio;
  for (let at = 1; at < ends.length; at++) ends[at].y = Math.max(ends[at].y, ends[at - 1].y + least);
  const floor = bbox.top + bbox.height;
  for (let at = ends.length - 1; at >= 0; at--) ends[at].y = Math.min(ends[at].y, (at === ends.length - 1 ? floor : ends[at + 1].y) - (at === ends.length - 1 ? 6 * ratio : least));
  ctx.save();
  ctx.font = `${12 * ratio}px Inter, system-ui, sans-serif`;
  ctx.textBaseline = "middle";
  ctx.textAlign = "left";
  for (const { entry, x, from, y } of ends) {
    ctx.strokeStyle = ctx.fillStyle = ink(entry);
    ctx.lineWidth = ratio;
    ctx.globalAlpha = 0.5;
    // Dotted: from where a curve ends to its name, which is no part of the curve.
    ctx.setLineDash([ratio, 4 * ratio]);
    ctx.beginPath();
    ctx.moveTo(x + 2 * ratio, from);
    ctx.lineTo(right + 8 * ratio, y);
    ctx.stroke();
    ctx.globalAlpha = 1;
    ctx.fillText(cut(entry.name, 22), right + 12 * ratio, y);
  }
  ctx.restore();
}
