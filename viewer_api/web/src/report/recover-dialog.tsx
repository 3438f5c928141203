import type { JSX } from 'preact';
import { t } from '../i18n';
import { clock } from '../i18n/format';
import type { Case } from '../reading/case';
import { Dialog } from '../ui/dialog';
import { TwoTexts } from './two-texts';

/** Text that was typed on this computer and never reached the server: offered, never put in by itself. */
export function RecoverDialog({ file }: { file: Case }): JSX.Element | null {
  const found = file.writing.recovered.value;
  const draft = file.draft.value;
  if (!found || !draft) return null;
  return (
    <Dialog title={t('recover.title')} testid="dialog-recover" wide>
      <p>{t('recover.means', { at: clock(found.at) })}</p>
      <TwoTexts mine={found.content} theirs={draft.state.value.content} mineTitle={t('recover.here')} theirsTitle={t('recover.server')} />
      <div class="actions">
        <button type="button" data-testid="recover-drop" onClick={() => file.writing.useRecovered(false)}>
          {t('recover.use_server')}
        </button>
        <button type="button" class="primary" data-testid="recover-use" onClick={() => file.writing.useRecovered(true)}>
          {t('recover.use_here')}
        </button>
      </div>
    </Dialog>
  );
}
