// The network of the playground: inputs, neurons and output, each a picture of its output over the plane.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { signedColour, signedTable, token } from "./colours";
import { number } from "./format";
import { Value } from "./parts";
import { type Change, FEATURES, type Look, type Opened, type Options, type PlayState } from "./play_state";
import { theme } from "./state";

const OUTPUT = 320;
/** From so many hidden layers on, a narrow page gives each less room. */
const DEEP = 5;

interface Cell {
  path: string;
  title: string;
  side: number;
  limit: number;
  pixels: Uint8Array;
}

export function PlayNetwork({ opened, options, look, change }: {
  opened: Opened;
  options: Options;
  look: Look;
  change: (changes: Change) => void;
}) {
  const state = opened.state;
  const [pointed, setPointed] = useState<number | null>(null);
  const cells = cellsOf(look, state);
  const columns = [...new Set(cells.map((cell) => cell.path))].slice(0, -1).map((path) => cells.map((cell, at) => ({ cell, at })).filter(({ cell }) => cell.path === path));
  const box = useRef<HTMLDivElement>(null);
  const links = useRef<HTMLCanvasElement>(null);
  const shown = pointed !== null && cells[pointed] ? cells[pointed] : cells[cells.length - 1];
  const teach = (name: string) => !state.hide.includes(name);

  useLayoutEffect(() => {
    const draw = () => drawLinks(links.current!, box.current!, look);
    draw();
    const observer = new ResizeObserver(draw);
    observer.observe(box.current!);
    return () => observer.disconnect();
  }, [look, theme.value]);

  const layers = (at: number, edit: (layer: [string, number]) => [string, number]) => change((now) => ({ layers: now.layers.map((layer, index) => (index === at ? edit(layer) : layer)) }));
  const toggle = (name: string) => {
    const toggled = (own: string[]) => options.features.filter((feature) => (feature === name) !== own.includes(feature));
    if (toggled(state.features).length) change((now) => ({ features: toggled(now.features) }));
  };
  return (
    <section class="panel plane">
      <div class={`board-of-play ${state.layers.length >= DEEP ? "deep" : ""}`} ref={box}>
        <canvas ref={links} class="links" aria-hidden="true" />
        <div class="layer">
          <header>
            <h2>Inputs</h2>
          </header>
          {columns[0].map(({ cell, at }) => (
            <Neuron key={at} cell={cell} at={at} point={setPointed} label={cell.title} />
          ))}
          {teach("features") && (
            <div class="features">
              {options.features.map((name) => (
                <button key={name} class="small" aria-pressed={state.features.includes(name)} onClick={() => toggle(name)}>
                  {FEATURES[name]}
                </button>
              ))}
            </div>
          )}
        </div>
        {state.layers.map(([activation, units], at) => (
          <div class="layer" key={at}>
            <header>
              <h2>Hidden {at + 1}</h2>
              {teach("layers") ? (
                <>
                  <select aria-label={`Activation of layer ${at + 1}`} value={activation} onChange={({ currentTarget: { value: chosen } }) => layers(at, ([, own]) => [chosen, own])}>
                    {options.activations.map((name) => (
                      <option key={name} value={name}>
                        {name.replace(/_/g, " ")}
                      </option>
                    ))}
                  </select>
                  <span class="units">
                    <button class="small" aria-label={`One unit less in layer ${at + 1}`} disabled={units <= 1} onClick={() => layers(at, ([name, own]) => [name, Math.max(1, own - 1)])}>
                      −
                    </button>
                    <span>{units}</span>
                    <button class="small" aria-label={`One unit more in layer ${at + 1}`} disabled={units >= options.max_units} onClick={() => layers(at, ([name, own]) => [name, Math.min(options.max_units, own + 1)])}>
                      +
                    </button>
                  </span>
                </>
              ) : (
                <small>{activation}</small>
              )}
            </header>
            {columns[at + 1].map(({ cell, at: index }) => (
              <Neuron key={index} cell={cell} at={index} point={setPointed} />
            ))}
          </div>
        ))}
        <div class="layer result">
          <header>
            <h2>{pointed === null ? "Output" : shown.title}</h2>
            {teach("layers") && (
              <span class="units">
                <button class="small" disabled={!state.layers.length} onClick={() => change((now) => ({ layers: now.layers.slice(0, -1) }))}>
                  − layer
                </button>
                <button class="small" disabled={state.layers.length >= options.max_layers} onClick={() => change((now) => ({ layers: [...now.layers, now.layers[now.layers.length - 1] ?? ["tanh", 4]].slice(0, options.max_layers) as PlayState["layers"] }))}>
                  + layer
                </button>
              </span>
            )}
          </header>
          <Plane opened={opened} cell={shown} />
          <p class="note">
            {opened.classes ? (opened.state.data === "own" ? `Orange is ${opened.labels[0]}, blue ${opened.labels[1]}.` : "Orange and blue are the two classes.") : `Orange is low, blue is high: ${opened.names[2]}.`} Rings are test points. Upwards {opened.names[1]}, to the right {opened.names[0]}.
          </p>
          <p class="note">
            Bias of the output <Value name="play.bias" value={look.layers?.[look.layers.length - 1].bias[0]} text={number(look.layers?.[look.layers.length - 1].bias[0], 3)} />. Lines are weights: blue positive, orange negative, thick where large.
          </p>
        </div>
      </div>
    </section>
  );
}

