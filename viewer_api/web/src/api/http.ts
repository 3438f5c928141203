import { noAnswer, problemOf } from './problem';
import { signInAgain } from './reauthentication';

interface Call {
  method?: string;
  body?: unknown;
  accept?: string;
  signal?: AbortSignal | undefined;
  /** A call that itself signs in must not wait for a sign-in. */
  anonymous?: boolean;
  /** Lets a call outlive the page (the last save when it is closed). */
  keepalive?: boolean;
}

/** One HTTP call with the session cookie. Throws Problem; a 401 waits for the user to sign in again, then repeats. */
export async function http(path: string, call: Call = {}): Promise<Response> {
  const response = await send(path, call);
  if (response.ok) return response;
  const problem = await problemOf(response);
  // A wrong password in a command is the command's own trouble, not the session's end.
  if (problem.status !== 401 || problem.code === 'WRONG_PASSWORD' || call.anonymous || call.keepalive) throw problem;
  await signInAgain(call.signal);
  const again = await send(path, call);
  if (again.ok) return again;
  throw await problemOf(again);
}

async function send(path: string, call: Call): Promise<Response> {
  const headers: Record<string, string> = { Accept: call.accept ?? 'application/json' };
  if (call.body !== undefined) headers['Content-Type'] = 'application/json';
  try {
    return await fetch(path, {
      method: call.method ?? 'GET',
      headers,
      credentials: 'same-origin',
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
      ...(call.signal ? { signal: call.signal } : {}),
      ...(call.keepalive ? { keepalive: true } : {}),
    });
  } catch (error) {
    if (call.signal?.aborted) throw error;
    throw noAnswer();
  }
}

export async function getJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await (await http(path, { signal })).json()) as T;
}

export async function postJson<T>(path: string, body: unknown, signal?: AbortSignal): Promise<T> {
  return (await (await http(path, { method: 'POST', body, signal })).json()) as T;
}

export function query(values: Record<string, string | number | null | undefined>): string {
  const parts = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value !== null && value !== undefined && value !== '') parts.set(name, String(value));
  }
  const text = parts.toString();
  return text ? `?${text}` : '';
}
