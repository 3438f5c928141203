const APP0_JFIF = 0xe0;
const APP14_ADOBE = 0xee;
const START_OF_SCAN = 0xda;

interface Segment {
  marker: number;
  /** Where the marker begins, and where the next one does. */
  start: number;
  end: number;
}

/** The marker segments before the first scan (ISO 10918-1 B.1.1.4). */
function segmentsOf(stream: Uint8Array): Segment[] {
  const found: Segment[] = [];
  let at = 2;
  while (at + 4 <= stream.length && stream[at] === 0xff) {
    const marker = stream[at + 1] ?? 0;
    if (marker === START_OF_SCAN) break;
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    const length = ((stream[at + 2] ?? 0) << 8) | (stream[at + 3] ?? 0);
    found.push({ marker, start: at, end: at + 2 + length });
    at += 2 + length;
  }
  return found;
}

function says(stream: Uint8Array, segment: Segment, word: string): boolean {
  return [...word].every((letter, at) => stream[segment.start + 4 + at] === letter.charCodeAt(0));
}

/**
 * Whether the three components are YCbCr, by the strongest witness in the stream, then by the header: files say RGB over YCbCr data and the
 * reverse. The same rule as the server's, so that both pictures of a frame have the same colours.
 */
export function isYcbcr(stream: Uint8Array, photometric: string): boolean {
  const segments = segmentsOf(stream);
  const adobe = segments.find((one) => one.marker === APP14_ADOBE && says(stream, one, 'Adobe'));
  if (adobe) return stream[adobe.start + 15] !== 0;
  if (segments.some((one) => one.marker === APP0_JFIF && says(stream, one, 'JFIF'))) return true;
  const frame = segments.find((one) => one.marker >= 0xc0 && one.marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(one.marker));
  const components = frame ? [0, 1, 2].map((at) => ({ id: stream[frame.start + 10 + at * 3], sampling: stream[frame.start + 11 + at * 3] })) : [];
  if (components.map((one) => String.fromCharCode(one.id ?? 0)).join('') === 'RGB') return false;
  if (new Set(components.map((one) => one.sampling)).size > 1) return true;
  return photometric !== 'RGB';
}

/** The stream with an Adobe marker that tells the browser the colour transform, in place of the markers it would rather believe. */
export function withColourMarker(stream: Uint8Array, ycbcr: boolean): Uint8Array {
  const dropped = segmentsOf(stream).filter((one) => one.marker === APP0_JFIF || one.marker === APP14_ADOBE);
  const marker = [0xff, APP14_ADOBE, 0, 14, ...[...'Adobe'].map((one) => one.charCodeAt(0)), 0, 100, 0, 0, 0, 0, ycbcr ? 1 : 0];
  const parts: Uint8Array[] = [stream.subarray(0, 2), Uint8Array.from(marker)];
  let at = 2;
  for (const one of dropped) {
    parts.push(stream.subarray(at, one.start));
    at = one.end;
  }
  parts.push(stream.subarray(at));
  const whole = new Uint8Array(parts.reduce((sum, one) => sum + one.length, 0));
  let offset = 0;
  for (const one of parts) {
    whole.set(one, offset);
    offset += one.length;
  }
  return whole;
}

/** A baseline JPEG frame of three components as RGB bytes, decoded by the browser. */
export async function decodeColourJpeg(stream: Uint8Array, photometric: string): Promise<Uint8Array> {
  const marked = withColourMarker(stream, isYcbcr(stream, photometric));
  const bitmap = await createImageBitmap(new Blob([marked.buffer as ArrayBuffer], { type: 'image/jpeg' }), { colorSpaceConversion: 'none', premultiplyAlpha: 'none' });
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
  if (!context) throw new Error('No canvas to decode on.');
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const rgba = context.getImageData(0, 0, width, height).data;
  const rgb = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    rgb[to] = rgba[from] ?? 0;
    rgb[to + 1] = rgba[from + 1] ?? 0;
    rgb[to + 2] = rgba[from + 2] ?? 0;
  }
  return rgb;
}
