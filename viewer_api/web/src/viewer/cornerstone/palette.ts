import { http } from '../../api/http';
import { type Attribute, number, numbers } from '../dicom-json';
import type { Instance } from '../instance';

/** Palette Color Lookup Tables (PS3.3 C.7.6.3.1.5, .6); entries as the descriptor's bits say. */
export interface Palette {
  descriptor: [entries: number, first: number, bits: number];
  red: Uint8Array | Uint16Array;
  green: Uint8Array | Uint16Array;
  blue: Uint8Array | Uint16Array;
}

const TABLES = ['00281201', '00281202', '00281203'] as const;
const SEGMENTED = '00281221';

/** Reads the tables inline or from their bulk data. Throws when they are segmented or missing: then the server's rendering stays. */
export async function loadPalette(instance: Instance, signal: AbortSignal): Promise<Palette> {
  const dataset = instance.dataset;
  const [entries, first, bits] = numbers(dataset, '00281101');
  if (entries === undefined || first === undefined || bits === undefined || dataset[SEGMENTED]) throw new Error('The palette is segmented or missing.');
  const size = entries === 0 ? 65536 : entries;
  const signed = number(dataset, '00280103') === 1;
  const [red, green, blue] = await Promise.all(TABLES.map(async (tag) => entriesOf(await bytesOf(dataset[tag], signal), size, bits)));
  if (!red || !green || !blue) throw new Error('The palette is incomplete.');
  return { descriptor: [size, signed && first > 0x7fff ? first - 0x10000 : first, bits], red, green, blue };
}

async function bytesOf(attribute: Attribute | undefined, signal: AbortSignal): Promise<Uint8Array> {
  if (attribute?.InlineBinary) return Uint8Array.from(atob(attribute.InlineBinary), (one) => one.charCodeAt(0));
  if (attribute?.Value) return new Uint8Array(Uint16Array.from(attribute.Value.map(Number)).buffer);
  if (!attribute?.BulkDataURI) throw new Error('The palette has no data.');
  const response = await http(sameOrigin(attribute.BulkDataURI), { accept: 'application/octet-stream', signal });
  const body = new Uint8Array(await response.arrayBuffer());
  return /^multipart/i.test(response.headers.get('Content-Type') ?? '') ? firstPart(body) : body;
}

/** A server behind a proxy may name another host; the path is what counts, and the cookie goes to our origin only. */
function sameOrigin(uri: string): string {
  const url = new URL(uri, location.href);
  return url.pathname + url.search;
}

function firstPart(body: Uint8Array): Uint8Array {
  const text = new TextDecoder('latin1').decode(body);
  const start = text.indexOf('\r\n\r\n') + 4;
  const boundary = text.slice(0, text.indexOf('\r\n'));
  const end = text.indexOf(`\r\n${boundary}`, start);
  return body.slice(start, end < 0 ? undefined : end);
}

function entriesOf(bytes: Uint8Array, size: number, bits: number): Uint8Array | Uint16Array {
  const words = bytes.byteLength >= size * 2;
  if (!words) return bytes.slice(0, size);
  const table = new Uint16Array(bytes.slice(0, size * 2).buffer);
  // 8-bit entries may come in 16-bit words; the value is then in the low byte.
  return bits <= 8 && table.every((one) => one < 256) ? Uint8Array.from(table) : table;
}
