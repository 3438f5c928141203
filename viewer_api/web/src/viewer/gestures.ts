import type { Window } from './frame';
import type { Viewer } from './viewer';

type Drag = 'scroll' | 'window' | 'zoom' | 'pan';

interface Running {
  drag: Drag;
  x: number;
  y: number;
  /** CSS pixels not yet turned into a step. */
  rest: number;
  window: Window | null;
}

const WHEEL_STEP = 40;

/** Mouse, pen and fingers on the viewport. Returns a function that lets go. */
export function followGestures(host: HTMLElement, viewer: Viewer): () => void {
  const pointers = new Map<number, { x: number; y: number }>();
  let running: Running | null = null;
  let pinch: { distance: number; x: number; y: number } | null = null;
  let wheelRest = 0;

  function place(event: MouseEvent): [number, number] {
    const box = host.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  function down(event: PointerEvent): void {
    if ((event.target as Element).closest('[data-no-gesture]')) return;
    const drag = dragOf(event, viewer);
    if (!drag) return;
    event.preventDefault();
    host.setPointerCapture(event.pointerId);
    host.focus({ preventScroll: true });
    const [x, y] = place(event);
    pointers.set(event.pointerId, { x, y });
    pinch = pointers.size === 2 ? spread(pointers) : null;
    running = pointers.size === 2 ? null : begin(pointers.size >= 3 ? 'window' : drag, x, y);
  }

  function begin(drag: Drag, x: number, y: number): Running {
    viewer.playback.stop();
    return { drag, x, y, rest: 0, window: drag === 'window' ? viewer.windowing.dragStart() : null };
  }

  function move(event: PointerEvent): void {
    if (!pointers.has(event.pointerId)) return;
    const [x, y] = place(event);
    pointers.set(event.pointerId, { x, y });
    if (pinch && pointers.size === 2) pinched();
    else if (running && (pointers.size === 1 || isFirst(pointers, event.pointerId))) dragTo(running, x, y);
  }

  function dragTo(at: Running, x: number, y: number): void {
    if (at.drag === 'window') {
      if (at.window) viewer.windowing.drag(at.window, x - at.x, y - at.y);
      return;
    }
    const [dx, dy] = [x - at.x, y - at.y];
    at.x = x;
    at.y = y;
    if (at.drag === 'pan') viewer.view.panBy(dx, dy);
    else if (at.drag === 'zoom') viewer.view.zoomBy(Math.exp(dy / 150));
    else scrollBy(at, dy);
  }

  function scrollBy(at: Running, dy: number): void {
    const count = viewer.stack?.frames.length ?? 1;
    const step = Math.max(3, Math.min(24, host.clientHeight / 1.5 / count));
    at.rest += dy;
    const steps = Math.trunc(at.rest / step);
    if (steps === 0) return;
    at.rest -= steps * step;
    viewer.scroll(steps);
  }

  function pinched(): void {
    const now = spread(pointers);
    if (!pinch) return;
    viewer.view.zoomBy(now.distance / pinch.distance, now.x, now.y);
    viewer.view.panBy(now.x - pinch.x, now.y - pinch.y);
    pinch = now;
  }

  function up(event: PointerEvent): void {
    if (!pointers.delete(event.pointerId)) return;
    pinch = null;
    running = null;
  }

  function wheel(event: WheelEvent): void {
    event.preventDefault();
    if (event.ctrlKey) {
      viewer.view.zoomBy(Math.exp(-event.deltaY / 300), ...place(event));
      return;
    }
    const size = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? event.deltaY * WHEEL_STEP : event.deltaY;
    wheelRest += Math.abs(size) >= WHEEL_STEP ? Math.sign(size) * WHEEL_STEP : size;
    const steps = Math.trunc(wheelRest / WHEEL_STEP);
    if (steps === 0) return;
    wheelRest -= steps * WHEEL_STEP;
    viewer.playback.stop();
    viewer.scroll(event.shiftKey ? steps * 10 : steps);
  }

  const noMenu = (event: Event): void => event.preventDefault();
  host.addEventListener('pointerdown', down);
  host.addEventListener('pointermove', move);
  host.addEventListener('pointerup', up);
  host.addEventListener('pointercancel', up);
  host.addEventListener('wheel', wheel, { passive: false });
  host.addEventListener('contextmenu', noMenu);
  return () => {
    host.removeEventListener('pointerdown', down);
    host.removeEventListener('pointermove', move);
    host.removeEventListener('pointerup', up);
    host.removeEventListener('pointercancel', up);
    host.removeEventListener('wheel', wheel);
    host.removeEventListener('contextmenu', noMenu);
  };
}

/** Right drags zoom, middle drags pan, left does what the tool says; a length is drawn by Cornerstone's own tool. */
function dragOf(event: PointerEvent, viewer: Viewer): Drag | null {
  if (event.pointerType !== 'mouse') return viewer.tool.value === 'length' ? (viewer.canMeasure ? null : 'scroll') : viewer.tool.value;
  if (event.button === 2) return 'zoom';
  if (event.button === 1) return 'pan';
  if (event.button !== 0) return null;
  return viewer.tool.value === 'length' ? null : viewer.tool.value;
}

function spread(pointers: Map<number, { x: number; y: number }>): { distance: number; x: number; y: number } {
  const [one, two] = [...pointers.values()];
  if (!one || !two) return { distance: 1, x: 0, y: 0 };
  return { distance: Math.max(1, Math.hypot(one.x - two.x, one.y - two.y)), x: (one.x + two.x) / 2, y: (one.y + two.y) / 2 };
}

function isFirst(pointers: Map<number, unknown>, id: number): boolean {
  return pointers.keys().next().value === id;
}
