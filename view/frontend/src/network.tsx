// The network as a picture: every neuron a cell, its colour the output for the present row.

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { Cells, placed } from "./cells";
import { robustLimit } from "./colours";
import { drawFrames, drawInputs, drawLines, drawMarks, drawTitles, paint, type View, WHOLE } from "./draw_network";
import { describe } from "./describe_neuron";
import { drawBetween, meaningOf } from "./draw_between";
import { count, number } from "./format";
import { type Block, cellOf, centre, hit, layout, unitsOf } from "./layout";
import { liveAnswer, liveLines, show, sizes } from "./live";
import { drawLive } from "./live_stream";
import { Limits, type Part, split, splitSizes } from "./network_values";
import { drawOutputs } from "./outputs";
import { AsTable } from "./parts";
import { ask, askSizes, health, layer, neuron, theme, useAsked } from "./state";
import type { Answer, Connections, Neuron, Show, SomeInputs, What } from "./types";

const LINES = 200;
const MAX_ZOOM = 12;

interface Props {
  what: What;
  height: number;
  answer: Answer | null;
  pixels: ArrayLike<number> | null;
  opened?: Neuron | null;
  choosable?: boolean;
  /** Whether sizes of weights can be asked for. */
  measurable?: boolean;
  /** Whether the cells follow a run that trains, in place of an answer. */
  follows?: boolean;
  /** Of many inputs, those that are drawn. */
  some?: SomeInputs | null;
  /** Lines in place of those of the model; null for none. */
  drawn?: Connections[] | null;
  /** What the cells mean, where they are no outputs of the model. */
  meaning?: { cells: string; noun: string; plain: boolean };
  chosen?: { path: string; unit: number } | null;
  /** A small picture for each neuron, by the path of its layer. */
  pictures?: Map<string, HTMLCanvasElement[]> | null;
}

