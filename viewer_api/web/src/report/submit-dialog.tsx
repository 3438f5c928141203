import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { t } from '../i18n';
import type { Case } from '../reading/case';
import { IdentityStrip } from '../reading/identity-strip';
import { Dialog } from '../ui/dialog';
import { troubleText } from '../ui/trouble';

export function SubmitDialog({ file, onClose }: { file: Case; onClose: () => void }): JSX.Element {
  const [busy, setBusy] = useState(false);
  const [trouble, setTrouble] = useState<string | null>(null);
  const request = file.request.value;
  if (!request) return <></>;

  async function submit(event: Event): Promise<void> {
    event.preventDefault();
    setBusy(true);
    try {
      await file.submitReport();
      onClose();
    } catch (error) {
      setTrouble(troubleText(error));
      setBusy(false);
    }
  }

  return (
    <Dialog title={t('submit.title')} testid="dialog-submit-report" onClose={onClose}>
      <form onSubmit={submit}>
        <IdentityStrip request={request} />
        <p>{t('submit.means')}</p>
        <p class="form-error" role="alert">
          {trouble}
        </p>
        <div class="actions">
          <button type="button" data-testid="submit-back" onClick={onClose}>
            {t('do.back')}
          </button>
          <button type="submit" class="primary" data-testid="submit-confirm" disabled={busy} autofocus>
            {t('command.submit-report')}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
