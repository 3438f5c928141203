import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Problem } from '../api/problem';
import { t } from '../i18n';
import { troubleText } from '../ui/trouble';
import { signIn } from './session';

/** User name and password; `fixedUser` when somebody goes on after the session expired. */
export function SignInForm({ fixedUser }: { fixedUser?: string }): JSX.Element {
  const [username, setUsername] = useState(fixedUser ?? '');
  const [password, setPassword] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const wait_s = useWait(error);

  async function submit(event: Event): Promise<void> {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      await signIn(username.trim(), password);
    } catch (caught) {
      setError(caught);
      setPassword('');
      setBusy(false);
    }
  }

  return (
    <form class="signin-form" onSubmit={submit} data-testid="signin-form">
      <label>
        <span>{t('signin.username')}</span>
        <input
          name="username"
          data-testid="username"
          autocomplete="username"
          autocapitalize="none"
          spellcheck={false}
          required
          readOnly={fixedUser !== undefined}
          autofocus={fixedUser === undefined}
          value={username}
          onInput={(event) => setUsername(event.currentTarget.value)}
        />
      </label>
      <label>
        <span>{t('signin.password')}</span>
        <input
          name="password"
          data-testid="password"
          type="password"
          autofocus={fixedUser !== undefined}
          autocomplete="current-password"
          required
          value={password}
          onInput={(event) => setPassword(event.currentTarget.value)}
        />
      </label>
      <p class="form-error" role="alert" data-testid="signin-error">
        {wait_s > 0 ? t('signin.wait', { s: wait_s }) : error ? signInTrouble(error) : ''}
      </p>
      <button type="submit" class="primary" data-testid="signin" disabled={busy || wait_s > 0}>
        {busy ? t('signin.busy') : t('signin.enter')}
      </button>
    </form>
  );
}

function signInTrouble(error: unknown): string | null {
  if (error instanceof Problem && error.status === 401) return t('signin.wrong');
  return troubleText(error);
}

/** Seconds still to wait after 429. */
function useWait(error: unknown): number {
  const [left, setLeft] = useState(0);
  useEffect(() => {
    if (!(error instanceof Problem) || error.status !== 429) return;
    const until = Date.now() + (error.retryAfter_s ?? 30) * 1000;
    const tick = (): void => setLeft(Math.max(0, Math.ceil((until - Date.now()) / 1000)));
    tick();
    const timer = window.setInterval(tick, 500);
    return () => window.clearInterval(timer);
  }, [error]);
  return left;
}
