import { signal } from '@preact/signals';
import type { JSX } from 'preact';
import { t } from '../i18n';

const STORED_AS = 'farlight.panel';
const LIMITS = [320, 760] as const;

const stored = JSON.parse(localStorage.getItem(STORED_AS) ?? '{}') as { width?: number; open?: boolean };
export const panelWidth = signal(stored.width ?? 420);
export const panelIsOpen = signal(stored.open ?? true);

function keep(): void {
  localStorage.setItem(STORED_AS, JSON.stringify({ width: panelWidth.value, open: panelIsOpen.value }));
}

export function togglePanel(): void {
  panelIsOpen.value = !panelIsOpen.value;
  keep();
}

function setWidth(width: number): void {
  const room = Math.min(LIMITS[1], window.innerWidth - 520);
  panelWidth.value = Math.round(Math.max(LIMITS[0], Math.min(room, width)));
}

/** The border between images and report: dragged, or moved with the arrow keys. */
export function PanelSplitter(): JSX.Element {
  return (
    <div
      class="splitter"
      role="separator"
      aria-orientation="vertical"
      aria-label={t('reading.splitter')}
      aria-valuenow={panelWidth.value}
      aria-valuemin={LIMITS[0]}
      aria-valuemax={LIMITS[1]}
      tabIndex={0}
      data-testid="splitter"
      onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
      onPointerMove={(event) => event.buttons === 1 && setWidth(window.innerWidth - event.clientX)}
      onPointerUp={keep}
      onKeyDown={(event) => {
        const by = event.code === 'ArrowLeft' ? 24 : event.code === 'ArrowRight' ? -24 : 0;
        if (by === 0) return;
        event.preventDefault();
        event.stopPropagation();
        setWidth(panelWidth.value + by);
        keep();
      }}
    />
  );
}
