import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { Problem } from '../api/problem';
import { t } from '../i18n';
import { number } from '../i18n/format';
import { positivityLabel } from '../i18n/labels';
import type { Case } from '../reading/case';
import { IdentityStrip } from '../reading/identity-strip';
import { Dialog } from '../ui/dialog';
import { troubleText } from '../ui/trouble';
import type { Autosave } from './autosave';

/** The last look before signing: whose report, what is signed, on how many images; and the password once more. */
export function SignDialog({ file, draft, onClose }: { file: Case; draft: Autosave; onClose: () => void }): JSX.Element {
  const [password, setPassword] = useState('');
  const [busy, setBusy] = useState(false);
  const [trouble, setTrouble] = useState<string | null>(null);
  const request = file.request.value;
  const { content } = draft.state.value;
  if (!request) return <></>;

  async function sign(event: Event): Promise<void> {
    event.preventDefault();
    setBusy(true);
    setTrouble(null);
    try {
      await file.sign(password);
      onClose();
    } catch (error) {
      setPassword('');
      setTrouble(error instanceof Problem && error.code === 'WRONG_PASSWORD' ? t('sign.wrong_password') : troubleText(error));
      setBusy(false);
    }
  }

  return (
    <Dialog title={t('sign.title')} testid="dialog-sign" onClose={onClose} wide>
      <form onSubmit={sign}>
        <IdentityStrip request={request} />
        <div class="sign-text" data-testid="sign-text">
          <h4>{t('field.findings')}</h4>
          <p>{content.findings}</p>
          <h4>{t('field.impression')}</h4>
          <p>{content.impression}</p>
          <p>
            <span class={`flag ${content.positivity === 'POSITIVE' ? 'amber' : ''}`}>{content.positivity ? positivityLabel(content.positivity) : ''}</span>{' '}
            {t('sign.key_images', { n: content.key_images.length })} · {t('sign.images', { n: number(request.study.instance_count) })}
          </p>
        </div>
        {!file.sawFull.value && (
          <p class="banner amber" data-testid="sign-lossy">
            {t('sign.only_lossy')}
          </p>
        )}
        <p>{t('sign.means')}</p>
        <label class="field">
          <span class="field-label">{t('sign.password')}</span>
          <input type="password" data-testid="sign-password" autofocus autocomplete="current-password" required value={password} onInput={(event) => setPassword(event.currentTarget.value)} />
        </label>
        <p class="form-error" role="alert" data-testid="sign-error">
          {trouble}
        </p>
        <div class="actions">
          <button type="button" data-testid="sign-back" onClick={onClose}>
            {t('do.back')}
          </button>
          <button type="submit" class="primary" data-testid="sign-confirm" disabled={busy || !password}>
            {busy ? t('sign.busy') : t('sign.confirm')}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