export function Network({ what, height, answer, pixels, opened = null, choosable = true, measurable = choosable, follows = false, some = null, drawn, meaning, chosen = null, pictures = null }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const under = useRef<HTMLCanvasElement>(null);
  const middle = useRef<HTMLCanvasElement>(null);
  const beside = useRef<HTMLCanvasElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const painter = useRef<Cells | null>(null);
  const [view, setView] = useState<View>(WHOLE);
  const drag = useRef<{ x: number; y: number; moved: boolean } | null>(null);
  const [width, setWidth] = useState(800);
  const [pointed, setPointed] = useState<{ block: Block; unit: number } | null>(null);
  const dense = what.layers.filter((part) => part.neurons);
  const least = 120 + dense.length * 66;
  const full = Math.max(width, least);
  const blocks = useMemo(() => layout(what, full, height, pictures !== null, some), [what, full, height, pictures !== null, some]);
  const live = follows && what.live === true;
  const plain = meaning?.plain ?? false;
  const asProbabilities = what.task !== "regression" && !plain;
  const told = useAsked(
    what.live || drawn !== undefined ? null : () => Promise.all(dense.map((part) => ask<Connections>("connections", { path: part.path, count: LINES }))),
    [what],
  ).data;
  const all = drawn !== undefined ? drawn : what.live ? liveLines.value : told;
  const lines = useMemo(() => (some && all ? [{ lines: some.lines, limit: some.limit, all: all[0].all }, ...all.slice(1)] : all), [all, some]);
  const shownNeuron = useMemo(() => (some && opened && opened.layer === dense[0].path ? amongShown(opened, some) : opened), [opened, some]);
  const wanted = measurable ? show.value : "activations";
  const kind = wanted === "updates" && !what.live ? "activations" : wanted;
  const fixed = useAsked(kind === "weights" && !what.live ? askSizes : null, [what, kind]).data;
  const measured = kind === "activations" ? null : what.live ? sizes.value : fixed;
  const shown = live ? liveAnswer.value : answer;
  const limits = useMemo(() => new Limits(), [what]);
  const values = useMemo(() => split(shown, asProbabilities, live ? limits : null), [shown, asProbabilities, limits]);
  const cells = useMemo(() => (kind === "activations" ? values : splitSizes(measured, kind)), [values, measured, kind]);
  const given = useMemo(() => some && Float32Array.from(some.inputs, (entry) => entry.value ?? 0), [some]);
  const inputs = useSame(blocks[0].picture ? null : (given ?? values.get("inputs")?.values ?? null));
  const small = kind === "activations" && !plain ? pictures : null;
  const streams = live && kind === "activations" && !small;

  useLayoutEffect(() => {
    setWidth(box.current!.clientWidth);
    const observer = new ResizeObserver(() => setWidth(box.current!.clientWidth));
    observer.observe(box.current!);
    return () => observer.disconnect();
  }, []);

  useLayoutEffect(() => {
    paint(under.current!, full, height, view, (context) => {
      drawLines(context, what, blocks, lines, shownNeuron);
      drawBetween(context, what, blocks);
      drawInputs(context, what, blocks[0], inputs, pixels);
      drawTitles(context, blocks);
      drawFrames(context, blocks);
    });
  }, [blocks, lines, shownNeuron, inputs, pixels, full, height, view, theme.value]);

  useLayoutEffect(() => {
    const scene = { blocks, view, theme: theme.value, width: full, height, ratio: devicePixelRatio || 1 };
    if (streams) return drawLive(middle.current!, { ...scene, asProbabilities });
    if (painter.current?.canvas !== middle.current) painter.current = new Cells(middle.current!);
    placed(middle.current!, scene);
    painter.current!.draw({ ...scene, cells, pictures: small });
  }, [streams, streams ? null : cells, blocks, small, full, height, view, theme.value]);

  const last = blocks[blocks.length - 1];
  const output = values.get(last.path);
  useLayoutEffect(() => {
    drawOutputs(beside.current!, last, output, asProbabilities ? "probabilities" : plain ? "numbers" : null, view, full, height);
  }, [last, output?.values, asProbabilities, plain, full, height, view, theme.value]);

  useLayoutEffect(() => {
    const ring = chosen ?? (layer.value !== null && neuron.value !== null ? { path: layer.value, unit: neuron.value } : null);
    paint(canvas.current!, full, height, view, (context) => canvas.current!.toggleAttribute("data-clear", !drawMarks(context, blocks, pointed, ring)));
  }, [chosen?.path, chosen?.unit, blocks, pointed, full, height, view, theme.value, health.value, layer.value, neuron.value]);

  useEffect(() => {
    // The wheel zooms only with a key, so that the page scrolls as everywhere; pinching a touchpad sends that key.
    const target = canvas.current!;
    const wheel = (event: WheelEvent) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const area = target.getBoundingClientRect();
      setView((before) => zoomed(before, Math.exp(-event.deltaY / 300), event.clientX - area.left, event.clientY - area.top, full, height));
    };
    target.addEventListener("wheel", wheel, { passive: false });
    return () => target.removeEventListener("wheel", wheel);
  }, [full, height]);

  const zoom = (factor: number) => setView((before) => zoomed(before, factor, full / 2, height / 2, full, height));
  /** Moves the view so that a cell is in sight. */
  const reveal = (block: Block, unit: number) => {
    if (view.scale === 1) return;
    const [x, y] = centre(block, unit);
    const [left, top] = [x * view.scale + view.x, y * view.scale + view.y];
    if (left < 20 || left > full - 20 || top < 20 || top > height - 20)
      setView(within({ scale: view.scale, x: full / 2 - x * view.scale, y: height / 2 - y * view.scale }, full, height));
  };

  const choose = (spot: { block: Block; unit: number } | null) => {
    if (!spot || !choosable || spot.block.path === "inputs") return;
    layer.value = spot.block.path;
    neuron.value = spot.unit;
  };
  const locate = (event: PointerEvent | MouseEvent) => {
    const area = canvas.current!.getBoundingClientRect();
    return hit(blocks, (event.clientX - area.left - view.x) / view.scale, (event.clientY - area.top - view.y) / view.scale);
  };
  const start = () => pointed ?? { block: blocks[Math.min(1, blocks.length - 1)], unit: 0 };
  const key = (event: KeyboardEvent) => {
    const { block, unit } = start();
    const step: Record<string, number> = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: block.columns, ArrowUp: -block.columns };
    const at = blocks.indexOf(block);
    if (event.key in step) {
      const cell = cellOf(block, unit);
      let target = block;
      let next = unitsOf(block, Math.max(0, Math.min(block.cells - 1, cell + step[event.key])))[0];
      const edge = block.columns === 1 || (cell % block.perLane) % block.columns === (event.key === "ArrowRight" ? block.columns - 1 : 0);
      if (edge && (event.key === "ArrowRight" || event.key === "ArrowLeft")) {
        target = blocks[Math.max(0, Math.min(blocks.length - 1, at + (event.key === "ArrowRight" ? 1 : -1)))];
        next = Math.min(target.units - 1, target === block ? unit : 0);
      }
      const to = { block: target, unit: Math.max(0, Math.min(target.units - 1, next)) };
      setPointed(to);
      reveal(to.block, to.unit);
      event.preventDefault();
    } else if (event.key === "+" || event.key === "=") {
      zoom(1.5);
    } else if (event.key === "-") {
      zoom(1 / 1.5);
    } else if (event.key === "0") {
      setView(WHOLE);
    } else if (event.key === "Enter" || event.key === " ") {
      choose(start());
      event.preventDefault();
    } else if (event.key === "Escape") {
      layer.value = neuron.value = null;
    }
  };

  return (
    <div class="network">
      <div class="over">
        <p class="readout" aria-live="polite">
          {pointed ? describe(what, pointed, inputs ? new Map(values).set("inputs", inputs) : values, cells, kind, meaning?.noun ?? "output") : "Point at a neuron to read it" + (!choosable ? "." : drawn !== undefined ? ", click to look at its numbers." : ", click to open it.")}
        </p>
        {measurable && (
          <div class="segments" role="group" aria-label="What the cells show">
            {(["activations", "weights", ...(what.live ? ["updates"] : [])] as Show[]).map((name) => (
              <button key={name} class="small" aria-pressed={kind === name} onClick={() => (show.value = name)}>
                {name}
              </button>
            ))}
          </div>
        )}
        <div class="segments" role="group" aria-label="Zoom">
          <button class="small" aria-label="Smaller" title="Smaller (-)" disabled={view.scale === 1} onClick={() => zoom(1 / 1.5)}>
            −
          </button>
          <button class="small" aria-label="Larger" title="Larger (+, or ctrl and the wheel)" disabled={view.scale >= MAX_ZOOM} onClick={() => zoom(1.5)}>
            +
          </button>
          <button class="small" title="The whole network (0)" disabled={view.scale === 1} onClick={() => setView(WHOLE)}>
            all
          </button>
        </div>
      </div>
      <div class="scroll" ref={box}>
        <div class="sheet" style={{ width: `${full}px`, height: `${height}px` }}>
          <canvas ref={under} aria-hidden="true" />
          <canvas ref={middle} key={streams ? "live" : "still"} aria-hidden="true" />
          <canvas ref={beside} aria-hidden="true" />
          <canvas
            ref={canvas}
            tabIndex={0}
            role="application"
            aria-label={`The network: ${blocks.map((block) => `${block.title}, ${block.subtitle}`).join("; ")}. ${meaningOf(what.layers)} Arrow keys move, Enter opens a neuron, plus and minus zoom.`}
            onPointerDown={(event) => {
              drag.current = { x: event.clientX, y: event.clientY, moved: false };
              if (view.scale > 1) canvas.current!.setPointerCapture(event.pointerId);
            }}
            onPointerMove={(event) => {
              const start = drag.current;
              if (start && view.scale > 1) {
                const [dx, dy] = [event.clientX - start.x, event.clientY - start.y];
                if (!start.moved && Math.hypot(dx, dy) < 4) return;
                drag.current = { x: event.clientX, y: event.clientY, moved: true };
                setView((before) => within({ ...before, x: before.x + dx, y: before.y + dy }, full, height));
                return;
              }
              const spot = locate(event);
              if (spot?.block !== pointed?.block || spot?.unit !== pointed?.unit) setPointed(spot);
            }}
            onPointerUp={() => setTimeout(() => (drag.current = null))}
            onPointerLeave={() => {
              drag.current = null;
              setPointed(null);
            }}
            onClick={(event) => drag.current?.moved || choose(locate(event))}
            onDblClick={() => setView(WHOLE)}
            onKeyDown={key}
            class={view.scale > 1 ? "moving" : pointed && choosable && pointed.block.path !== "inputs" ? "pointing" : ""}
          />
        </div>
      </div>
      <Key
        lines={lines}
        cells={
          meaning ? meaning.cells : pictures && kind === "activations" ? "Cells: the output of each neuron over the plane of the two inputs." : kind !== "activations" && !measured ? (kind === "updates" ? "Updates are shown while the network trains." : "") : shown || measured ? CELLS[kind] : ""
        }
        few={drawn !== undefined}
        between={meaningOf(what.layers)}
      />
      <AsTable
        name="neurons"
        columns={["layer", "neuron", kind === "activations" ? "output" : kind === "weights" ? "size of its weights" : "change in a step"]}
        rows={() => blocks.slice(1).flatMap((block) => Array.from(cells.get(block.path)?.values ?? [], (value, unit) => [block.title, block.labels?.[unit] ? `${unit} (${block.labels[unit]})` : String(unit), number(value)]))}
      />
    </div>
  );
}

