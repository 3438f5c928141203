import { signal } from '@preact/signals';
import type { JSX } from 'preact';

interface Notice {
  text: string;
  tone: 'plain' | 'bad';
}

const current = signal<Notice | null>(null);
let timer = 0;

/** One short sentence at the foot of the page, read out by screen readers, gone after six seconds. */
export function notify(text: string, tone: Notice['tone'] = 'plain'): void {
  current.value = { text, tone };
  window.clearTimeout(timer);
  timer = window.setTimeout(() => (current.value = null), 6000);
}

export function Notices(): JSX.Element {
  const notice = current.value;
  return (
    <div class="notices" role="status" aria-live="polite" data-testid="notice">
      {notice && <p class={`notice ${notice.tone}`}>{notice.text}</p>}
    </div>
  );
}
