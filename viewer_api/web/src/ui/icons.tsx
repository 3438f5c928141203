import type { JSX } from 'preact';

/** Line icons on a 20 x 20 grid, drawn here so that nothing is fetched. */
const PATHS = {
  scroll: 'M10 3v14M6.5 6.5 10 3l3.5 3.5M6.5 13.5 10 17l3.5-3.5',
  window: 'M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14ZM10 3v14M10 6h4.5M10 9h6.8M10 12h6.2M10 15h3.4',
  zoom: 'M9 4a5 5 0 1 0 0 10A5 5 0 0 0 9 4ZM13 13l4 4M6.8 9h4.4M9 6.8v4.4',
  pan: 'M10 2.5v15M2.5 10h15M8 4.5l2-2 2 2M8 15.500l2 2 2-2M4.500 8l-2 2 2 2M15.500 8l2 2-2 2',
  length: 'M3 14.500 14.500 3 17 5.500 5.500 17ZM6.200 11.300l1.500 1.500M8.600 8.900l2 2M11 6.500l1.500 1.500',
  invert: 'M10 3a7 7 0 1 0 0 14V3ZM10 3a7 7 0 0 1 0 14',
  flipH: 'M10 2.500v15M7.500 5.500v9l-5-4.500ZM12.500 5.500v9l5-4.500Z',
  flipV: 'M2.500 10h15M5.500 7.500h9l-4.500-5ZM5.500 12.500h9l-4.500 5Z',
  rotate: 'M15.700 12a6 6 0 1 1-.6-5M16 3.500V7.500h-4',
  reset: 'M4.300 12a6 6 0 1 0 .6-5M4 3.500V7.500h4',
  cine: 'M6.500 4.500v11l9-5.500Z',
  pause: 'M7 4.500v11M13 4.500v11',
  fullscreen: 'M3 7V3h4M13 3h4v4M17 13v4h-4M7 17H3v-4',
  key: 'M10 2.800l2.100 4.600 5 .6-3.700 3.400 1 5-4.400-2.500-4.400 2.500 1-5L2.900 8l5-.6Z',
  overlay: 'M3 4h6M3 7h4M11 4h6M13 7h4M3 13h4M3 16h6M13 13h4M11 16h6',
  presets: 'M4 6h12M4 10h12M4 14h12M7 4.500v3M13 8.500v3M9 12.500v3',
  trash: 'M4 5.500h12M8 5.500V3.500h4v2M5.500 5.500l.8 11h7.400l.8-11M8.500 8.500v5M11.500 8.500v5',
  back: 'M12.500 4 6.500 10l6 6',
  next: 'M7.500 4l6 6-6 6',
  close: 'M5 5l10 10M15 5 5 15',
  search: 'M9 4a5 5 0 1 0 0 10A5 5 0 0 0 9 4ZM13 13l4 4',
  help: 'M7.300 7.500a2.700 2.700 0 1 1 3.900 2.400c-.9.5-1.200 1-1.200 2M10 15v.2',
  user: 'M10 3.500a3 3 0 1 0 0 6 3 3 0 0 0 0-6ZM4 16.500c.5-3.300 2.900-5 6-5s5.500 1.700 6 5',
  check: 'M4 10.500l4 4 8-9',
  warning: 'M10 3 17.500 16.500h-15ZM10 8v4M10 14v.2',
  clock: 'M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14ZM10 6v4.300l3 1.700',
  panel: 'M3 4h14v12H3ZM12.500 4v12',
  image: 'M3 4h14v12H3ZM3 13.500l4-4 3.500 3.500 2.500-2.500 4 4M13 7.500v.2',
  document: 'M5 2.500h7l3.500 3.500v11.500H5ZM12 2.500V6h3.500M7.500 10h5M7.500 13h5',
  download: 'M10 3v9M6.500 8.500 10 12l3.500-3.500M4 16.500h12',
  refresh: 'M4.300 12a6 6 0 1 0 .6-5M4 3.500V7.500h4',
  more: 'M5 10v.1M10 10v.1M15 10v.1',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 18 }: { name: IconName; size?: number }): JSX.Element {
  return (
    <svg class="icon" width={size} height={size} viewBox="0 0 20 20" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
