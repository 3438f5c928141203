import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { Problem } from '../api/problem';
import { acceptInvitation } from '../api/session';
import { t } from '../i18n';
import { navigate } from '../router';
import { LanguageSwitch } from '../ui/language-switch';
import { notify } from '../ui/notice';
import { troubleText } from '../ui/trouble';
import { useTheme, useTitle } from '../ui/use';

const SHORTEST = 8;

/** The address an invitation names: `/invitation#TOKEN`. The token stays in the fragment, which no server's log sees. */
export function InvitationPage(): JSX.Element {
  const [password, setPassword] = useState('');
  const [again, setAgain] = useState('');
  const [busy, setBusy] = useState(false);
  const [trouble, setTrouble] = useState<string | null>(null);
  useTheme('dark');
  useTitle(t('invitation.title'));

  async function set(event: Event): Promise<void> {
    event.preventDefault();
    if (password.length < SHORTEST) return setTrouble(t('invitation.short'));
    if (password !== again) return setTrouble(t('invitation.differ'));
    setBusy(true);
    try {
      await acceptInvitation(location.hash.slice(1), password);
      notify(t('invitation.done'));
      navigate('/', true);
    } catch (error) {
      setTrouble(error instanceof Problem && error.status === 404 ? t('invitation.invalid') : troubleText(error));
      setBusy(false);
    }
  }

  return (
    <main class="signin-page">
      <div class="signin-card">
        <header>
          <img src="/favicon.svg" alt="" width="40" height="40" />
          <h1>{t('invitation.title')}</h1>
        </header>
        <p>{t('invitation.hint')}</p>
        <form class="signin-form" onSubmit={set} data-testid="invitation-form">
          <label>
            <span>{t('invitation.password')}</span>
            <input type="password" data-testid="new-password" autocomplete="new-password" required value={password} onInput={(event) => setPassword(event.currentTarget.value)} />
          </label>
          <label>
            <span>{t('invitation.again')}</span>
            <input type="password" data-testid="new-password-again" autocomplete="new-password" required value={again} onInput={(event) => setAgain(event.currentTarget.value)} />
          </label>
          <p class="form-error" role="alert" data-testid="invitation-error">
            {trouble}
          </p>
          <button type="submit" class="primary" data-testid="invitation-set" disabled={busy}>
            {t('invitation.set')}
          </button>
        </form>
        <LanguageSwitch />
      </div>
    </main>
  );
}
