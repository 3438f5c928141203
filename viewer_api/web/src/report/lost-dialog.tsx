import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { named, t } from '../i18n';
import type { Case } from '../reading/case';
import { navigate } from '../router';
import { Dialog } from '../ui/dialog';
import { isUnsaved } from './draft-state';
import { plainText, TwoTexts } from './two-texts';

/** The claim ended (lease over, taken over): says who has it, shows the text, and keeps it on this computer. */
export function LostDialog({ file }: { file: Case }): JSX.Element | null {
  const [copied, setCopied] = useState(false);
  const draft = file.draft.value;
  if (!file.held.lost.value || !draft) return null;
  const request = file.request.value;
  const holder = request?.holder && !request.holder.mine ? request.holder : null;
  const { content } = draft.state.value;
  const unsaved = isUnsaved(draft.state.value) && draft.state.value.edited_at !== null;
  return (
    <Dialog title={t('lost.title')} testid="dialog-lost" wide>
      <p>{holder ? t('lost.taken', { name: named(holder.name, holder.name_zh) }) : t('lost.expired')}</p>
      <p>{t(unsaved ? 'lost.unsaved' : 'lost.saved')}</p>
      <TwoTexts mine={content} theirs={file.writing.serverText.value} mineTitle={t('conflict.mine')} theirsTitle={t('conflict.theirs')} />
      <div class="actions">
        <button
          type="button"
          data-testid="lost-copy"
          onClick={() => {
            void navigator.clipboard?.writeText(plainText(content)).then(() => setCopied(true));
          }}
        >
          {t(copied ? 'do.copied' : 'do.copy')}
        </button>
        <button type="button" data-testid="lost-leave" onClick={() => navigate('/worklist')}>
          {t('nav.worklist')}
        </button>
        {request?.allowed_commands.includes('claim') && (
          <button type="button" class="primary" data-testid="lost-claim" onClick={() => void file.claimAgain()}>
            {t('lost.claim_again')}
          </button>
        )}
      </div>
    </Dialog>
  );
}
