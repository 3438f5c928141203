import type { JSX } from 'preact';
import { t } from '../i18n';
import { Dialog } from '../ui/dialog';
import type { Autosave } from './autosave';
import { complete, joined } from './content';
import { TwoTexts } from './two-texts';

/** Another window saved meanwhile: both texts are shown, and nothing is thrown away without a choice. */
export function ConflictDialog({ draft }: { draft: Autosave }): JSX.Element | null {
  const { status, content, theirs } = draft.state.value;
  if (status !== 'conflict' || !theirs) return null;
  const other = complete(theirs.content);
  return (
    <Dialog title={t('conflict.title')} testid="dialog-conflict" wide>
      <p>{t('conflict.means')}</p>
      <TwoTexts mine={content} theirs={other} mineTitle={t('conflict.mine')} theirsTitle={t('conflict.theirs')} />
      <div class="actions">
        <button type="button" data-testid="conflict-theirs" onClick={() => draft.choose(other)}>
          {t('conflict.use_theirs')}
        </button>
        <button type="button" data-testid="conflict-both" onClick={() => draft.choose(joined(content, other))}>
          {t('conflict.use_both')}
        </button>
        <button type="button" class="primary" data-testid="conflict-mine" onClick={() => draft.choose(content)}>
          {t('conflict.use_mine')}
        </button>
      </div>
    </Dialog>
  );
}
