import { useEffect, useState } from 'preact/hooks';
import { listenForNews } from '../api/events';

const EVERY_MS = 30_000;
const AFTER_NEWS_MS = 3_000;

export interface Fresh<T> {
  found: T | null;
  problem: unknown;
  reload: () => void;
}

/** What `ask` answers, again every half minute and a moment after news; the last answer stays while the next is awaited. */
export function useFresh<T>(ask: (signal: AbortSignal) => Promise<T>): Fresh<T> {
  const [found, setFound] = useState<T | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  const [asked, setAsked] = useState(0);
  const reload = (): void => setAsked((one) => one + 1);
  useEffect(() => {
    const call = new AbortController();
    ask(call.signal).then(
      (answer) => {
        setFound(answer);
        setProblem(null);
      },
      (error: unknown) => !call.signal.aborted && setProblem(error),
    );
    return () => call.abort();
  }, [asked]);
  useEffect(() => {
    let soon = 0;
    const stop = listenForNews(() => {
      soon ||= window.setTimeout(() => {
        soon = 0;
        reload();
      }, AFTER_NEWS_MS);
    });
    const timer = window.setInterval(reload, EVERY_MS);
    return () => {
      stop();
      window.clearTimeout(soon);
      window.clearInterval(timer);
    };
  }, []);
  return { found, problem, reload };
}
