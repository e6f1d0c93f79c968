// Files that a person gives the page, as a question holds them.

/** The most bytes of a file in a question. */
export const MAX_FILE = 700_000;
const SIDE = 512;

export function base64(bytes: Uint8Array): string {
  let text = "";
  for (let start = 0; start < bytes.length; start += 8192) text += String.fromCharCode(...bytes.subarray(start, start + 8192));
  return btoa(text);
}

/** The bytes that `base64` wrote. */
export function decode(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

/** The bytes of a picture; of a file that is too large, of the same picture with fewer pixels. */
export async function pictureBytes(file: Blob): Promise<Uint8Array> {
  if (file.size <= MAX_FILE) return new Uint8Array(await file.arrayBuffer());
  const picture = await createImageBitmap(file).catch(() => {
    throw new Error(`A picture of more than ${MAX_FILE.toLocaleString("en-US")} bytes is made smaller by the browser, which cannot read this one. Save it as PNG or JPEG.`);
  });
  const scale = Math.min(1, SIDE / Math.max(picture.width, picture.height));
  const canvas = new OffscreenCanvas(Math.max(1, Math.round(picture.width * scale)), Math.max(1, Math.round(picture.height * scale)));
  const context = canvas.getContext("2d")!;
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  picture.close();
  return new Uint8Array(await (await canvas.convertToBlob({ type: "image/jpeg", quality: 0.95 })).arrayBuffer());
}
