import type { JSX } from 'preact';
import type { View } from '../api/types';
import { t } from '../i18n';
import { number } from '../i18n/format';
import { counts } from './list';

export function Tabs({ views, view, onView }: { views: View[]; view: View; onView: (view: View) => void }): JSX.Element {
  return (
    <nav class="tabs" aria-label={t('list.views')}>
      {views.map((one, at) => (
        <button
          key={one}
          type="button"
          class="tab"
          data-testid={`tab-${one}`}
          aria-current={one === view ? 'page' : undefined}
          title={t('list.tab_key', { key: at + 1 })}
          onClick={() => onView(one)}
        >
          {t(`view.${one}`)}
          <span class="count">{counts.value[one] === undefined ? '' : number(counts.value[one] ?? 0)}</span>
        </button>
      ))}
    </nav>
  );
}
