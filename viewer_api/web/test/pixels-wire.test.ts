import { describe, expect, it } from 'vitest';
import { isYcbcr, withColourMarker } from '../src/viewer/cornerstone/jpeg-colour';
import { framePart } from '../src/viewer/cornerstone/multipart';

const bytes = (text: string) => Uint8Array.from(text, (one) => one.charCodeAt(0));

describe('a frame in multipart/related', () => {
  it('is cut out between its header and the closing boundary, whatever bytes it holds', () => {
    const frame = '\r\n--x\r\n\x00\xff';
    const body = bytes(`--b1\r\nContent-Type: application/octet-stream; transfer-syntax="1.2.840.10008.1.2.4.80"\r\n\r\n${frame}\r\n--b1--\r\n`);
    const part = framePart(body, 'multipart/related; type="application/octet-stream"; boundary=b1');
    expect(part.transferSyntax).toBe('1.2.840.10008.1.2.4.80');
    expect([...part.bytes]).toEqual([...bytes(frame)]);
  });

  it('may come as a single part', () => {
    expect(framePart(bytes('abc'), 'application/octet-stream')).toEqual({ bytes: bytes('abc'), transferSyntax: '1.2.840.10008.1.2.1' });
  });
});

/** Start of image, the given segments, a frame header with three components, a scan. */
function jpeg(segments: number[][], ids = [1, 2, 3], sampling = [0x11, 0x11, 0x11]): Uint8Array {
  const frame = [0xff, 0xc0, 0, 17, 8, 0, 1, 0, 1, 3, ...ids.flatMap((id, at) => [id, sampling[at] ?? 0x11, 0])];
  return Uint8Array.from([0xff, 0xd8, ...segments.flat(), ...frame, 0xff, 0xda, 0, 0]);
}

const adobe = (transform: number) => [0xff, 0xee, 0, 14, ...bytes('Adobe'), 0, 100, 0, 0, 0, 0, transform];
const jfif = [0xff, 0xe0, 0, 16, ...bytes('JFIF'), 0, 1, 1, 0, 0, 1, 0, 1, 0, 0];

describe('the colours of a JPEG frame', () => {
  it.each([
    ['the Adobe marker is believed first', jpeg([adobe(0)]), 'YBR_FULL_422', false],
    ['also against JFIF', jpeg([jfif, adobe(1)]), 'RGB', true],
    ['JFIF knows no RGB', jpeg([jfif]), 'RGB', true],
    ['components named R G B', jpeg([], [0x52, 0x47, 0x42]), 'YBR_FULL', false],
    ['only chrominance is subsampled', jpeg([], [1, 2, 3], [0x21, 0x11, 0x11]), 'RGB', true],
    ['else the header says RGB', jpeg([]), 'RGB', false],
    ['or YBR', jpeg([]), 'YBR_FULL', true],
  ])('%s', (_, stream, photometric, expected) => {
    expect(isYcbcr(stream, photometric)).toBe(expected);
  });

  it('are told to the browser by one Adobe marker in place of all others', () => {
    const marked = withColourMarker(jpeg([jfif, adobe(1)]), false);
    const expected = jpeg([adobe(0)]);
    expect([...marked]).toEqual([...expected]);
  });
});
