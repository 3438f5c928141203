import { signal } from '@preact/signals';

/** True while the session has expired under an open page; the sign-in dialog shows, every call waits. */
export const sessionExpired = signal(false);

/** True once somebody was signed in: before that a 401 is simply "not signed in". */
let hadSession = false;
let waiting: { resolve: () => void; reject: (reason: unknown) => void }[] = [];

export class SignedOut extends Error {
  override name = 'SignedOut';
}

export function sessionBegan(): void {
  hadSession = true;
  sessionExpired.value = false;
  const resumed = waiting;
  waiting = [];
  for (const one of resumed) one.resolve();
}

export function sessionEnded(): void {
  hadSession = false;
  sessionExpired.value = false;
  const dropped = waiting;
  waiting = [];
  for (const one of dropped) one.reject(new SignedOut());
}

/** Resolves when the user has signed in again over the open page. */
export function signInAgain(abort?: AbortSignal): Promise<void> {
  if (!hadSession) return Promise.reject(new SignedOut());
  sessionExpired.value = true;
  return new Promise((resolve, reject) => {
    waiting.push({ resolve, reject });
    abort?.addEventListener('abort', () => reject(abort.reason as Error), { once: true });
  });
}
