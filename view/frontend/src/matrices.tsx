// The weights of every layer as a picture: a pixel for each of them, or for some where they are more than fit.

import { useEffect, useRef } from "preact/hooks";
import { signedTable } from "./colours";
import { count, number, plural } from "./format";
import { titleOfLayer } from "./layer_titles";
import { Problem, Value } from "./parts";
import { askPicture, theme, useLatest } from "./state";
import type { Layer, Matrix, What } from "./types";
import { WeightPictures } from "./weight_pictures";

const HIGH = 256;
const WIDE = 512;
/** The largest side of a weight, in pixels of the page. */
const LARGEST = 14;
/** A layer with few inputs or neurons is drawn as large, where its weights do not get larger than that. */
const LEAST = 96;

export function Matrices({ what, renewed }: { what: What; renewed: number }) {
  return (
    <div class="matrices">
      <WeightPictures what={what} renewed={renewed} />
      {what.layers
        .filter((part) => part.neurons)
        .map((part) => (
          <LayerWeights key={part.path} what={what} layer={part} renewed={renewed} />
        ))}
      <p class="note">Inputs downwards, neurons to the right. A pixel that stands for several weights shows the largest of them in size.</p>
    </div>
  );
}

function LayerWeights({ what, layer, renewed }: { what: What; layer: Layer; renewed: number }) {
  const { data, error } = useLatest(() => askPicture<Matrix>("weights", { path: layer.path, height: HIGH, width: WIDE }), [what, layer.path, renewed]);
  const ref = useRef<HTMLCanvasElement>(null);
  const [rows, columns] = data?.shape ?? [0, 0];
  useEffect(() => {
    if (!data) return;
    const image = new ImageData(columns, rows);
    const table = signedTable(theme.value);
    data.array.forEach((level, at) => image.data.set([...table[level], 255], 4 * at));
    Object.assign(ref.current!, { width: columns, height: rows });
    ref.current!.getContext("2d")!.putImageData(image, 0, 0);
  }, [data, theme.value]);
  if (!data) return <Problem error={error} />;
  const side = Math.max(1, Math.min(LARGEST, WIDE / columns, HIGH / rows));
  const stretched = (cells: number) => `${cells * Math.max(side, Math.min(LARGEST, LEAST / cells))}px`;
  const title = titleOfLayer(what, layer.path);
  return (
    <figure>
      <figcaption>
        <b>{title}</b> {count(data.inputs)} × {count(data.neurons)}, to ±
        <Value name={`weights.${layer.path}`} value={data.limit} text={number(data.limit, 3)} />
        {data.beyond > 0 && <>; beyond: {plural(data.beyond, "weight")}</>}
      </figcaption>
      <canvas ref={ref} role="img" aria-label={`The weights of ${title}, ${count(data.inputs)} inputs downwards and ${plural(data.neurons, "neuron")} to the right`} style={{ width: stretched(columns), height: stretched(rows) }} />
    </figure>
  );
}
