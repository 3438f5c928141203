import type { JSX } from 'preact';
import { useRef } from 'preact/hooks';
import { t } from '../i18n';
import type { Viewer } from './viewer';

/** The stack's length at the right edge: where one is, and which pictures are decoded. */
export function Scrollbar({ viewer }: { viewer: Viewer }): JSX.Element | null {
  const track = useRef<HTMLDivElement>(null);
  const stack = viewer.stack;
  const count = stack?.frames.length ?? 0;
  if (count < 2) return null;

  function jump(event: PointerEvent): void {
    const box = track.current?.getBoundingClientRect();
    if (!box) return;
    viewer.playback.stop();
    viewer.goTo(Math.round(((event.clientY - box.top) / box.height) * (count - 1)));
  }

  return (
    <div
      ref={track}
      class="scrollbar"
      data-no-gesture
      data-testid="scrollbar"
      role="slider"
      tabIndex={0}
      aria-orientation="vertical"
      aria-label={t('viewer.scrollbar')}
      aria-valuemin={1}
      aria-valuemax={count}
      aria-valuenow={viewer.index.value + 1}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        jump(event);
      }}
      onPointerMove={(event) => event.buttons === 1 && jump(event)}
    >
      <LoadedMask loaded={viewer.full.loaded.value} count={count} />
      <span class="thumb" style={{ top: `${(viewer.index.value / (count - 1)) * 100}%` }} />
    </div>
  );
}

function LoadedMask({ loaded, count }: { loaded: ReadonlySet<number>; count: number }): JSX.Element {
  return (
    <svg class="loaded-mask" viewBox={`0 0 1 ${count}`} preserveAspectRatio="none" aria-hidden="true">
      <path d={runs(loaded, count)} />
    </svg>
  );
}

/** Neighbouring decoded pictures as one rectangle. */
export function runs(loaded: ReadonlySet<number>, count: number): string {
  let path = '';
  let start = -1;
  for (let at = 0; at <= count; at++) {
    const has = at < count && loaded.has(at);
    if (has && start < 0) start = at;
    if (!has && start >= 0) {
      path += `M0 ${start}h1v${at - start}h-1Z`;
      start = -1;
    }
  }
  return path;
}
