// The weights into each neuron of the first layer as a picture, where the inputs are one.

import { useEffect, useRef } from "preact/hooks";
import { signedTable } from "./colours";
import { count } from "./format";
import { titleOfLayer } from "./layer_titles";
import { askPicture, layer, neuron, theme, useLatest } from "./state";
import type { Layer, Matrix, What } from "./types";

const MOST = 256;
/** The least side of a picture, in pixels of the page. */
const SIDE = 32;
/** The most inputs and neurons that the question takes. */
const LARGEST = 4096;

/** Which pixel of the picture, or place of the recording, each input is; null where the inputs are neither. */
function placesOf(what: What): number[] | null {
  return what.inputs.picture ? Array.from({ length: what.inputs.count }, (_, at) => at) : what.inputs.pixels;
}

export function WeightPictures({ what, renewed }: { what: What; renewed: number }) {
  const first = what.layers.find((part) => part.neurons)!;
  const places = placesOf(what);
  const fits = places !== null && what.form.shape[2] === 1 && Math.max(places.length, first.units) <= LARGEST;
  return fits ? <Pictures what={what} first={first} places={places} renewed={renewed} /> : null;
}

function Pictures({ what, first, places, renewed }: { what: What; first: Layer; places: number[]; renewed: number }) {
  const { data } = useLatest(() => askPicture<Matrix>("weights", { path: first.path, height: places.length, width: first.units }), [what, renewed]);
  if (!data || data.inputs !== places.length) return null;
  const shown = Math.min(MOST, data.neurons);
  return (
    <figure class="weight-pictures">
      <figcaption>
        <b>The weights into each neuron of {titleOfLayer(what, first.path)}</b>, each in the place of its input{shown < data.neurons && `; the first ${count(shown)} of ${count(data.neurons)}`}
      </figcaption>
      <ul>
        {Array.from({ length: shown }, (_, at) => (
          <li key={at}>
            <button title={`neuron ${at}`} aria-label={`Open neuron ${at} of ${titleOfLayer(what, first.path)}`} onClick={() => ([layer.value, neuron.value] = [first.path, at])}>
              <WeightPicture what={what} matrix={data} places={places} at={at} />
            </button>
          </li>
        ))}
      </ul>
    </figure>
  );
}

function WeightPicture({ what, matrix, places, at }: { what: What; matrix: Matrix; places: number[]; at: number }) {
  const ref = useRef<HTMLCanvasElement>(null);
  const [rows, columns] = what.form.shape;
  useEffect(() => {
    const image = new ImageData(columns, rows);
    const table = signedTable(theme.value);
    for (let place = 0; place < rows * columns; place++) image.data.set([...table[128], 255], 4 * place);
    places.forEach((place, input) => image.data.set(table[matrix.array[input * matrix.neurons + at]], 4 * place));
    ref.current!.getContext("2d")!.putImageData(image, 0, 0);
  }, [matrix, theme.value]);
  const scale = Math.max(1, Math.floor(SIDE / Math.max(rows, columns)));
  return <canvas ref={ref} width={columns} height={rows} style={{ width: `${columns * scale}px`, height: `${rows * scale}px` }} aria-hidden="true" />;
}
