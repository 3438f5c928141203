import { isTyping } from '../worklist/keys';
import type { Case } from './case';
import type { OpenDialog } from './dialogs';
import { openNext } from './next-case';

/** Keys that work inside the editor too: with Ctrl or Alt, and Escape, which goes back to the images (Enter there, to the text). */
export function followWritingKeys(file: Case, open: (dialog: OpenDialog) => void): () => void {
  const pressed = (event: KeyboardEvent): void => {
    if (event.isComposing || document.querySelector('dialog[open]')) return;
    const control = event.ctrlKey || event.metaKey;
    if (control && !event.altKey && event.code === 'KeyS') {
      event.preventDefault();
      void file.draft.value?.flush();
    } else if (control && (event.code === 'Enter' || event.code === 'NumpadEnter')) {
      event.preventDefault();
      finish(file, open);
    } else if (event.code === 'Escape' && isTyping(event.target)) {
      document.querySelector<HTMLElement>('[data-testid=viewport]')?.focus();
    } else if (event.code === 'Enter' && !control && (event.target as Element | null)?.closest?.('[data-testid=viewport]')) {
      event.preventDefault();
      document.querySelector<HTMLElement>('[name=findings]')?.focus();
    } else if (event.altKey && !control && event.code === 'KeyN') {
      event.preventDefault();
      void openNext(file);
    }
  };
  document.addEventListener('keydown', pressed);
  return () => document.removeEventListener('keydown', pressed);
}

/** Claims, when the case is free; signs where this user may sign now, else submits. */
function finish(file: Case, open: (dialog: OpenDialog) => void): void {
  if (!file.draft.value && file.allowed.includes('claim')) {
    void file.claim();
    return;
  }
  const command = (['sign', 'submit-report'] as const).find((one) => file.allowed.includes(one));
  if (command && file.draft.value && file.writing.isComplete()) open(command);
}
