// The panel of Try that takes a picture: drawn, from a file, or that of a known row.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { token } from "./colours";
import { drawStrokes, framingOf, rasterize, type Stroke } from "./drawing";
import { DropZone } from "./drop_zone";
import { base64, decode, pictureBytes } from "./files";
import { cut } from "./format";
import { Picture, Problem, RowChooser } from "./parts";
import { ask, askPicture, counted, row, theme, tried, useAsked } from "./state";
import type { RowPage, What } from "./types";

export function TakePicture({ what }: { what: What }) {
  const [rows, columns, channels] = what.form.shape;
  const total = what.rows?.count ?? 0;
  const [strokes, setStrokes] = useState<Stroke[]>([]);
  const [fit, setFit] = useState(true);
  const [file, setFile] = useState<string | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const ref = useRef<HTMLCanvasElement>(null);
  const pen = 1.5 / Math.min(Math.max(rows, columns), 18);
  const side = 240;
  const [width, height] = [(side * columns) / Math.max(rows, columns), (side * rows) / Math.max(rows, columns)];
  const known = useAsked(total ? () => ask<RowPage>("rows", { start: 0, count: Math.min(total, 100) }) : null, [what]).data;
  const framing = useMemo(() => framingOf((known?.rows ?? []).map((entry) => decode(entry.pixels!)), rows, columns), [known]);
  const drawable = channels === 1;

  useEffect(() => {
    if (!drawable) return;
    const ratio = devicePixelRatio || 1;
    const canvas = ref.current!;
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    const context = canvas.getContext("2d")!;
    context.scale(ratio, ratio);
    if (!strokes.length) {
      context.fillStyle = token("muted");
      context.font = "13px Inter, system-ui, sans-serif";
      context.textAlign = "center";
      context.fillText("draw here", width / 2, height / 2);
    }
    drawStrokes(context, strokes, width, height, pen * side, token("text"));
  }, [strokes, width, height, theme.value]);

  useEffect(() => {
    if (!strokes.length) return;
    setFile(null);
    tried.value = rasterize(strokes, rows, columns, pen, framing, fit);
  }, [strokes, fit, framing]);

  const at = (event: PointerEvent) => {
    const area = ref.current!.getBoundingClientRect();
    return { x: (event.clientX - area.left) / area.width, y: (event.clientY - area.top) / area.height };
  };
  const from = async (chosen: number) => {
    row.value = chosen;
    const page = await ask<RowPage>("rows", { start: chosen, count: 1 });
    setStrokes([]);
    setFile(null);
    tried.value = Array.from(decode(page.rows[0].pixels!));
  };
  const take = async (chosen: File | undefined) => {
    if (!chosen) return;
    setProblem(null);
    try {
      const { array } = await counted(pictureBytes(chosen).then((bytes) => askPicture<{ array: Uint8Array }>("picture", { picture: base64(bytes) })));
      setStrokes([]);
      setFile(chosen.name);
      tried.value = Array.from(array);
    } catch (error) {
      setProblem((error as Error).message);
    }
  };
  useEffect(() => {
    const paste = (event: ClipboardEvent) => void take(event.clipboardData?.files[0]);
    addEventListener("paste", paste);
    return () => removeEventListener("paste", paste);
  }, []);
  useEffect(() => {
    if (!tried.value && total) void from(Math.min(row.value, total - 1));
  }, []);

  return (
    <DropZone take={(chosen) => void take(chosen)}>
      <header>
        <h2>{drawable ? "Draw" : "Choose a picture"}</h2>
        {total > 0 && <RowChooser value={Math.min(row.value, total - 1)} total={total} choose={(next) => void from(next)} name={what.rows!.name} />}
      </header>
      <div class="easel">
        {drawable && (
          <canvas
            ref={ref}
            class="board"
            style={{ width: `${width}px`, height: `${height}px` }}
            aria-label="Draw here with a mouse, a pen or a finger; or start from a row."
            onPointerDown={(event) => {
              event.currentTarget.setPointerCapture(event.pointerId);
              setStrokes([...strokes, [at(event)]]);
            }}
            onPointerMove={(event) => {
              if (event.buttons && strokes.length) setStrokes([...strokes.slice(0, -1), [...strokes[strokes.length - 1], at(event)]]);
            }}
          />
        )}
        <div class="sees">
          {Array.isArray(tried.value) && <Picture pixels={tried.value} shape={what.form.shape} size={112} label="What the network gets" />}
          <p class="note">
            What the network gets: {columns} × {rows} pixels{file && ` of ${cut(file, 24)}`}.
          </p>
          {drawable && (
            <>
              <span class="buttons-in-line">
                <button disabled={!strokes.length} onClick={() => setStrokes(strokes.slice(0, -1))}>
                  Undo
                </button>
                <button
                  disabled={!strokes.length}
                  onClick={() => {
                    setStrokes([]);
                    tried.value = null;
                  }}
                >
                  Clear
                </button>
              </span>
              <label class="check">
                <input type="checkbox" checked={fit} onChange={(event) => setFit(event.currentTarget.checked)} /> frame it as the known pictures are
              </label>
            </>
          )}
          <span class="take-picture">
            <label class="choose-file">
              <input type="file" accept="image/*" onChange={(event) => void take(event.currentTarget.files?.[0])} />
              <span>Choose a file</span>
            </label>
            {!file && <span class="note">or drop or paste a picture</span>}
            {file && (
              <button title="For dark ink on white where the known pictures are light on black, and the other way round" onClick={() => Array.isArray(tried.value) && (tried.value = tried.value.map((level) => 255 - level))}>
                Invert
              </button>
            )}
          </span>
          <Problem error={problem} />
        </div>
      </div>
    </DropZone>
  );
}
