import type { JSX } from 'preact';
import { eventLink } from '../api/events';
import { t } from '../i18n';
import { seesLinks, seesStudies } from '../session/session';
import { UserMenu } from '../session/user-menu';
import { Icon } from './icons';

export function AppHeader({ here, onHelp }: { here: 'worklist' | 'studies' | 'links' | 'other'; onHelp?: () => void }): JSX.Element {
  return (
    <header class="app-header">
      <a class="brand" href="/worklist" aria-label="Farlight 远影">
        <img src="/favicon.svg" alt="" width="22" height="22" />
        <span>Farlight</span>
      </a>
      <nav aria-label={t('nav.pages')}>
        <a href="/worklist" data-testid="nav-worklist" aria-current={here === 'worklist' ? 'page' : undefined}>
          {t('nav.worklist')}
        </a>
        {seesStudies.value && (
          <a href="/studies" data-testid="nav-studies" aria-current={here === 'studies' ? 'page' : undefined}>
            {t('nav.studies')}
          </a>
        )}
        {seesLinks.value && (
          <a href="/links" data-testid="nav-links" aria-current={here === 'links' ? 'page' : undefined}>
            {t('nav.links')}
          </a>
        )}
      </nav>
      <span class="push" />
      <LinkState />
      {onHelp && (
        <button type="button" class="quiet icon-button" data-testid="help" aria-label={t('nav.help')} title={`${t('nav.help')}  ?`} onClick={onHelp}>
          <Icon name="help" />
        </button>
      )}
      <UserMenu />
    </header>
  );
}

function LinkState(): JSX.Element {
  const state = eventLink.value;
  return (
    <span class={`link-state ${state}`} title={t(`link.${state}_title`)} data-testid="link-state" data-link={state}>
      <span class="dot" aria-hidden="true" />
      <span class="link-word">{t(`link.${state}`)}</span>
    </span>
  );
}
