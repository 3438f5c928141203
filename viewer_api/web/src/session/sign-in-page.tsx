import type { JSX } from 'preact';
import { t } from '../i18n';
import { LanguageSwitch } from '../ui/language-switch';
import { useTheme, useTitle } from '../ui/use';
import { SignInForm } from './sign-in-form';

export function SignInPage(): JSX.Element {
  useTheme('dark');
  useTitle(t('signin.title'));
  return (
    <main class="signin-page">
      <div class="signin-card">
        <header>
          <img src="/favicon.svg" alt="" width="40" height="40" />
          <div>
            <h1>
              Farlight <span lang="zh-CN">远影</span>
            </h1>
            <p>{t('signin.purpose')}</p>
          </div>
        </header>
        <SignInForm />
        <LanguageSwitch />
      </div>
    </main>
  );
}
