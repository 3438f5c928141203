/** An answer of the server that is not a success: `application/problem+json`, or no answer at all (status 0). */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly retryAfter_s: number | null;

  constructor(status: number, code: string, detail: string, fields: Record<string, unknown> = {}, retryAfter_s: number | null = null) {
    super(detail);
    this.name = 'Problem';
    this.status = status;
    this.code = code;
    this.fields = fields;
    this.retryAfter_s = retryAfter_s;
  }

  /** The server could not be reached or is not ready; the same call may succeed later. */
  get passing(): boolean {
    return this.status === 0 || this.status === 502 || this.status === 503 || this.status === 504;
  }
}

export function noAnswer(): Problem {
  return new Problem(0, 'NO_ANSWER', 'The server does not answer.');
}

export async function problemOf(response: Response): Promise<Problem> {
  const retry = Number(response.headers.get('Retry-After'));
  const retryAfter_s = Number.isFinite(retry) && retry > 0 ? retry : null;
  try {
    const body = (await response.json()) as Record<string, unknown>;
    const code = String(body['code'] ?? `HTTP_${response.status}`);
    const detail = String(body['detail'] ?? body['title'] ?? response.statusText);
    return new Problem(response.status, code, detail, body, retryAfter_s);
  } catch {
    return new Problem(response.status, `HTTP_${response.status}`, response.statusText, {}, retryAfter_s);
  }
}
