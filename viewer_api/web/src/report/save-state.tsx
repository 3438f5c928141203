import type { JSX } from 'preact';
import { t } from '../i18n';
import { clock } from '../i18n/format';
import type { Autosave } from './autosave';

/** One line that always says where the text is. */
export function SaveState({ draft }: { draft: Autosave }): JSX.Element {
  const { status, saved_at } = draft.state.value;
  return (
    <span class={`save-state ${status}`} role="status" data-testid="save-state" data-status={status}>
      {status === 'saved' && (saved_at ? t('save.saved', { at: clock(saved_at) }) : t('save.empty'))}
      {status === 'dirty' && t('save.dirty')}
      {status === 'saving' && t('save.saving')}
      {status === 'retrying' && t('save.retrying')}
      {status === 'conflict' && t('save.conflict')}
      {status === 'lost' && t('save.lost')}
    </span>
  );
}
