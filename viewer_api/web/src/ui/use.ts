import { useEffect, useState } from 'preact/hooks';

/** The time, again every `every_ms`; one hook so that countdowns on a page tick together. */
export function useNow(every_ms: number): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = window.setInterval(() => setNow(Date.now()), every_ms);
    return () => window.clearInterval(timer);
  }, [every_ms]);
  return now;
}

export function useTheme(theme: 'dark' | 'light'): void {
  useEffect(() => {
    document.documentElement.dataset['theme'] = theme;
  }, [theme]);
}

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title ? `${title} · Farlight 远影` : 'Farlight 远影';
  }, [title]);
}

/** Whether a CSS media query holds now. */
export function useMedia(media: string): boolean {
  const [holds, setHolds] = useState(() => matchMedia(media).matches);
  useEffect(() => {
    const list = matchMedia(media);
    const changed = (): void => setHolds(list.matches);
    list.addEventListener('change', changed);
    return () => list.removeEventListener('change', changed);
  }, [media]);
  return holds;
}
