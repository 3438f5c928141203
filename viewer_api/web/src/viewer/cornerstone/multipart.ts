/** The only part of a `multipart/related` answer of WADO-RS frames (PS3.18 8.7.2), with the transfer syntax its header names. */
export interface FramePart {
  bytes: Uint8Array;
  transferSyntax: string;
}

export const EXPLICIT_LITTLE_ENDIAN = '1.2.840.10008.1.2.1';
const HEADER_LIMIT = 4096;

export function framePart(body: Uint8Array, contentType: string): FramePart {
  if (!/^multipart\//i.test(contentType)) return { bytes: body, transferSyntax: syntaxOf(contentType) };
  const head = new TextDecoder('latin1').decode(body.subarray(0, HEADER_LIMIT));
  const start = head.indexOf('\r\n\r\n');
  if (start < 0) throw new Error('The answer has no part header.');
  const boundary = /boundary="?([^";]+)"?/i.exec(contentType)?.[1] ?? /^(?:\r\n)?--([^\r\n]+)/.exec(head)?.[1] ?? '';
  const end = lastIndexOf(body, `\r\n--${boundary}`);
  const header = /^content-type:\s*(.*)$/im.exec(head.slice(0, start))?.[1] ?? '';
  return { bytes: body.slice(start + 4, end < 0 ? undefined : end), transferSyntax: syntaxOf(header) };
}

function syntaxOf(contentType: string): string {
  return /transfer-syntax="?([\d.]+)"?/i.exec(contentType)?.[1] ?? EXPLICIT_LITTLE_ENDIAN;
}

function lastIndexOf(body: Uint8Array, ascii: string): number {
  const wanted = [...ascii].map((one) => one.charCodeAt(0));
  for (let at = body.length - wanted.length; at >= 0; at--) {
    if (wanted.every((code, offset) => body[at + offset] === code)) return at;
  }
  return -1;
}
