import type { JSX } from 'preact';
import { sessionExpired } from '../api/reauthentication';
import { t } from '../i18n';
import { Dialog } from '../ui/dialog';
import { signOut, user } from './session';
import { SignInForm } from './sign-in-form';

/** Over the open page, which keeps its text: calls that met 401 go on after signing in. */
export function ExpiredDialog(): JSX.Element | null {
  if (!sessionExpired.value || !user.value) return null;
  return (
    <Dialog title={t('signin.expired')} testid="session-expired">
      <p>{t('signin.expired_hint')}</p>
      <SignInForm fixedUser={user.value.username} />
      <button type="button" class="quiet" data-testid="expired-leave" onClick={() => void signOut()}>
        {t('signin.other')}
      </button>
    </Dialog>
  );
}
