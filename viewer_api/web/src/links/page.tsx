import type { JSX } from 'preact';
import { t } from '../i18n';
import type { LinksPart } from '../router';
import { administers, sendsImages } from '../session/session';
import { AppHeader } from '../ui/app-header';
import { useTheme, useTitle } from '../ui/use';
import { AsidePart } from './aside';
import { BoardPart } from './board';
import { RefusedPart } from './refused';

const PARTS: Record<LinksPart, { address: string; content: () => JSX.Element }> = {
  board: { address: '/links', content: () => <BoardPart /> },
  refused: { address: '/links/refused', content: () => <RefusedPart /> },
  aside: { address: '/links/aside', content: () => <AsidePart /> },
};

/** The lines to the hospitals, for whoever keeps them up: the board, callers that were refused, images held aside. */
export function LinksPage({ part }: { part: LinksPart }): JSX.Element {
  useTheme('light');
  useTitle(t(`links.${part}`));
  const allowed: Record<LinksPart, boolean> = { board: true, refused: administers.value, aside: sendsImages.value };
  const parts = (Object.keys(PARTS) as LinksPart[]).filter((one) => allowed[one]);
  const shown = parts.includes(part) ? part : 'board';
  return (
    <div class="page links-page">
      <AppHeader here="links" />
      <main>
        <nav class="tabs" aria-label={t('nav.links')}>
          {parts.map((one) => (
            <a key={one} class="button tab" href={PARTS[one].address} data-testid={`links-${one}`} aria-current={one === shown ? 'page' : undefined}>
              {t(`links.${one}`)}
            </a>
          ))}
        </nav>
        {PARTS[shown].content()}
      </main>
    </div>
  );
}