function cellsOf(look: Look, state: PlayState): Cell[] {
  let start = 0;
  const numbers: Record<string, number> = {};
  const hidden = [...new Set(look.parts!.map((part) => part.path))].slice(1, -1);
  return look.parts!.map(({ path, side, limit }) => {
    const pixels = look.array.subarray(start, start + side * side);
    start += side * side;
    const at = (numbers[path] = (numbers[path] ?? -1) + 1);
    const title = path === "inputs" ? FEATURES[state.features[at]] : path === "output" ? "Output" : `Hidden ${hidden.indexOf(path) + 1}, neuron ${at}`;
    return { path, title, side, limit, pixels };
  });
}

/** A surface, paler where points lie on it. */
function paint(canvas: HTMLCanvasElement, cell: Cell, strength = 1) {
  const context = canvas.getContext("2d")!;
  const image = context.createImageData(cell.side, cell.side);
  const table = signedTable(theme.value);
  for (let at = 0; at < cell.pixels.length; at++) {
    const [red, green, blue] = table[Math.round(127.5 + (cell.pixels[at] - 128) * strength)];
    image.data.set([red, green, blue, 255], 4 * at);
  }
  context.putImageData(image, 0, 0);
}

function Neuron({ cell, at, point, label }: { cell: Cell; at: number; point: (at: number | null) => void; label?: string }) {
  const ref = useRef<HTMLCanvasElement>(null);
  useEffect(() => paint(ref.current!, cell), [cell.pixels, theme.value]);
  return (
    <button class="cell" data-cell={at} aria-label={`${cell.title}; show it large`} onPointerEnter={() => point(at)} onPointerLeave={() => point(null)} onFocus={() => point(at)} onBlur={() => point(null)}>
      {label && <span>{label}</span>}
      <canvas ref={ref} width={cell.side} height={cell.side} />
    </button>
  );
}

/** The surface under the points. */
function Plane({ opened, cell }: { opened: Opened; cell: Cell }) {
  const surface = useRef<HTMLCanvasElement>(null);
  const points = useRef<HTMLCanvasElement>(null);
  useEffect(() => paint(surface.current!, cell, 0.6), [cell.pixels, theme.value]);
  useEffect(() => {
    const ratio = devicePixelRatio || 1;
    const canvas = points.current!;
    canvas.width = canvas.height = OUTPUT * ratio;
    const context = canvas.getContext("2d")!;
    context.scale(ratio, ratio);
    const limit = opened.classes ? 1 : Math.max(...opened.points.map(([, , target]) => Math.abs(target)), 1e-9);
    for (const [x, y, target, test] of opened.points) {
      const value = opened.classes ? 2 * target - 1 : target;
      context.beginPath();
      context.arc(((x + 1) / 2) * OUTPUT, ((1 - y) / 2) * OUTPUT, test ? 3.25 : 3, 0, 7);
      context.fillStyle = signedColour(theme.value, value, limit * 1.15);
      context.strokeStyle = token(test ? "text" : "surface");
      context.lineWidth = test ? 1.25 : 1;
      context.fill();
      context.stroke();
    }
  }, [opened, theme.value]);
  return (
    <div class="play-surface" role="img" aria-label={`${cell.title} over the plane, under ${opened.points.length} points`}>
      <canvas ref={surface} width={cell.side} height={cell.side} />
      <canvas ref={points} />
    </div>
  );
}

/** Weights as lines between the pictures. */
function drawLinks(canvas: HTMLCanvasElement, box: HTMLElement, look: Look) {
  const ratio = devicePixelRatio || 1;
  const area = box.getBoundingClientRect();
  canvas.width = Math.round(box.scrollWidth * ratio);
  canvas.height = Math.round(box.scrollHeight * ratio);
  canvas.style.width = `${box.scrollWidth}px`;
  canvas.style.height = `${box.scrollHeight}px`;
  const context = canvas.getContext("2d")!;
  context.scale(ratio, ratio);
  const columns = [...box.querySelectorAll(".layer")].map((layer) => [...layer.querySelectorAll(".cell canvas, .play-surface")].map((node) => node.getBoundingClientRect()));
  look.layers!.forEach(({ weight }, at) => {
    const limit = Math.max(...weight.flat().map(Math.abs), 1e-9);
    weight.forEach((row, from) =>
      row.forEach((value, to) => {
        const [a, b] = [columns[at]?.[from], columns[at + 1]?.[to]];
        if (!a || !b) return;
        const [x1, y1] = [a.right - area.left + box.scrollLeft, a.top + a.height / 2 - area.top];
        const [x2, y2] = [b.left - area.left + box.scrollLeft, b.top + b.height / 2 - area.top];
        const fraction = Math.abs(value) / limit;
        context.strokeStyle = signedColour(theme.value, Math.sign(value) * (0.35 + 0.65 * fraction), 1);
        context.globalAlpha = 0.25 + 0.65 * fraction;
        context.lineWidth = 0.75 + 3.5 * fraction;
        context.beginPath();
        context.moveTo(x1, y1);
        context.bezierCurveTo((x1 + x2) / 2, y1, (x1 + x2) / 2, y2, x2, y2);
        context.stroke();
      }),
    );
  });
}