function within(view: View, width: number, height: number): View {
  const clamp = (value: number, size: number) => Math.max(size * (1 - view.scale), Math.min(0, value));
  return { scale: view.scale, x: clamp(view.x, width), y: clamp(view.y, height) };
}

/** The view with a factor more, the point under (x, y) in its place. */
function zoomed(view: View, factor: number, x: number, y: number, width: number, height: number): View {
  const scale = Math.max(1, Math.min(MAX_ZOOM, view.scale * factor));
  const by = scale / view.scale;
  return within({ scale, x: x - (x - view.x) * by, y: y - (y - view.y) * by }, width, height);
}

const CELLS: Record<Show, string> = {
  activations: "Cells: output of each neuron, each layer on its own scale.",
  weights: "Cells: the stronger the blue, the larger the weights into a neuron (root mean square, each layer on its own scale).",
  updates: "Cells: the stronger the blue, the more a step changes the weights into a neuron, relative to their size.",
};

function Key({ lines, cells, few, between }: { lines: Connections[] | null; cells: string; few: boolean; between: string }) {
  const shown = (lines ?? []).reduce((sum, part) => sum + part.lines.length, 0);
  const all = (lines ?? []).reduce((sum, part) => sum + part.all, 0);
  return (
    <p class="key">
      <span>negative</span>
      <span class="ramp" aria-hidden="true" />
      <span>positive</span>
      <span class="note">
        {cells} {lines && !few && <>Lines: {shown < all ? `the ${count(shown)} weights of ${count(all)} that carry most` : `all ${count(all)} weights`}.</>} {between}
      </span>
    </p>
  );
}

/** A neuron whose terms are those of the inputs that are drawn, by their places there. */
function amongShown(opened: Neuron, some: SomeInputs): Neuron {
  const places = new Map(some.inputs.map((entry, at) => [entry.index, at]));
  return { ...opened, terms: opened.terms.filter((term) => places.has(term.index)).map((term) => ({ ...term, index: places.get(term.index)! })) };
}

/** A part of an answer that stays the same object while its numbers do. */
function useSame(values: Float32Array | null): Part | null {
  const kept = useRef<Part | null>(null);
  const before = kept.current?.values;
  const same = values === null ? !before : before?.length === values.length && values.every((value, at) => value === before[at]);
  if (!same) kept.current = values && { values, limit: robustLimit(values) };
  return kept.current;
}
